"""Judging one interaction: the judge asks, in the way its definition says, and a Verdict comes out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from dikast.judges.one_word import token_opinion
from dikast.judges.opinion import Ask, Opinion, Question
from dikast.judges.pairs import both_orders
from dikast.judges.rendering import lacking
from dikast.judges.verdicts import failed_verdict, made_verdict, unfit_verdict
from dikast.judges.voting import voted_opinion
from dikast.judges.written import written_opinion
from dikast.models.endpoint import Facts
from dikast.records import Interaction, Verdict

if TYPE_CHECKING:
    from dikast.judges.definition import Judge
    from dikast.judges.retrieval import Retriever

__all__ = ["Ask", "assess", "failed_verdict"]


async def assess(
    judge: Judge, interaction: Interaction, ask: Ask, facts: Facts | None, retriever: Retriever | None = None
) -> Verdict:
    """A judge's verdict on one interaction. EndpointErrors of `ask` pass through.

    A pair is asked in both orders; a fast judge's verdict is read from its token's distribution; a judge with votes
    asks for each. facts: what the endpoint honours; None if nothing is known of it. retriever: finds the examples of a
    judge that retrieves them; their ids stand in the verdict's details.
    """
    if judge.retrieve is not None and retriever is None:
        raise TypeError(f"judge {judge.name!r} retrieves its examples, and there is no retriever")
    if reason := lacking(judge, interaction):
        return unfit_verdict(judge, interaction, facts, reason)
    examples = await retriever.examples_for(interaction) if retriever else ()
    question = Question(judge, interaction, ask, facts, examples=examples)
    opinion = await _opinion(question)
    if judge.mode == "pairwise":
        other = await _opinion(msgspec.structs.replace(question, swapped=True))
        opinion = both_orders(judge.form(), opinion, other)
    if retriever:
        opinion.details["examples"] = [example.id for example in examples]
    return made_verdict(judge, interaction, facts, opinion)


async def _opinion(question: Question) -> Opinion:
    """One order's opinion. A fast judge's distribution needs no votes; they count its samples where it has none."""
    if question.judge.fast:
        return await token_opinion(question)
    if question.judge.votes > 1:
        return await voted_opinion(question)
    return await written_opinion(question)
