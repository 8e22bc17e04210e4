"""`dikast agree` as its users type it, over real files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from dikast.cli import main


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Results of a judge that is right nine times in ten, labels, and interactions that carry the same labels."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    results, labels, data = [], [], []
    for i in range(120):
        word = ["pass", "fail"][i % 2]
        said = word if rng.random() < 0.9 else ["fail", "pass"][i % 2]
        verdict = {"id": str(i), "status": "scored", "verdict": said, "judge": {"name": "j", "version": "1"}}
        results.append(verdict | {"metadata": {"topic": ["tea", "coffee"][i % 3 == 0]}})
        labels.append({"id": str(i), "verdict": word})
        texts = [" ".join(rng.choice(["oak", "elm", "ash", "fir"], 8)) for _ in range(2)]
        data.append({"id": str(i), "input": texts[0], "output": texts[1], "label": {"verdict": word}})
    for name, rows in (("results", results), ("labels", labels), ("data", data)):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path


def agree(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stopped:
        main(["agree", *arguments])
    shown = capsys.readouterr()
    return int(str(stopped.value.code)), shown.out, shown.err


def test_the_last_line_is_the_verdict_on_the_judge(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = agree(capsys, "results.jsonl", "--labels", "labels.jsonl", "--data", "data.jsonl", "--by", "topic")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "120 items with a verdict and a label"
    assert lines[-1].startswith(("Trusted: ", "Not yet: "))
    for title in ("Cohen's kappa", "TNR (bad items failed)", "  length", "Corrected pass rate", "  coffee"):
        line = next(line for line in lines if line.startswith(title))
        assert " to " in line, line
    assert all(line == line.rstrip() for line in lines)


def test_a_file_that_carries_texts_and_labels_gives_both(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = agree(capsys, "results.jsonl", "--labels", "data.jsonl", "--json")
    figures = json.loads(out)
    assert figures["n"] == 120
    assert set(figures["baselines"]) == {"majority", "length", "overlap", "novelty", "tfidf"}
    assert figures["confusion"].keys() == {"tp", "fn", "fp", "tn"}


def test_labels_alone_give_figures_and_a_note(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = agree(capsys, "results.jsonl", "--labels", "labels.jsonl")
    assert code == 0
    assert "Note: the texts are not known" in out
    assert "Without any model" not in out


def test_wrong_input_is_explained(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = agree(capsys, "results.jsonl")
    assert (code, out) == (2, "")
    assert "--labels FILE" in err
    code, _, err = agree(capsys, "results.jsonl", "--labels", "nowhere.jsonl")
    assert code == 2
    assert "nowhere.jsonl" in err
    code, _, err = agree(capsys, "nothing", "--labels", "labels.jsonl")
    assert code == 2
    assert "'nothing'" in err
    code, _, err = agree(capsys, "results.jsonl", "--labels", "labels.jsonl", "--by", "model")
    assert code == 2
    assert "the keys here are: topic" in err
    code, _, err = agree(capsys, "results.jsonl", "--labels", "labels.jsonl", "--criterion", "tone")
    assert code == 2
    assert "'tone'" in err
    (folder / "others.jsonl").write_text('{"id": "x-1", "verdict": "pass"}\n')
    code, _, err = agree(capsys, "results.jsonl", "--labels", "others.jsonl")
    assert code == 2
    assert "like '0', '1', '2'; the labels' are like 'x-1'" in err
    (folder / "empty.jsonl").write_text("")
    code, _, err = agree(capsys, "results.jsonl", "--labels", "empty.jsonl")
    assert code == 2


def test_rows_that_are_no_labels_are_counted_on_stderr(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (folder / "labels.jsonl").open("a") as file:
        file.write('{"id": "5", "verdict": "perhaps"}\nnot json\n')
    code, _, err = agree(capsys, "results.jsonl", "--labels", "labels.jsonl")
    assert code == 0
    assert "2 rows of labels.jsonl were not used" in err


def test_the_principal_s_word_binds_and_it_is_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [json.loads(line) for line in (folder / "labels.jsonl").read_text().splitlines()]
    turned = {"pass": "fail", "fail": "pass"}
    told = [{**row, "annotator": "ada"} for row in rows]
    told += [{**row, "verdict": turned[row["verdict"]], "annotator": who} for row in rows[:20] for who in ("ben", "cy")]
    (folder / "told.jsonl").write_text("".join(json.dumps(row) + "\n" for row in told))
    alone = json.loads(agree(capsys, "results.jsonl", "--labels", "labels.jsonl", "--json")[1])
    most = json.loads(agree(capsys, "results.jsonl", "--labels", "told.jsonl", "--json")[1])
    hers = json.loads(agree(capsys, "results.jsonl", "--labels", "told.jsonl", "--principal", "ada", "--json")[1])
    assert hers["metrics"] == alone["metrics"] != most["metrics"]
    assert "people differ on 20 of the items, settled 20 by the majority" in most["notes"]
    assert "people differ on 20 of the items, settled 20 by the principal expert's word" in hers["notes"]
    (folder / "dikast.toml").write_text('[review]\nprincipal = "ada"\n')
    code, out, _ = agree(capsys, "results.jsonl", "--labels", "told.jsonl")
    assert code == 0
    assert "Note: people differ on 20 of the items, settled 20 by the principal expert's word." in out
    assert "pairs that agree" in out
    wrong = agree(capsys, "results.jsonl", "--labels", "told.jsonl", "--principal", "adda")[1]
    assert "Note: no label is the principal expert's, 'adda': they are of 'ada', 'ben', 'cy'." in wrong
