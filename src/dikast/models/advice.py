"""Whether a model fits this machine, about how long one judgement takes on it, and what to do when that is too long.

Figures are rules of thumb, given as ranges; `dikast plan` measures.
"""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
from typing import Literal

import msgspec
import psutil

from dikast.models.served import Installed

GIB = 2**30

Fit = Literal["fits", "tight", "swaps", "elsewhere", "unknown"]

# Bytes a parameter takes, by the start of the quantisation's name.
_BYTES_A_PARAMETER = (
    ("F32", 4.0),
    ("BF16", 2.0),
    ("F16", 2.0),
    ("Q8", 1.07),
    ("Q6", 0.82),
    ("Q5", 0.71),
    ("MXFP4", 0.55),
    ("Q4", 0.6),
    ("IQ4", 0.55),
    ("Q3", 0.49),
    ("IQ3", 0.46),
    ("Q2", 0.4),
    ("IQ2", 0.34),
)
_USUAL_BYTES = 0.6
_WORKING_BYTES = 1 * GIB  # context and buffers, for prompts of a few thousand tokens
_OS_SHARE = 0.75  # of the machine's memory that a model may take
_SWAPPING = (5.0, 10.0)  # times slower
_REASONING_NAMES = re.compile(r"qwq|r1|reason|think|gpt-oss|magistral|qwen3(?!.*instruct)", re.IGNORECASE)

# Seconds for one judgement on a GPU or unified memory: largest parameters (billions), plain answer, with thinking.
_SECONDS_ON_GPU = (
    (1.0, (0.5, 2.0), (2.0, 8.0)),
    (4.0, (1.0, 5.0), (8.0, 25.0)),
    (9.0, (3.0, 12.0), (15.0, 45.0)),
    (16.0, (8.0, 25.0), (30.0, 60.0)),
    (36.0, (30.0, 60.0), (60.0, 180.0)),
    (80.0, (60.0, 150.0), (120.0, 300.0)),
)
# Without one: measured with a model of 0.135 billion parameters on two cores, and scaled.
_CPU_SECONDS = 1.6
_CPU_PARAMETERS = 0.135
_CPU_CORES = 2
_CPU_MOST_CORES = 8  # beyond these, the memory is what is waited for
_THINKING_FACTOR = 6.0


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """The memory and cores that a model could use here. gpu_bytes: of all GPUs together."""

    memory_bytes: int
    cores: int
    gpu: str | None = None
    gpu_bytes: int = 0
    unified: bool = False

    def __str__(self) -> str:
        memory = f"{self.memory_bytes / GIB:.0f} GiB {'unified ' if self.unified else ''}memory"
        gpu = f"{self.gpu} ({self.gpu_bytes / GIB:.0f} GiB)" if self.gpu else "no GPU"
        return f"{memory}, {self.cores} cores, {'Apple GPU' if self.unified else gpu}"


class Advice(msgspec.Struct, frozen=True, kw_only=True):
    """How a model suits this machine. seconds_per_item: from, to; None when its size is not known."""

    fit: Fit
    needed_bytes: int | None = None
    seconds_per_item: tuple[float, float] | None = None
    words: str | None = None


def this_machine() -> Machine:
    """The machine that this runs on; its GPU as nvidia-smi tells, or Apple's unified memory."""
    unified = platform.system() == "Darwin" and platform.machine() == "arm64"
    gpu, gpu_bytes = (None, 0) if unified else _nvidia()
    return Machine(
        memory_bytes=psutil.virtual_memory().total,
        cores=psutil.cpu_count(logical=False) or psutil.cpu_count() or 1,
        gpu=gpu,
        gpu_bytes=gpu_bytes,
        unified=unified,
    )


def advise(model: Installed, machine: Machine) -> Advice:
    """What to expect of a model on a machine."""
    if model.remote_host:
        return Advice(fit="elsewhere", words=f"runs at {model.remote_host}, not on this machine: needs --allow-cloud")
    billions = parameters_in(model)
    needed = _needed(model, billions)
    if needed is None:
        return Advice(fit="unknown")
    on_gpu = machine.unified or (machine.gpu_bytes > 0 and needed <= machine.gpu_bytes)
    room = machine.gpu_bytes if on_gpu and not machine.unified else int(machine.memory_bytes * _OS_SHARE)
    fit: Fit = "swaps" if needed > room else "tight" if needed > room * 0.85 else "fits"
    thinks = bool(_REASONING_NAMES.search(model.name))
    seconds = _seconds(_active_in(model) or billions, thinks, machine, on_gpu) if billions else None
    if seconds and fit == "swaps":
        seconds = (seconds[0] * _SWAPPING[0], seconds[1] * _SWAPPING[1])
    return Advice(fit=fit, needed_bytes=needed, seconds_per_item=seconds, words=_words(fit, thinks, seconds, room))


def parameters_in(model: Installed) -> float | None:
    """Billions of parameters, as the server tells or as the model's name does.

    >>> parameters_in(Installed(name="qwq:32b")), parameters_in(Installed(name="SmolLM2-135M"))
    (32.0, 0.135)
    """
    for text in (model.parameters, model.name):
        found = re.search(r"(?<![A-Za-z\d.])(\d+(?:\.\d+)?)\s*([bBmM])(?![A-Za-z])", text or "")
        if found:
            return round(float(found[1]) / (1000 if found[2] in "mM" else 1), 6)
    return None


def _active_in(model: Installed) -> float | None:
    """Billions of parameters that each token uses, where a mixture of experts says so ("30B-A3B")."""
    found = re.search(r"(?<=[-_])a(\d+(?:\.\d+)?)b(?![a-z])", model.name, re.IGNORECASE)
    return float(found[1]) if found else None


def largest_that_fits(machine: Machine) -> str:
    """The class of model that this machine carries well."""
    memory = (machine.memory_bytes if machine.unified else machine.gpu_bytes) / GIB
    if memory >= 120:
        return "a 70B model, 120-300 s an item"
    if memory >= 44 or (not machine.unified and memory >= 23):
        return "a 32B reasoning model at Q6, 60-180 s an item with its thinking"
    if memory >= 34:
        return "a 32B reasoning model at Q4, 60-120 s an item"
    if memory >= (23 if machine.unified else 15):
        return "a 32B model at Q4 or a 14B reasoning model, 30-60 s an item"
    if memory >= 7:
        return "an 8B instruct model at Q4; a 14B one where it fits"
    return "a model of up to 4B parameters; without a GPU each token counts, so prefer verdicts read from one token"


def _needed(model: Installed, billions: float | None) -> int | None:
    size = model.size_bytes
    if size is None and billions is not None:
        kind = (model.quantization or "").upper()
        each = next((value for start, value in _BYTES_A_PARAMETER if kind.startswith(start)), _USUAL_BYTES)
        size = int(billions * 1e9 * each)
    if size is None:
        return None
    return int(size * 1.05) + min(_WORKING_BYTES, size)


def _seconds(billions: float, thinks: bool, machine: Machine, on_gpu: bool) -> tuple[float, float]:
    if on_gpu:
        for most, plain, thinking in _SECONDS_ON_GPU:
            if billions <= most:
                return thinking if thinks else plain
        return (240.0, 900.0)
    middle = _CPU_SECONDS * billions / _CPU_PARAMETERS * _CPU_CORES / min(_CPU_MOST_CORES, max(1, machine.cores))
    middle *= _THINKING_FACTOR if thinks else 1.0
    return (round(middle / 2, 1), round(middle * 2, 1))


def _words(fit: Fit, thinks: bool, seconds: tuple[float, float] | None, room: int) -> str | None:
    if fit == "swaps":
        return f"more than the {room / GIB:.0f} GiB that it could have: it would swap, 5 to 10 times slower"
    if seconds and seconds[0] >= 30:
        hours = seconds[1] * 500 / 3600
        shorter = "a model that does not think, " if thinks else "a smaller model, "
        return f"500 items take up to {hours:.0f} h: {shorter}one-token verdicts (fast), or a sample"
    return "close to all the memory there is: close other programs" if fit == "tight" else None


def _nvidia() -> tuple[str | None, int]:
    program = shutil.which("nvidia-smi")
    if program is None:
        return None, 0
    query = [program, "--query-gpu=name,memory.total", "--format=csv,noheader,nounits"]
    try:
        said = subprocess.run(query, capture_output=True, text=True, timeout=5, check=True).stdout
        rows = [line.rsplit(",", 1) for line in said.splitlines() if "," in line]
        return (rows[0][0].strip(), sum(int(row[1]) for row in rows) * 2**20) if rows else (None, 0)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None, 0
