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
    choices: tuple[Choice, ...]
    question: str
    critique: str
    revision: int
    state: str
    state_words: str
    item_key: str
    compared: Compared | None
    blind: bool
    others: tuple[Opinion, ...]
    conflict: Opinion | None
    history: tuple[Opinion, ...]
    notice: str
    alarm: str
    progress: Progress
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
    """One run of the store."""

    name: str
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
    """How far the given run agrees with the labels."""

    run: str
    sentence: str
    tone: str
    needs: tuple[str, ...]
    figures: tuple[FigureRow, ...]
    refused: str


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
    people: tuple[Bar, ...]
    datasets: tuple[Row, ...]
    runs: tuple[RunRow, ...]
    agreement: AgreementView | None
    disagreements: tuple[Disagreement, ...]
    disagreements_words: str


@dataclass(frozen=True, slots=True)
class MessagePage:
    """A page that says one thing: an error, or that the queue is done; a variable each of templates/message.html.j2."""

    t: Mapping[str, str]
    title: str
    sentences: tuple[str, ...]
    link: str
    link_words: str
