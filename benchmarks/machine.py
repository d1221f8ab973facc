"""The machine: its name, and how fast it multiplies and copies, measured; the least time that a work can take on it."""

import os
import platform
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version

import torch

from benchmarks.works import Work

PACKAGES = ("torch", "scikit-learn", "jax", "lightning", "skorch")


def name(packages: Sequence[str] = PACKAGES) -> str:
    """Processor, cores, and versions of Python and of packages."""
    try:
        with open("/proc/cpuinfo") as file:
            model = next(line.split(":")[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        model = platform.processor() or platform.machine()
    versions = ", ".join(f"{package} {version(package)}" for package in packages)
    return f"{model}, {os.cpu_count()} cores; Python {platform.python_version()}, {versions}"


def load() -> float:
    """How many programs there were to run at a time, on average over the last minute: others' work."""
    return os.getloadavg()[0]


def rate(work: Callable[[], object], amount: float) -> float:
    """Amount per second, of the best of 20 calls."""
    times = []
    for _ in range(20):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return amount / min(times)


def rates(dtype: torch.dtype) -> tuple[float, float]:
    """Floating-point operations per second in a large matrix product, and bytes per second of a large copy."""
    torch.set_num_threads(os.cpu_count() or 1)
    a, b, out = (torch.ones(1024, 1024, dtype=dtype) for _ in range(3))
    source, target = (torch.ones(1 << 25, dtype=torch.float32) for _ in range(2))
    multiplied = rate(lambda: torch.mm(a, b, out=out), 2 * 1024**3)
    copied = rate(lambda: target.copy_(source), 2 * 4 * (1 << 25))
    return multiplied, copied


def counts(work: Work, dtype: torch.dtype) -> tuple[int, int]:
    """Floating-point operations of one epoch's products, and the bytes that an epoch at least reads and writes.

    Products: of weights and inputs, of gradients and inputs, and, but for the first layer, of weights and gradients.
    Bytes: each layer's output and its gradient, written once and read once.
    """
    shapes, rows = work.network.shapes, len(work.x)
    products = sum(o * i * (2 if n == 0 else 3) for n, (o, i) in enumerate(shapes))
    return 2 * products * rows, 4 * sum(o for o, _ in shapes) * rows * dtype.itemsize
