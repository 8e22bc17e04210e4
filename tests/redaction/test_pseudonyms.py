"""The same value, the same pseudonym; keys and vaults on disk."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dikast.errors import InputError
from dikast.redaction.kinds import PSEUDONYM
from dikast.redaction.pseudonyms import Pseudonyms, Vault, key_in

KEY = b"k" * 32


@given(st.text(min_size=1), st.sampled_from(["EMAIL", "PHONE", "ADDRESS", "SECRET"]))
def test_a_pseudonym_depends_on_key_kind_and_value_only(value: str, kind: str) -> None:
    pseudonym = Pseudonyms(KEY).of(kind, value)
    assert PSEUDONYM.fullmatch(pseudonym)
    assert Pseudonyms(KEY).of(kind, value) == pseudonym
    assert Pseudonyms(b"o" * 32).of(kind, value) != pseudonym


@pytest.mark.parametrize(
    ("kind", "spellings"),
    [
        ("PHONE", ["0912345678", "0912-345-678", "+886 912 345 678", "(+886) 912-345-678", "００886912345678",
                   "+886-0912-345-678"]),
        ("PHONE", ["13812345678", "+86 138 1234 5678", "138-1234-5678"]),
        ("PHONE", ["(02) 2345-6789", "+886 2 2345 6789", "02-23456789"]),
        ("EMAIL", ["ada@example.com", "Ada@Example.com"]),
        ("CARD", ["4111 1111 1111 1111", "4111-1111-1111-1111"]),
        ("ADDRESS", ["臺北市信義路100號", "台北市信義路 100號"]),
    ],
)  # fmt: skip
def test_spellings_of_one_value_have_one_pseudonym(kind: str, spellings: list[str]) -> None:
    pseudonyms = Pseudonyms(KEY)
    assert len({pseudonyms.of(kind, spelling) for spelling in spellings}) == 1


def test_different_values_have_different_pseudonyms_even_where_codes_collide() -> None:
    pseudonyms = Pseudonyms(KEY)
    first = pseudonyms.of("EMAIL", "ada@example.com")
    pseudonyms._taken[first] = b"of somebody else"
    second = pseudonyms.of("EMAIL", "ada@example.com")
    assert second != first
    assert second.startswith(first[:-1])
    assert PSEUDONYM.fullmatch(second)
    many = {pseudonyms.of("EMAIL", f"user{number}@example.com") for number in range(20_000)}
    assert len(many) == 20_000


def test_a_key_is_made_once_and_read_by_its_owner_only(tmp_path: Path) -> None:
    file = tmp_path / "below" / "redaction.key"
    keys: list[bytes] = []
    threads = [
        threading.Thread(target=lambda: keys.append(key_in(file, make=lambda: file.parent.mkdir(exist_ok=True))))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(keys) == 8
    assert len(set(keys)) == 1
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in file.parent.iterdir()] == ["redaction.key"]
    file.chmod(0o644)
    with pytest.raises(InputError, match="can be read by others") as refused:
        key_in(file)
    assert str(refused.value.hint).startswith("chmod 600")


@pytest.mark.parametrize("content", ["", "ab" * 31, "not hexadecimal", "é"])
def test_a_file_that_holds_no_key_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "redaction.key"
    file.write_text(content)
    file.chmod(0o600)
    with pytest.raises(InputError, match="key file"):
        key_in(file)


def test_a_vault_gives_values_back_with_the_key_alone(tmp_path: Path) -> None:
    file = tmp_path / "pseudonyms.vault"
    pseudonyms = Pseudonyms(KEY, Vault(file, KEY))
    pseudonym = pseudonyms.of("EMAIL", "ada@example.com")
    pseudonyms.of("EMAIL", "ada@example.com")
    assert file.stat().st_mode & 0o777 == 0o600
    assert len(file.read_bytes().splitlines()) == 1
    assert b"ada" not in file.read_bytes()
    vault = Vault(file, KEY)
    assert vault.look_up(pseudonym) == "ada@example.com"
    assert vault.look_up("[EMAIL-aaaaaaaa]") is None
    assert vault.restored(f"to {pseudonym}, not [PHONE-aaaaaaaa]") == "to ada@example.com, not [PHONE-aaaaaaaa]"
    with pytest.raises(InputError, match="sealed with another key"):
        Vault(file, b"o" * 32).look_up(pseudonym)


def test_a_line_that_a_kill_cut_is_sealed_again(tmp_path: Path) -> None:
    file = tmp_path / "pseudonyms.vault"
    pseudonym = Pseudonyms(KEY, Vault(file, KEY)).of("EMAIL", "ada@example.com")
    whole = file.read_bytes()
    os.truncate(file, len(whole) // 2)
    vault = Vault(file, KEY)
    assert vault.look_up(pseudonym) is None
    Pseudonyms(KEY, vault).of("EMAIL", "ada@example.com")
    assert Vault(file, KEY).look_up(pseudonym) == "ada@example.com"
