"""Phoenix itself: a server of its own, spans that its own exporter sends, pulled, judged and annotated.

Its install takes two minutes and 850 MB, so it is only used where it is: `scripts/phoenix.sh` sets it up in
.venv-phoenix, or DIKAST_TEST_PHOENIX names another folder. `pytest -m phoenix`.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
VENV = Path(os.environ.get("DIKAST_TEST_PHOENIX") or ROOT / ".venv-phoenix")
DIKAST = ROOT / ".venv" / "bin" / "dikast"

pytestmark = [
    pytest.mark.phoenix,
    pytest.mark.skipif(not (VENV / "bin" / "phoenix").exists(), reason="no Phoenix here: scripts/phoenix.sh"),
]

SEND = """
import sys
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
url, count = sys.argv[1], int(sys.argv[2])
provider = TracerProvider(resource=Resource({"openinference.project.name": "desk"}))
provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(endpoint=url + "/v1/traces")))
tracer = provider.get_tracer("test")
for n in range(count):
    said = {"openinference.span.kind": "CHAIN", "input.value": f"Question {n}?", "output.value": f"Answer {n}."}
    with tracer.start_as_current_span("desk", attributes={**said, "tag.tags": ["vip"] if n == 3 else ["other"]}):
        found = {"openinference.span.kind": "RETRIEVER", "retrieval.documents.0.document.content": f"page {n}"}
        with tracer.start_as_current_span("search", attributes=found):
            pass
provider.shutdown()
"""


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def phoenix(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a running Phoenix."""
    port, folder = _free_port(), tmp_path_factory.mktemp("phoenix")
    environment = {
        **os.environ, "PHOENIX_HOST": "127.0.0.1", "PHOENIX_PORT": str(port), "PHOENIX_GRPC_PORT": str(_free_port()),
        "PHOENIX_WORKING_DIR": str(folder), "PHOENIX_TELEMETRY_ENABLED": "false",
        "PHOENIX_ALLOW_EXTERNAL_RESOURCES": "false",
    }  # fmt: skip
    with (folder / "log").open("w") as log:
        serving = subprocess.Popen([VENV / "bin" / "phoenix", "serve"], env=environment, stdout=log, stderr=log)
        try:
            _wait(f"http://127.0.0.1:{port}/healthz")
            yield f"http://127.0.0.1:{port}"
        finally:
            serving.terminate()
            serving.wait(30)


def _wait(url: str) -> None:
    until = time.monotonic() + 180
    while True:
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except OSError:
            assert time.monotonic() < until
            time.sleep(0.5)
        else:
            return


def _send(url: str, count: int) -> None:
    subprocess.run([VENV / "bin" / "python", "-c", SEND, url, str(count)], check=True, capture_output=True)


def _annotate(url: str, span: str, name: str, **said: object) -> None:
    row = {"span_id": span, "name": name, "annotator_kind": "HUMAN", "result": said, "identifier": "ana"}
    request = urllib.request.Request(
        f"{url}/v1/span_annotations?sync=true",
        json.dumps({"data": [row]}).encode(),
        {"Content-Type": "application/json"},
    )
    urllib.request.urlopen(request, timeout=10).close()


def _get(url: str) -> list[dict[str, object]]:
    with urllib.request.urlopen(url, timeout=10) as answer:
        rows: list[dict[str, object]] = json.load(answer)["data"]
        return rows


def _dikast(folder: Path, *words: str) -> str:
    done = subprocess.run([DIKAST, *words], cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_phoenix_itself(phoenix: str, tmp_path: Path) -> None:
    _send(phoenix, 30)
    spans = f"{phoenix}/v1/projects/desk/spans?parent_id=null&limit=100"
    until = time.monotonic() + 30
    while len(roots := _get(spans) if time.monotonic() < until else []) < 30:  # what is sent is queued there
        assert time.monotonic() < until
        time.sleep(0.5)
    ids = [str(row["context"]["span_id"]) for row in roots]  # type: ignore[index]
    _annotate(phoenix, ids[0], "thumbs", label="thumbs_down", score=0)
    _annotate(phoenix, ids[1], "thumbs", label="thumbs_up", score=1)
    _annotate(phoenix, ids[2], "refunds", label="pass", score=1)
    address = phoenix.replace("http", "phoenix", 1) + "/desk"
    assert "30 new; 30 in all" in _dikast(tmp_path, "import", address, "--as", "desk")
    assert "30 known already" in _dikast(tmp_path, "import", address, "--as", "desk")
    assert "1 new; 1 in all" in _dikast(tmp_path, "import", address, "--as", "bad", "--feedback", "negative")
    assert "1 new; 1 in all" in _dikast(tmp_path, "import", address, "--as", "vip", "--tag", "vip")
    (tmp_path / "judge.txt").write_text("Is this a good answer?\n{input}\n{output}\n")
    _dikast(tmp_path, "run", "judge.txt", "desk", "--model", "fake", "--name", "r1")
    said = _dikast(tmp_path, "push", "r1", "--to", "desk", "--name", "refunds")
    assert "29 created, 0 updated, 0 unchanged" in said
    assert "1 that a person judged" in said
    assert "0 created, 0 updated, 29 unchanged" in _dikast(tmp_path, "push", "r1", "--to", "desk", "--name", "refunds")
    query = "&".join(f"span_ids={id}" for id in ids)
    rows = _get(f"{phoenix}/v1/projects/desk/span_annotations?{query}&limit=1000")
    ours = [row for row in rows if row["annotator_kind"] == "LLM"]
    assert len(ours) == 29
    assert {row["name"] for row in ours} == {"refunds"}
