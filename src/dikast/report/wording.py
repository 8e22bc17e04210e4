"""The words for what a summary holds, shared by the terminal and the page."""

from __future__ import annotations

from dikast.agreement.estimate import Estimate
from dikast.analysis.distribution import Distribution
from dikast.analysis.summary import RunSummary
from dikast.report.figures import count, interval, percent, seconds, value_of

HEADLINES = {
    "pass_fail": "Pass rate",
    "ordinal": "Mean overall score",
    "pairwise": "A is better",
    "none": "Result",
}
MEASURES = {"pass_rate": "pass rate", "mean": "mean overall score", "a_rate": "A is better", "none": ""}
SHAPES = {
    "too_few": "too few",
    "one_value": "one value",
    "two_humped": "two-humped",
    "flat": "flat",
    "healthy": "healthy",
    "systemic": "systemic",
    "mixed": "mixed",
    "no_shape": "no shape",
}
STATUS_WORDS = {
    "scored": "scored",
    "unparsed": "unparsed: the answer could not be read as a verdict",
    "refused": "refused: the model declined to judge",
    "failed": "failed: no answer came",
}
RANKINGS = {
    "lowest": "Lowest overall scores",
    "surest_fails": "Fails that the judge is surest of",
    "least_certain": "Least certain verdicts",
}
TONES = {"pass": "good", "fail": "bad", "a": "plain", "b": "plain", "tie": "muted"}


def is_share(summary: RunSummary) -> bool:
    """Whether the headline is a share, to be shown in percent."""
    return summary.kind in ("pass_fail", "pairwise")


def headline_value(summary: RunSummary) -> str:
    """The run's one figure, or that there is none."""
    return value_of(summary.headline, as_percent=is_share(summary)) if summary.headline.n else "no verdict"


def behind_headline(summary: RunSummary) -> str:
    """How many interactions stand behind the headline, and how many were left out."""
    scored, n = summary.counts["scored"], summary.n
    if not n:
        return "There are no results in this run."
    left = n - scored
    what = "pair" if summary.pairs else "interaction"
    words = f"{scored:,} of {count(n, what)} scored"
    words += f"; {left:,} left out, and in no figure here" if left else ", none left out"
    if summary.pairs and summary.pairs.tie:
        words += f"; {count(summary.pairs.tie, 'tie')} not counted"
    return words + "."


def figure_line(distribution: Distribution) -> str:
    """A distribution's figure with its interval, on one line."""
    shares = distribution.kind == "pass_fail"
    if not isinstance(distribution.figure, Estimate):
        return f"{distribution.n:,} scored"
    value = value_of(distribution.figure, as_percent=shares)
    name = "pass rate" if shares else "mean"
    return f"{name} {value}, {interval(distribution.figure, as_percent=shares)}, n\u00a0=\u00a0{distribution.n:,}"


def scale_note(distribution: Distribution) -> str:
    """What is to be known of the scale, where it was not recorded; else nothing."""
    if not distribution.scale_assumed:
        return ""
    if distribution.scale is None:
        return "The scale is not recorded in these results and can't be told from the values."
    low, high = distribution.scale
    return f"The scale is not recorded in these results; read as {low:g} to {high:g}, higher is better."


def notes(summary: RunSummary) -> tuple[str, ...]:
    """What a reader must know before trusting the figures."""
    found = []
    if len(summary.judges) > 1:
        named = ", ".join(f"{ref.name} {ref.version[:8]} ({times:,})" for ref, times in summary.judges[:5])
        found.append(f"These results mix {len(summary.judges)} judges or versions: {named}.")
    if len(summary.models) > 1 and summary.stages is None:  # a cascade's are its stages
        named = ", ".join(f"{model} ({times:,})" for model, times in list(summary.models.items())[:5])
        found.append(f"These results mix {len(summary.models)} models: {named}.")
    if summary.n and not summary.counts["scored"]:
        found.append("Not one interaction has a verdict; the reasons are counted below.")
    elif summary.counts["scored"] < 0.9 * summary.n:
        found.append(
            f"Only {percent(summary.counts['scored'] / summary.n)} have a verdict. If those left out differ from the "
            "rest, the figures below are off; see why they were left out."
        )
    if summary.reasons.smell:
        found.append(summary.reasons.smell)
    pairs = summary.pairs
    if pairs and pairs.both_orders and pairs.order_decided > 0.2 * pairs.both_orders:
        found.append(
            f"Order decided {percent(pairs.order_decided / pairs.both_orders)} of the pairs: "
            "the judge often prefers a place to an answer."
        )
    return tuple(found)


def latency_rows(summary: RunSummary) -> tuple[tuple[str, str], ...]:
    """Percentiles of the seconds an interaction took."""
    spread = summary.latency
    if spread is None:
        return ()
    return (
        ("half within", seconds(spread.p50)),
        ("90 % within", seconds(spread.p90)),
        ("95 % within", seconds(spread.p95)),
        ("99 % within", seconds(spread.p99)),
        ("slowest", seconds(spread.largest)),
        ("mean", seconds(spread.mean)),
        ("all, one after another", seconds(spread.total)),
    )


def token_rows(summary: RunSummary) -> tuple[tuple[str, str], ...]:
    """Calls and tokens."""
    usage = summary.usage
    if usage is None:
        return ()
    cached = percent(usage.cached_tokens / usage.prompt_tokens) if usage.prompt_tokens else "–"
    return (
        ("calls", f"{usage.calls:,}"),
        ("prompt tokens", f"{usage.prompt_tokens:,}"),
        ("of these from the server's cache", f"{usage.cached_tokens:,} ({cached})"),
        ("answer tokens", f"{usage.completion_tokens:,}"),
        ("tokens an interaction", f"{(usage.prompt_tokens + usage.completion_tokens) / max(1, summary.n):,.0f}"),
    )


def vote_rows(summary: RunSummary) -> tuple[tuple[str, str], ...]:
    """How votes went, where there were any."""
    votes = summary.votes
    if votes is None:
        return ()
    return (
        ("verdicts voted on", f"{votes.n:,}"),
        ("samples for each", f"{votes.samples / votes.n:.1f}"),
        ("unanimous", f"{votes.unanimous:,} ({percent(votes.unanimous / votes.n)})"),
    )


def stage_rows(summary: RunSummary) -> tuple[tuple[str, str], ...]:
    """How far a cascade's interactions went, where there was one."""
    found = summary.stages
    if found is None:
        return ()
    rows = []
    for one in found.stages:
        said = [f"{one.ended:,} of {found.n:,} ended here ({percent(one.ended / found.n)})", f"{one.asked:,} asked"]
        said += [f"{one.unanswered:,} without a verdict"] if one.unanswered else []
        said += [f"{seconds(one.seconds)} of model time", f"{one.tokens:,} tokens"]
        said += [f"${one.cost_usd:,.2f}"] if one.cost_usd else []
        said += ["left this machine"] if one.leaves else []
        rows.append((f"{one.name}: {one.model}", ", ".join(said)))
    if found.person:
        share = percent(found.person / found.n)
        rows.append(("a person", f"{found.person:,} wait for one ({share}): dikast review DATA --queue escalated"))
    if found.short:
        rows.append(("cut short", f"{found.short:,}: a later stage gave no verdict, and the one before it stands"))
    return tuple(rows)


def pair_rows(summary: RunSummary) -> tuple[tuple[str, str], ...]:
    """How pairs were decided."""
    pairs = summary.pairs
    if pairs is None:
        return ()
    rows = [("A is better", f"{pairs.a:,}"), ("B is better", f"{pairs.b:,}"), ("tie", f"{pairs.tie:,}")]
    if pairs.both_orders:
        share = percent(pairs.order_decided / pairs.both_orders)
        rows.append(("the order decided", f"{pairs.order_decided:,} of {pairs.both_orders:,} ({share})"))
    return tuple(rows)
