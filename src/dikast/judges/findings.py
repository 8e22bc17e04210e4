"""What lint can find, and the field's reason for each."""

from __future__ import annotations

from typing import Literal

import msgspec

Severity = Literal["error", "warning", "info"]

WHY = {
    "vague-level": (
        "Words such as good or somewhat mean something else to everybody; say what can be seen in an output of "
        "this level."
    ),
    "no-nothing-list": "Models favour long, polite, well-formatted text unless they are told that none of it counts.",
    "small-pool": (
        "With so little to choose from, what is found is hardly more alike than fixed examples are, and costs a vector "
        "for each interaction."
    ),
    "unbalanced-examples": (
        "A judge takes the share of its examples for the share in the world, and leans to the side that it has "
        "seen more of."
    ),
    "no-fence": (
        "It is put in as it is, so a text that imitates your markers can pretend to be instructions; prompts that "
        "Dikast writes use a marker that it cannot contain."
    ),
    "short-task": (
        "One sentence that says what is decided for this very application raises agreement more than most tuning, "
        "and costs nothing."
    ),
    "no-examples": (
        "Examples with reasons are what small models lean on most: without them an 8B judge was seen to lose 15 "
        "points of agreement."
    ),
    "many-criteria": (
        "Beyond five or so, a model lets one impression colour all of them; several judges with a few criteria "
        "each tell more."
    ),
    "ordinal-scale": (
        "Pass or fail with a critique is easier to agree on and to act on; keep a scale where you use the steps "
        "between."
    ),
    "same-votes": "At temperature 0 the votes are nearly copies of one answer; at 0.5 to 1 they show doubt.",
    "even-votes": "An even number can end without a majority; most of the gain is reached with three.",
    "few-tokens": (
        "A critique of three sentences takes about 100, and thinking takes hundreds more; an answer that is cut "
        "off has no verdict."
    ),
    "no-json": "A described JSON object can be enforced by most servers; free text is where verdicts get lost.",
    "doubled-braces": "The text is sent as it stands, doubled braces too; the model is shown JSON that is none.",
    "missing-levels": "A level without a meaning is filled in by every model and person, each in their own way.",
    "interaction-first": (
        "Servers keep what they computed only up to the first change: with the rules first, a local model was seen"
        " to judge 2.8 times as many items."
    ),
    "unfit-data": "They would end as failed, without a verdict.",
    "hidden-context": "A judge that sees less than the person who labelled can't come to the same verdicts.",
    "example-context": "Examples work by likeness; without the context they show another task.",
    "leaked-example": "The judge has been told their verdicts, so they must not be counted when it is measured.",
    "too-long": "Some servers cut what is too long without a word, and the judge then judges something else.",
    "terse-critique": (
        "Terse critiques are the most common mistake: a reason that a new colleague would not understand teaches a"
        " judge nothing."
    ),
    "incomplete-example": (
        "The example shows an answer that lacks what the judge is asked for, and models imitate examples before "
        "instructions."
    ),
    "double-barrelled": "Where one holds and the other does not, no verdict is right; make two criteria of it.",
    "bare-criterion": "A name alone is read as whatever the model has met under it most often.",
    "weights-sum": "They are shares of their sum in any case; a sum of 1 or 100 shows that none was forgotten.",
    "unused-weights": "Weights count only where the overall is 'weighted'; the judge is not told of them.",
    "no-overall": "Without one there is nothing to rank, to count or to compare with people's labels.",
    "stays-put": "Only what it gave no verdict on would ever get to the stages after it.",
    "no-later-stage": "There is nowhere to go on to, so it changes nothing.",
    "same-stage": "It would say the same again, and take as long.",
    "unknown-confidence": (
        "A written answer has a confidence only where its server lists token probabilities, or where votes are "
        "counted; without one, every interaction goes on."
    ),
    "unknown-price": "What a run costs can then neither be foretold nor kept to a budget.",
    "cloud-first": "Everything would leave; the local stages before a cloud are what keeps most of it here.",
    "unused-part": "With a prompt of your own only what stands in it is sent.",
}


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is likely to make a judge worse. where: the key in the definition. why: the field's reason."""

    code: str
    severity: Severity
    where: str
    message: str
    why: str


def finding(code: str, where: str, message: str, severity: Severity = "warning") -> Finding:
    """The finding of this code, with its reason."""
    return Finding(code=code, severity=severity, where=where, message=message, why=WHY[code])
