"""One raw object, under the contract's names -> Interaction."""

from __future__ import annotations

from dikast.interactions.label_fields import labels_of
from dikast.interactions.rows import Tally, Unusable
from dikast.interactions.values import describe
from dikast.records import Interaction, Json, Label

_CHAT_ONLY = "there are messages only; give the judged answer as output, and the messages before it as input"
_OUTPUT_HINT = 'write "" when the system answered nothing'


def interaction_of(row: dict[str, Json], tally: Tally) -> Interaction:
    """The interaction that an object describes; takes the object apart. Raises Unusable with the reason.

    Its id is empty when the object has none. Keys beyond the contract are kept in metadata, a key that is in `metadata`
    already as "row.<key>". A label that can't be read stays in metadata too, and is counted in the tally's notes.
    """
    id = id_of(row.pop("id", None))
    input = row.pop("input", None)
    if input is None:
        raise Unusable(f"no input: {_CHAT_ONLY if 'messages' in row else _keys_shown(row, 'input')}")
    output, output_a, output_b = row.pop("output", _MISSING), row.pop("output_a", None), row.pop("output_b", None)
    if output_a is not None or output_b is not None:
        _check_pair(output, output_a, output_b)
        output = None
    elif output is None:
        raise Unusable(f"output is null: {_OUTPUT_HINT}")
    elif output is _MISSING:
        raise Unusable(f"no output: {_keys_shown(row, 'output (or output_a and output_b)')}")
    context, reference = row.pop("context", None), row.pop("reference", None)
    metadata = row.pop("metadata", None)
    labels: tuple[Label, ...] = ()
    if row and ("label" in row or "labels" in row):
        labels = _labels(row, id, tally)
    return Interaction(
        id=id,
        input=input,
        output=output,
        output_a=output_a,
        output_b=output_b,
        context=context,
        reference=reference,
        metadata=_metadata(metadata, row),
        labels=labels,
    )


def id_of(value: Json) -> str:
    """An id as text, "" when there is none. Raises Unusable for what is no id."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, float) and value.is_integer():  # a table's column with gaps holds its integers as floats
        return str(int(value))
    raise Unusable(f"id is no text: {describe(value)}")


_MISSING: Json = object()


def _check_pair(output: Json, output_a: Json, output_b: Json) -> None:
    if output is not None and output is not _MISSING and output != "":
        raise Unusable("output and output_a: give one output, or two to compare, not both")
    for name, value in (("output_a", output_a), ("output_b", output_b)):
        if value is None:
            raise Unusable(f"half a pair: {name} is missing or null; {_OUTPUT_HINT}")


def _labels(row: dict[str, Json], id: str, tally: Tally) -> tuple[Label, ...]:
    try:
        labels = labels_of(row.get("label"), row.get("labels"), id, tally)
    except Unusable as unusable:
        tally.note(f"label kept as metadata only ({unusable.reason.partition(':')[0]})")
        return ()
    row.pop("label", None)
    row.pop("labels", None)
    return labels


def _metadata(metadata: Json, extra: dict[str, Json]) -> dict[str, Json]:
    if metadata is None or metadata == "":
        return extra
    if not isinstance(metadata, dict):
        raise Unusable(f"metadata is no object: {describe(metadata)} where {{...}} was expected")
    for key, value in extra.items():
        metadata[f"row.{key}" if key in metadata and metadata[key] != value else key] = value
    return metadata


def _keys_shown(row: dict[str, Json], expected: str) -> str:
    names = [repr(name[:40]) for name in row][:8]
    more = ", ..." if len(row) > len(names) else ""
    return f"{expected} is missing or null; the row has {', '.join(names) or 'nothing'}{more} besides"
