"""Train in a process of its own, so that the environment can differ, and print hashes of the float64 results as JSON.

python tests/exact_run.py CASE EPOCHS [CASE EPOCHS ...]: for each case, company of seeds and thread count, one hash per
replicate of its float64 weights and of every value that it logged.
"""

import hashlib
import json
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from sklearn.datasets import make_circles

from boundary.arithmetic import Exact
from boundary.networks import Network
from boundary.optimizers import OPTIMIZERS
from boundary.training import Examples, Goal, Schedule, fit

THREADS = (1, 2)
COMPANIES = {"17": range(42, 59), "2": range(42, 44), "first alone": [42], "second alone": [43], "last alone": [58]}


@dataclass(frozen=True)
class Case:
    """A training on the tutorial's circles."""

    hidden: tuple[int, ...]
    activation: str
    optimizer: str
    options: dict[str, Any]
    batch_size: int | None = None


CASES = {
    "circle_v2": Case((10, 10), "relu", "sgd", {"lr": 0.1}),
    "64-64-64": Case((64, 64, 64), "relu", "adam", {"lr": 0.01}),
}


def circles() -> tuple[Examples, Examples]:
    """800 rows to train on, 200 to test on."""
    x, y = make_circles(1000, noise=0.03, random_state=42)
    x, y = x.astype(np.float32).T, y.astype(np.float32)[None]
    return Examples.of(x[:, :800].copy(), y[:, :800]), Examples.of(x[:, 800:].copy(), y[:, 800:])


def train(case: Case, seeds: list[int], epochs: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Weights (R, P) and all that was logged (values, R), both float64."""
    network = Network((2, *case.hidden, 1), case.activation)
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    start = torch.stack([network.initialise(generator) for generator in generators])
    optimizer = OPTIMIZERS[case.optimizer](**case.options)
    schedule = Schedule(epochs, batch_size=case.batch_size, log_every=10)
    parameters, log = fit(network, Goal.of("binary", None), optimizer, Exact, circles(), start, generators, schedule)
    return parameters, torch.cat(list(log.values.values()))


def hashes(parameters: torch.Tensor, logged: torch.Tensor) -> list[str]:
    """One per replicate."""
    return [
        hashlib.sha256(weights.numpy().tobytes() + values.contiguous().numpy().tobytes()).hexdigest()[:16]
        for weights, values in zip(parameters, logged.T, strict=True)
    ]


def main() -> None:
    """See the module."""
    found: dict[str, dict[str, list[str]]] = {}
    for name, epochs in zip(sys.argv[1::2], map(int, sys.argv[2::2]), strict=True):
        for threads in THREADS:
            torch.set_num_threads(threads)
            for company, seeds in COMPANIES.items():
                result = hashes(*train(CASES[name], list(seeds), epochs))
                found.setdefault(name, {})[f"{company}, {threads} threads"] = result
    print(json.dumps(found))


if __name__ == "__main__":
    main()
