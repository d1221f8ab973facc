"""Where to compute, in which parts, with how many threads, and whether to compile first."""

import ctypes
import math
import os
import platform
from dataclasses import dataclass

import torch

from boundary.errors import SettingsError
from boundary.nn.mlp import Network
from boundary.numerics.arithmetic import PRECISIONS

PART_BYTES = 1 << 21  # of a part's largest tensor: more leaves the cache, less costs more Python than work
COMPILED_PART_BYTES = 1 << 20  # a compiled step needs less at a time, but its call costs 40 microseconds
CELLS_PER_THREAD = 1 << 18  # numbers in the largest tensor for each thread: below, waking it costs more than it saves
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8  # glibc's malloc.h
COPIES = 16  # numbers that a step on a GPU holds at most, for each parameter and each number in the network's layers


@dataclass(frozen=True)
class Cost:
    """Seconds that a step takes which is not compiled: the larger of two, each measured.

    `calls`: to start its operations, however small they are; `each`: for each number in the network's layers.
    """

    calls: float
    each: float

    def seconds(self, numbers: int) -> float:
        """Of a step with so many numbers in the layers of all its replicates."""
        return max(self.calls, numbers * self.each)


COSTS = {
    ("cpu", "exact"): Cost(calls=5e-4, each=1.6e-8),
    ("cpu", "fast"): Cost(calls=2e-4, each=3.5e-9),
    ("cuda", "exact"): Cost(calls=1.7e-3, each=8.1e-11),
    ("cuda", "fast"): Cost(calls=6e-4, each=2.8e-11),
}
COMPILING_PAYS = {"cpu": 60.0, "cuda": 30.0}  # seconds of work: compiling takes a third of that, and saves more


CPU = torch.device("cpu")


@dataclass(frozen=True)
class ExecutionPlan:
    """How to run a training's steps; exact results don't depend on it.

    Replicates are taken in so many `parts`, so many of them side by side by `workers`, each with `threads` of
    PyTorch's own, on `device`. `compiled`: the step is compiled first.
    """

    parts: int = 1
    workers: int = 1
    threads: int = 1
    compiled: bool = False
    device: torch.device = CPU


def choose_device(device: str, precision: str) -> torch.device:
    """The device for `auto` (CUDA where there is one, MPS for fast precision only, else the CPU), or the one named.

    Raises SettingsError where the one named is not there.
    """
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if device == "auto":
        return torch.device(next(d for d, there in available.items() if there and (d != "mps" or precision == "fast")))
    if not available[device]:
        there = ", ".join(name for name, present in available.items() if present)
        raise SettingsError(f"device: found {device}, which this machine has not, expected auto or one of: {there}")
    return torch.device(device)


def keep_freed_memory() -> None:
    """Let the C library keep the memory that tensors free, for the tensors of the next step.

    Left to itself, glibc gives large blocks back to the system, which then fills each page with zeros anew, step after
    step: up to three times the work of the step itself. One arena for all threads: only that one is never trimmed.
    """
    if platform.libc_ver()[0] == "glibc":
        glibc = ctypes.CDLL(None)
        glibc.mallopt(M_ARENA_MAX, 1)
        glibc.mallopt(M_MMAP_THRESHOLD, 1 << 25)  # the most that it takes
        glibc.mallopt(M_TRIM_THRESHOLD, (1 << 31) - 1)


def plan_execution(
    device: torch.device, precision: str, network: Network, rows: int, replicates: int, steps: int, evaluated: int
) -> ExecutionPlan:
    """The plan for so many steps, of so many rows each, of replicates of a network.

    On a CPU, parts fit into its caches, and each gets a worker, up to the processors (or OMP_NUM_THREADS): workers need
    not wait for each other at every operation, as PyTorch's own threads do. On a GPU, parts fit into its free memory,
    also when so many rows are `evaluated` at once.
    """
    if (device.type, precision) not in COSTS:
        return ExecutionPlan(device=device)
    processors = _processors() if device.type == "cpu" else 1
    sizes = network.sizes
    seconds = steps * COSTS[device.type, precision].seconds(math.ceil(replicates / processors) * rows * sum(sizes))
    compiled = seconds >= COMPILING_PAYS[device.type]
    number = torch.finfo(PRECISIONS[precision].dtype).bits // 8
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        numbers = max(rows, evaluated) * sum(sizes) + network.parameter_count
        needed = replicates * numbers * number * COPIES
        return ExecutionPlan(min(math.ceil(needed / max(free, 1)), replicates), compiled=compiled, device=device)
    bytes_each = rows * number
    most = max(1, (COMPILED_PART_BYTES if compiled else PART_BYTES) // (bytes_each * max(sizes)))  # of a part
    least = 1 if compiled else max(1, most // 2)  # in smaller ones, workers would wait for Python's lock
    parts = max(math.ceil(replicates / most), min(processors, replicates // least))
    workers = min(parts, processors)
    cells = math.ceil(replicates / parts) * rows * max(sizes)
    threads = max(1, min(processors // workers, cells // CELLS_PER_THREAD))
    return ExecutionPlan(parts, workers, threads, compiled, device)


def _processors() -> int:
    """The first number of OMP_NUM_THREADS, which may hold one for each level; without one, as many as there are."""
    first = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    named = int(first) if first.isdecimal() and len(first) < 10 else 0
    return named or os.cpu_count() or 1
