"""Who may ask: Bearer tokens, several, each with a name. Only their hashes are held."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable
from pathlib import Path

from dikast.errors import SettingError
from dikast.listening import is_loopback

VARIABLE = "DIKAST_SERVE_TOKENS"
_SHORTEST = 16
_TOKEN = re.compile(r"(?:(?P<name>[\w.-]{1,40})[=:\s]\s*)?(?P<token>[\w.~+/=-]+)")  # of RFC 6750's characters


class Tokens:
    """The tokens of one server; none at all lets everybody in."""

    def __init__(self, named: Iterable[tuple[str, str]] = ()) -> None:
        self._digests = [(name, _digest(token)) for name, token in named]

    @property
    def names(self) -> list[str]:
        """Whose there are."""
        return [name for name, _ in self._digests]

    def whose(self, authorization: str | None) -> str | None:
        """The name of the token in an Authorization header, or None. It takes as long for a wrong one as for any."""
        scheme, _, given = (authorization or "").partition(" ")
        digest = _digest(given.strip())
        found = None
        for name, known in self._digests:
            if hmac.compare_digest(digest, known):
                found = name
        return found if scheme.lower() == "bearer" else None


def read_tokens(given: Iterable[str], file: Path | None, variable: str | None, *, host: str) -> Tokens:
    """The tokens of the command line, a file (one a line) and the environment (separated by commas).

    Each is TOKEN or NAME=TOKEN. Raises SettingError for one that can't be used, and where one is needed and missing.
    """
    found = [_named(text, "--token") for text in given]
    found += [_named(text, VARIABLE) for text in (variable or "").split(",") if text.strip()]
    if file is not None:
        lines = enumerate(_lines(file), start=1)
        found += [_named(line, f"{file}, line {at}") for at, line in lines if line.strip() and line[0] != "#"]
        if not found:
            raise SettingError(f"{file} holds no token", hint="Write one a line: TOKEN, or NAME=TOKEN.")
    if not found and not is_loopback(host):
        raise SettingError(
            f"a server on {host} can be reached from other machines, and no token is given",
            hint=f"Give --tokens FILE, or {VARIABLE} in the environment; or listen on 127.0.0.1.",
        )
    return Tokens((name or f"token-{at}", token) for at, (name, token) in enumerate(found, start=1))


def _named(text: str, where: str) -> tuple[str, str]:
    found = _TOKEN.fullmatch(text.strip())
    if found is None:
        raise SettingError(f"{where}: not a token", hint="A token has letters, digits and - . _ ~ + / = only.")
    if len(found["token"]) < _SHORTEST:
        raise SettingError(
            f"{where}: a token of {len(found['token'])} characters can be guessed",
            hint=f"Give one of {_SHORTEST} or more: python3 -c 'import secrets; print(secrets.token_urlsafe())'",
        )
    return found["name"] or "", found["token"]


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise SettingError(f"can't read the tokens in {file}: {reason}") from error


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
