"""What a body says: one interaction, or a batch of them, under the names of the interactions contract."""

from __future__ import annotations

from typing import Any

import msgspec

from dikast.interactions.fields import interaction_of
from dikast.interactions.ids import derived_id, with_id
from dikast.interactions.rows import Tally, Unusable
from dikast.records import Interaction, Json, JudgeRef, Verdict, content_hash
from dikast.serving.problems import Refusal

NDJSON = "application/x-ndjson"
_LONGEST_ID = 500


def json_in(body: bytes) -> Any:
    """The JSON of a body. Raises Refusal (400) with the place."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refusal(400, "bad_request", f"the body is not JSON: {error}") from None
    except RecursionError:
        raise Refusal(400, "bad_request", "the body is nested too deeply") from None


def rows_in(body: bytes, content_type: str, most: int) -> list[Json]:
    """The rows of a batch: a JSON list, or a row a line. Raises Refusal."""
    if content_type == NDJSON:
        lines = [line for line in body.splitlines() if line.strip()]
        _check_length(len(lines), most)
        return [_row_of(line) for line in lines]
    rows = json_in(body)
    if not isinstance(rows, list):
        raise Refusal(400, "bad_request", "the body is not a JSON list of interactions")
    _check_length(len(rows), most)
    return rows


def read_interaction(row: Json) -> Interaction:
    """The interaction that an object describes; keys beyond the contract go to its metadata. Raises Unusable."""
    if isinstance(row, Unusable):
        raise row
    if not isinstance(row, dict):
        raise Unusable("not an object: an interaction is a JSON object with input and output")
    interaction = interaction_of(dict(row), Tally())  # it takes the object apart
    if len(interaction.id) > _LONGEST_ID:
        raise Unusable(f"id too long: {len(interaction.id):,} characters, and at most {_LONGEST_ID} are kept")
    return interaction if interaction.id else with_id(interaction, derived_id(content_hash(interaction)))


def unusable_verdict(judge: JudgeRef, row: Json, at: int, unusable: Unusable) -> Verdict:
    """The place in a batch of a row that can't be read."""
    given = row.get("id") if isinstance(row, dict) else None
    id = given[:_LONGEST_ID] if isinstance(given, str) and given else f"row-{at}"
    return Verdict(id=id, status="failed", reason=f"not usable: {unusable.reason}", judge=judge)


def _row_of(line: bytes) -> Json:
    try:
        return msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return Unusable(f"not JSON: {error}")


def _check_length(rows: int, most: int) -> None:
    if not rows:
        raise Refusal(400, "bad_request", "the batch is empty")
    if rows > most:
        raise Refusal(413, "too_large", f"the batch has {rows:,} interactions, and at most {most:,} are taken at once")
