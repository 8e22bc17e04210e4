"""`dikast watch` and `dikast drift` as their user runs them: rounds, signals, metrics, alerts, webhooks, pages."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from dikast.cli import app
from dikast.cli.watch import span
from dikast.errors import PolicyError, SettingError
from dikast.workspace import Workspace

WATCH = ["watch", "data.jsonl", "--judge", "judge.txt", "--model", "fake"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "judge.txt").write_text("Judge.\n\nInput: {input}\nOutput: {output}\n\nSay pass or fail.\n")
    monkeypatch.chdir(tmp_path)
    Workspace.init(tmp_path)
    grow(0, 4)
    return tmp_path


def grow(first: int, last: int) -> None:
    """Weeks of interactions; the last one ended a week ago."""
    begin = datetime.now(UTC) - timedelta(weeks=10)
    with Path("data.jsonl").open("a") as file:
        for week in range(first, last):
            for n in range(12):
                at = (begin + timedelta(weeks=week, minutes=n)).isoformat()
                item = {"id": f"{week}-{n}", "input": f"q {week} {n}", "output": "a"}
                file.write(json.dumps({**item, "metadata": {"time": at, "feature": "ab"[n % 2]}}) + "\n")


def run(*arguments: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, list(arguments), standalone_mode=False, prog_name="dikast")
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return int(done.return_value or 0), done.stdout, done.stderr


@pytest.fixture
def changed(folder: Path) -> None:
    """A watch whose judge changed its model."""
    run(*WATCH, "--once")
    grow(4, 8)
    run(*WATCH[:-1], "fake/other", "--once")


class Hook(BaseHTTPRequestHandler):
    """A webhook that says "ok", as most do."""

    posted: list[Any]
    status = 200

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.status == 200:
            self.posted.append(body)
        self.send_response(self.status)
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


@pytest.fixture
def hook() -> Iterator[tuple[str, type[Hook]]]:
    handler = type("Mine", (Hook,), {"posted": []})
    server = HTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/hook", handler
    server.shutdown()
    server.server_close()


def test_once_prints_a_health_line_and_ends(folder: Path) -> None:
    code, out, err = run(*WATCH, "--once", "--sample", "20")
    assert (code, out) == (0, "")
    assert re.search(r"48 new \(20 drawn\), 20 judged \(\d+ fail, \d+ pass\), passes \d+% \(.*as judged", err)
    assert "nothing new, nothing judged" in run(*WATCH, "--once")[2]


def test_strata_are_said_to_stand_for_the_sample(folder: Path) -> None:
    err = run(*WATCH, "--once", "--sample", "20", "--stratified", "feature")[2]
    assert "of the sample in strata over 'feature', not of the traffic" in err
    out = run("drift", "watch-data-judge")[1]
    assert "Samples were drawn in strata over 'feature': the rates stand for the samples" in out
    assert json.loads(run("drift", "watch-data-judge", "--json")[1])["sampled"] in out


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["watch", "none.jsonl", *WATCH[2:], "--once"], 2, "no file or folder 'none.jsonl'"),
        ([*WATCH[:-1], "x", "--base-url", "http://127.0.0.1:9", "--patience", "0.1", "--once"], 1, "FAILED"),
    ],
)
def test_a_failure_is_told_by_the_exit_code(folder: Path, arguments: list[str], code: int, said: str) -> None:
    ended, _, err = run(*arguments)
    assert ended == code
    assert said in err


@pytest.mark.parametrize("given", ["1y", "", "0h", "-1h", "h"])
def test_a_time_that_is_none_is_refused(given: str) -> None:
    with pytest.raises(SettingError, match="expected a time such as"):
        span(given, "--every")


def test_push_to_a_public_host_is_agreed_to_before_anything_is_judged(folder: Path) -> None:
    with pytest.raises(PolicyError, match="is a public host, and scores go there with every round"):
        run(*WATCH, "--push-to", "otlp://192.0.2.1", "--once")
    code, _, err = run(*WATCH, "--push-to", "otlp://127.0.0.1:9", "--patience", "0.1", "--once")
    assert code == 0
    assert "48 new, 48 judged" in err  # nothing was, before
    assert "public" not in err


def test_push_needs_a_platform_or_a_place(folder: Path) -> None:
    with pytest.raises(ValueError, match="--push sends scores to the platform that they came from"):
        run(*WATCH, "--push", "--once")


@pytest.mark.parametrize("started", ["", 'trap "" INT; '], ids=["in front", "in a script's background"])
def test_it_stays_serves_metrics_and_ends_on_sigterm(
    folder: Path, started: str, request: pytest.FixtureRequest
) -> None:
    watch = [sys.executable, "-m", "dikast", *WATCH, "--every", "1h", "--metrics", "0"]
    watching = subprocess.Popen(["sh", "-c", f"{started}exec {shlex.join(watch)}"], stderr=subprocess.PIPE, text=True)
    request.addfinalizer(watching.kill)
    assert watching.stderr is not None
    url, said = "", ""
    for line in watching.stderr:
        said += line
        url = url or "".join(re.findall(r"http://\S+", line))
        if "next " in line:
            break
    for _ in range(10_000):  # the round is counted right after its line
        shown = urllib.request.urlopen(url).read().decode()
        if 'dikast_watch_rounds_total{failed="false"' in shown:
            break
    assert 'dikast_watch_rounds_total{failed="false",watch="watch-data-judge"} 1.0' in shown
    assert 'dikast_watch_new_total{watch="watch-data-judge"} 48.0' in shown
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(urllib.request.Request(url, headers={"Host": "evil.example"}))
    second = subprocess.run([sys.executable, "-m", "dikast", *WATCH, "--once"], check=False, capture_output=True)
    assert second.returncode == 1
    assert b"another watch works on this store" in second.stderr
    watching.send_signal(signal.SIGTERM)
    _, rest = watching.communicate(timeout=30)
    assert watching.returncode == 0, rest
    assert "Ended; the same command continues from here." in rest
    assert "Traceback" not in rest


@pytest.mark.usefixtures("changed")
class TestDrift:
    def test_an_alert_is_open_until_it_is_acknowledged(self) -> None:
        code, out, _ = run("drift")
        assert code == 1
        assert "ALERT 1: The judge changed in" in out
        assert "its model from fake to fake/other" in out
        assert run("drift", "ack", "1", "--why", "planned")[0] == 0
        code, out, _ = run("drift", "watch-data-judge", "--by", "feature")
        assert code == 0
        assert "No alert is open (1 seen)." in out
        assert "feature = a" in out

    def test_json_and_page(self) -> None:
        code, out, _ = run("drift", "--json", "--html", "drift.html")
        shown = json.loads(out)
        assert code == 1
        assert shown["changes"][0]["cause"] == "judge"
        assert shown["changes"][0]["text"].startswith("The judge changed in")
        assert shown["alerts"][0]["id"] == 1
        page = Path("drift.html").read_text()
        assert "<svg" in page
        assert "The judge changed in" in page
        assert "http" not in re.sub(r"http-equiv", "", page)

    def test_runs_are_charted_too(self) -> None:
        run("run", "judge.txt", "data.jsonl", "--model", "fake", "--name", "plain")
        code, out, _ = run("drift", "plain", "--every", "day")
        assert code == 0
        assert "plain: 96 verdicts in 8 days" in out

    def test_an_alert_is_posted_once(self, hook: tuple[str, type[Hook]]) -> None:
        url, handler = hook
        handler.status = 500
        code, _, err = run("drift", "--webhook", url)
        assert code == 1
        assert "it is tried again at the next look" in err
        handler.status = 200
        run("drift", "--webhook", url)
        run("drift", "--webhook", url)
        assert [one["cause"] for one in handler.posted] == ["judge"]
        assert handler.posted[0]["text"].startswith("The judge changed in")

    def test_a_webhook_outside_is_refused(self) -> None:
        with pytest.raises(ValueError, match="outside this machine and its private network"):
            run("drift", "--webhook", "http://93.184.216.34/hook")

    def test_unknown_names_are_refused(self) -> None:
        with pytest.raises(ValueError, match="no interaction has the metadata key 'nope'"):
            run("drift", "--by", "nope")
        with pytest.raises(ValueError, match="there is no watch of that name"):
            run("drift", "nowhere")


def test_anchors_are_judged_again_and_compared(folder: Path) -> None:
    lines = [{"id": f"a{n}", "input": f"q{n}", "output": "a", "label": {"verdict": "pass"}} for n in range(50)]
    Path("anchors.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    asked = ["drift", "anchor", "anchors.jsonl", "--judge", "judge.txt", "--watch", "w", "--model"]
    code, out, _ = run(*asked, "fake")
    assert code == 0
    assert "50 of 50 anchors judged" in out
    code, out, _ = run(*asked, "fake")
    assert code == 0
    assert "The judge did not move since" in out
    shown = json.loads(run(*asked, "fake/other", "--json")[1])
    assert shown["check"]["n"] == 50
    Path("anchors.jsonl").write_text(json.dumps(lines[0]) + "\n")
    with pytest.raises(ValueError, match="a set of anchors stays as it was"):
        run(*asked, "fake")


def test_the_unit_files_in_the_docs_hold(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "watch.md").read_text()
    units = dict(re.findall(r"```ini file=(\S+)\n(.*?)```", page, re.DOTALL))
    assert {Path(name).suffix for name in units} == {".service", ".timer"}
    cron = re.search(r"^(\S+ \S+ \S+ \S+ \S+) cd \S+ && (\S*dikast watch .*)$", page, re.MULTILINE)
    assert cron
    for text in [*units.values(), cron[2]]:
        for words in re.findall(r"dikast (watch [^\n>]*)", text):
            app.make_context("dikast", words.split())
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not here")
    for name, text in units.items():
        place = tmp_path / Path(name).name
        text = re.sub(r"ExecStart=\S+", f"ExecStart={sys.executable}", text)
        place.write_text(re.sub(r"^(WorkingDirectory)=.*$", rf"\1={tmp_path}", text, flags=re.MULTILINE))
    environment = {"XDG_RUNTIME_DIR": str(tmp_path), "HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    command = ["systemd-analyze", "verify", "--user", *(str(tmp_path / Path(name).name) for name in units)]
    checked = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
    ours = [line for line in checked.stderr.splitlines() if any(Path(name).name in line for name in units)]
    assert ours == []
