"""Train in a process of its own, so that the environment can differ, and print hashes of the results as JSON.

python -m tests.support.exact_run CASE EPOCHS [CASE EPOCHS ...]: for each case, company of seeds and thread count,
one hash per replicate of its weights and of every value that it logged, all bits of them.
"""

import hashlib
import itertools
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from sklearn.datasets import make_blobs, make_circles

from boundary.nn.activations import ACTIVATIONS
from boundary.nn.mlp import Network
from boundary.nn.optimizers import OPTIMIZERS
from boundary.numerics.arithmetic import PRECISIONS, Exact, Fast
from boundary.training.job import TrainingData, TrainingJob
from boundary.training.loop import Examples, Objective, Schedule, fit
from boundary.training.placement import ExecutionPlan

THREADS = (1, 2, 4)
COMPANIES = {"17": range(42, 59), "2": range(42, 44), "first alone": [42], "second alone": [43], "last alone": [58]}
PAIR = {"2": range(42, 44), "second alone": [43]}


def split(x: np.ndarray, y: np.ndarray) -> TrainingData:
    """From x (rows, features) and y (rows, outputs), the first four fifths to train on, the others to test on."""
    x, y, many = x.astype(np.float32).T, y.astype(np.float32).T, len(x) * 4 // 5
    return TrainingData(
        *(Examples.from_arrays(x[:, rows].copy(), y[:, rows].copy()) for rows in (slice(many), slice(many, None)))
    )


def circles(rows: int = 1000) -> TrainingData:
    """Binary: the tutorial's."""
    x, y = make_circles(rows, noise=0.03, random_state=42)
    return split(x, y[:, None])


def apart(rows: int = 200) -> TrainingData:
    """Binary: two clusters with room for a line between them."""
    x, y = make_blobs(rows, centers=[[-3, -3], [3, 3]], cluster_std=0.5, random_state=42)
    return split(x, y[:, None])


def blobs(rows: int = 500) -> TrainingData:
    """Four classes of five features."""
    x, y = make_blobs(rows, n_features=5, centers=4, cluster_std=4, random_state=42)
    return split(x / 8, np.eye(4)[y])


def parabola(rows: int = 500) -> TrainingData:
    """A regression of three features."""
    x = np.random.RandomState(42).uniform(-1, 1, (rows, 3))
    return split(x, (x * x).sum(1, keepdims=True) - 1)


@dataclass(frozen=True)
class Case:
    """A training: layers, how they are trained, on what, in which companies of seeds."""

    hidden: tuple[int, ...]
    activation: str
    optimizer: str
    options: dict[str, Any]
    batch_size: int | None = None
    data: Callable[[], TrainingData] = circles
    task: tuple[str, str | None] = ("binary", None)
    companies: Mapping[str, Sequence[int]] = field(default_factory=lambda: COMPANIES)
    arithmetic: type[Exact] | type[Fast] = Exact


def _wide() -> dict[str, Case]:
    """Each activation with each optimizer in four hidden layers; width, data, loss and batches change from each to the
    next."""
    widths = itertools.cycle([(64,) * 4, (128,) * 4, (256, 192, 128, 64), (65, 96, 127, 256), (256,) * 4])
    batches = itertools.cycle([None, 100, None, None, 33, None, 128])
    optimizers: dict[str, dict[str, Any]] = {
        "sgd": {"lr": 0.02, "momentum": 0.9, "nesterov": True, "weight_decay": 1e-4},
        "adam": {"lr": 0.003},
        "adamw": {"lr": 0.003, "weight_decay": 0.01, "betas": (0.8, 0.95)},
    }
    tasks: list[tuple[Callable[[], TrainingData], tuple[str, str]]] = [
        (circles, ("binary", "bce_with_logits")),
        (blobs, ("multiclass", "cross_entropy")),
        (parabola, ("regression", "mse")),
        (parabola, ("regression", "l1")),
    ]
    cases = {}
    for place, (activation, (optimizer, options)) in enumerate(itertools.product(ACTIVATIONS, optimizers.items())):
        data, task = tasks[place % len(tasks)]
        hidden, batch_size = next(widths), next(batches)
        cases[f"{activation} {optimizer}"] = Case(
            hidden, activation, optimizer, options, batch_size, data, task, companies=PAIR
        )
    return cases


SMALL = {
    "circle_v2": Case((10, 10), "relu", "sgd", {"lr": 0.1}),
    "64-64-64": Case((64, 64, 64), "relu", "adam", {"lr": 0.01}),
}
WIDE = _wide()
HARD = {
    "long": Case((10, 10), "relu", "sgd", {"lr": 0.1}, companies=PAIR),
    "long, in batches": Case((16, 16), "tanh", "adam", {"lr": 0.01}, 32, lambda: circles(200), companies=PAIR),
    "perfect": Case((16, 16), "silu", "adam", {"lr": 0.05}, data=apart, companies=PAIR),
    "vanishing": Case((8, 8), "tanh", "sgd", {"lr": 0.1, "weight_decay": 9.0, "momentum": 0.1}, companies=PAIR),
    "many rows": Case((64, 64), "gelu_tanh", "adam", {"lr": 0.01}, data=lambda: circles(11_000), companies=PAIR),
}
DEEP = {"deep": Case((64,) * 4, "relu", "adam", {"lr": 0.003}, companies=PAIR)}
CONTROL = {"float32": Case((64, 64, 64), "relu", "adam", {"lr": 0.01}, companies=PAIR, arithmetic=Fast)}
CASES = SMALL | WIDE | HARD | DEEP | CONTROL


def train(
    case: Case, seeds: Sequence[int], epochs: int, plan: ExecutionPlan | None = None, device: str = "cpu"
) -> tuple[torch.Tensor, torch.Tensor]:
    """Weights (R, P) and all that was logged (values, R), both float64 on the CPU (in float32: the weights float32).

    By training.fit itself, or, with a plan, in parts and compiled.
    """
    data = case.data()
    network = Network((data.train.x.shape[0], *case.hidden, data.train.y.shape[0]), case.activation)
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    start = torch.stack([network.initialise(generator) for generator in generators])
    optimizer = OPTIMIZERS[case.optimizer](**case.options)
    schedule = Schedule(epochs, batch_size=case.batch_size, log_every=max(1, epochs // 100))
    goal = Objective.for_task(*case.task)
    if plan is None:
        both = data.train, data.test
        parameters, log = fit(network, goal, optimizer, case.arithmetic, both, start.to(device), generators, schedule)
        parameters = parameters.cpu()
    else:
        precision = next(name for name, arithmetic in PRECISIONS.items() if arithmetic is case.arithmetic)
        states = torch.stack([generator.get_state() for generator in generators])
        work = TrainingJob(network, goal, optimizer, precision, device, schedule, start, states, 0)
        parameters, log = work.run(data, plan=replace(plan, device=torch.device(device)))
    return parameters, torch.cat(list(log.values.values()))


def same(found: tuple[torch.Tensor, torch.Tensor], expected: tuple[torch.Tensor, torch.Tensor]) -> bool:
    """Whether every bit of weights and log is."""
    return all(torch.equal(a.view(torch.int64), b.view(torch.int64)) for a, b in zip(found, expected, strict=True))


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
        case = CASES[name]
        for threads in THREADS:
            torch.set_num_threads(threads)
            for company, seeds in case.companies.items():
                parameters, logged = train(case, seeds, epochs)
                assert parameters.isfinite().all(), f"{name}: diverged, and nan says little of what led to it"
                result = hashes(parameters, logged)
                found.setdefault(name, {})[f"{company}, {threads} threads"] = result
    print(json.dumps(found))


if __name__ == "__main__":
    main()
