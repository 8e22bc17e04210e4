"""`dikast import`: traces and files from anywhere into a dataset, previewed first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import click
import msgspec

from dikast.cli.kept import open_store
from dikast.cli.live import Asked, Sources, live_name, live_options, opened_sources
from dikast.errors import DataError, InputError
from dikast.interactions.formats import SUFFIXES, suffix_of
from dikast.interactions.sampling import SampleRequest
from dikast.journey.importing import Import, ImportReport, ImportRequest, Kept, contract_line, keep
from dikast.platforms.address import is_address
from dikast.records import Json, text_of
from dikast.redaction.opening import VAULT_FILE, open_redactor
from dikast.redaction.redactor import InteractionRedactor
from dikast.report.jsonl import write_results
from dikast.report.text import one_line
from dikast.traces.formats import known_formats
from dikast.traces.mapping import Unit
from dikast.traces.opinions import told
from dikast.workspace import Workspace

EXAMPLES = """
\b
Examples:
  dikast import langfuse-export.jsonl --preview
  dikast import runs.jsonl feedback.jsonl --as support
  dikast import traces/ --as support --where environment=production --sample 200
  dikast import chats.zip --out chats.jsonl
  dikast import phoenix://127.0.0.1:6006/support --since 24h --as support
  dikast import langfuse://langfuse.internal --feedback negative --since 7d
"""
_UNITS: tuple[Unit, ...] = ("trace", "turn", "conversation", "llm call", "pair")
_STILL_THERE = (
    "what was kept before it was redacted still lies in the store's file, unused; a new store without it is made by "
    "deleting the file and importing again, which loses its labels and runs"
)
_LONGEST = 400
_MOST_NOTES = 12
_MOST_LEFT = 5


@click.command("import", epilog=EXAMPLES)
@click.argument("source", nargs=-1, required=True)
@click.option("--as", "name", metavar="NAME", help="Keep it under this name. [default: the first file's]")
@click.option("--format", "format", metavar="NAME", help="Take it for this format, whatever the content says.")
@click.option("--mapping", type=click.Path(path_type=Path), metavar="FILE", help="How traces become interactions.")
@click.option("--unit", type=click.Choice(_UNITS), help="What one interaction is, in place of the mapping's.")
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="Write JSON Lines and keep nothing.")
@click.option("--preview", is_flag=True, help="Only say what would come of it.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Only the first N interactions.")
@click.option("--where", multiple=True, metavar="KEY=VALUE", help="Only with this metadata; may be repeated.")
@click.option("--negative", is_flag=True, help="Only what the system's users disliked.")
@live_options
@click.option("--sample", "sample", type=click.IntRange(min=1), metavar="N", help="Draw N, and keep how.")
@click.option("--stratified", "key", metavar="KEY", help="As many of each value of this metadata key; with --sample.")
@click.option("--drop-near-duplicates", "distinct", is_flag=True, help="Of nearly the same inputs, one; with --sample.")
@click.option("--per-conversation", type=click.IntRange(min=1), metavar="N", help="At most N of each; with --sample.")
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed draws the same sample.")
@click.option("--redact", is_flag=True, help="Replace personal data and secrets by pseudonyms.")
@click.option("--reversible", is_flag=True, help="Keep what --redact replaces, sealed: see dikast unredact.")
@click.option("--strict", is_flag=True, help="Stop at the first thing that can't be read.")
@click.option("--store", metavar="FILE|URL", help="Where it is kept. [default: the workspace's]")
@click.option("--json", "as_json", is_flag=True, help="Print the preview as JSON.")
def command(
    source: tuple[str, ...],
    name: str | None,
    format: str | None,
    mapping: Path | None,
    unit: Unit | None,
    out: Path | None,
    preview: bool,
    limit: int | None,
    where: tuple[str, ...],
    negative: bool,
    sample: int | None,
    key: str | None,
    distinct: bool,
    per_conversation: int | None,
    seed: int,
    redact: bool,
    reversible: bool,
    strict: bool,
    store: str | None,
    as_json: bool,
    since: str | None,
    feedback: tuple[str, ...],
    trace_name: str | None,
    tag: tuple[str, ...],
    allow_cloud: bool | None,
) -> None:
    """Traces and files from anywhere into a dataset.

    SOURCE is a file, a folder, a glob or a zip archive, whose format is found by content, or a platform's address
    (langfuse://HOST, langsmith:///PROJECT, phoenix://HOST/PROJECT, mlflow://HOST/EXPERIMENT). What comes of it is shown
    first. It is kept in the workspace under NAME with its mapping, mappings/NAME.toml, which says what an interaction
    is and can be edited; importing again adds what is new and nothing twice.
    """
    if reversible and not redact:
        raise InputError("--reversible needs --redact", hint="It keeps what --redact replaces.")
    if out is not None and name is not None:
        raise InputError("--out writes a file and --as keeps a dataset: give one of them")
    if feedback == ("negative",) and not any(map(is_address, source)):
        feedback, negative = (), True  # a file's is told from what it says, not asked for
    workspace = Workspace.find()
    asked = dict(_pair(one) for one in where)
    request = _sampling(sample, SampleRequest(
        n=sample or 1, seed=seed, key=key, where=asked, negative=negative, distinct=distinct,
        per_conversation=per_conversation,
    ))  # fmt: skip
    stem = name or live_name(source, format) or _stem(source[0], sampled=request is not None)
    live = Asked(since, feedback, trace_name, tag, allow_cloud)
    with opened_sources(source, format, live, stem, limit, store) as found:
        if found.is_empty:
            found.done(kept=not preview)
            return
        plan = ImportRequest(
            sources=found.paths, name=stem, format=found.format, mapping=mapping,
            kept_mapping=workspace.root / "mappings" / f"{_base(stem)}.toml", unit=unit,
            rejects=None if preview else _rejects(workspace, stem, out), limit=limit, where=asked, negative=negative,
            sample=request, strict=strict, origin=found.origin, redact=redact,
            redactor=_redacting(workspace, reversible=reversible and not preview),
        )  # fmt: skip
        _carry_out(plan, found, out, store, preview=preview, as_json=as_json)


def _sampling(sample: int | None, request: SampleRequest) -> SampleRequest | None:
    """How a sample is drawn; None where none is asked for."""
    thinning = {"--stratified": request.key, "--drop-near-duplicates": request.distinct,
                "--per-conversation": request.per_conversation}  # fmt: skip
    option = next((option for option, value in thinning.items() if value), None)
    if sample is None and option is not None:
        raise InputError(f"{option} needs --sample N", hint="It says how a sample is drawn.")
    return None if sample is None else request


def _carry_out(
    plan: ImportRequest, found: Sources, out: Path | None, store: str | None, *, preview: bool, as_json: bool
) -> None:
    """Import, show what comes of it, and keep it where that is wanted."""
    whole = out is None and plan.sample is None and not plan.where and not plan.negative
    with Import(plan) as imported:
        if not as_json:
            _show(imported.report, plan)
        kept = None
        if not preview:
            with found.finishing(whole=whole):
                kept = _keep(imported, plan, out, store)
        elif not as_json:
            click.echo("Nothing was written: this is the preview.", err=True)
        if as_json:
            click.echo(msgspec.json.encode(_as_json(imported.report, kept)))


def _redacting(workspace: Workspace, *, reversible: bool) -> Callable[[Mapping[str, str]], InteractionRedactor]:
    """Makes what redacts: by the rules of the workspace, and those of a mapping before them."""

    def opened(rules: Mapping[str, str]) -> InteractionRedactor:
        settings = workspace.settings()
        vault = workspace.make_state_dir() / VAULT_FILE if reversible else None
        return open_redactor(settings.redact_key, {**settings.redact_fields, **rules}, vault=vault)

    return opened


def _keep(imported: Import, plan: ImportRequest, out: Path | None, store: str | None) -> Kept | None:
    report = imported.report
    if not len(imported):
        why = "Nothing is in it."
        if report.passed_over:
            why = (
                "None of them is what --where and --negative ask for; the metadata is shown by --preview without them."
            )
        elif report.dropped:
            why = f"What was dropped stands, with why, in {str(plan.rejects)!r}."
        raise DataError(f"no interactions were made of {report.source!r}", hint=why)
    if out is not None:
        written = write_results(out, map(contract_line, imported))
        click.echo(f"Written: {out} ({written:,} interactions)", err=True)
        return None
    with open_store(store) as (_, opened):
        kept = keep(opened, plan.name, imported)
    imported.save_mapping()
    parts = [
        f"{kept.new:,} new",
        f"{kept.changed:,} changed" if kept.changed else "",
        f"{kept.same:,} known already" if kept.same else "",
    ]
    click.echo(
        f"Kept as {plan.name!r}: {', '.join(part for part in parts if part)}; {len(kept.dataset):,} in all", err=True
    )
    if report.mapping is not None and plan.mapping is None and plan.kept_mapping is not None:
        click.echo(f"Mapping: {_near(plan.kept_mapping)} (edit it and import again)", err=True)
    if report.redaction is not None and plan.kept_mapping is not None:
        click.echo(f"Redacted, as every later import will be: {_near(plan.kept_mapping)} says so", err=True)
        if imported.newly_redacted and kept.changed:
            click.echo(f"Note: {_STILL_THERE}", err=True)
    click.echo(f"Next: dikast review {plan.name}, dikast run JUDGE {plan.name}", err=True)
    return kept


def _show(report: ImportReport, plan: ImportRequest) -> None:
    """The preview."""
    click.echo("\n".join(_lines(report, plan)))


def _lines(report: ImportReport, plan: ImportRequest) -> list[str]:
    census, mapping = report.census, report.mapping
    title = known_formats()[report.format].title if mapping else "interactions, as they are"
    files = "1 file" if report.files == 1 else f"{report.files:,} files"
    lines = [f"Format:        {title} ({files})"]
    if census is not None:
        parts = [f"{census.traces:,}", f"{census.spans:,} spans" if census.spans else ""]
        parts.append(f"{census.failed:,} failed" if census.failed else "")
        lines.append(f"Traces:        {', '.join(part for part in parts if part)}")
    if mapping is not None:
        made = f"from {_near(Path(report.mapping_file))}" if report.mapping_file else "proposed from what was found"
        each = f", {mapping.judged} answer" if mapping.unit == "conversation" else ""
        lines.append(f"Mapping:       {made}: one interaction is one {mapping.unit}{each}")
    counted = [f"{report.empty_outputs:,} with an empty output"]
    counted += [f"{report.with_context:,} with context"] if report.with_context else []
    counted += [f"{report.with_reference:,} with a reference"] if report.with_reference else []
    lines.append(f"Interactions:  {report.interactions:,} ({', '.join(counted)})")
    if report.passed_over:
        lines.append(f"               {report.passed_over:,} not wanted and passed over")
    if report.design is not None:
        lines.append(f"Sample:        {report.design.words}")
    lines += _feedback_lines(report)
    if census is not None and census.given_again and mapping is not None and mapping.unit != "pair":
        lines.append(
            f"Given again:   {census.given_again:,} answers; --unit pair compares them with those that were kept"
        )
    lines += _dropped_lines(report, plan)
    lines += report.redaction.lines() if report.redaction is not None else []
    lines += [
        f"Note:          {one_line(note, 120)} ({count:,})" for note, count in list(report.notes.items())[:_MOST_NOTES]
    ]
    if report.first is not None:
        lines += ["First:", *_first_lines(report)]
    return lines


def _feedback_lines(report: ImportReport) -> list[str]:
    lines: list[str] = []
    mapping, heard = report.mapping, report.census.heard if report.census else {}
    for name, said in heard.items():
        rule = mapping.feedback.get(name) if mapping else None
        taken = {"user": "labels of users", "expert": "labels of experts"}.get(
            rule.labels if rule else "none", "metadata only"
        )
        new = ", not in the mapping yet" if name in report.new_feedback else ""
        lines.append(f"Feedback:      {one_line(name, 40)}: {one_line(told(said), 160)} -> {taken}{new}")
    for whose, counts in report.labels.items():
        shown = ", ".join(f"{count:,} {verdict}" for verdict, count in sorted(counts.items()))
        lines.append(f"Labels:        of {whose}s: {shown}")
    return lines


def _dropped_lines(report: ImportReport, plan: ImportRequest) -> list[str]:
    lines = []
    for kind, count in report.dropped.items():
        example = next(iter(report.examples.get(kind, [])), kind)
        lines.append(f"Dropped:       {count:,} x {one_line(example, 160)}")
    if report.dropped and plan.rejects is not None:
        lines.append(f"               all of them stand in {_near(plan.rejects)}")
    if report.left:
        more = f" and {len(report.left) - _MOST_LEFT:,} more" if len(report.left) > _MOST_LEFT else ""
        names = ", ".join(one_line(Path(path).name, 60) for path in report.left[:_MOST_LEFT])
        lines.append(f"Not read:      {names}{more}: in no format that is known")
    return lines


def _first_lines(report: ImportReport) -> list[str]:
    item = report.first
    assert item is not None
    parts: list[tuple[str, Json]] = [("id", item.id), ("input", item.input)]
    parts += [("output_a", item.output_a), ("output_b", item.output_b)] if item.is_pair else [("output", item.output)]
    parts += [("context", item.context), ("reference", item.reference), ("metadata", item.metadata)]
    lines = []
    for name, value in parts:
        if value is not None and value != {}:
            shown = msgspec.json.encode(value).decode() if name == "metadata" else text_of(value)
            lines.append(f"  {name}: {one_line(shown, _LONGEST)}")
    return lines


def _as_json(report: ImportReport, kept: Kept | None) -> dict[str, Json]:
    shown: dict[str, Json] = msgspec.to_builtins(report)
    if kept is not None:
        shown["kept"] = {"name": kept.dataset.name, "new": kept.new, "changed": kept.changed, "same": kept.same,
                         "n": len(kept.dataset)}  # fmt: skip
    return shown


def _pair(given: str) -> tuple[str, str]:
    key, separator, value = given.partition("=")
    if not separator or not key.strip():
        raise InputError(f"--where {given!r}: expected KEY=VALUE, such as environment=production")
    return key.strip(), value.strip()


def _stem(source: str, *, sampled: bool) -> str:
    """A name for what is imported, from the first source."""
    path = Path(source).absolute()
    stem = path.name.strip("*?[]. ") or path.parent.name
    for suffix in (*SUFFIXES, ".zip", ".eval", ".gz"):
        if suffix_of(stem) == suffix or stem.lower().endswith(suffix):
            stem = stem[: stem.lower().rindex(suffix)]
            break
    stem = stem.strip("*?[]. ") or "traces"
    return f"{stem}-sample" if sampled else stem


def _base(name: str) -> str:
    """A dataset's name as that of a file."""
    return "".join(character if character.isalnum() or character in "-_. " else "-" for character in name)


def _rejects(workspace: Workspace, name: str, out: Path | None) -> Path:
    if out is not None:
        return out.with_name(f"{out.name.removesuffix('.jsonl')}.rejects.jsonl")
    return workspace.root / f"{_base(name)}.rejects.jsonl"


def _near(path: Path) -> str:
    """A path as it is read best: from here, where it lies below."""
    try:
        return str(path.absolute().relative_to(Path.cwd()))
    except ValueError:
        return str(path)
