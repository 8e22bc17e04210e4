"""What each page says, worked out. The templates only loop and branch; every field is one of their variables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from markupsafe import Markup


@dataclass(frozen=True, slots=True)
class Row:
    """A name and what is said of it."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Link:
    """A link that the project configures, filled in for this interaction."""

    name: str
    url: str


@dataclass(frozen=True, slots=True)
class Passage:
    """A text as what it is. `html` is safe; `raw` is the same as it was written, "" where that would say it twice."""

    kind: str
    html: Markup
    raw: str
    cut: str


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool's call or answer, folded: what it is called, and what is in it."""

    name: str
    html: Markup


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a chat; a text that is no chat is one message without a role."""

    role: str
    tone: str
    folded: str
    passages: tuple[Passage, ...]
    tools: tuple[Tool, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """One part of an interaction (input, output, ...). `whole` is where the uncut text is, "" where nothing is cut."""

    anchor: str
    name: str
    open: bool
    judged: bool
    length: str
    messages: tuple[Message, ...]
    whole: str


@dataclass(frozen=True, slots=True)
class Choice:
    """One verdict or score that can be given: its value in the form, its key, and whether it is chosen."""

    value: str
    key: str
    name: str
    tone: str
    meaning: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class Opinion:
    """A verdict and why, of somebody: the judge, another tab, another person, or an earlier revision."""

    who: str
    verdict: str
    tone: str
    critique: str
    when: str
    note: str = ""
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Compared:
    """The judge's verdict beside the expert's, once that is saved."""

    agrees: bool
    words: str
    judge: Opinion
    mine: Opinion


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the queue is: for the bar, in words, and what is still needed."""

    done: int
    total: int
    words: str
    pace: str
    tallies: tuple[Row, ...]
    needs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LabelForm:
    """What one label is written in, filled with what was said last. key: tells it apart from all other labels."""

    key: str
    question: str
    choices: tuple[Choice, ...]
    critique_help: str
    critique: str
    note: str
    tags: str
    known_tags: str
    coded: bool
    revision: int
    state: str
    state_words: str


@dataclass(frozen=True, slots=True)
class Opinions:
    """What is said besides the form. blind: the judge's word is hidden as yet; sealed: it is never shown here."""

    compared: Compared | None
    blind: bool
    sealed: bool
    others: tuple[Opinion, ...]
    conflict: Opinion | None
    history: tuple[Opinion, ...]


@dataclass(frozen=True, slots=True)
class ItemPage:
    """One interaction to be judged; each field is a variable of templates/item.html.j2."""

    t: Mapping[str, str]
    title: str
    csrf: str
    dataset: str
    annotator: str
    place: int
    position: str
    queue: str
    measuring: bool
    parts: tuple[Part, ...]
    metadata: tuple[Row, ...]
    links: tuple[Link, ...]
    form: LabelForm
    opinions: Opinions
    notice: str
    notice_like: str
    more_like: str
    alarm: str
    progress: Progress
    base: str
    previous: str
    next: str
    keys: tuple[Row, ...]
    script_words: str


@dataclass(frozen=True, slots=True)
class Bar:
    """One annotator's labels: how many of each verdict."""

    annotator: str
    total: str
    tallies: tuple[Row, ...]
    drift: str


@dataclass(frozen=True, slots=True)
class RunRow:
    """One run of the store; url and card lead to its pages, "" where it has none."""

    name: str
    url: str
    card: str
    judge: str
    model: str
    dataset: str
    counts: str
    started: str
    current: bool


@dataclass(frozen=True, slots=True)
class Disagreement:
    """An item on which judge and expert differ."""

    url: str
    id: str
    expert: Opinion
    judge: Opinion


@dataclass(frozen=True, slots=True)
class FigureRow:
    """One statistic with its interval."""

    name: str
    value: str
    interval: str
    n: str


@dataclass(frozen=True, slots=True)
class AgreementView:
    """How far a run agrees with the labels. pending: it is being worked out, as of now nothing or an older state."""

    run: str
    url: str
    sentence: str
    tone: str
    needs: tuple[str, ...]
    figures: tuple[FigureRow, ...]
    refused: str
    pending: bool


@dataclass(frozen=True, slots=True)
class PeopleView:
    """Who labelled how much, how far they agree, and on how many interactions they still differ."""

    people: tuple[Bar, ...]
    figures: tuple[FigureRow, ...]
    words: str
    disputes: str
    pending: bool


@dataclass(frozen=True, slots=True)
class DashboardPage:
    """Where the work stands; each field is a variable of templates/dashboard.html.j2."""

    t: Mapping[str, str]
    title: str
    dataset: str
    annotator: str
    queue: str
    measuring: bool
    progress: Progress
    go_on: str
    labelling: PeopleView
    datasets: tuple[Row, ...]
    runs: tuple[RunRow, ...]
    agreement: AgreementView | None


@dataclass(frozen=True, slots=True)
class Pages:
    """Where one is in a long list: addresses of the pages before and after, "" at the ends."""

    words: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Filter:
    """One way to narrow a list, and how many it leaves."""

    name: str
    url: str
    n: str
    current: bool


@dataclass(frozen=True, slots=True)
class DisputeRow:
    """One interaction on which people differ, with all that they said; settled: by whom or how, "" while it is open."""

    url: str
    id: str
    opinions: tuple[Opinion, ...]
    settled: str


@dataclass(frozen=True, slots=True)
class DisputesPage:
    """Where people differ; each field is a variable of templates/disputes.html.j2."""

    t: Mapping[str, str]
    title: str
    dataset: str
    words: str
    hidden: str
    start: str
    filters: tuple[Filter, ...]
    rows: tuple[DisputeRow, ...]
    pages: Pages
    notice: str
    back: str


@dataclass(frozen=True, slots=True)
class Side:
    """One way to settle: to side with somebody (key), or another verdict. critique: what the box is filled with."""

    value: str
    key: str
    name: str
    verdict: str
    tone: str
    critique: str
    when: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class DisputePage:
    """One interaction on which people differ, to be settled; a variable each of templates/dispute.html.j2."""

    t: Mapping[str, str]
    title: str
    csrf: str
    place: int
    position: str
    parts: tuple[Part, ...]
    metadata: tuple[Row, ...]
    sides: tuple[Side, ...]
    levels: tuple[Side, ...]
    critique: str
    item_key: str
    rule: str
    may_settle: bool
    may_withdraw: bool
    notice: str
    back: str
    alarm: str
    previous: str
    next: str
    keys: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Mark:
    """One point of a plot with its interval; low and high are the ends' heights in the drawing."""

    x: str
    y: str
    low: str
    high: str


@dataclass(frozen=True, slots=True)
class Series:
    """One figure over the runs: its line, point by point, and how it is drawn."""

    name: str
    tone: str
    line: str
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True)
class Tick:
    """A line across a plot, or a name under it."""

    at: str
    name: str


@dataclass(frozen=True, slots=True)
class Plot:
    """Figures over runs as a drawing; `words` says the same for those who can't see it."""

    title: str
    words: str
    width: str
    height: str
    left: str
    right: str
    bottom: str
    rows: tuple[Tick, ...]
    columns: tuple[Tick, ...]
    series: tuple[Series, ...]


@dataclass(frozen=True, slots=True)
class IterationRow:
    """One run among others. fresh: its judge's version is another than that of the run before."""

    number: str
    run: str
    url: str
    card: str
    judge: str
    fresh: bool
    started: str
    figures: tuple[FigureRow, ...]
    n: str
    refused: str


@dataclass(frozen=True, slots=True)
class IterationsPage:
    """Agreement over all runs of the dataset; a variable each of templates/iterations.html.j2."""

    t: Mapping[str, str]
    title: str
    dataset: str
    words: str
    columns: tuple[str, ...]
    plots: tuple[Plot, ...]
    rows: tuple[IterationRow, ...]
    empty: str
    pending: bool


@dataclass(frozen=True, slots=True)
class RunPage:
    """One run against the standing labels, item by item; a variable each of templates/run.html.j2."""

    t: Mapping[str, str]
    title: str
    run: RunRow
    agreement: AgreementView
    words: str
    left_out: tuple[str, ...]
    filters: tuple[Filter, ...]
    rows: tuple[Disagreement, ...]
    pages: Pages


@dataclass(frozen=True, slots=True)
class MessagePage:
    """A page that says one thing: an error, or that the queue is done; a variable each of templates/message.html.j2."""

    t: Mapping[str, str]
    title: str
    sentences: tuple[str, ...]
    link: str
    link_words: str
