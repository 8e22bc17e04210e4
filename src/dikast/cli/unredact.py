"""`dikast unredact`: what pseudonyms stand for, with the local key."""

from __future__ import annotations

import json
from pathlib import Path

import click

from dikast.errors import InputError
from dikast.redaction.kinds import PSEUDONYM
from dikast.redaction.opening import VAULT_FILE
from dikast.redaction.pseudonyms import Vault, key_in
from dikast.workspace import Workspace

EXAMPLES = """
\b
Examples:
  dikast unredact PHONE-k3xq7afm
  dikast unredact critique.txt --key ~/keys/redaction.key
"""


@click.command(epilog=EXAMPLES)
@click.argument("given", nargs=-1, required=True, metavar="PSEUDONYM|FILE...")
@click.option("--key", type=click.Path(path_type=Path), metavar="FILE", help="The key file. [default: redact_key]")
@click.option("--json", "as_json", is_flag=True, help="Print what was looked up as JSON.")
def command(given: tuple[str, ...], key: Path | None, as_json: bool) -> None:
    """What pseudonyms stand for, looked up with the local key.

    Only what `dikast import --redact --reversible` replaced in this workspace can be looked up. Of a FILE the whole
    text is printed, with every pseudonym in it that is known turned back.
    """
    workspace = Workspace.find()
    vault_file = workspace.state_dir / VAULT_FILE
    if not vault_file.exists():
        raise InputError(
            f"nothing can be looked up here: there is no {str(vault_file)!r}",
            hint="Only dikast import --redact --reversible keeps what it replaces.",
        )
    vault = Vault(vault_file, key_in(workspace.settings(redact_key=key).redact_key))
    found: dict[str, str] = {}
    for one in given:
        pseudonym = one if one.startswith("[") else f"[{one}]"
        if PSEUDONYM.fullmatch(pseudonym):
            value = vault.look_up(pseudonym)
            if value is None:
                raise InputError(
                    f"the pseudonym {pseudonym} is not known here", hint=f"{len(vault):,} are kept in {vault_file}."
                )
            found[pseudonym] = value
        else:
            found[one] = vault.restored(_text_of(Path(one)))
    click.echo(json.dumps(found, ensure_ascii=False) if as_json else "\n".join(found.values()))


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{str(path)!r} is neither a pseudonym nor a text file that can be read",
            hint="Give a pseudonym such as PHONE-k3xq7afm, or a file.",
        ) from error
