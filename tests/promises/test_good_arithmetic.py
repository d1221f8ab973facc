"""Exact arithmetic is good, not only stable: its networks are as good as those of plain PyTorch.

Each default variant is trained with the same 100 seeds three times: by the engine in exact arithmetic, and by an
independent program in float64 and float32: an nn.Sequential per seed, initialised by nn.Linear, differentiated by
autograd, stepped by torch.optim. `python -m tests.promises.test_good_arithmetic [SEEDS [VARIANT ...]]` prints the
table.
"""

import io
import math
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory

import msgspec
import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from boundary.artifacts import schema, splits
from boundary.config import params
from boundary.config.load import load_params
from boundary.nn.mlp import Network
from boundary.nn.optimizers import OPTIMIZERS
from boundary.numerics.arithmetic import REPLICATE, Exact, to_grid
from boundary.stats.intervals import seed_interval
from boundary.training.loop import Examples, Objective, Schedule, fit
from stages import generate, split
from tests.support.repository import ROOT

pytestmark = pytest.mark.usefixtures("one_thread")
FILE = ROOT / "params.yaml"
PARAMS = load_params(FILE)
SEEDS = 100
PLAIN = ("float64", "float32")
CRITERIA: dict[str, Callable[[], nn.Module]] = {
    "binary": nn.BCEWithLogitsLoss,
    "multiclass": nn.CrossEntropyLoss,
    "regression": nn.L1Loss,
}
STEPPERS: dict[str, type[torch.optim.Optimizer]] = {
    "sgd": torch.optim.SGD,
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
}
ACTIVATIONS: dict[str, type[nn.Module]] = {"none": nn.Identity, "relu": nn.ReLU}


@dataclass(frozen=True)
class Final:
    """What is left after the last epoch on the test rows: a value per seed."""

    loss: list[float]
    accuracy: list[float] | None = None

    @property
    def measures(self) -> list[str]:
        """What there is: a regression has no accuracy."""
        return ["loss"] if self.accuracy is None else ["accuracy", "loss"]


@dataclass(frozen=True)
class Task:
    """A variant with its data, as the split stage leaves it."""

    variant: params.Variant
    described: schema.Schema
    parts: dict[str, dict[str, np.ndarray]]

    @classmethod
    def of(cls, name: str) -> "Task":
        """Of a variant of params.yaml."""
        variant = PARAMS.variants[name]
        return cls(variant, *divided(variant.dataset))

    @property
    def sizes(self) -> tuple[int, ...]:
        """Of the layers, inputs first."""
        return (len(self.described.features), *self.variant.hidden_units, self.described.outputs)


@cache
def divided(name: str) -> tuple[schema.Schema, dict[str, dict[str, np.ndarray]]]:
    """A data set as the generate and split stages make it, preprocessing included."""
    table = PARAMS.datasets[name].table
    with TemporaryDirectory() as temporary, pytest.MonkeyPatch.context() as patch, redirect_stdout(io.StringIO()):
        raw, parts, card = (str(Path(temporary, word)) for word in ("raw.parquet", "parts", "card.md"))
        patch.setattr(sys, "argv", ["", Path(table).stem, "--params", str(FILE), "--table", raw])
        generate.main()
        patch.setattr(sys, "argv", ["", name, *sys.argv[2:], "--parts", parts, "--card", card])
        split.main()
        return splits.read_split(Path(parts))


def exact(task: Task, seeds: int, arithmetic: type[Exact] = Exact) -> Final:
    """By the engine, as the train stage calls it."""
    variant, network = task.variant, Network(task.sizes, task.variant.activation)
    drawn = [torch.Generator().manual_seed(PARAMS.seed + r) for r in range(seeds)]
    start = torch.stack([network.initialise(generator) for generator in drawn])
    if variant.initial_weights is not None:
        start[0] = network.from_layers([(layer.weight, layer.bias) for layer in variant.initial_weights])
    data = [Examples.from_arrays(*schema.arrays(task.parts[part], task.described)) for part in ("train", "test")]
    optimizer = OPTIMIZERS[variant.optimizer](**variant.optimizer_options)
    schedule = Schedule(variant.epochs, variant.burn_in_epochs, variant.batch_size, log_every=variant.epochs)
    goal = Objective.for_task(task.described.task, variant.loss)
    _, log = fit(network, goal, optimizer, arithmetic, (data[0], data[1]), start, drawn, schedule)
    last = {name: values[-1].tolist() for name, values in log.values.items()}
    return Final(last["test_loss"], last.get("test_accuracy"))


def sequential(task: Task, seed: int) -> nn.Sequential:
    """Initialised as PyTorch does it, or for the first seed with the weights that params.yaml has."""
    modules: list[nn.Module] = []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for i, o in zip(task.sizes, task.sizes[1:], strict=False):
            modules += [nn.Linear(i, o), ACTIVATIONS[task.variant.activation]()]
    if seed == PARAMS.seed and task.variant.initial_weights is not None:
        for linear, layer in zip(modules[::2], task.variant.initial_weights, strict=True):
            linear.load_state_dict({"weight": torch.tensor(layer.weight), "bias": torch.tensor(layer.bias)})
    return nn.Sequential(*modules[:-1])


def plain(task: Task, seeds: int, dtype: torch.dtype) -> Final:
    """By autograd and torch.optim, all networks side by side; their losses are added, so none notices another."""
    variant = task.variant
    assert (variant.batch_size, variant.patience, variant.class_weight) == (None, None, None)
    assert variant.loss in (None, "l1")
    kind = task.described.task
    networks = [sequential(task, PARAMS.seed + r).to(dtype) for r in range(seeds)]
    parameters, _ = stack_module_state(networks)
    criterion = CRITERIA[kind]()

    def logits(x: Tensor) -> Tensor:
        return vmap(lambda weights: functional_call(networks[0], weights, (x,)))(parameters)

    def prepared(part: str) -> tuple[Tensor, Tensor]:
        x, y = (torch.from_numpy(array.T).to(dtype) for array in schema.arrays(task.parts[part], task.described))
        return x, y.argmax(1) if kind == "multiclass" else y

    x, y = prepared("train")
    stepper = STEPPERS[variant.optimizer](parameters.values(), **variant.optimizer_options)
    for _ in range(variant.burn_in_epochs + variant.epochs):
        stepper.zero_grad()
        vmap(criterion, (0, None))(logits(x), y).sum().backward()
        stepper.step()
    x, y = prepared("test")
    with torch.no_grad():
        said = logits(x)
        loss = vmap(criterion, (0, None))(said, y).tolist()
    if kind == "regression":
        return Final(loss)
    hits = said.argmax(-1) == y if kind == "multiclass" else ((said > 0) == (y > 0.5)).squeeze(-1)
    return Final(loss, hits.double().mean(1).tolist())


@cache
def results(name: str, seeds: int) -> dict[str, Final]:
    """By arithmetic."""
    task = Task.of(name)
    plainly = {dtype: plain(task, seeds, getattr(torch, dtype)) for dtype in PLAIN}
    return {"exact": exact(task, seeds), **plainly}


def differences(measure: str, found: dict[str, Final], dtype: str) -> list[float]:
    """Exact minus plain, seed by seed."""
    return [a - b for a, b in zip(getattr(found["exact"], measure), getattr(found[dtype], measure), strict=True)]


def agree(measure: str, found: dict[str, Final], dtype: str) -> bool:
    """Whether the mean difference is no more than chance makes it, or too small to matter; and never large.

    Chance: Student's interval of the paired differences holds 0; at 99.8%, so that of all 42 comparisons none fails by
    chance with a probability of 92%. Too small to matter: a 100 000th of a loss. Large: 1% of the rows, 5% of a loss.
    """
    size = fmean(getattr(found[dtype], measure)) if measure == "loss" else 1.0
    mean, low, high = seed_interval(differences(measure, found, dtype), confidence=0.998)
    assert low is not None
    assert high is not None
    by_chance = low <= 0 <= high
    return (by_chance or abs(mean) <= 1e-5 * size) and abs(mean) <= (0.05 if measure == "loss" else 0.01) * size


def all_agree(name: str, seeds: int) -> bool:
    """In loss and, for classes, accuracy, with float64 and float32."""
    found = results(name, seeds)
    return all(agree(measure, found, dtype) for measure in found["exact"].measures for dtype in PLAIN)


@pytest.mark.parametrize("name", PARAMS.variants)
def test_every_variant_can_be_trained_by_both(name: str) -> None:
    """For an epoch, after which the same rounding apart nothing differs."""
    task = Task.of(name)
    short = replace(task, variant=msgspec.structs.replace(task.variant, epochs=1, burn_in_epochs=0))
    found, expected = exact(short, 2), plain(short, 2, torch.float64)
    assert found.loss == pytest.approx(expected.loss, rel=1e-5)
    assert found.accuracy == pytest.approx(expected.accuracy)


@pytest.mark.parametrize("name", ["blob_v1", "moons_v0", "spirals_v0", "line_v1"])
def test_exact_networks_are_as_good_as_plain_ones(name: str) -> None:
    assert all_agree(name, 16)


@pytest.mark.slow
@pytest.mark.parametrize("name", PARAMS.variants)
def test_so_they_are_over_100_seeds(name: str) -> None:
    assert all_agree(name, SEEDS)


class Coarse(Exact):
    """Six bits kept of every operand, not 20 to 25."""

    def operand(self, t: Tensor, axes: tuple[int, ...] = REPLICATE) -> Tensor:
        return to_grid(t, 6, axes)


def test_a_worse_arithmetic_is_noticed() -> None:
    task = Task.of("blob_v1")
    found = {"exact": exact(task, 16, Coarse), "float64": plain(task, 16, torch.float64)}
    assert not agree("loss", found, "float64")


def cell(measure: str, values: list[float]) -> str:
    """A mean and its 95% interval, cut to what is possible: accuracies in percent, losses as they are."""
    mean, low, high = seed_interval(values)
    low, high = max(0.0, low or 0.0), min(1.0 if measure == "accuracy" else math.inf, high or 0.0)
    if measure == "accuracy":
        return f"{mean * 100:.2f} [{low * 100:.2f}, {high * 100:.2f}]"
    return f"{mean:.5f} [{low:.5f}, {high:.5f}]"


def difference_cell(measure: str, found: dict[str, Final], dtype: str) -> str:
    """A mean difference and its 95% interval: accuracies in percentage points."""
    scale = 100 if measure == "accuracy" else 1
    return "{:+.2g} [{:+.2g}, {:+.2g}]".format(
        *(scale * value for value in seed_interval(differences(measure, found, dtype)) if value is not None)
    )


def main() -> None:
    """Print the table, in Markdown."""
    torch.set_num_threads(1)
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else SEEDS
    print(f"Test accuracy (%) and test loss after the last epoch: mean of {seeds} seeds [95% interval]\n")
    print(f"| variant | | exact | {' | '.join(PLAIN)} | {' | '.join(f'exact - {dtype}' for dtype in PLAIN)} |")
    print("|---|---|---|---|---|---|---|")
    for name in sys.argv[2:] or PARAMS.variants:
        found = results(name, seeds)
        for measure in found["exact"].measures:
            means = [cell(measure, getattr(final, measure)) for final in (found["exact"], *(found[d] for d in PLAIN))]
            cells = [name, measure, *means, *(difference_cell(measure, found, dtype) for dtype in PLAIN)]
            print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
