from __future__ import annotations

import pytest

from dikast.errors import PolicyError, SettingError
from dikast.models import discovery
from dikast.models.advice import GIB, Machine, advise, largest_that_fits, parameters_in
from dikast.models.discovery import discover
from dikast.models.opening import USUAL_URLS
from dikast.models.served import Installed


@pytest.fixture
def nothing_up(monkeypatch: pytest.MonkeyPatch, unused_tcp_port: int) -> None:
    for server in discovery.LOCAL_SERVERS:
        monkeypatch.setitem(USUAL_URLS, server, (f"http://127.0.0.1:{unused_tcp_port}",))


async def test_none_up_is_an_empty_list(nothing_up) -> None:
    assert await discover() == []


async def test_every_server_that_is_up_with_its_models(nothing_up, model_server, monkeypatch) -> None:
    kinds = {"ollama": "ollama", "lmstudio": "lmstudio", "llamacpp": "llamacpp", "vllm": "vllm"}
    for kind in kinds:
        monkeypatch.setitem(USUAL_URLS, kind, (model_server(kind).url,))
    found = await discover()
    assert [server.server for server in found] == list(kinds)
    by_kind = {server.server: server for server in found}
    ollama = by_kind["ollama"].models[0]
    assert (ollama.size_bytes, ollama.quantization, ollama.parameters) == (5_225_388_164, "Q4_K_M", "8.2B")
    assert (ollama.loaded, ollama.context_length) == (True, 4096)
    assert by_kind["ollama"].version == "0.33.0"
    assert by_kind["lmstudio"].names() == ["lmstudio/qwen3:8b"]
    assert by_kind["llamacpp"].models[0].context_length == 4096


async def test_a_server_is_what_it_says_and_not_what_its_port_says(nothing_up, model_server, monkeypatch) -> None:
    monkeypatch.setitem(USUAL_URLS, "vllm", (model_server("llamacpp").url,))
    (server,) = await discover()
    assert server.server == "llamacpp"


async def test_a_stranger_at_a_known_port_is_not_listed(nothing_up, model_server, monkeypatch) -> None:
    stranger = model_server("openai")
    monkeypatch.setattr(stranger, "_routes", dict)
    monkeypatch.setitem(USUAL_URLS, "llamacpp", (stranger.url,))
    assert await discover() == []


async def test_a_server_that_wants_a_key_is_listed_with_its_trouble(nothing_up, model_server, monkeypatch) -> None:
    server = model_server("vllm", api_key="secret-key-1")
    monkeypatch.setitem(USUAL_URLS, "vllm", (server.url,))
    (found,) = await discover()
    assert found.server == "vllm"
    assert found.models == ()
    assert "401" in (found.trouble or "")


async def test_base_urls_that_were_given_are_looked_at_alone(model_server) -> None:
    server = model_server("ollama")
    (found,) = await discover([server.url])
    assert found.base_url == server.url
    with pytest.raises(SettingError):
        await discover(["nonsense://x"])
    with pytest.raises(PolicyError):
        await discover(["http://8.8.8.8"])


LAPTOP = Machine(memory_bytes=24 * GIB, cores=10, unified=True)
SERVER = Machine(memory_bytes=64 * GIB, cores=16, gpu="RTX 4090", gpu_bytes=24 * GIB)
PLAIN = Machine(memory_bytes=16 * GIB, cores=4)


def test_a_32b_model_swaps_under_24_gib_of_unified_memory() -> None:
    small = Machine(memory_bytes=16 * GIB, cores=8, unified=True)
    model = Installed(name="qwq:32b", size_bytes=20 * GIB, parameters="32.8B", quantization="Q4_K_M")
    advice = advise(model, small)
    assert advice.fit == "swaps"
    assert "swap" in (advice.words or "")
    large = Machine(memory_bytes=64 * GIB, cores=8, unified=True)
    assert advise(model, large).fit == "fits"
    # thinking, 32B: 60 to 180 s; swapping makes that 5 to 10 times longer
    assert advise(model, large).seconds_per_item == (60.0, 180.0)
    assert advice.seconds_per_item == (300.0, 1800.0)


def test_a_gpu_counts_only_for_what_fits_in_it() -> None:
    fits = advise(Installed(name="qwen2.5:14b-instruct", size_bytes=9 * GIB, parameters="14.8B"), SERVER)
    assert (fits.fit, fits.seconds_per_item) == ("fits", (8.0, 25.0))
    beyond = advise(Installed(name="llama3:70b", size_bytes=40 * GIB, parameters="70B"), SERVER)
    assert beyond.seconds_per_item is not None
    assert beyond.seconds_per_item[0] > 60  # in the machine's memory, on its cores


def test_the_cpu_estimate_is_the_measured_one_scaled() -> None:
    # 1.6 s for 0.135 billion on 2 cores: on 4 cores a model of 0.27 billion takes the same
    assert advise(Installed(name="small-270m", size_bytes=GIB // 2), PLAIN).seconds_per_item == (0.8, 3.2)


def test_sizes_are_estimated_from_parameters_and_quantisation() -> None:
    advice = advise(Installed(name="qwen3-8b", quantization="F16"), PLAIN)
    # 8e9 x 2 bytes x 1.05 + 1 GiB of working memory
    assert advice.needed_bytes == int(16e9 * 1.05) + GIB
    assert advice.fit == "swaps"
    assert advise(Installed(name="mystery"), PLAIN).fit == "unknown"


def test_a_mixture_of_experts_is_as_fast_as_its_active_part_and_as_large_as_the_whole() -> None:
    advice = advise(Installed(name="qwen3-30b-a3b-instruct", size_bytes=18 * GIB), SERVER)
    assert advice.seconds_per_item == (1.0, 5.0)
    assert advice.needed_bytes == int(18 * GIB * 1.05) + GIB


def test_what_runs_elsewhere_is_said_so() -> None:
    advice = advise(Installed(name="gpt-oss:120b-cloud", remote_host="https://ollama.com"), SERVER)
    assert advice.fit == "elsewhere"
    assert "--allow-cloud" in (advice.words or "")


@pytest.mark.parametrize(
    ("name", "billions"),
    [("qwq:32b", 32), ("Qwen3-0.6B-GGUF", 0.6), ("SmolLM2-135M", 0.135), ("mixtral-8x7b", None), ("q4b", None)],
)
def test_parameters_in_a_name(name: str, billions: float | None) -> None:
    assert parameters_in(Installed(name=name)) == billions


@pytest.mark.parametrize(
    ("machine", "word"),
    [(LAPTOP, "14B"), (SERVER, "Q6"), (PLAIN, "4B"), (Machine(memory_bytes=192 * GIB, cores=24, unified=True), "70B")],
)
def test_what_a_machine_carries(machine: Machine, word: str) -> None:
    assert word in largest_that_fits(machine)
