"""Traces in: each platform's pages, filters, limits, faults; what is new, and nothing twice."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from dikast.errors import (
    DataError,
    EndpointBusy,
    EndpointDown,
    EndpointError,
    EndpointRefused,
    PolicyError,
    SettingError,
)
from dikast.interactions.rows import Tally
from dikast.models.policy import Policy
from dikast.platforms.address import Address, address_of, keys_of
from dikast.platforms.calls import Patience
from dikast.platforms.opening import open_platform
from dikast.platforms.pulling import Order, Pulled, pull
from dikast.platforms.query import Query, since_time
from dikast.store import Store
from dikast.traces.formats import find_format
from dikast.traces.trace import Trace

Start = Callable[..., Any]
KINDS = {"Langfuse": None, "LangSmith": "support", "Phoenix": "default", "Mlflow": "support"}
SINCE = "2026-10-01"
QUICK = Patience(first_s=0.01)


class Puller:
    """Pulls a server, as often as one likes, into one store."""

    def __init__(self, server: Any, folder: Path) -> None:
        self.server = server
        self.folder = folder
        kind = type(server).__name__
        self.address = Address(kind.lower(), server.url, KINDS[kind])
        self.store = Store.open(folder / "store.db")

    async def __call__(self, *, patience: Patience | None = None, days: float = 1, **asked: Any) -> Pulled:
        query = Query(since=asked.pop("since", SINCE), **asked)
        order = Order(self.address, query, "d", self.folder / "pulled")
        platform = open_platform(self.address, os.environ, Policy(), patience or QUICK)
        now = self.server.start + timedelta(days=days)
        try:
            return await pull(platform, order, self.store.platforms(), now=now)
        finally:
            await platform.close()

    def traces(self, pulled: Pulled) -> list[Trace]:
        found = list(find_format(self.address.platform).read(tuple(pulled.files), Tally()))
        traces = [one for one in found if isinstance(one, Trace)]
        assert len(traces) == len(found)
        return traces


def answer_of(trace: Trace) -> int:
    """The number of the answer that a trace ends with."""
    found = re.search(r"Answer (\d+)", str(trace.output))
    assert found is not None
    return int(found[1])


@pytest.mark.parametrize("kind", KINDS)
async def test_every_page_is_read_and_each_trace_is_whole(kind: str, platform_server: Start, tmp_path: Path) -> None:
    puller = Puller(platform_server(kind, traces=64), tmp_path)
    traces = puller.traces(await puller())
    assert len(traces) == 64
    assert sorted(answer_of(one) for one in traces) == list(range(64))
    if kind != "Mlflow":
        assert all(len(one.spans) == 2 for one in traces)


@pytest.mark.parametrize("kind", KINDS)
async def test_only_what_is_new_is_asked_for_next(kind: str, platform_server: Start, tmp_path: Path) -> None:
    server = platform_server(kind, traces=30)
    puller = Puller(server, tmp_path)
    first = await puller()
    first.done(moved=True)
    assert not list((tmp_path / "pulled").iterdir())
    server.add(at=server.start + timedelta(days=2))
    server.add(at=server.start + timedelta(hours=23, minutes=30))  # late: began before the first import ended
    second = await puller(days=3)
    assert len(puller.traces(second)) == 2
    second.done(moved=True)
    assert (await puller(days=9)).traces == 0
    assert server.items[0]["id"] not in str(server.requests[-3:])


async def test_what_was_not_kept_is_asked_for_again(platform_server: Start, tmp_path: Path) -> None:
    puller = Puller(platform_server("Phoenix", traces=5), tmp_path)
    (await puller()).done(moved=False)
    assert (await puller(days=2)).traces == 5


@pytest.mark.parametrize("kind", ["Langfuse", "LangSmith"])
async def test_late_feedback_brings_its_trace_again(kind: str, platform_server: Start, tmp_path: Path) -> None:
    server = platform_server(kind, traces=3)
    puller = Puller(server, tmp_path)
    (await puller()).done(moved=True)
    about = server.items[1]["id"] if kind == "Langfuse" else "00000002-0000-4000-8000-00000000aaaa"
    server.say(
        about, "thumbs", 0, **({"kind": "api"} if kind == "LangSmith" else {}), at=server.start + timedelta(days=3)
    )
    (found,) = puller.traces(await puller(days=4))
    assert found.id == about
    assert [one.name for one in found.feedback] == ["thumbs"]


@pytest.mark.parametrize("kind", KINDS)
async def test_feedback_name_and_limit(kind: str, platform_server: Start, tmp_path: Path) -> None:
    server = platform_server(kind, traces=6)
    server.add(name="other", tags=["vip"])
    for number, value in ((1, 1), (4, 0)):
        if kind == "Langfuse":
            server.say(server.items[number]["id"], "thumbs", value)
        elif kind == "LangSmith":
            server.say(f"{number + 1:08x}-0000-4000-8000-00000000aaaa", "thumbs", value, kind="api")
        elif kind == "Phoenix":
            server.say(f"{number + 1:016x}", "thumbs", "", score=value)
        else:
            server.say(number, "thumbs", bool(value))
    puller = Puller(server, tmp_path)
    assert [answer_of(one) for one in puller.traces(await puller(feedback=("negative",)))] == [4]
    assert [answer_of(one) for one in puller.traces(await puller(feedback=("thumbs=1",)))] == [1]
    assert [one.name for one in puller.traces(await puller(name="other"))] == ["other"]
    assert [one.name for one in puller.traces(await puller(tags=("vip",)))] == ["other"]
    assert [one.name for one in puller.traces(await puller(tags=("vip",), limit=1))] == ["other"]
    server.add()
    assert [one.name for one in puller.traces(await puller(tags=("vip",), limit=1))] == ["other"]
    limited = await puller(limit=2)
    assert limited.traces == 2
    assert not limited.complete


async def test_a_limited_pull_does_not_move_the_mark(platform_server: Start, tmp_path: Path) -> None:
    puller = Puller(platform_server("Phoenix", traces=5), tmp_path)
    (await puller(limit=2)).done(moved=True)
    assert (await puller()).traces == 5


@pytest.mark.parametrize("kind", KINDS)
async def test_faults_that_pass_are_waited_out(kind: str, platform_server: Start, tmp_path: Path) -> None:
    server = platform_server(kind, traces=20, faults={2: "429", 3: "503", 5: "drop"})
    puller = Puller(server, tmp_path)
    assert len(puller.traces(await puller())) == 20


async def test_retry_after_is_honoured_and_told(platform_server: Start, tmp_path: Path) -> None:
    said: list[str] = []
    puller = Puller(platform_server("Phoenix", traces=1, faults={1: "429"}, retry_after="1"), tmp_path)
    await puller(patience=Patience(tell=said.append))
    assert "asking again in 1 s" in said[0]
    busy = Puller(platform_server("Phoenix", traces=1, faults=lambda _: "429", retry_after="900"), tmp_path / "b")
    with pytest.raises(EndpointBusy):
        await busy(patience=Patience(total_s=10))


@pytest.mark.parametrize(("fault", "hint"), [("401", "key"), ("403", "key"), ("404", "address")])
async def test_a_refusal_says_what_to_do(fault: str, hint: str, platform_server: Start, tmp_path: Path) -> None:
    puller = Puller(platform_server("Phoenix", traces=1, faults=lambda _: fault), tmp_path)
    with pytest.raises(EndpointRefused) as error:
        await puller()
    assert hint in str(error.value.hint)
    assert "OPENAI" not in str(error.value.hint)


@pytest.mark.parametrize(
    ("fault", "said", "hint"),
    [("page", "not the JSON", "a proxy, a sign-in page"), ("moved", "login.example", "Give the address")],
)
@pytest.mark.parametrize("kind", KINDS)
async def test_a_page_in_place_of_the_platform_is_told_at_once(
    kind: str, fault: str, said: str, hint: str, platform_server: Start, tmp_path: Path
) -> None:
    server = platform_server(kind, traces=1, faults=lambda _: fault)
    puller = Puller(server, tmp_path)
    with pytest.raises(EndpointError, match=said) as error:
        await puller()
    assert hint in str(error.value.hint)
    assert len(server.requests) == 1


async def test_a_server_that_is_slow_or_down(platform_server: Start, tmp_path: Path) -> None:
    server = platform_server("Phoenix", traces=3, faults={1: "slow"})
    puller = Puller(server, tmp_path)
    assert (await puller(patience=Patience(timeout_s=0.3, first_s=0.01))).traces == 3
    gone = Puller(server, tmp_path)
    gone.address = Address("phoenix", "http://127.0.0.1:9", "default")
    with pytest.raises(EndpointDown, match="nothing answers"):
        await gone(patience=Patience(total_s=0))


async def test_an_interrupted_pull_goes_on(platform_server: Start, tmp_path: Path) -> None:
    server = platform_server("Phoenix", traces=120)
    broken = {"at": 12}
    server.faults = lambda _: "403" if len(server.requests) > broken["at"] else None
    puller = Puller(server, tmp_path)
    with pytest.raises(EndpointRefused):
        await puller()
    asked = server.counted("parent_id=null")
    assert asked == 6
    server.faults = {}
    done = await puller(days=1.5)
    assert len(puller.traces(done)) == 120
    assert server.counted("parent_id=null") == asked  # the list was there already
    assert done.window.end == server.start + timedelta(days=1)  # and its window, too


async def test_pages_are_the_owners_alone_and_abandoned_ones_go(platform_server: Start, tmp_path: Path) -> None:
    puller = Puller(platform_server("Phoenix", traces=3), tmp_path)
    pulled = await puller()
    assert {path.stat().st_mode & 0o777 for path in pulled.order.place.iterdir()} == {0o600}
    assert pulled.order.place.stat().st_mode & 0o777 == 0o700
    yesterday = time.time() - 2 * 86_400
    fresh, old = pulled.order.folder / "fresh", pulled.order.folder / "old"
    for place in (fresh, old):
        place.mkdir()
        (place / "rows-00000.jsonl").write_text("{}\n")
    os.utime(old, (yesterday, yesterday))
    await puller()
    assert fresh.exists()
    assert not old.exists()


async def test_pages_that_are_too_large_become_smaller(platform_server: Start, tmp_path: Path) -> None:
    puller = Puller(platform_server("Langfuse", traces=30, most=10), tmp_path)
    assert len(puller.traces(await puller())) == 30


async def test_older_servers(platform_server: Start, tmp_path: Path) -> None:
    server = platform_server("Langfuse", traces=25, old=True)
    server.say(server.items[3]["id"], "thumbs", False)
    puller = Puller(server, tmp_path / "a")
    traces = puller.traces(await puller())
    assert len(traces) == 25
    assert sum(len(one.feedback) for one in traces) == 1
    one_by_one = Puller(platform_server("Langfuse", traces=3, lists=False), tmp_path / "b")
    assert len(one_by_one.traces(await one_by_one())) == 3
    version_1 = Puller(platform_server("LangSmith", traces=12, old=True), tmp_path / "d")
    assert [len(one.spans) for one in version_1.traces(await version_1())] == [2] * 12
    old = Puller(platform_server("Mlflow", traces=4, batches=False), tmp_path / "c")
    assert sorted(str(one.output) for one in old.traces(await old())) == [f"Answer {n}." for n in range(4)]


async def test_a_trace_that_langsmith_has_dropped_meanwhile_is_passed_over(
    platform_server: Start, tmp_path: Path
) -> None:
    server = platform_server("LangSmith", traces=30)

    def dropping(request: Any) -> None:
        if "/api/v2/traces/" in request.path and len(server.items) == 30:
            del server.items[7]

    server.faults = dropping
    puller = Puller(server, tmp_path)
    assert len(puller.traces(await puller())) == 29
    assert server.counted("/api/v2/traces/") == 30
    assert not any(path == "/runs/query" for _, path in server.requests)


async def test_metadata_comes_whole(platform_server: Start, tmp_path: Path) -> None:
    server = platform_server("Langfuse")
    server.add(metadata={"note": "x" * 300, "plan": "gold"})
    puller = Puller(server, tmp_path)
    (found,) = puller.traces(await puller())
    assert found.metadata["note"] == "x" * 300


async def test_unknown_projects_are_named(platform_server: Start, tmp_path: Path) -> None:
    for kind in ("LangSmith", "Mlflow"):
        puller = Puller(platform_server(kind), tmp_path / kind)
        puller.address = Address(kind.lower(), puller.server.url, "nowhere")
        with pytest.raises(DataError, match="nowhere"):
            await puller()


async def test_a_public_host_needs_consent_and_keys_stay_secret(
    platform_server: Start, tmp_path: Path, keys: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    public = Address("langfuse", "http://192.0.2.1", None)
    platform = open_platform(public, os.environ, Policy())
    with pytest.raises(PolicyError) as error:
        await platform.fetch(["t"], Query())
    assert "only the query" in str(error.value.hint)
    await platform.close()
    server = platform_server("Langfuse", traces=1)
    monkeypatch.setenv("LANGFUSE_SECRET_KEY", "sk-lf-wrong-one")
    puller = Puller(server, tmp_path)
    with pytest.raises(EndpointRefused) as refused:
        await puller()
    assert "wrong-one" not in f"{refused.value!r} {refused.value.body} {refused.value.hint}"
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"wrong-one" not in written
    monkeypatch.delenv("LANGFUSE_SECRET_KEY")
    with pytest.raises(SettingError, match="LANGFUSE_SECRET_KEY"):
        await puller()


@pytest.mark.parametrize(
    ("given", "platform", "root", "project"),
    [
        ("langfuse://cloud.langfuse.com", "langfuse", "https://cloud.langfuse.com", None),
        ("langfuse://localhost:3000/p1", "langfuse", "http://localhost:3000", "p1"),
        ("https://us.cloud.langfuse.com/project/p1/traces?x=1", "langfuse", "https://us.cloud.langfuse.com", "p1"),
        ("langsmith:///support", "langsmith", "https://api.smith.langchain.com", "support"),
        ("langsmith://ls.corp.example/api/v1/support", "langsmith", "https://ls.corp.example/api/v1", "support"),
        (
            "https://smith.langchain.com/o/x/projects/p/11111111-2222-4333-8444-555555555555",
            "langsmith",
            "https://api.smith.langchain.com",
            "11111111-2222-4333-8444-555555555555",
        ),
        ("phoenix://127.0.0.1:6006", "phoenix", "http://127.0.0.1:6006", "default"),
        ("phoenix+https://10.0.0.5/desk%2F1", "phoenix", "https://10.0.0.5", "desk/1"),
        ("http://localhost:6006/projects/UHJvamVjdDox/spans", "phoenix", "http://localhost:6006", "UHJvamVjdDox"),
        ("http://127.0.0.1:5000/#/experiments/7/traces", "mlflow", "http://127.0.0.1:5000", "7"),
        ("mlflow://ml:5000/support", "mlflow", "http://ml:5000", "support"),
    ],
)
def test_addresses(given: str, platform: str, root: str, project: str | None) -> None:
    found = address_of(given, {})
    assert (found.platform, found.root, found.project) == (platform, root, project)
    assert address_of(found.name, {}) == found


@pytest.mark.parametrize("given", ["http://127.0.0.1:7777", "https://pk:sk@cloud.langfuse.com", "phoenix://[bad"])
def test_addresses_that_say_too_little_or_too_much(given: str) -> None:
    with pytest.raises(SettingError):
        address_of(given, {})


def test_a_key_of_an_organisation_says_which_workspace() -> None:
    address = Address("langsmith", "https://api.smith.langchain.com", "support")
    found = keys_of(address, {"LANGSMITH_API_KEY": "k", "LANGSMITH_WORKSPACE_ID": "w"}).headers
    assert found == {"X-Api-Key": "k", "X-Tenant-Id": "w"}
    assert keys_of(address, {"LANGSMITH_API_KEY": "k"}).headers == {"X-Api-Key": "k"}


def test_the_owners_variables_name_the_host() -> None:
    assert address_of("langfuse://", {"LANGFUSE_BASE_URL": "http://lf:3000/"}).root == "http://lf:3000"


def test_since() -> None:
    from datetime import UTC, datetime

    from dikast.errors import InputError

    now = datetime(2026, 11, 8, 12, tzinfo=UTC)
    assert since_time("24h", now) == now - timedelta(days=1)
    assert since_time("2026-11-01", now) == datetime(2026, 11, 1, tzinfo=UTC)
    for wrong in ("yesterday", "7", "99999999999d", "-1h"):
        with pytest.raises(InputError, match="--since"):
            since_time(wrong, now)
