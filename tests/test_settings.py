"""Settings: one table, resolved once, and errors that say where a wrong value stands."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from dikast.errors import SettingError
from dikast.settings import SETTINGS, Settings, mask_password, resolve_settings


def resolve(tmp_path: Path, text: str | None = None, environ: dict[str, str] | None = None, **given: Any) -> Settings:
    file = tmp_path / "dikast.toml"
    if text is not None:
        file.write_text(text, encoding="utf-8")
    return resolve_settings(tmp_path, file if text is not None else None, environ or {}, given)


def test_the_table_and_the_object_have_the_same_names() -> None:
    assert {setting.name for setting in SETTINGS} == {field.name for field in fields(Settings)} - {"origin"}


def test_an_argument_beats_the_environment_beats_the_file_beats_the_default(tmp_path: Path) -> None:
    file, environ = "concurrency = 2\ntimeout_s = 5", {"DIKAST_CONCURRENCY": "3", "DIKAST_MODEL": "embedded"}
    settings = resolve(tmp_path, file, environ, concurrency=4)
    assert (settings.concurrency, settings.model, settings.timeout_s, settings.patience_s) == (
        4,
        "embedded",
        5.0,
        600.0,
    )
    assert settings.origin["concurrency"] == "argument"
    assert settings.origin["model"] == "DIKAST_MODEL"
    assert settings.origin["timeout_s"] == str(tmp_path / "dikast.toml")
    assert settings.origin["patience_s"] == "default"


def test_none_and_an_empty_variable_count_as_not_given(tmp_path: Path) -> None:
    settings = resolve(tmp_path, "model = 'embedded'", {"DIKAST_MODEL": " "}, model=None)
    assert settings.model == "embedded"


def test_false_given_beats_true_in_the_file(tmp_path: Path) -> None:
    assert resolve(tmp_path, "allow_cloud = true", allow_cloud=False).allow_cloud is False


def test_lists_from_the_environment_and_from_the_file(tmp_path: Path) -> None:
    both = ("http://a:1", "http://b:2")
    assert resolve(tmp_path, environ={"DIKAST_BASE_URL": "http://a:1, http://b:2"}).base_url == both
    assert resolve(tmp_path, 'base_url = ["http://a:1", "http://b:2"]').base_url == both
    assert resolve(tmp_path, 'base_url = "http://a:1"').base_url == ("http://a:1",)


def test_paths_count_from_where_they_were_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    below = tmp_path / "below"
    below.mkdir()
    monkeypatch.chdir(below)
    assert resolve(tmp_path, "store = 'mine.db'").store == str(tmp_path / "mine.db")
    assert resolve(tmp_path, environ={"DIKAST_STORE": "mine.db"}).store == str(below / "mine.db")
    assert resolve(tmp_path, store=Path("mine.db")).store == str(below / "mine.db")
    assert resolve(tmp_path, store="postgresql://db/x").store == "postgresql://db/x"
    assert resolve(tmp_path).store == str(tmp_path / ".dikast" / "store.db")
    assert resolve(tmp_path, cache="~/models").cache == Path("~/models").expanduser()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("concurrency = 'many'", "concurrency is 'many', and a whole number is expected"),
        ("concurrency = true", "concurrency is True, and a whole number is expected"),
        ("concurrency = 2.5", "concurrency is 2.5, and a whole number is expected"),
        ("concurrency = 0", "concurrency is 0, and at least 1 is expected"),
        ("timeout_s = -1", "timeout_s is -1, and at least 0.001 is expected"),
        ("timeout_s = nan", "timeout_s is nan, and a number is expected"),
        ("patience_s = 'long'", "patience_s is 'long', and a number is expected"),
        ("allow_cloud = 1", "allow_cloud is 1, and true or false is expected"),
        ("model = 7", "model is 7, and a text is expected"),
        ("model = ''", "model is '', and a text is expected"),
        ("base_url = [1]", r"base_url is \[1\], and a list of texts"),
        ("store = false", "store is False, and a path or a database URL is expected"),
        ("model = 1 2\n", "not valid TOML: .*line 1"),
    ],
)
def test_a_wrong_value_is_named_with_its_source(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(SettingError, match=rf"dikast\.toml.*{message}"):
        resolve(tmp_path, text)


def test_a_wrong_variable_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        SettingError, match=r"^DIKAST_ALLOW_CLOUD: allow_cloud is 'maybe', and true or false is expected"
    ):
        resolve(tmp_path, environ={"DIKAST_ALLOW_CLOUD": "maybe"})


def test_an_unknown_key_is_an_error_with_its_line_and_the_nearest_name(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"dikast\.toml, line 3: 'concurency' is not a setting") as caught:
        resolve(tmp_path, "# mine\nmodel = 'embedded'\nconcurency = 2\n")
    assert caught.value.hint == "Did you mean 'concurrency'?"
    with pytest.raises(SettingError, match="line 1: 'judge'") as caught:
        resolve(tmp_path, "[judge]\nname = 'x'\n")
    assert "The settings are: model, base_url" in str(caught.value.hint)


def test_a_key_of_an_api_is_sent_to_the_environment_and_not_repeated(tmp_path: Path) -> None:
    with pytest.raises(SettingError) as caught:
        resolve(tmp_path, "openai_api_key = 'sk-secret'\n")
    assert "OPENAI_API_KEY" in str(caught.value.hint)
    assert "sk-secret" not in f"{caught.value}{caught.value.hint}"


def test_a_misspelt_variable_is_an_error_and_a_stranger_s_is_not(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="DIKAST_MODLE") as caught:
        resolve(tmp_path, environ={"DIKAST_MODLE": "x"})
    assert caught.value.hint == "Did you mean DIKAST_MODEL?"
    resolve(tmp_path, environ={"DIKAST_TEST_DATABASE": "x"})


def test_an_unknown_argument_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="argument: 'modell' is not a setting"):
        resolve(tmp_path, modell="x")


def test_a_file_that_is_not_utf_8_is_an_error_and_one_with_a_bom_is_read(tmp_path: Path) -> None:
    file = tmp_path / "dikast.toml"
    file.write_bytes(b"\xef\xbb\xbfconcurrency = 2\r\n")
    assert resolve_settings(tmp_path, file, {}, {}).concurrency == 2
    file.write_bytes("model = '模型'".encode("big5"))
    with pytest.raises(SettingError, match="is not UTF-8"):
        resolve_settings(tmp_path, file, {}, {})


def test_passwords_are_shown_nowhere(tmp_path: Path) -> None:
    settings = resolve(tmp_path, store="postgresql://ada:p@ss@db/x", base_url=["http://ada:pass@host:1/v1"])
    assert "p@ss" not in repr(settings)
    assert settings.as_json()["store"] == "postgresql://ada:***@db/x"
    assert settings.as_json()["base_url"] == ["http://ada:***@host:1/v1"]
    assert mask_password("C:/plain/path@home") == "C:/plain/path@home"
