"""What is said of a judge, as a code with its values; the English for each code, from which other languages follow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

_SHARE = "{value:.0f} % ({level:.0f} % interval {low:.0f} to {high:.0f}, n = {n:,})"
_PLAIN = "{value:.2f} ({low:.2f} to {high:.2f})"
_RATE = f"it {{does}} {_SHARE} of the {{of}}"
_CORRELATION = f"Spearman's correlation with people is {_PLAIN}"
_AREA = f"a passed item scores above a failed one in {_SHARE}"
_IF_RATE = "if the rate stays as it is"
_IF_FIGURE = "if the figure stays as it is"

ENGLISH: Mapping[str, str] = MappingProxyType(
    {
        "trusted": "Trusted: {reasons}.",
        "not_yet": "Not yet: {reasons}.",
        "no": "Not to be trusted: {reasons}.",
        "undefined": "{reason}",
        "rate": _RATE,
        "rate_under": _RATE + ", under the {bar:.0f} % asked for",
        "rate_short": _RATE + ", and {bar:.0f} % is asked of the low end",
        "correlation": _CORRELATION,
        "correlation_under": _CORRELATION + ", under the {bar:g} asked for",
        "correlation_short": _CORRELATION + ", and {bar:g} is asked of the low end",
        "area": _AREA,
        "area_under": _AREA + ", under the {bar:g} asked for",
        "area_short": _AREA + ", and {bar:g} is asked of the low end",
        "chance": f"its {{figure}} of {_PLAIN} can't be told from chance ({{chance:g}})",
        "worse_than_chance": f"its {{figure}} of {_PLAIN} is worse than chance ({{chance:g}})",
        "no_baselines": "trivial baselines were not tried, as the texts are not known",
        "no_baselines_why": "trivial baselines were not tried ({reason})",
        "no_lead": "it can't be compared with a trivial baseline: {reason}",
        "leads": f"it leads the best trivial baseline, {{name}} ({{meaning}}), by {_PLAIN}",
        "behind": f"a trivial baseline does better: {{name}} ({{meaning}}), by {_PLAIN}",
        "adds_nothing": "it adds nothing that shows over a trivial baseline, {name} ({meaning}): its lead is " + _PLAIN,
        "need_first": "{fewest:,} {labelled} labelled if the judge gets all of them right; {likely:,} if {share:.0f} %",
        "need_rate_far": "more than {most:,} more {labelled} labelled: {value:.1f} % is too close to {bar:.0f} %",
        "need_rate_reaches": f"{{more:,}} more {{labelled}} labelled, to show it reaches {{bar:.0f}} %, {_IF_RATE}",
        "need_rate_under": f"{{more:,}} more {{labelled}} labelled, to show it is under {{bar:.0f}} %, {_IF_RATE}",
        "need_far": "more than {most:,} more items labelled: at {value:.2f} it is too close to the bar of {bar:g}",
        "need_reaches": f"{{more:,}} more items labelled, to show it reaches {{bar:g}}, {_IF_FIGURE}",
        "need_under": f"{{more:,}} more items labelled, to show it is under {{bar:g}}, {_IF_FIGURE}",
        "need_items": "{more:,} more items labelled",
        "need_varied": "labels and verdicts that differ from item to item",
        "need_both_kinds": "labels of both kinds: {reason}",
        "need_chance": "{more:,} more {unit}, to tell it from chance",
        "need_better": "a better judge: so far the trivial baseline is as good or better",
        "need_lead": "{more:,} more items labelled, to show a lead of {lead:.2f} over {name}",
        "need_lead_far": "more than {most:,} more items labelled, to show a lead of {lead:.2f} over {name}",
    }
)


@dataclass(frozen=True, slots=True)
class Said:
    """One thing said of a judge. code: a key of `ENGLISH`; values: what the sentence is filled with."""

    code: str
    values: Mapping[str, float | int | str] = field(default_factory=dict)

    @property
    def english(self) -> str:
        """The sentence in English, without a full stop."""
        return ENGLISH[self.code].format(**self.values)
