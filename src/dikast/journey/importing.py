"""An import: traces of any known format -> interactions, previewed, and kept as a dataset that grows.

The source is read once. Traces and interactions lie in temporary files meanwhile, so that memory stays flat; a dataset
that is kept under the name already gets what is new and what has changed, and nothing twice.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

import msgspec

from dikast.errors import DataError, InputError
from dikast.interactions import open_dataset
from dikast.interactions.ids import Ids
from dikast.interactions.rejects import Rejects
from dikast.interactions.rows import Reject, Tally, Unusable
from dikast.interactions.sampling import SampleRequest, SamplingDesign, draw_sample, is_negative, value_of
from dikast.records import Interaction
from dikast.redaction.redactor import InteractionRedactor
from dikast.redaction.report import RedactionReport
from dikast.store import KeptDataset, Store
from dikast.traces.census import Census
from dikast.traces.formats import Dropped, TraceFormat
from dikast.traces.grouping import Grouping
from dikast.traces.mapping import Mapping as TraceMapping
from dikast.traces.mapping import Unit, read_mapping, remember_redaction, write
from dikast.traces.projection import Projected, conversation_of, interactions_of
from dikast.traces.recognising import Recognised, recognised
from dikast.traces.spool import Spool
from dikast.traces.trace import Trace

_KINDS_SHOWN = 3


@dataclass(frozen=True, kw_only=True)
class ImportRequest:
    """What is imported, and how.

    mapping: a file that must be there. kept_mapping: where this source's own mapping is, or will be. unit: in place of
    the mapping's. rejects: where what was dropped is written. where: metadata that an interaction must have. negative:
    only what the system's users disliked. origin: what the sources are called, where they are a platform's pages.

    redact: replace what is personal, which a mapping may ask for as well. redactor: makes what does, by rules.
    """

    sources: tuple[str, ...]
    name: str
    format: str | None = None
    mapping: Path | None = None
    kept_mapping: Path | None = None
    unit: Unit | None = None
    rejects: Path | None = None
    limit: int | None = None
    where: Mapping[str, str] = field(default_factory=dict)
    negative: bool = False
    sample: SampleRequest | None = None
    strict: bool = False
    origin: str | None = None
    redact: bool = False
    redactor: Callable[[Mapping[str, str]], InteractionRedactor] | None = None


class ImportReport(msgspec.Struct, kw_only=True):
    """What an import found, and what comes of it.

    dropped: what is no interaction, by the kind of its reason. examples: for each kind, the first reasons in full.
    labels: labels by provenance and verdict. first: the first interaction.
    """

    source: str
    format: str
    files: int
    left: tuple[str, ...] = ()
    census: Census | None = None
    mapping: TraceMapping | None = None
    mapping_file: str | None = None
    new_feedback: tuple[str, ...] = ()
    interactions: int = 0
    empty_outputs: int = 0
    with_context: int = 0
    with_reference: int = 0
    labels: dict[str, dict[str, int]] = {}
    dropped: dict[str, int] = {}
    examples: dict[str, list[str]] = {}
    passed_over: int = 0
    notes: dict[str, int] = {}
    design: SamplingDesign | None = None
    redaction: RedactionReport | None = None
    first: Interaction | None = None


class Import:
    """One import, read and projected; a context manager, within which its interactions can be iterated.

    >>> with Import(ImportRequest(sources=("traces.jsonl",), name="traces")) as imported:  # doctest: +SKIP
    ...     print(imported.report.interactions)
    """

    def __init__(self, request: ImportRequest) -> None:
        self.request = request
        self.tally = Tally()
        self._stack = ExitStack()
        self._items = self._stack.enter_context(Spool(Interaction))
        self._census = Census()
        self._redactor: InteractionRedactor | None = None
        self._place: Path | None = None
        self._given: TraceMapping | None = None
        self.newly_redacted = False
        self.report = ImportReport(source=request.origin or " ".join(request.sources), format="", files=0)

    def __enter__(self) -> Import:
        try:
            self._prepare()
            self._read()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def __iter__(self) -> Iterator[Interaction]:
        return iter(self._items)

    def __len__(self) -> int:
        return self._items.count

    def redacted(self, item: Interaction) -> Interaction:
        """An interaction that was kept before, as this import keeps it."""
        return item if self._redactor is None else self._redactor.interaction(item)

    def save_mapping(self) -> None:
        """Write the mapping to its place, where there is none yet. Raises OutputError.

        That the dataset is redacted is written in any case, so that no later import brings back what was replaced.
        """
        place, mapping = self.request.kept_mapping, self.report.mapping
        if place is None:
            return
        if mapping is not None and self.request.mapping is None and not place.exists():
            write(mapping, place, heard=self._census.heard, metadata=self._census.metadata)
        elif self._redactor is not None:
            remember_redaction(place)

    def _prepare(self) -> None:
        """Before anything is read: the mapping that is there already, and what redacts, where that is asked for."""
        request = self.request
        kept = request.kept_mapping if request.kept_mapping is not None and request.kept_mapping.exists() else None
        self._place = request.mapping or kept
        self._given = None if self._place is None else read_mapping(self._place)
        known = [one for one in (self._given, read_mapping(kept) if kept else None) if one is not None]
        self.newly_redacted = request.redact and not any(one.redacted for one in known)
        if request.redact or any(one.redacted for one in known):
            if request.redactor is None:
                raise InputError("this import is to replace personal data, and is given nothing that does")
            rules = next((one.redact for one in known if one.redact), {})
            self._redactor = request.redactor(rules)
            self.report.redaction = self._redactor.report

    def _read(self) -> None:
        request, report = self.request, self.report
        with (
            recognised(request.sources, format=request.format) as found,
            Rejects(request.rejects, self.tally, strict=request.strict, clean=self._clean()) as rejects,
        ):
            report.files = len(found.paths)
            report.left = tuple(str(path) for path in found.left)
            if found.format is None:
                if request.mapping is not None or request.unit is not None:
                    raise InputError(
                        f"{report.source!r} is in no format of traces, and a mapping or a unit is for traces",
                        hint=f"Leave it out, or name the format: {', '.join(found.tried)}.",
                    )
                report.format = "interactions"
                self._settle(self._plain(found))
            else:
                report.format = found.format.name
                self._settle(self._projected(found.format, found.paths, rejects))
            rejects.finish()
        report.dropped = dict(self.tally.reasons)
        report.notes = dict(self.tally.notes)

    def _projected(self, format: TraceFormat, paths: tuple[Path, ...], rejects: Rejects) -> Iterator[Interaction]:
        """Every interaction of the traces, under the mapping that is given, kept or proposed."""
        report = self.report
        with Spool(Trace) as traces:
            for one in format.read(paths, self.tally):
                if isinstance(one, Dropped):
                    self._reject(rejects, one.file, one.line, one.reason, one.raw)
                else:
                    self._census.add(one)
                    traces.put(one)
            report.census = self._census
            mapping = self._mapping(format.name)
            if self._redactor is not None:
                mapping = msgspec.structs.replace(mapping, redacted=True)
                self._redact_census(self._redactor)
            report.mapping = mapping
            tally = Tally()
            ids = Ids(tally)
            ids.new_file(report.source)
            for trace, projected in _through(traces, mapping):
                try:
                    if isinstance(projected, Unusable):
                        raise projected
                    item = ids.settle(projected, 0)
                except Unusable as unusable:
                    self._reject(rejects, trace, 0, _of_traces(unusable.reason), trace)
                    continue
                yield item

    def _plain(self, found: Recognised) -> Iterator[Interaction]:
        """Interactions that are there as such: tables, and JSON Lines."""
        tried = f"Tried were also: {', '.join(found.tried)}." if found.tried else None
        try:
            dataset = open_dataset(
                [str(path) for path in found.paths],
                strict=self.request.strict,
                rejects=self.request.rejects,
                clean=self._clean(),
            )
            yield from dataset
        except DataError as error:
            raise DataError(f"no known format fits: {error}", hint=tried) from error
        for one in dataset.tally.first_rejects:
            self._example(one.reason)
        if not dataset.tally.kept:
            reasons = "; ".join(one.reason for one in dataset.tally.first_rejects[:1])
            raise DataError(
                f"no known format fits {self.report.source!r}: as plain interactions, {reasons}", hint=tried
            )
        self.tally.read += dataset.tally.read
        self.tally.rejected += dataset.tally.rejected
        for reason, count in dataset.tally.reasons.items():
            self.tally.reasons[reason] = self.tally.reasons.get(reason, 0) + count
        for note, count in dataset.tally.notes.items():
            self.tally.note(note, count)

    def _mapping(self, format: str) -> TraceMapping:
        request, report = self.request, self.report
        if self._given is None:
            mapping = self._census.proposal(format)
        else:
            mapping, new = self._census.completed(self._given)
            report.new_feedback = tuple(new)
            report.mapping_file = str(self._place)
            if mapping.format is not None and mapping.format != format:
                raise InputError(
                    f"the mapping {str(self._place)!r} is for {mapping.format!r}, and the source is {format!r}",
                    hint="Name another mapping with --mapping, or keep this source under another name: --as NAME.",
                )
        if request.unit is not None:
            mapping = msgspec.structs.replace(mapping, unit=request.unit)
        return mapping

    def _settle(self, items: Iterator[Interaction]) -> None:
        """Draw, narrow down and count what is kept of the interactions."""
        request, report = self.request, self.report
        if request.sample is not None:
            drawn, design = draw_sample(items, request.sample, source=request.name)
            report.design = self._redacted_design(design)
            chosen: Iterable[Interaction] = drawn
        else:
            chosen = self._wanted(items)
        for item in chosen:
            if request.limit is not None and report.interactions >= request.limit:
                break
            if self._redactor is not None:
                item = self._redactor.interaction(item)
            self._count(item)
            self._items.put(item)

    def _clean(self) -> Callable[[Reject], Reject] | None:
        """What a reject goes through before it is counted and written."""
        redactor = self._redactor
        if redactor is None:
            return None
        return lambda reject: Reject(
            file=redactor.text(reject.file),
            line=reject.line,
            reason=redactor.text(reject.reason),
            raw=redactor.row(reject.raw),
        )

    def _redact_census(self, redactor: InteractionRedactor) -> None:
        """What was found, as the preview and the mapping's remarks tell it, without what is personal."""
        for heard in self._census.heard.values():
            heard.values = _summed((redactor.text(value), count) for value, count in heard.values.items())
        self._census.metadata = _summed((redactor.name(key), count) for key, count in self._census.metadata.items())

    def _redacted_design(self, design: SamplingDesign) -> SamplingDesign:
        """How a sample was drawn, without what is personal in the values that it was drawn by."""
        if self._redactor is None:
            return design
        text = self._redactor.text
        strata = {text(value): stratum for value, stratum in design.strata.items()}
        where = {key: text(value) for key, value in design.where.items()}
        return msgspec.structs.replace(design, strata=strata, where=where)

    def _wanted(self, items: Iterator[Interaction]) -> Iterator[Interaction]:
        for item in items:
            fits = all(value_of(item, key) == value for key, value in self.request.where.items())
            if fits and (not self.request.negative or is_negative(item)):
                yield item
            else:
                self.report.passed_over += 1

    def _count(self, item: Interaction) -> None:
        report = self.report
        report.first = report.first or item
        report.interactions += 1
        report.empty_outputs += item.output == "" and not item.is_pair
        report.with_context += item.context is not None
        report.with_reference += item.reference is not None
        for label in item.labels:
            counts = report.labels.setdefault(label.origin or "expert", {})
            said = label.verdict or "score only"
            counts[said] = counts.get(said, 0) + 1

    def _reject(self, rejects: Rejects, file: str, line: int, reason: str, raw: str) -> None:
        rejects.add(file, line, reason, raw)
        self._example(reason)

    def _example(self, reason: str) -> None:
        if self._redactor is not None:
            reason = self._redactor.text(reason)
        shown = self.report.examples.setdefault(reason.partition(":")[0], [])
        if len(shown) < _KINDS_SHOWN and reason not in shown:
            shown.append(reason)


def _summed(counts: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Counts by name, where the same name may come several times."""
    summed: dict[str, int] = {}
    for name, count in counts:
        summed[name] = summed.get(name, 0) + count
    return summed


def _of_traces(reason: str) -> str:
    """A reason without the line of a file, where there is none."""
    return re.sub(r"was first seen in (.*, )?line \d+, with", "came before, with", reason)


def _through(traces: Spool[Trace], mapping: TraceMapping) -> Iterator[tuple[str, Projected]]:
    """Every projected interaction, with the id of its trace."""
    if mapping.unit != "conversation":
        for trace in traces:
            for one in interactions_of(trace, mapping):
                yield trace.id, one
        return
    with Grouping() as conversations:
        for trace in traces:
            conversations.add(trace.conversation or f"\0{trace.id}", "trace", msgspec.to_builtins(trace))
        for _, records in conversations.groups():
            together = [msgspec.convert(record.value, Trace) for record in records]
            for one in conversation_of(together, mapping):
                yield together[-1].id, one


@dataclass(frozen=True)
class Kept:
    """What keeping changed in a dataset."""

    dataset: KeptDataset
    new: int
    changed: int
    same: int


def keep(store: Store, name: str, imported: Import) -> Kept:
    """Keep what was imported under a name: what is there already stays, is not doubled, and follows its source.

    A sample is a dataset of its own: DataError where the name holds something else.
    """
    before = store.find_dataset(name)
    design = imported.report.design
    if before is not None and (design is not None or before.info.design is not None) and before.info.design != design:
        raise DataError(
            f"there is a dataset {name!r} already, and it is not this sample",
            hint="Give another name with --as, or --out FILE.",
        )
    sources = tuple(dict.fromkeys([*(before.info.sources if before else ()), *_sources(imported.request)]))
    if before is None or design is not None:
        found = store.keep_dataset(name, imported, sources=sources, design=design)
        return Kept(
            found, new=len(imported) if before is None else 0, changed=0, same=0 if before is None else len(imported)
        )
    return _merge(store, before, imported, sources)


def _merge(store: Store, before: KeptDataset, imported: Import, sources: Sequence[str]) -> Kept:
    """The dataset with what is new behind it, and what changed in its place.

    Where it is redacted for the first time, what is in the source no more is redacted too.
    """
    newly = imported.newly_redacted
    here = set(before.ids())
    same = 0
    with Spool(Interaction) as behind, Spool(Interaction) as instead:
        for item in imported:
            if item.id in here:
                instead.put(item)
            else:
                behind.put(item)
        digests = {item.id: _fingerprint(item) for item in instead}
        for item in before:
            if digests.get(item.id) == _fingerprint(item):
                same += 1
                del digests[item.id]
        changed = {item.id: item for item in instead if item.id in digests}
        if not behind.count and not changed and not newly:
            return Kept(before, 0, 0, same)

        def together() -> Iterator[Interaction]:
            for item in before:
                yield changed.get(item.id) or (imported.redacted(item) if newly else item)
            yield from behind

        found = store.keep_dataset(before.name, together(), sources=sources)
        new = behind.count
    return Kept(found, new, len(changed), same)


def _fingerprint(item: Interaction) -> bytes:
    return hashlib.sha256(msgspec.json.encode(item, order="deterministic")).digest()


def _sources(request: ImportRequest) -> list[str]:
    return [request.origin] if request.origin else [str(Path(one).absolute()) for one in request.sources]


def contract_line(item: Interaction) -> bytes:
    """An interaction as a line of JSON that names only what it has."""
    line = {key: value for key, value in msgspec.to_builtins(item).items() if value not in (None, {}, (), [])}
    for label in line.get("labels", ()):
        label.pop("id", None)
    return msgspec.json.encode(line)
