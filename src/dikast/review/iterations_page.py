"""Agreement over iterations: every run of the dataset against the labels as they stand, as a table and as a drawing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dikast.agreement.estimate import Estimate, Figure
from dikast.agreement.matching import Family
from dikast.report.text import one_line
from dikast.review.agreement_view import figure_row, run_url
from dikast.review.desk import Desk
from dikast.review.item_page import Asked
from dikast.review.measured import SHOWN, Measured, Measures
from dikast.review.page import IterationRow, IterationsPage, Mark, Plot, Series, Tick
from dikast.review.wording import language_of, translated

_WIDTH, _HEIGHT = 720.0, 300.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 52.0, 704.0, 14.0, 262.0
_TONES = ("first", "second", "third")
_APART = 7.0  # of several figures of one run, so that their intervals don't cover each other
_MOST_NAMES = 24


def iterations_page(desk: Desk, measures: Measures, asked: Asked) -> IterationsPage:
    """The table, a drawing for each kind of figure, or why there is nothing yet."""
    t = asked.t
    known = measures.iterations()
    runs: Sequence[Measured] = known.value or ()
    families: list[Family] = list(dict.fromkeys(one.matched.family for one in runs if one.matched is not None))
    names = tuple(name for family in families for name in SHOWN[family])
    sealed = max((one.sealed for one in runs), default=0)
    return IterationsPage(
        t=t,
        title=t["iterations"],
        dataset=desk.dataset.name,
        words=t["iterations_sealed"].format(n=f"{sealed:,}") if sealed else "",
        columns=tuple(figure_row(name, _NOTHING, t).name for name in names),
        plots=tuple(_plot(runs, family, t) for family in families),
        rows=tuple(_row(number, one, runs, names, t) for number, one in enumerate(runs, start=1)),
        empty="" if runs or not known.fresh else t["iterations_none"],
        pending=not known.fresh,
    )


_NOTHING = Estimate(0.0, 0.0, 0.0, 0, "")


def _row(
    number: int, one: Measured, runs: Sequence[Measured], names: Sequence[str], t: Mapping[str, str]
) -> IterationRow:
    info, url = one.info, run_url(one.info.name)
    before = runs[number - 2].info.judge if number > 1 else None
    rows = [figure_row(name, one.figures[name], t) if name in one.figures else None for name in names]
    refused = translated(one.refused, language_of(t)) if one.refused else "" if one.matched else t["run_unlabelled"]
    return IterationRow(
        number=f"{number:,}",
        run=one_line(info.name, 60),
        url=url,
        card=f"{url}/card",
        judge=f"{one_line(info.judge.name, 40)} {info.judge.version[:8]}",
        fresh=before is not None and before != info.judge,
        started=info.started_at[:16].replace("T", " "),
        figures=tuple(row or figure_row("", _NOTHING, t, "–") for row in rows) if one.matched else (),
        n=f"{len(one.matched.verdicts):,}" if one.matched else "",
        refused=refused,
    )


def _plot(runs: Sequence[Measured], family: Family, t: Mapping[str, str]) -> Plot:
    """The figures of one family over the runs, each with its interval; runs of another family leave a gap."""
    names = SHOWN[family]
    known = [
        [one.figures.get(name) if one.matched and one.matched.family == family else None for one in runs]
        for name in names
    ]
    floor = -1.0 if any(isinstance(one, Estimate) and one.low < 0 for row in known for one in row) else 0.0
    titles = [figure_row(name, _NOTHING, t).name for name in names]
    step = max(1, -(-len(runs) // _MOST_NAMES))
    return Plot(
        title=t["plot_title"].format(figures=t["comma"].join(titles)),
        words=_in_words(names[0], known[0], titles[0], t),
        width=f"{_WIDTH:.0f}",
        height=f"{_HEIGHT:.0f}",
        left=f"{_LEFT:.0f}",
        right=f"{_RIGHT:.0f}",
        bottom=f"{_BOTTOM:.0f}",
        rows=tuple(
            Tick(f"{_y(value, floor):.1f}", f"{value:g}" if family == "ordinal" else f"{value * 100:.0f} %")
            for value in (floor + (1 - floor) * part / 4 for part in range(5))
        ),
        columns=tuple(Tick(f"{_x(at, len(runs)):.1f}", f"{at + 1}") for at in range(0, len(runs), step)),
        series=tuple(
            _series(title, _TONES[at], row, (at - (len(names) - 1) / 2) * _APART, floor)
            for at, (title, row) in enumerate(zip(titles, known, strict=True))
        ),
    )


def _series(name: str, tone: str, figures: Sequence[Figure | None], shift: float, floor: float) -> Series:
    marks = []
    for at, figure in enumerate(figures):
        if isinstance(figure, Estimate):
            ends = [f"{_y(value, floor):.1f}" for value in (figure.value, figure.low, figure.high)]
            marks.append(Mark(f"{_x(at, len(figures)) + shift:.1f}", *ends))
    return Series(name, tone, " ".join(f"{mark.x},{mark.y}" for mark in marks), tuple(marks))


def _in_words(name: str, figures: Sequence[Figure | None], title: str, t: Mapping[str, str]) -> str:
    """What the drawing shows of its first figure, run by run."""
    rows = [
        (number, figure_row(name, figure, t, title))
        for number, figure in enumerate(figures, start=1)
        if isinstance(figure, Estimate)
    ]
    said = [t["plot_point"].format(number=number, value=row.value, interval=row.interval) for number, row in rows]
    return f"{title}: {t['comma'].join(said)}"


def _x(at: int, n: int) -> float:
    inner = _RIGHT - _LEFT - 48
    return _LEFT + 24 + (inner / 2 if n == 1 else inner * at / (n - 1))


def _y(value: float, floor: float) -> float:
    return _BOTTOM - (_BOTTOM - _TOP) * (min(1.0, max(floor, value)) - floor) / (1 - floor)
