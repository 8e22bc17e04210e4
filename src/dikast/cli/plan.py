"""`dikast plan`: minutes, memory, tokens and money before anything runs."""

from __future__ import annotations

import click
import msgspec

from dikast.cli.options import model_options, settings_from
from dikast.cli.progress import duration, tell
from dikast.errors import DataError
from dikast.harness.planning import LONG_S, Forecast, Price, Survey, forecast, survey
from dikast.journey.finding import find_data
from dikast.journey.running import RunPlan, blocking, try_out
from dikast.judges.cascade import Cascade, find_judge_or_cascade
from dikast.models.advice import GIB, advise, this_machine
from dikast.models.endpoint import Facts
from dikast.models.naming import CLOUDS
from dikast.models.served import Installed
from dikast.report.figures import count
from dikast.workspace import Workspace

# How long it takes is measured, and said beside it; here only whether there is room.
_FITS: dict[str, str] = {
    "fits": "it fits",
    "tight": "close to all there is, so close other programs",
    "swaps": "more than there is for it, so it would swap",
}

EXAMPLES = """
\b
Examples:
  dikast plan judge.txt interactions.jsonl --model ollama/qwen3:8b
  dikast plan refunds data.csv --model openai/NAME --allow-cloud --price 2.5,10
"""


@click.command("plan", epilog=EXAMPLES)
@click.argument("judge")
@click.argument("data", nargs=-1, required=True)
@model_options
@click.option(
    "--sample", default=4, show_default=True, type=click.IntRange(min=1), help="How many real judgements to try."
)
@click.option("--price", metavar="IN,OUT", help="US dollars for a million tokens of prompt and of answer.")
@click.option("--without-cloud", is_flag=True, help="Leave out the stages of a cascade that leave this machine.")
@click.option("--json", "as_json", is_flag=True, help="Print the forecast as JSON.")
def command(
    judge: str,
    data: tuple[str, ...],
    sample: int,
    price: str | None,
    without_cloud: bool,
    as_json: bool,
    **given: object,
) -> int:
    """Minutes, memory, tokens and money before anything runs.

    Judges a few interactions of DATA with JUDGE and says what all of them would take. They are drawn at random and
    asked one after the other. Their answers are kept: the run does not ask for them again.
    """
    workspace = Workspace.find()
    settings = settings_from(workspace, given)
    loaded = find_judge_or_cascade(judge, workspace.judges_dir)
    if isinstance(loaded, Cascade) and without_cloud:
        loaded = loaded.without_cloud()
    dataset = find_data(data, workspace, settings.store)
    plan = RunPlan(judge=loaded, dataset=dataset, workspace=workspace, settings=settings)
    dollars = _price(price)
    surveyed = survey(dataset, sample)
    if not surveyed.drawn:
        raise DataError(
            f"{dataset.name!r} holds no interaction that can be judged", hint="`dikast run` says why, line by line."
        )
    if isinstance(loaded, Cascade):
        return _plan_cascade(plan, loaded, surveyed, as_json)
    click.echo(f"{plan.model}: trying {len(surveyed.drawn)} of {surveyed.interactions} interactions ...", err=True)
    verdicts, facts = blocking(try_out(plan, surveyed.drawn, tell=tell))
    if all(verdict.status == "failed" for verdict in verdicts):
        click.echo(f"none of {len(verdicts)} judgements came to an end: {verdicts[0].reason}", err=True)
        return 1
    at_once = settings.concurrency or facts.capabilities.slots or 1
    made = forecast(surveyed, verdicts, at_once=at_once, price=dollars)
    if as_json:
        click.echo(msgspec.json.encode({**msgspec.to_builtins(made), "model": plan.model, "judge": loaded.ref}))
    else:
        click.echo("\n".join(_lines(made, facts, plan.model)))
    return 0


def _plan_cascade(plan: RunPlan, cascade: Cascade, surveyed: Survey, as_json: bool) -> int:
    from dikast.cli.plan_cascade import cascade_json, cascade_lines, plan_cascade

    found, person = plan_cascade(plan, cascade, surveyed)
    if as_json:
        click.echo(msgspec.json.encode(cascade_json(found, person, cascade)))
    else:
        click.echo("\n".join(cascade_lines(found, person)))
    return 0


def _lines(made: Forecast, facts: Facts, model: str) -> list[str]:
    each, total = made.seconds_per_interaction, made.prompt_tokens + made.completion_tokens
    lines = [
        f"{model}, {count(made.measured, 'judgement')} tried: {each:.1f} s each",
        f"time     {duration(made.seconds)} for {count(made.interactions, 'interaction')}, {made.at_once} at a time",
        f"tokens   {total:,} ({made.prompt_tokens:,} in prompts, {made.completion_tokens:,} in answers)",
        f"calls    {made.calls:,}",
        f"memory   {_memory(facts)}",
        f"money    {_money(made, facts)}",
    ]
    if made.unreadable:
        lines.append(
            f"note     {made.unreadable} of {made.measured} answers could not be read: try `dikast judge lint`"
        )
    if made.seconds > LONG_S:
        lines += ["", "That is long. What would shorten it:", *_shortcuts(made)]
    return lines


def _shortcuts(made: Forecast) -> list[str]:
    lines = [
        "  a smaller model, or one that does not think first: `dikast models` shows what is here",
        "  one-token verdicts: `fast: true` in the judge, where the critique is not needed",
        "  a batch in a cloud, if the data may leave: --model openai/NAME --allow-cloud",
        "  a random sample (intervals at a pass rate of 80 %):",
    ]
    for sample in made.samples:
        low, high = sample.interval_at_80_percent
        lines.append(f"    {sample.n:>5} interactions: {duration(sample.seconds)}, interval {low:.0%} to {high:.0%}")
    return lines


def _memory(facts: Facts) -> str:
    served = facts.fingerprint
    if served.server in CLOUDS:
        return "none here: it runs in a cloud"
    model = Installed(name=served.model, quantization=served.quantization, parameters=served.parameters)
    machine = this_machine()
    advice = advise(model, machine)
    if advice.needed_bytes is None:
        return f"not known for this model; here is {machine}"
    return f"about {advice.needed_bytes / GIB:.1f} GiB; here is {machine}: {_FITS.get(advice.fit, advice.words)}"


def _money(made: Forecast, facts: Facts) -> str:
    if made.cost_usd is not None:
        return f"${made.cost_usd:,.2f}"
    if facts.fingerprint.server in CLOUDS:
        return "not known: give --price IN,OUT, in dollars for a million tokens"
    return "none: it runs on your own machines"


def _price(given: str | None) -> Price | None:
    if given is None:
        return None
    try:
        prompt, completion = (float(part) for part in given.split(","))
    except ValueError:
        raise click.BadParameter(
            f"{given!r}: two numbers with a comma are expected, such as 2.5,10", param_hint="--price"
        ) from None
    return Price(prompt, completion)
