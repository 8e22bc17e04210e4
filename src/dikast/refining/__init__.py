"""Refining a judge: rounds of changes, each measured on labelled interactions, kept when better by more than noise.

A round looks where the judge and the expert differ, takes the changes that plain search and a model propose, judges the
dev interactions with each, and keeps the one that leads by more than noise at the least cost. Many changes are tried on
the same labels, so each must lead by more (`agreement.choosing.error_allowed`); whoever thought of a change is not
tested on what it saw; and what was reached must still be measured on labels that nothing was chosen by.
"""

from dikast.refining.rounds import LEAST_ITEMS, Optimizer, Plan, Refined, Refining

__all__ = ["LEAST_ITEMS", "Optimizer", "Plan", "Refined", "Refining"]
