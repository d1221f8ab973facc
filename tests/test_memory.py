"""What a table or a training takes at least, and that too much is refused beforehand."""

import time
from pathlib import Path

import pytest
import torch
from test_params import VALID, edited

from boundary import generators, memory, params
from boundary.arithmetic import Exact
from boundary.networks import Network

GIB = 2**30


def loaded(folder: Path, old: str = "", new: str = "") -> params.Params:
    (folder / "params.yaml").write_text(edited(old, new))
    return params.load(folder / "params.yaml")


def test_this_machine_has_some() -> None:
    assert 2**28 < memory.of_machine() < 2**50


def test_by_hand() -> None:
    """2-3-1: 13 parameters, their gradient, an output for each of 10 rows, 4 values for each of 5 epochs."""
    assert memory.training((2, 3, 1), replicates=7, rows=10, logged=5) == 8 * 7 * (2 * 13 + 10 + 4 * 5)
    assert memory.table(100, 2) == 8 * 100 * 3


def test_the_parameters_are_those_of_the_network() -> None:
    sizes = (3, 5, 4, 2)
    assert memory.training(sizes, 1, 0, 0) == 16 * Network(sizes, "relu").parameter_count


def test_it_is_what_these_tensors_take() -> None:
    network, rows, replicates = Network((2, 9, 5, 3), "tanh"), 11, 4
    start = torch.stack([network.initialise(torch.Generator().manual_seed(r)) for r in range(replicates)])
    arithmetic = Exact(16)
    logits, traces = network.forward(arithmetic, start, arithmetic.operand(torch.ones(2, rows, dtype=torch.float64)))
    gradient = network.backward(arithmetic, traces, torch.ones_like(logits))
    held = [start, gradient, logits]
    assert memory.training(network.sizes, replicates, rows, 0) == sum(t.numel() * t.element_size() for t in held)


def test_the_shape_is_that_of_the_generated_table(tmp_path: Path) -> None:
    for generator in loaded(tmp_path).generators.values():
        columns = generators.generate(generator)
        assert memory.shape(generator) == (len(next(iter(columns.values()))), len(columns) - 1)


def test_what_fits_is_no_problem(tmp_path: Path) -> None:
    assert list(memory.problems(loaded(tmp_path), 2**20)) == []


@pytest.mark.parametrize(
    ("old", "new", "key", "gib"),
    [
        ("replicates: 2", "replicates: 1000000000", "variants.net", 8 * (2 * 13 + 16 + 4 * 2) * 1e9 / GIB),
        ("hidden_units: [3]", "hidden_units: [1000000, 1000000]", "variants.net", 8 * 2 * 2 * 1e12 / GIB),
        ("epochs: 2, log", "epochs: 1000000000, log", "variants.net", 8 * 2 * 4 * 1e9 / GIB),
        ("dots: {kind: circles, n_samples: 20", "dots: {kind: circles, n_samples: 1000000000", "generators.dots", 22.4),
        ("n_features: 2", "n_features: 1000000000", "generators.heaps", 8 * 20 * 1e9 / GIB),
        ("points_per_class: 20, classes: 3", "points_per_class: 2, classes: 1000000000", "generators.arms", 44.7),
        ("step: 0.1", "step: 1e-10", "generators.ramp", 8 * 2e10 / GIB),
    ],
)
def test_what_does_not_fit_is_told_with_the_estimate(tmp_path: Path, old: str, new: str, key: str, gib: float) -> None:
    found = loaded(tmp_path, old, new)
    before = time.perf_counter()
    lines = [line for line in memory.problems(found, 20 * GIB) if line.startswith(f"{key}: ")]
    assert time.perf_counter() - before < 1  # it only multiplies
    assert len(lines) == 1
    said = float(lines[0].split("found a need of ")[1].split(" GiB")[0])
    assert said == pytest.approx(gib, rel=0.01)
    assert "expected at most this machine's 20.0: fewer " in lines[0]


def test_batches_take_less(tmp_path: Path) -> None:
    variant = loaded(tmp_path).variants["net"]
    halves = loaded(tmp_path, "hidden_units: [3]", "hidden_units: [3], batch_size: 8").variants["net"]
    assert memory.of_variant(variant, 1, 16, 2, 1) - memory.of_variant(halves, 1, 16, 2, 1) == 8 * 8


def test_of_a_users_table_nothing_is_assumed(tmp_path: Path) -> None:
    text = VALID.replace("data/raw/dots.parquet", "data/own.csv")
    (tmp_path / "params.yaml").write_text(text.replace("hidden_units: [3]", "hidden_units: [1000]"))
    found = params.load(tmp_path / "params.yaml")
    needed = 8 * 2 * (2 * 3001 + 1 + 8)
    assert list(memory.problems(found, needed)) == []
    assert [line.split(":")[0] for line in memory.problems(found, needed - 1)] == ["variants.net"]
