"""Probabilities and labels, by hand and against PyTorch."""

import math

import pytest
import torch
from torch import Tensor

from boundary.nn.heads import labels, probabilities
from boundary.numerics.arithmetic import Exact, Fast

EXACT = Exact(1)
EITHER = pytest.mark.parametrize("arithmetic", [EXACT, Fast()], ids=["exact", "fast"])


def one_row(*numbers: float) -> Tensor:
    """One replicate, one row: (1, outputs, 1)."""
    return torch.tensor(numbers, dtype=torch.float64).view(1, -1, 1)


@pytest.mark.parametrize(
    ("task", "logits", "expected"),
    [
        ("binary", [0.0], [0.5, 0.5]),
        ("binary", [math.log(3)], [0.25, 0.75]),
        ("binary", [-math.log(3)], [0.75, 0.25]),
        ("binary", [1000.0], [0.0, 1.0]),
        ("binary", [-50.0], [1.0, math.exp(-50)]),
        ("multiclass", [5.0, 5.0], [0.5, 0.5]),
        ("multiclass", [0.0, math.log(2), math.log(5)], [0.125, 0.25, 0.625]),
        ("multiclass", [1000.0, 0.0, -1000.0], [1.0, 0.0, 0.0]),
    ],
)
def test_probabilities_by_hand(task: str, logits: list[float], expected: list[float]) -> None:
    found = probabilities(EXACT, task, one_row(*logits)).flatten().tolist()
    assert found == pytest.approx(expected, rel=1e-14, abs=1e-300)


@EITHER
def test_probabilities_are_those_of_torch(arithmetic: Exact | Fast) -> None:
    z = torch.randn(3, 4, 20, generator=torch.Generator().manual_seed(1)).to(arithmetic.dtype) * 5
    torch.testing.assert_close(probabilities(arithmetic, "multiclass", z), z.softmax(1))
    p = z[:, :1].sigmoid()
    torch.testing.assert_close(
        probabilities(arithmetic, "binary", z[:, :1]), torch.cat([1 - p, p], 1), rtol=1e-4, atol=1e-6
    )


@pytest.mark.parametrize(
    ("probability", "label"),
    [
        ([0.4, 0.6], 1),
        ([0.6, 0.4], 0),
        ([0.5, 0.5], 0),
        ([0.2, 0.3, 0.5], 2),
        ([0.2, 0.4, 0.4], 1),
        ([0.0, 1.0, 0.0], 1),
    ],
)
def test_labels_by_hand(probability: list[float], label: int) -> None:
    """The most probable class; of equals the first."""
    assert labels(one_row(*probability)).tolist() == [[label]]


@pytest.mark.parametrize(("z", "label"), [(1e-3, 1), (0.0, 0), (-1e-3, 0), (40.0, 1), (-40.0, 0)])
def test_a_binary_label_is_one_where_its_probability_is_above_a_half(z: float, label: int) -> None:
    assert labels(probabilities(EXACT, "binary", one_row(z))).tolist() == [[label]]


def test_labels_are_per_replicate_and_row() -> None:
    probability = torch.tensor([[[0.9, 0.1, 0.3], [0.1, 0.9, 0.7]], [[0.2, 0.8, 0.6], [0.8, 0.2, 0.4]]])
    assert labels(probability).tolist() == [[0, 1, 1], [1, 0, 0]]
