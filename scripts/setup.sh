#!/bin/sh
# Sets up .venv for `make demo` or `make test`, on a machine with Python 3.11+ and nothing else.
#   scripts/setup.sh demo   the package and the embedded engine
#   scripts/setup.sh test   besides: PostgreSQL's driver, the developers' tools, and the programs some tests run
# The second time it has nothing to do: a stamp keeps the hash of all that decides what is installed.
# PYTHON=... chooses the Python.
set -eu

what=${1:-demo}
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
cd "$root"
venv=$root/.venv
case $what in
    demo) extras='embedded' ;;
    test) extras='embedded,postgres,dev' ;;
    *) echo "setup: $what is unknown; expected demo or test" >&2; exit 2 ;;
esac

say() { echo "setup: $*" >&2; }
fail() { say "$*"; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

# A Python that starts (shims of version managers may exist and fail), in a range of versions, that can make a venv.
works() { "$1" -c "import sys; sys.exit(not ($2 <= sys.version_info[:2] <= $3))" </dev/null >/dev/null 2>&1; }
makes_venvs() { "$1" -c 'import ensurepip, venv' </dev/null >/dev/null 2>&1; }

candidates='python3 python3.13 python3.12 python3.11 python3.14 python'

find_python() {
    if [ -n "${PYTHON:-}" ]; then
        works "$PYTHON" '(3, 11)' '(9, 9)' || fail "PYTHON=$PYTHON is no Python 3.11 or newer"
        echo "$PYTHON"
        return
    fi
    # First those for which every dependency has wheels, and that need nothing more; then whatever is there.
    for candidate in $candidates; do
        if works "$candidate" '(3, 11)' '(3, 13)' && makes_venvs "$candidate"; then echo "$candidate"; return; fi
    done
    for candidate in $candidates; do
        if works "$candidate" '(3, 11)' '(9, 9)'; then echo "$candidate"; return; fi
    done
    say "no Python 3.11 or newer was found (tried: $candidates)"
    say "install one, or name it: PYTHON=/path/to/python make $what"
    exit 1
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

can_be_root() {
    [ "$(id -u)" = 0 ] || { have sudo && sudo -n true 2>/dev/null; }
}

# Debian's and Ubuntu's packages. Fails, with the command to type, where this user may not install any.
apt_install() {
    if ! have apt-get; then
        say "please install, by this system's own means: $*"
        return 1
    fi
    if ! can_be_root; then
        say "please run: sudo apt-get update && sudo apt-get install -y $*"
        return 1
    fi
    if [ -z "${apt_updated:-}" ]; then
        as_root apt-get update -qq >&2 || say "apt-get update failed; trying with the lists that are here"
        apt_updated=yes
    fi
    say "installing $*"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

make_venv() {
    if works "$venv/bin/python" '(3, 11)' '(9, 9)' && "$venv/bin/python" -c 'import pip' >/dev/null 2>&1; then
        return
    fi
    python=$(find_python)
    if ! makes_venvs "$python"; then
        version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
        apt_install "python$version-venv" || fail "without that, $python can't make a virtual environment"
    fi
    say "making $venv with $("$python" -V)"
    "$python" -m venv --clear "$venv"
}

has_chromium() { have chromium || have chromium-browser || have google-chrome || have google-chrome-stable; }
has_postgresql() { have initdb || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; }

install_programs() {
    missing=
    has_chromium || missing="$missing chromium"
    has_postgresql || missing="$missing postgresql"
    if [ -n "$missing" ]; then
        # shellcheck disable=SC2086 # the names are to be split
        apt_install $missing || say "the tests that need$missing will be skipped"
    fi
}

pip_install() { "$venv/bin/python" -m pip install --quiet --disable-pip-version-check "$@" </dev/null; }

wanted=$(cat pyproject.toml scripts/setup.sh | cksum)" $root"
stamp=$venv/.setup-$what
if [ -x "$venv/bin/dikast" ]; then
    for done in "$stamp" "$venv/.setup-test"; do # what is set up for the tests serves the demo too
        if [ -f "$done" ] && [ "$(cat "$done")" = "$wanted" ]; then exit 0; fi
    done
fi

make_venv
[ "$what" = demo ] || install_programs
say "installing Dikast and what it needs into .venv; the first time takes a minute or two"
pip_install --upgrade pip
pip_install --editable ".[$extras]" || fail "pip could not install Dikast; what it said is above"
echo "$wanted" >"$stamp"
