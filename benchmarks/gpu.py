"""How fast a GPU trains, how near to the rate of its memory, and whether with the same bits as the CPU beside it.

python -m benchmarks.gpu FOLDER: writes gpu.md there.
"""

import argparse
import gc
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import torch

from benchmarks import machine
from benchmarks.contenders import Train, boundary
from benchmarks.report import grid
from benchmarks.run import starting_points
from benchmarks.works import Work, works
from boundary.numerics.arithmetic import PRECISIONS
from boundary.training.step import reset_compiler

EPOCHS = {1: 1000, 128: 1000, 1024: 300, 10_000: 100}  # by replicates
ROUNDS = 5
WHOLE_EPOCHS = 1000
ON_CPU = 128  # replicates: trained there too, and compared
HOW_TO_READ = """\
Microseconds per replicate and epoch, the median of five rounds; the least time in which the GPU's memory could write
and read each layer's output and gradient once, at the rate of a large copy, as a share of that. First call: seconds
beyond a usual one, for compiling. Memory: the most that tensors took."""


@dataclass(frozen=True)
class Timing:
    """Seconds of one call after the first, of what the first took beyond, and bytes."""

    seconds: float
    first: float
    memory: int


def copied_per_second() -> float:
    """Bytes that a large copy within the GPU's memory reads and writes."""
    source = torch.ones(1 << 28, device="cuda")
    target = torch.empty_like(source)

    def copy() -> None:
        target.copy_(source)
        torch.cuda.synchronize()

    return machine.rate(copy, 2 * source.nbytes)


def forget() -> None:
    """Whatever was compiled, and the memory that it holds."""
    reset_compiler()
    gc.collect()
    torch.cuda.empty_cache()


def measure(train: Train, epochs: int) -> Timing:
    """Of training for so many epochs, compiled anew where it is."""
    forget()
    torch.cuda.reset_peak_memory_stats()
    times = []
    for _ in range(ROUNDS + 1):
        begun = time.perf_counter()
        train(epochs)
        times.append(time.perf_counter() - begun)
    usual = statistics.median(times[1:])
    return Timing(usual, times[0] - usual, torch.cuda.max_memory_allocated())


def speeds(work: Work) -> str:
    """A table: a line for each precision and number of replicates, compiled and not."""
    per_second = copied_per_second()
    rows = []
    for precision, arithmetic in PRECISIONS.items():
        least = machine.counts(work, arithmetic.dtype)[1] / per_second * 1e6  # microseconds
        for compiled in (False, True):
            for replicates, epochs in EPOCHS.items():
                timing = measure(boundary(precision, compiled, "cuda")(work, starting_points(work, replicates)), epochs)
                each = timing.seconds / replicates / epochs * 1e6
                rows.append(
                    [
                        precision + ", compiled" * compiled,
                        f"{replicates:,}",
                        f"{each:.3g}",
                        f"{least / each:.1%}",
                        f"{max(timing.first, 0):.1f}",
                        f"{timing.memory / 2**30:.2f}",
                    ]
                )
                print(*rows[-1], flush=True)
    header = ["", "replicates", "us", "of the memory's rate", "first call, s", "memory, GiB"]
    return f"A large copy moves {per_second / 1e9:,.0f} GB/s.\n\n{grid(header, rows)}"


def whole(work: Work) -> str:
    """A table: thousands of replicates trained in one go, and some of them by the CPU; exits where bits differ."""
    start = starting_points(work, max(EPOCHS))
    rows, trained = [], []
    for name, device, compiled, count in [
        ("GPU", "cuda", False, len(start)),
        ("GPU, compiled", "cuda", True, len(start)),
        ("CPU", "cpu", False, ON_CPU),
    ]:
        train = boundary("exact", compiled, device)(work, start[:count])
        forget()
        begun = time.perf_counter()
        trained.append(train(WHOLE_EPOCHS)[:ON_CPU].tobytes())
        seconds = time.perf_counter() - begun
        rows.append([name, f"{count:,}", f"{seconds:.1f}", f"{seconds / count / WHOLE_EPOCHS * 1e6:.3g}"])
        print(*rows[-1], flush=True)
    if len(set(trained)) > 1:
        sys.exit(f"{work.name}: the GPU has trained other bits than the CPU")
    same = f"The {ON_CPU:,} replicates that all have trained have the same float64 weights, bit for bit."
    return grid(["", "replicates", "s", "us"], rows) + "\n\n" + same


def main() -> None:
    """Write gpu.md."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    if not torch.cuda.is_available():
        sys.exit("no GPU that PyTorch can use: found none, expected CUDA")
    work = works()[0]
    parts = [
        "# On a GPU\n\nWritten by `make bench-gpu`.",
        f"On: {torch.cuda.get_device_name()}, beside {machine.name(['torch'])}.",
        HOW_TO_READ,
        f"## {work.name}: {work.description}\n\n{speeds(work)}",
        f"## {WHOLE_EPOCHS:,} epochs in exact arithmetic, compiling included\n\n{whole(work)}",
    ]
    (arguments.folder / "gpu.md").write_text("\n\n".join(parts) + "\n")


if __name__ == "__main__":
    main()
