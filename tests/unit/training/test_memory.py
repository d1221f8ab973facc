"""What a table or a training takes at least, and that too much is refused beforehand."""

import sys
import time
from pathlib import Path

import psutil
import pytest
import torch

from boundary.config import params
from boundary.config.load import load_params
from boundary.errors import ParamsError
from boundary.nn.mlp import Network
from boundary.numerics.arithmetic import Exact
from boundary.training import memory
from boundary.validation.sizes import memory_problems
from stages import check
from tests.support.params_file import VALID, edited

GIB = 2**30


def loaded(folder: Path, old: str = "", new: str = "") -> params.Params:
    (folder / "params.yaml").write_text(edited(old, new))
    return load_params(folder / "params.yaml")


def test_this_machine_has_some() -> None:
    assert 2**28 < memory.machine_memory() < 2**50


def test_by_hand() -> None:
    """2-3-1: 13 parameters, their gradient, an output for each of 10 rows, 4 values for each of 5 epochs.

    Of one replicate, 3 hidden units for each row.
    """
    assert memory.training_memory((2, 3, 1), replicates=7, rows=10, logged=5) == 8 * (
        7 * (2 * 13 + 10 + 4 * 5) + 10 * 3
    )
    assert memory.training_memory((2, 3, 1), 7, 10, 5, number=4) == 4 * (7 * (2 * 13 + 10) + 10 * 3) + 8 * 7 * 4 * 5


def test_the_parameters_are_those_of_the_network() -> None:
    sizes = (3, 5, 4, 2)
    assert memory.training_memory(sizes, 1, 0, 0) == 16 * Network(sizes, "relu").parameter_count


def test_it_is_what_these_tensors_take() -> None:
    network, rows, replicates = Network((2, 9, 5, 3), "tanh"), 11, 4
    start = torch.stack([network.initialise(torch.Generator().manual_seed(r)) for r in range(replicates)])
    arithmetic = Exact(16)
    logits, traces = network.forward(arithmetic, start, arithmetic.operand(torch.ones(2, rows, dtype=torch.float64)))
    gradient = network.backward(arithmetic, traces, torch.ones_like(logits))
    held = [start, gradient, logits, *(trace.z[:1] for trace in traces[:-1])]  # hidden layers of one replicate
    assert memory.training_memory(network.sizes, replicates, rows, 0) == sum(t.numel() * t.element_size() for t in held)


def test_what_fits_is_no_problem(tmp_path: Path) -> None:
    assert list(memory_problems(loaded(tmp_path), 2**20)) == []


@pytest.mark.parametrize(
    ("old", "new", "key", "gib"),
    [
        ("replicates: 2", "replicates: 1000000000", "variants.net", 8 * (2 * 13 + 16 + 4 * 2) * 1e9 / GIB),
        ("hidden_units: [3]", "hidden_units: [1000000, 1000000]", "variants.net", 8 * 2 * 2 * 1e12 / GIB),
        ("epochs: 2, log", "epochs: 1000000000, log", "variants.net", 8 * 2 * 4 * 1e9 / GIB),
        ("dots: {kind: circles, n_samples: 20", "dots: {kind: circles, n_samples: 1000000000", "generators.dots", 22.4),
        ("n_features: 2", "n_features: 1000000000", "generators.heaps", 8 * 20 * 1e9 / GIB),
        ("points_per_class: 20, classes: 3", "points_per_class: 2, classes: 1000000000", "generators.arms", 44.7),
        ("step: 0.1", "step: 1e-9", "generators.ramp", 8 * 2e9 / GIB),
    ],
)
def test_what_does_not_fit_is_told_with_the_estimate(tmp_path: Path, old: str, new: str, key: str, gib: float) -> None:
    found = loaded(tmp_path, old, new)
    before = time.perf_counter()
    lines = [line for line in memory_problems(found, 10 * GIB) if line.startswith(f"{key}: ")]
    assert time.perf_counter() - before < 1  # it only multiplies
    assert len(lines) == 1
    said = float(lines[0].split("found a need of ")[1].split(" GiB")[0])
    assert said == pytest.approx(gib, rel=0.01)
    assert "expected at most this machine's 10.0: fewer " in lines[0]


def test_a_generated_table_takes_its_features_and_target(tmp_path: Path) -> None:
    """20 rows of two features and a target: 480 bytes are enough for it."""

    def generator_problems(available: int) -> list[str]:
        return [line for line in memory_problems(loaded(tmp_path), available) if line.startswith("generators.dots: ")]

    assert (len(generator_problems(8 * 20 * 3)), len(generator_problems(8 * 20 * 3 - 1))) == (0, 1)


def test_batches_take_less(tmp_path: Path) -> None:
    """Of 8 rows fewer, an output of both replicates, and the hidden units of one; in fast arithmetic half the bytes."""
    whole, halves = loaded(tmp_path), loaded(tmp_path, "hidden_units: [3]", "hidden_units: [3], batch_size: 8")
    needed = [memory.variant_memory(settings, settings.variants["net"], 16, 2, 1) for settings in (whole, halves)]
    assert needed[0] - needed[1] == 8 * 8 * (2 + 3)
    fast = loaded(tmp_path, "precision: exact", "precision: fast")
    logged = 8 * 2 * 4 * 2
    assert memory.variant_memory(fast, fast.variants["net"], 16, 2, 1) - logged == (needed[0] - logged) / 2


def test_hidden_layers_of_many_rows_do_not_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """8 million rows of 2000 units of 8 bytes are 119 GiB, though all else is little; the check stage says so."""
    text = VALID.replace("n_samples: 20", "n_samples: 10000000", 1).replace("replicates: 2", "replicates: 1")
    (tmp_path / "params.yaml").write_text(text.replace("hidden_units: [3]", "hidden_units: [2000]"))
    monkeypatch.setattr(check, "machine_memory", lambda: 64 * GIB)
    monkeypatch.setattr(sys, "argv", ["check", str(tmp_path / "params.yaml"), str(tmp_path / "checked.txt")])
    before = time.perf_counter()
    with pytest.raises(ParamsError) as caught:
        check.main()
    assert time.perf_counter() - before < 1
    assert str(caught.value) == (
        f"{tmp_path}/params.yaml: variants.net: found a need of 119.3 GiB of memory or more, expected at most this "
        "machine's 64.0: fewer replicates, smaller hidden_units or batch_size, a larger log_every"
    )
    assert not (tmp_path / "checked.txt").exists()


def test_endless_numbers_are_short(tmp_path: Path) -> None:
    wide = ", ".join(["1000000000"] * 9)
    found = loaded(tmp_path, "hidden_units: [3]", f"hidden_units: [{wide}]")
    (line,) = memory_problems(found, GIB)
    assert line.startswith("variants.net: found a need of 2.4e+11 GiB of memory or more, ")


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"memory.max": "123456\n"}, 123456),
        ({"memory.limit_in_bytes": "234567\n"}, 234567),
        ({"memory.limit_in_bytes": "9223372036854771712\n"}, None),  # what Linux writes for none
        ({"memory.max": "max\n"}, None),
        ({}, None),
    ],
)
def test_a_container_has_what_it_is_given(
    files: dict[str, str], expected: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    monkeypatch.setattr(memory, "LIMITS", [str(tmp_path / name) for name in ("memory.max", "memory.limit_in_bytes")])
    assert memory.machine_memory() == (expected or psutil.virtual_memory().total)


def test_of_a_users_table_nothing_is_assumed(tmp_path: Path) -> None:
    text = VALID.replace("data/raw/dots.parquet", "data/own.csv")
    (tmp_path / "params.yaml").write_text(text.replace("hidden_units: [3]", "hidden_units: [1000]"))
    found = load_params(tmp_path / "params.yaml")
    needed = 8 * (2 * (2 * 3001 + 1 + 8) + 1000)
    assert list(memory_problems(found, needed)) == []
    assert [line.split(":")[0] for line in memory_problems(found, needed - 1)] == ["variants.net"]
