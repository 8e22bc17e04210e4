"""MLflow itself: a server of its own, traces that its own client logs, pulled, judged, assessed, and assessed anew.

Its install takes two minutes and 900 MB, so it is only used where it is: `scripts/mlflow.sh` sets it up in
.venv-mlflow, or DIKAST_TEST_MLFLOW names another folder. `pytest -m mlflow`.
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
VENV = Path(os.environ.get("DIKAST_TEST_MLFLOW") or ROOT / ".venv-mlflow")
DIKAST = ROOT / ".venv" / "bin" / "dikast"

pytestmark = [
    pytest.mark.mlflow,
    pytest.mark.skipif(not (VENV / "bin" / "mlflow").exists(), reason="no MLflow here: scripts/mlflow.sh"),
]

LOG = """
import json, sys
import mlflow
from mlflow.entities import AssessmentSource
mlflow.set_tracking_uri(sys.argv[1])
mlflow.set_experiment("support")

@mlflow.trace(name="search", span_type="RETRIEVER")
def search(n):
    return [{"page_content": f"page {n}", "metadata": {}}]

@mlflow.trace(name="desk", span_type="AGENT")
def desk(question):
    n = int(question.split()[1][:-1])
    search(n)
    mlflow.update_current_trace(tags={"plan": "vip" if n == 3 else "other"})
    return f"Answer {n}."

for n in range(int(sys.argv[2])):
    desk(f"Question {n}?")
mlflow.flush_trace_async_logging()
ids = [one.info.trace_id for one in mlflow.search_traces(return_type="list", max_results=100)]
ana = AssessmentSource("HUMAN", "ana")
mlflow.log_feedback(trace_id=ids[0], name="thumbs", value=False, source=ana, rationale="No.")
mlflow.log_feedback(trace_id=ids[1], name="thumbs", value=True, source=ana)
mlflow.log_feedback(trace_id=ids[2], name="refunds", value=True, source=ana)
print(json.dumps(ids))
"""


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def mlflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a running MLflow."""
    port, folder = _free_port(), tmp_path_factory.mktemp("mlflow")
    words = ["server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    words += ["--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--default-artifact-root", str(folder / "files")]
    environment = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
    with (folder / "log").open("w") as log:
        serving = subprocess.Popen([VENV / "bin" / "mlflow", *words], env=environment, stdout=log, stderr=log)
        try:
            _wait(f"http://127.0.0.1:{port}/health")
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


def _dikast(folder: Path, *words: str) -> str:
    done = subprocess.run([DIKAST, *words], cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def _assessments(url: str, trace: str) -> list[dict[str, object]]:
    with urllib.request.urlopen(f"{url}/api/3.0/mlflow/traces/{trace}", timeout=10) as answer:
        rows: list[dict[str, object]] = json.load(answer)["trace"]["trace_info"].get("assessments", [])
        return rows


def test_mlflow_itself(mlflow: str, tmp_path: Path) -> None:
    logged = subprocess.run(
        [VENV / "bin" / "python", "-c", LOG, mlflow, "30"], check=True, capture_output=True, text=True
    )
    ids = json.loads(logged.stdout.splitlines()[-1])
    address = mlflow.replace("http", "mlflow", 1) + "/support"
    said = _dikast(tmp_path, "import", address, "--as", "desk")
    assert "30, 60 spans" in said
    assert "30 with context" in said
    assert "30 new; 30 in all" in said
    assert "30 known already" in _dikast(tmp_path, "import", address, "--as", "desk")
    assert "1 new; 1 in all" in _dikast(tmp_path, "import", address, "--as", "bad", "--feedback", "negative")
    found = _dikast(tmp_path, "import", address, "--as", "vip", "--tag", "plan=vip", "--limit", "1")
    assert "1 new; 1 in all" in found
    assert "2 new; 2 in all" in _dikast(tmp_path, "import", address, "--as", "named", "--name", "desk", "--limit", "2")
    (tmp_path / "judge.txt").write_text("Is this a good answer?\n{input}\n{output}\n")
    _dikast(tmp_path, "run", "judge.txt", "desk", "--model", "fake", "--name", "r1", "--out", "r1.jsonl")
    push = ("push", "r1", "--to", "desk", "--name", "refunds")
    said = _dikast(tmp_path, *push)
    assert "29 created, 0 updated, 0 unchanged" in said
    assert "1 that a person judged" in said
    assert "0 created, 0 updated, 29 unchanged" in _dikast(tmp_path, *push)
    rows = [row for id in ids for row in _assessments(mlflow, id)]
    ours = [row for row in rows if row["source"] == {"source_type": "LLM_JUDGE", "source_id": "judge"}]
    assert len(ours) == 29
    lines = [json.loads(line) for line in (tmp_path / "r1.jsonl").read_text().splitlines()]
    changed = "".join(json.dumps({**line, "critique": "For another reason."}) + "\n" for line in lines)
    (tmp_path / "r2.jsonl").write_text(changed)
    again = ("push", "r2.jsonl", "--to", "desk", "--name", "refunds")
    assert "0 created, 29 updated, 0 unchanged" in _dikast(tmp_path, *again)
    assert "0 created, 0 updated, 29 unchanged" in _dikast(tmp_path, *again)
    rows = [row for id in ids for row in _assessments(mlflow, id)]
    assert [row.get("rationale") for row in rows].count("For another reason.") == 29
    assert len(rows) == 29 + 3
