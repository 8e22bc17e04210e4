"""How a judge came to be, as one HTML file that needs nothing else: agreement by version, and what each change did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version

import msgspec

from dikast.judges.diff import Change, text_diff
from dikast.judges.history import Flip, History, Round, Said, Session, Tried, versions_of
from dikast.records import Json
from dikast.report.figures import count, number, percent, seconds
from dikast.report.html import environment
from dikast.report.page import Row
from dikast.report.text import one_line

TEMPLATE = "history.html.j2"

# The picture's size in its own units; the frame within begins at LEFT, TOP.
WIDTH, HEIGHT, LEFT, TOP, ACROSS, DOWN = 420, 280, 48, 12, 360, 220
_TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)
_MOST_FLIPS = 30
_LONGEST_DIFF = 6_000


@dataclass(frozen=True, slots=True)
class VersionRow:
    """One version, in the table and in the picture. honest: where it would be without having been chosen, or None."""

    number: int
    name: str
    what: str
    again: bool
    value: str
    interval: str
    n: str
    cost: str
    x: float
    y: float
    low: float
    high: float
    honest: float | None


@dataclass(frozen=True, slots=True)
class TriedRow:
    """One change that was tried."""

    what: str
    kind: str
    kept: bool
    value: str
    lead: str
    interval: str
    cost: str
    note: str


@dataclass(frozen=True, slots=True)
class FlipCard:
    """An interaction on which a change made a difference, with what was said of it."""

    id: str
    input: str
    output: str
    expert: Row
    before: Row
    after: Row


@dataclass(frozen=True, slots=True)
class DiffPart:
    """What changed in one place of the definition, as the lines of a diff."""

    key: str
    text: str


@dataclass(frozen=True, slots=True)
class RoundView:
    """One round."""

    title: str
    words: tuple[str, ...]
    tried: tuple[TriedRow, ...]
    diff: tuple[DiffPart, ...]
    fixed: tuple[FlipCard, ...]
    broken: tuple[FlipCard, ...]
    fixed_words: str
    broken_words: str


@dataclass(frozen=True, slots=True)
class SessionView:
    """One refinement."""

    title: str
    facts: tuple[Row, ...]
    end: str
    rounds: tuple[RoundView, ...]


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark on the picture's left side."""

    y: float
    label: str


@dataclass(frozen=True, slots=True)
class HistoryView:
    """The whole page. lines: the versions of each session as the points of a line."""

    name: str
    head: tuple[Row, ...]
    end: str
    versions: tuple[VersionRow, ...]
    lines: tuple[str, ...]
    ticks: tuple[Tick, ...]
    target: float | None
    target_label: str
    described: str
    note: str
    sessions: tuple[SessionView, ...]
    made_by: str


def render_history(name: str, history: History) -> str:
    """The page as one HTML document that needs nothing else."""
    return environment().get_template(TEMPLATE).render(page=history_view(name, history))


def history_view(name: str, history: History) -> HistoryView:
    """What the page says."""
    versions = version_rows(history)
    sessions = history.sessions
    last = sessions[-1] if sessions else None
    return HistoryView(
        name=one_line(name, 120),
        head=_head(history),
        end=last.end_words if last else "This judge was never refined.",
        versions=versions,
        lines=_lines(history, versions),
        ticks=tuple(Tick(_y(tick), f"{tick:.0%}") for tick in _TICKS),
        target=_y(last.target) if last else None,
        target_label=f"{last.target:.0%}" if last else "",
        described=f"{count(len(versions), 'version')} with intervals; the table below holds the figures.",
        note=honest_words(last) if last else "",
        sessions=tuple(_session(number, one) for number, one in enumerate(sessions, 1))[::-1],
        made_by=f"Dikast {version('dikast')}",
    )


def version_rows(history: History) -> tuple[VersionRow, ...]:
    """Each version with its agreement, in order."""
    found = versions_of(history)
    step = ACROSS / max(len(found), 1)
    rows = []
    for place, (session, tried, is_first) in enumerate(found):
        chosen = tried is session.last and not is_first
        rows.append(
            VersionRow(
                number=place + 1,
                name=one_line(f"{tried.judge.version[:8]}", 120),
                what=("measured again" if place else "as it was") if is_first else one_line(tried.what, 300),
                again=bool(is_first and place),
                value=percent(tried.agreement),
                interval=f"{tried.agreement_low * 100:.0f} to {tried.agreement_high * 100:.0f} %",
                n=f"{session.items - tried.left_out:,}",
                cost=cost_words(tried),
                x=round(LEFT + step * (place + 0.5), 2),
                y=_y(tried.agreement),
                low=_y(tried.agreement_low),
                high=_y(tried.agreement_high),
                honest=_y(session.honest) if chosen else None,
            )
        )
    return tuple(rows)


def cost_words(tried: Tried) -> str:
    """What one interaction takes: time, calls, tokens."""
    cost = tried.cost
    return f"{seconds(cost.seconds)}, {count_of(cost.calls)}, {cost.tokens:,.0f} tokens"


def count_of(calls: float) -> str:
    """A mean number of calls in words."""
    return "1 call" if calls == 1 else f"{number(round(calls, 2))} calls"


def honest_words(session: Session) -> str:
    """What the figure is worth that was reached by choosing."""
    words = []
    if session.chosen_on_before:
        words.append(
            f"{session.chosen_on_before:,} of these {session.items:,} interactions served to choose this judge before, "
            "so its first figure here is too good already."
        )
    if len(session.versions) > 1:
        words.append(
            f"The last version was chosen on these labels, which flatters it by about {session.optimism * 100:.1f} "
            f"points: expect {percent(session.honest)} on new interactions."
        )
    return " ".join([*words, "Measure it where nothing was chosen, on the sealed test."]) if words else ""


def _head(history: History) -> tuple[Row, ...]:
    if not history.sessions:
        return ()
    first, last = history.sessions[0], history.sessions[-1]
    rows = [
        Row("began at", _figure(first.first)),
        Row("now", _figure(last.last)),
        Row("refined", count(len(history.sessions), "time")),
        Row("changes tried", f"{sum(len(one.tried) for each in history.sessions for one in each.rounds):,}"),
    ]
    if len(last.versions) > 1:
        rows.insert(2, Row("expected on new ones", percent(last.honest)))
    return tuple(rows)


def _session(place: int, one: Session) -> SessionView:
    facts = (
        Row("when", one.at[:16].replace("T", " ") + " UTC"),
        Row("tried on", f"{one.items:,} interactions of {one_line(one.data, 80)}"),
        Row("model", one_line(one.model, 80)),
        Row("agreement", one.measure),
        Row("asked for", f"{one.target:.0%}; as good is within {one.margin:.0%}"),
        Row("from, to", f"{_figure(one.first)}; {_figure(one.last)}"),
        Row("model calls made", f"{one.calls:,}"),
    )
    rounds = tuple(_round(each) for each in one.rounds)
    return SessionView(title=f"Session {place}", facts=facts, end=one.end_words, rounds=rounds)


def _round(one: Round) -> RoundView:
    kept = one_line(one.kept, 300) if one.kept else "nothing kept"
    dropped = sum(tried.dropped_after is not None for tried in one.tried)
    words = [
        f"{count(len(one.tried), 'change')} tried, {dropped} given up early; each may be kept by mistake with a chance "
        f"of {one.error * 100:.2g} % at most."
    ]
    words += [text for text in (one.word, f"Not taken: {one.suggested}." if one.suggested else "") if text]
    if one.why == "cheaper":
        words.insert(0, "Kept because it costs less and is as good.")
    return RoundView(
        title=f"Round {one.number}: {kept}",
        words=tuple(one_line(text, 500) for text in words),
        tried=tuple(_tried(each, one.kept) for each in one.tried),
        diff=tuple(_diff(change) for change in one.changes),
        fixed=tuple(_flip(flip) for flip in one.fixed[:_MOST_FLIPS]),
        broken=tuple(_flip(flip) for flip in one.broken[:_MOST_FLIPS]),
        fixed_words=_of("disagreement", one.fixed, "fixed"),
        broken_words=_of("interaction", one.broken, "broken"),
    )


def _of(noun: str, flips: Sequence[Flip], what: str) -> str:
    shown = f"; shown are {_MOST_FLIPS}" if len(flips) > _MOST_FLIPS else ""
    return f"{count(len(flips), noun)} {what}{shown}"


def _tried(one: Tried, kept: str | None) -> TriedRow:
    bounds = "–"
    if one.lead is not None and one.lead_low is not None and one.lead_high is not None:
        bounds = f"{one.lead_low * 100:+.0f} to {one.lead_high * 100:+.0f}"
    note = [f"given up after {one.dropped_after}"] if one.dropped_after is not None else []
    note += [f"tested on {one.n}"] if one.dropped_after is None else []
    note += [f"{one.left_out} unanswered"] if one.left_out else []
    return TriedRow(
        what=one_line(one.what, 300),
        kind=one.kind,
        kept=one.what == kept,
        value=percent(one.agreement),
        lead="–" if one.lead is None else f"{one.lead * 100:+.1f}",
        interval=bounds,
        cost=cost_words(one),
        note=", ".join(note),
    )


def _diff(change: Change) -> DiffPart:
    before, after = _text(change.before), _text(change.after)
    lines = [line for line in text_diff(before, after) if not line.startswith("@@")]
    return DiffPart(one_line(change.key, 200), "\n".join(lines)[:_LONGEST_DIFF])


def _text(value: Json) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


def _flip(one: Flip) -> FlipCard:
    return FlipCard(
        one_line(one.id, 120), one.input, one.output, _said(one.expert), _said(one.before), _said(one.after)
    )


def _said(one: Said) -> Row:
    value = number(one.verdict) if isinstance(one.verdict, float) else str(one.verdict)
    return Row(value, one.critique or "–")


def _figure(tried: Tried) -> str:
    return f"{percent(tried.agreement)} ({tried.agreement_low * 100:.0f} to {tried.agreement_high * 100:.0f} %)"


def _lines(history: History, rows: Sequence[VersionRow]) -> tuple[str, ...]:
    lines, at = [], 0
    for session in history.sessions:
        part = rows[at : at + len(session.versions)]
        at += len(session.versions)
        lines.append(" ".join(f"{row.x},{row.y}" for row in part))
    return tuple(lines)


def _y(share: float) -> float:
    return round(TOP + DOWN * (1 - share), 2)
