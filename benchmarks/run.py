"""Let every contender do the same work in turn, check that it did, and write what came out as a table and a picture.

python -m benchmarks.run FOLDER [--rounds N] [--works NAME ...] [--replicates R ...]
"""

import argparse
import statistics
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from benchmarks import anatomy, machine, report
from benchmarks.contenders import ALL_AT_ONCE, ONE_AT_A_TIME, PLAIN, REFERENCE
from benchmarks.works import Work, works
from boundary.numerics.arithmetic import PRECISIONS

SAME_WEIGHTS = 2e-3  # full batch: the largest difference from exact training's, float32 or not
SAME_LOSS = 0.15  # mini-batches, whose order differs: relative difference of the mean loss


@dataclass
class Timing:
    """Of one contender: microseconds per replicate and epoch, round by round, and seconds that its first call cost.

    `processors`: the same in time of processors, all threads together, which other programs' work hardly changes.
    """

    first: float = 0.0
    rounds: list[float] = field(default_factory=list)
    processors: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        """Of the rounds."""
        return statistics.median(self.rounds)

    @property
    def processors_median(self) -> float:
        """Of the rounds."""
        return statistics.median(self.processors)


def starting_points(work: Work, replicates: int) -> np.ndarray:
    """Parameters (R, P) of seeds 42, 43, ..."""
    generators = [torch.Generator().manual_seed(42 + r) for r in range(replicates)]
    return torch.stack([work.network.initialise(generator) for generator in generators]).numpy()


def check(work: Work, name: str, found: np.ndarray, expected: np.ndarray) -> None:
    """Exit where a contender has not trained what exact training has."""
    if work.shuffled:
        losses = work.loss(found).mean(), work.loss(expected).mean()
        difference, allowed = abs(losses[0] / losses[1] - 1), SAME_LOSS
    else:
        difference, allowed = np.abs(found - expected).max(), SAME_WEIGHTS
    if not difference < allowed:
        sys.exit(f"{work.name}: {name} has trained something else: found a difference of {difference:.2g}")


def measure(work: Work, replicates: int, rounds: int) -> dict[str, Timing]:
    """Every contender's timing: a first call each, which is checked, then in turn, round by round.

    Those that train one model at a time train one here, and only the plain loop beside several replicates.
    """
    epochs, start = work.epochs[replicates], starting_points(work, replicates)
    alone = ONE_AT_A_TIME if replicates == 1 else {PLAIN: ONE_AT_A_TIME[PLAIN]}
    trains = {name: (make(work, start[:1]), 1) for name, make in alone.items()}
    trains |= {name: (make(work, start), replicates) for name, make in ALL_AT_ONCE.items()}
    timings = {name: Timing() for name in trains}
    expected = trains[REFERENCE][0](epochs)
    for turn in range(rounds + 1):
        for name, (train, count) in trains.items():
            before, before_of_processors = time.perf_counter(), time.process_time()
            trained = train(epochs)
            seconds = time.perf_counter() - before
            if turn:
                processors = time.process_time() - before_of_processors
                timings[name].rounds.append(seconds / count / epochs * 1e6)
                timings[name].processors.append(processors / count / epochs * 1e6)
            else:
                timings[name].first = seconds
                check(work, name, trained, expected[:count])
    for name, (_, count) in trains.items():
        timings[name].first -= timings[name].median * count * epochs / 1e6
    print(f"{work.name}, {replicates} replicates x {epochs} epochs", flush=True)
    for name, timing in timings.items():
        figures = f"{timing.median:10.1f} us {timing.processors_median:10.1f} us of processors"
        print(f"  {name:28s} {figures}   first call {max(timing.first, 0):5.1f} s", flush=True)
    return timings


def main() -> None:
    """Write results.md and results.png."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--works", nargs="+")
    parser.add_argument("--replicates", nargs="+", type=int)
    arguments = parser.parse_args()
    results, load = {}, machine.load()
    for work in works():
        if arguments.works is None or work.name in arguments.works:
            for replicates in work.epochs:
                if arguments.replicates is None or replicates in arguments.replicates:
                    results[work.name, replicates] = measure(work, replicates, arguments.rounds)
    rates = {precision: machine.rates(p.dtype) for precision, p in PRECISIONS.items()}
    circles = works()[0]
    start = starting_points(circles, anatomy.REPLICATES)
    made_of = {precision: anatomy.anatomy(circles, start, precision) for precision in PRECISIONS}
    name = f"{machine.name()}. Other programs' load at the start: {load:.1f}"
    (arguments.folder / "results.md").write_text(report.table(works(), results, rates, made_of, name))
    report.picture(results).savefig(arguments.folder / "results.png", metadata={"Software": None})


if __name__ == "__main__":
    main()
