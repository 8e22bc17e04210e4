"""What is found, what is not, and how well on the marked texts."""

from __future__ import annotations

import importlib.util
import socket
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from dikast.errors import MissingExtra
from dikast.redaction import finding
from dikast.redaction.finding import Finder
from dikast.redaction.kinds import KINDS

ROOT = Path(__file__).resolve().parents[2]

# What must not get worse: (precision, recall) on tests/redaction/marked.txt.
FLOORS = {
    "PRIVATE_KEY": (1.0, 1.0), "JWT": (1.0, 1.0), "API_KEY": (1.0, 1.0), "SECRET": (0.98, 0.98), "EMAIL": (0.98, 1.0),
    "CN_ID": (1.0, 1.0), "TW_ID": (1.0, 1.0), "HK_ID": (1.0, 1.0), "CARD": (0.96, 1.0), "IBAN": (1.0, 1.0),
    "CRYPTO": (1.0, 1.0), "US_SSN": (1.0, 1.0), "TW_BUSINESS": (1.0, 1.0), "IP": (0.94, 1.0), "PHONE": (0.98, 0.98),
    "PLATE": (1.0, 1.0), "ADDRESS": (0.97, 0.97),
}  # fmt: skip


@pytest.fixture(scope="session")
def benchmark() -> ModuleType:
    spec = importlib.util.spec_from_file_location("redaction_benchmark", ROOT / "benchmarks" / "redaction.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def found(finder: Finder, text: str) -> list[tuple[str, str]]:
    return [(one.kind, text[one.start : one.end]) for one in finder.find(text)]


def test_precision_and_recall_on_the_marked_texts(finder: Finder, benchmark: ModuleType) -> None:
    figures = benchmark.measured(finder, benchmark.marked_texts())
    assert set(FLOORS) == set(KINDS) - {"PERSON", "VALUE"}
    for kind, (precision, recall) in FLOORS.items():
        got = figures.of(kind)
        assert got["marked"] >= 4
        assert got["precision"] >= precision, (kind, [case for case in figures.alarms if case[0] == kind])
        assert got["recall"] >= recall, (kind, [case for case in figures.misses if case[0] == kind])


def test_precision_and_recall_on_texts_that_no_pattern_was_made_for(finder: Finder, benchmark: ModuleType) -> None:
    got = benchmark.measured(finder, benchmark.marked_texts(benchmark.HELD_OUT)).of("all")
    assert got["marked"] >= 60
    assert got["precision"] >= 0.95
    assert got["recall"] >= 0.88


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("電話０９１２－３４５－６７８。", [("PHONE", "０９１２－３４５－６７８")]),
        ("call 0912\u200b345\u200b678 now", [("PHONE", "0912\u200b345\u200b678")]),
        (r'{"note": "\n0912345678\t"}', [("PHONE", "0912345678")]),
        (r"\u96fb\u8a710912345678", [("PHONE", "0912345678")]),
        ("我的信箱是ada@example.com喔", [("EMAIL", "ada@example.com")]),
        ("卡號4111111111111111過期", [("CARD", "4111111111111111")]),
        ("https://ada:ge/heim@x.example.com", []),
        ("https://ada:geheim@x.example.com/p", [("SECRET", "geheim")]),
        ("身分證字號：A123456780", [("TW_ID", "A123456780")]),  # a wrong digit, but it says what it is
        ("型號A123456780", []),
        ("[EMAIL-abcdefgh] and [PHONE-k3xq7afm]", []),
        ("password=[SECRET-abcdefgh]", []),
        (r"{\\\"password\\\": \\\"hunter2secret\\\"}", [("SECRET", "hunter2secret")]),  # JSON in JSON in JSON
        ("ping 127.0.0.1 and ::1", []),
        ("", []),
    ],
)
def test_where_things_are_hard_to_see(finder: Finder, text: str, expected: list[tuple[str, str]]) -> None:
    assert found(finder, text) == expected


def test_finding_asks_no_name_server(finder: Finder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: pytest.fail("a name was looked up"))
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("a connection was made"))
    from dikast.redaction.recognisers import all_recognisers
    from dikast.redaction.views import view_of

    view = view_of("mail ada@example.co.uk, see https://www.example.com")
    assert [one.kind for each in all_recognisers() for one in each.find(view)] == ["EMAIL"]


HOSTILE = [
    "a" * 50_000 + "@",
    "@" * 10_000,
    "1 " * 20_000,
    "路" * 20_000 + "號",
    "password=" * 5000,
    "eyJ" * 10_000,
    "市区县" * 8000 + "号",
    "-----BEGIN PRIVATE KEY-----" * 800,
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_texts_take_no_long_time(finder: Finder, text: str) -> None:
    started = time.process_time()
    finder.find(text)
    assert time.process_time() - started < 3


def test_persons_need_a_language_model(finder: Finder) -> None:
    assert "PERSON" not in finder.at_work
    assert "language model" in finder.not_at_work["PERSON"]
    assert found(finder, "Ada Lovelace wrote it.") == []


def test_persons_are_found_by_a_language_model_of_the_texts_language() -> None:
    spacy = pytest.importorskip("spacy")
    models: list[Any] = []
    for language, name in (("en", "Ada Lovelace"), ("zh", "王小明")):
        model = spacy.blank(language)
        model.add_pipe("entity_ruler").add_patterns([{"label": "PERSON", "pattern": name}])
        models.append(model)
    finder = Finder(language_models=models)
    assert "PERSON" in finder.at_work
    assert finder.not_at_work == {}
    assert found(finder, "Ada Lovelace <ada@example.com>") == [("PERSON", "Ada Lovelace"), ("EMAIL", "ada@example.com")]
    assert found(finder, "請找王小明，0912345678") == [("PERSON", "王小明"), ("PHONE", "0912345678")]


def test_without_the_packages_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finding.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match="replacing personal data") as missing:
        Finder()
    assert missing.value.hint == "pip install 'dikast[redact]'"
