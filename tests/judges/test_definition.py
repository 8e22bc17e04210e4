"""Judges as files and mappings: what is accepted, how errors read, and what the version is a hash of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dikast.errors import JudgeError
from dikast.judges.definition import Judge, find_judge
from dikast.judges.loading import SAMPLES, names_in

DEFINITION: dict[str, Any] = {
    "name": "refunds",
    "task": "Decide whether the reply states the refund rules correctly.",
    "criteria": [
        {"name": "correct", "description": "Is each rule right?", "levels": {"pass": "All are.",
        "fail": "One is not."}},
        {"name": "complete", "description": "Is each condition named?"},
    ],
    "earns_nothing": ["Length"],
    "examples": [
        {"input": "May I return it?", "output": "Yes, in 30 days.", "context": "30 days.", "verdict": "pass",
         "scores": {"correct": "pass", "complete": "pass"}, "critique": "30 days is what the rules say."},
    ],
}  # fmt: skip
GOLDEN = "b873d7547a0e67c6"


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


YAML = """\
name: refunds
task: Decide whether the reply states the refund rules correctly.   # a remark
criteria:
  - name: correct
    description: Is each rule right?
    levels: {pass: All are., fail: One is not.}
    weight: 2
scale: pass_fail
settings:
  thinking: off
"""


def test_a_folder_a_file_and_a_mapping_are_the_same_judge(tmp_path: Path) -> None:
    folder = write(tmp_path / "refunds" / "judge.yaml", YAML).parent
    file = write(tmp_path / "other.yaml", YAML)
    judge = Judge.load(folder)
    assert judge.version == Judge.load(file).version == Judge.from_dict(judge.to_dict()).version
    assert judge.settings.thinking == "off"
    assert judge.overall == "only"
    assert judge.source == folder
    assert judge.ref.name == "refunds"


def test_the_name_is_that_of_the_folder_where_none_is_given(tmp_path: Path) -> None:
    folder = write(tmp_path / "support" / "judge.yaml", "task: Decide whether it helps the user.").parent
    assert Judge.load(folder).name == "support"


@pytest.mark.parametrize("name", ["prompt.txt", "prompt.md", "prompt"])
def test_a_plain_text_is_a_judge(tmp_path: Path, name: str) -> None:
    text = '\ufeffJudge {output} of {input}.\r\nReply {"overall": <1-5>, "理由": "..."}\r\n'
    judge = Judge.load(write(tmp_path / name, text))
    assert (judge.name, judge.mode, judge.scale.text()) == ("prompt", "single", "1-5")
    assert judge.prompt == text.removeprefix("\ufeff").replace("\r\n", "\r\n")


def test_a_prompt_beside_the_definition(tmp_path: Path) -> None:
    write(tmp_path / "j" / "judge.yaml", "votes: 3\nsettings: {temperature: 0.7}")
    write(tmp_path / "j" / "prompt.md", 'Judge {output} against {reference}. {"verdict": "pass|fail"}')
    judge = Judge.load(tmp_path / "j")
    assert (judge.mode, judge.votes, judge.scale.kind) == ("reference", 3, "pass_fail")
    write(tmp_path / "j" / "judge.yaml", "prompt: also {output}")
    with pytest.raises(JudgeError, match="keep one of them"):
        Judge.load(tmp_path / "j")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("task: x\nvotes: many", r"judge.yaml, line 2: votes: expected a whole number, got 'many'"),
        ("task: x\ncritera: []", r"line 2: critera: there is no such key; did you mean 'criteria'\?"),
        ("task: x\ntemperature: 1", r"temperature: there is no such key; did you mean 'settings.temperature'\?"),
        ("task: x\ncriteria:\n  - name: a\n  - name: b\n    wieght: 2", r"line 5: criteria\[1\].wieght: .* 'weight'"),
        (
            "task: x\ncriteria:\n  - name: a\n    weight: heavy",
            r"line 4: criteria\[0\].weight: expected a number, got 'heavy'",
        ),
        ("task: x\ncriteria:\n  - description: a", r"line 3: criteria\[0\].name: is missing"),
        ("task: x\nmode: pair", r"line 2: mode: is 'pair'; expected single or reference or pairwise"),
        ("task: x\nscale: stars", r"line 2: scale.*'stars'; expected pass_fail, preference, or a range"),
        ("task: x\nscale:\n  low: 1\n  high: 5\n  pass_from: 9", r"line 2: scale: pass_from is 9; expected above 1"),
        ("task: x\nscale:\n  low: 1\n  high: 5\n  levels: {6: good}", r"scale: levels explains '6'"),
        ("task: x\nsettings: {temperature: 7}", r"line 2: settings: .*temperature is 7"),
        ("task: x\nsettings: {thinking: maybe}", r"settings.thinking: is 'maybe'; expected default or on or off"),
        ("task: [a", r"judge.yaml, line \d, column \d+: not YAML"),
        ("task: a: b", r"line 1, column 8: not YAML"),
        ("task: x\ntask: y", r"line 2.*the key 'task' stands twice"),
        ("- a", r"a judge is a mapping .* got \['a'\]"),
        ("just text", r"a judge is a mapping"),
        ("  \n", r"the file is empty"),
        ("name: x", r"task: is missing"),
        ("name: a/b\ntask: x", r"line 1: name: is 'a/b'"),
        ("task: x\nvotes: 0", r"line 2: votes: is 0; expected 1 to 64"),
        ("task: x\nmode: pairwise\nscale: 1-5", r"line 3: scale: is 1-5 and the mode is pairwise"),
        ("task: x\nscale: preference", r"scale: is a/b/tie and the mode is single"),
        ("task: x\ncriteria: [{name: overall}]", r"line 2: criteria\[0\].name: 'overall' is a key of every answer"),
        ("task: x\ncriteria: [{name: a}, {name: A}]", r"criteria\[1\].name: 'A' is there twice"),
        ("task: x\ncriteria: [{name: a, levels: {good: x}}]", r"criteria\[0\].levels: explains 'good'"),
        ("task: x\ncriteria: [{name: a, weight: -1}]", r"criteria\[0\].weight: is -1"),
        ("task: x\noverall: all", r"overall: 'all' is computed from criteria, and there are none"),
        ("task: x\noverall: only\ncriteria: [{name: a}, {name: b}]", r"overall: 'only' takes one criterion"),
        ("task: x\noverall: weighted\ncriteria: [{name: a}, {name: b}]", r"scale: needs pass_from"),
        ("task: x\nfast: true\nscale: 1-10", r"line 2: fast: reads one token"),
        ("task: x\nfast: true\nprompt: '{output}'", r"fast: reads one token"),
        (
            "task: x\nexamples: [{input: a, output: b, verdict: good}]",
            r"examples\[0\].verdict: 'good', expected \"pass\"",
        ),
        ("task: x\nexamples: [{input: a, output: b}]", r"examples\[0\].verdict: is missing"),
        ("task: x\nexamples: [{input: a, verdict: pass}]", r"examples\[0\].output: is missing"),
        ("task: x\nexamples: [{output: a, verdict: pass}]", r"examples\[0\].input: is missing"),
        (
            "task: x\nexamples: [{input: a, output: b, verdict: pass, scores: {z: pass}}]",
            r"scores.z: there is no such criterion",
        ),
        ("task: x\nprompt: 'a {ouput}'", r"prompt: there is no variable \{ouput\}"),
        ("task: x\nearns_nothing: Length", r"line 2: earns_nothing: expected a list, got 'Length'"),
    ],
)
def test_errors_name_file_key_and_what_is_expected(tmp_path: Path, text: str, expected: str) -> None:
    write(tmp_path / "j" / "judge.yaml", text)
    with pytest.raises(JudgeError, match=expected) as caught:
        Judge.load(tmp_path / "j")
    assert str(tmp_path / "j" / "judge.yaml") in str(caught.value)
    assert "$" not in str(caught.value)


def test_errors_in_a_prompt_name_its_file(tmp_path: Path) -> None:
    file = write(tmp_path / "p.txt", "Judge\n{answer}")
    with pytest.raises(JudgeError) as caught:
        Judge.load(file)
    assert str(caught.value) == f"{file}: there is no variable {{answer}} (line 2); did you mean 'output'?"


def test_files_that_can_not_be_read(tmp_path: Path) -> None:
    with pytest.raises(JudgeError, match="no such file or folder"):
        Judge.load(tmp_path / "nothing")
    (tmp_path / "empty").mkdir()
    with pytest.raises(JudgeError, match=r"no judge\.yaml in this folder"):
        Judge.load(tmp_path / "empty")
    (tmp_path / "latin.txt").write_bytes(b"Judge {output}: caf\xe9")
    with pytest.raises(JudgeError, match="byte 19 is not UTF-8"):
        Judge.load(tmp_path / "latin.txt")


def test_levels_may_be_numbers_and_scales_mappings() -> None:
    judge = Judge.from_dict(
        {"name": "j", "task": "t", "scale": {"low": 1, "high": 3, "levels": {1: "a", 2.0: "b", "3": "c"}}}
    )
    assert (judge.scale.kind, judge.scale.step, judge.scale.levels) == ("ordinal", 1, {"1": "a", "2": "b", "3": "c"})
    assert Judge.from_dict({"name": "j", "task": "t", "scale": {"low": 0, "high": 1}}).scale.step is None


def test_a_definition_must_be_a_mapping() -> None:
    for wrong in (None, [], "text", 3):
        with pytest.raises(JudgeError, match="a judge is a mapping"):
            Judge.from_dict(wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", names_in(SAMPLES))
def test_saving_and_loading_keeps_the_version(tmp_path: Path, name: str) -> None:
    judge = find_judge(name, tmp_path)
    saved = Judge.load(judge.save(tmp_path / "copy"))
    assert saved.version == judge.version
    with pytest.raises(JudgeError, match="not overwritten"):
        judge.save(tmp_path / "copy")


def test_a_prompt_is_saved_beside(tmp_path: Path) -> None:
    judge = Judge.from_dict({"name": "p", "prompt": 'Judge {output}. {"overall": 1-5}\n'})
    saved = Judge.load(judge.save(tmp_path / "p"))
    assert (saved.version, saved.prompt) == (judge.version, judge.prompt)
    assert (tmp_path / "p" / "prompt.md").exists()


def test_finding_by_name_path_and_sample(tmp_path: Path) -> None:
    judges = tmp_path / "judges"
    write(judges / "refunds" / "judge.yaml", YAML)
    write(judges / "brief.txt", "{output} pass or fail?")
    assert find_judge("refunds", judges).name == "refunds"
    assert find_judge("brief", judges).prompt == "{output} pass or fail?"
    assert find_judge(str(judges / "brief.txt"), tmp_path).name == "brief"
    assert find_judge("groundedness", judges).source == SAMPLES / "groundedness"
    write(judges / "groundedness.yaml", YAML)
    assert find_judge("groundedness", judges).source == judges / "groundedness.yaml"
    for wrong in ("refund", "", "..", "refunds/x"):
        with pytest.raises(JudgeError, match="there is no judge") as caught:
            find_judge(wrong, judges)
    with pytest.raises(JudgeError, match="did you mean 'refunds'") as caught:
        find_judge("refund", judges)
    assert "brief, groundedness, refunds" in (caught.value.hint or "")


def test_the_version_is_stable() -> None:
    assert Judge.from_dict(DEFINITION).version == GOLDEN


def test_the_version_leaves_out_name_comments_and_place(tmp_path: Path) -> None:
    first = write(tmp_path / "a.yaml", YAML)
    second = write(tmp_path / "b.yaml", "# remark\n" + YAML.replace("name: refunds", "name: other") + "\n\n# end\n")
    assert Judge.load(first).version == Judge.load(second).version


def test_the_version_covers_the_shipped_words(monkeypatch: pytest.MonkeyPatch) -> None:
    import msgspec

    from dikast.judges import rendering
    from dikast.judges.wording import wording

    changed = msgspec.structs.replace(wording("en"), closing="Judge it.")
    before = Judge.from_dict(DEFINITION).version
    monkeypatch.setattr(rendering, "wording", lambda language: changed)
    assert Judge.from_dict(DEFINITION).version != before


CHANGES: dict[str, Any] = {
    "task": "Decide something else about the reply.",
    "mode": "reference",
    "scale": {"kind": "pass_fail", "levels": {"pass": "It is right."}},
    "criteria": [{"name": "correct"}, {"name": "complete", "description": "Is each condition named?"}],
    "overall": "all",
    "earns_nothing": [],
    "examples": [],
    "order": "verdict_first",
    "language": "zh-Hant",
    "votes": 3,
    "fast": True,
    "settings": {"temperature": 0.5},
    "prompt": 'Judge {output}. {"verdict": "pass|fail"}',
}
SETTINGS = {"model": "x", "temperature": 0.1, "top_p": 0.9, "max_tokens": 99, "thinking": "on", "seed": 1}
INNER: list[tuple[str, int, str, Any]] = [
    ("criteria", 0, "name", "right"), ("criteria", 0, "description", "x"), ("criteria", 0, "levels", {}),
    ("criteria", 0, "weight", 2.0),
    ("examples", 0, "input", "x"), ("examples", 0, "output", "x"), ("examples", 0, "context", "x"),
    ("examples", 0, "reference", "x"),
    ("examples", 0, "verdict", "fail"), ("examples", 0, "scores", {}), ("examples", 0, "critique", "x"),
]  # fmt: skip


def changed(keys: set[str]) -> Judge:
    definition = {**DEFINITION, **{key: CHANGES[key] for key in keys}}
    if definition.get("mode") == "reference":
        definition["examples"] = [{**example, "reference": "r"} for example in definition["examples"]]
        if "prompt" in keys:
            definition["prompt"] += "{reference}"
    if "prompt" in keys and "answer_form" not in definition["prompt"]:
        definition["prompt"] += " {answer_form} {examples} {criteria}"
    return Judge.from_dict(definition)


@given(st.sets(st.sampled_from(sorted(CHANGES)), min_size=1))
def test_every_field_changes_the_version(keys: set[str]) -> None:
    versions = {changed(keys - {key}).version for key in keys}
    assert changed(keys).version not in versions


@given(st.sampled_from(sorted(SETTINGS)))
def test_every_setting_changes_the_version(key: str) -> None:
    assert Judge.from_dict({**DEFINITION, "settings": {key: SETTINGS[key]}}).version != GOLDEN


@pytest.mark.parametrize(("part", "index", "key", "value"), INNER)
def test_every_part_of_a_part_changes_the_version(part: str, index: int, key: str, value: Any) -> None:
    entries = [dict(entry) for entry in DEFINITION[part]]
    entries[index][key] = value
    definition = {**DEFINITION, part: entries}
    if key == "name":
        definition["examples"] = []
        assert Judge.from_dict(definition).version != Judge.from_dict({**DEFINITION, "examples": []}).version
    assert Judge.from_dict(definition).version != GOLDEN


def test_every_field_is_covered_by_these_tests() -> None:
    assert set(CHANGES) == set(Judge.__struct_fields__) - {"name", "source", "retrieve", "pool"}  # see test_retrieval
    from dikast.judges.criteria import Criterion, Example
    from dikast.judges.definition import ModelSettings

    assert set(SETTINGS) == set(ModelSettings.__struct_fields__)
    assert {key for part, _, key, _ in INNER if part == "criteria"} == set(Criterion.__struct_fields__)
    pair_only = {"output_a", "output_b"}
    assert {key for part, _, key, _ in INNER if part == "examples"} == set(Example.__struct_fields__) - pair_only


def test_all_of_the_definition_is_json() -> None:
    import json

    judge = Judge.from_dict(DEFINITION)
    assert json.loads(json.dumps(judge.definition)) == judge.definition
    assert Judge.from_dict(judge.definition) == judge
