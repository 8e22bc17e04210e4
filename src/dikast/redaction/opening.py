"""A redactor put together: what finds, under which key, by which rules, and whether it can be turned back."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from dikast.errors import OutputError
from dikast.redaction.finding import Finder
from dikast.redaction.pseudonyms import Pseudonyms, Vault, key_in
from dikast.redaction.redactor import InteractionRedactor, Redactor
from dikast.redaction.rules import Rules

VAULT_FILE = "pseudonyms.vault"


def open_redactor(
    key_file: Path, rules: Mapping[str, str] | None = None, *, vault: Path | None = None
) -> InteractionRedactor:
    """What redacts interactions; a key is made where there is none. vault: where what is replaced is kept, sealed.

    Raises MissingExtra, and InputError for a key file, a vault or a rule that can't be used.
    """
    checked = Rules(rules)
    finder = Finder()
    key = key_in(key_file, make=lambda: _make_folder(key_file))
    return InteractionRedactor(Redactor(finder, Pseudonyms(key, Vault(vault, key) if vault else None)), checked)


def _make_folder(key_file: Path) -> None:
    try:
        key_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"the folder of the key file {str(key_file)!r} can't be made: {error.strerror}") from error
