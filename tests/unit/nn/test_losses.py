"""Losses and their gradients against those of torch.nn."""

import math
from typing import get_args

import numpy as np
import pytest
import torch
from sklearn.utils.class_weight import compute_class_weight
from torch import Tensor, nn

from boundary.artifacts.schema import TASK_LOSSES, Task
from boundary.config.params import LossName
from boundary.nn.losses import LOSSES, balanced, softmax, weighted
from boundary.numerics.arithmetic import Exact, Fast

EXACT, FAST = Exact(1), Fast()
EITHER = pytest.mark.parametrize(
    ("arithmetic", "tolerance"),
    [(EXACT, {"rtol": 1e-12, "atol": 1e-14}), (FAST, {"rtol": 1e-5, "atol": 1e-5})],
    ids=["exact", "fast"],
)
MODULES = {
    "bce_with_logits": nn.BCEWithLogitsLoss,
    "cross_entropy": nn.CrossEntropyLoss,
    "l1": nn.L1Loss,
    "mse": nn.MSELoss,
}
REPLICATES, OUTPUTS, ROWS = 3, 5, 40


def logits_and_targets(loss: str) -> tuple[Tensor, Tensor]:
    """Logits (R, outputs, rows) and what the loss takes as target (outputs, rows), float64."""
    generator = torch.Generator().manual_seed(1)
    outputs = OUTPUTS if loss == "cross_entropy" else 1
    z = torch.randn(REPLICATES, outputs, ROWS, generator=generator, dtype=torch.float64) * 5
    if loss == "cross_entropy":
        classes = torch.randint(OUTPUTS, (ROWS,), generator=generator)
        return z, nn.functional.one_hot(classes, OUTPUTS).T.double()
    y = torch.randn(1, ROWS, generator=generator, dtype=torch.float64)
    return z, (y > 0).double() if loss == "bce_with_logits" else y


def by_torch(loss: str, z: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """The module's losses (R, 1, rows), without a mean, and autograd's gradient."""
    z = z.clone().requires_grad_()
    values = MODULES[loss](reduction="none")(z, y.expand_as(z)).reshape(REPLICATES, 1, ROWS)
    (gradient,) = torch.autograd.grad(values.sum(), z)
    return values.detach(), gradient


def column(*numbers: float) -> Tensor:
    """One replicate's one row."""
    return torch.tensor(numbers, dtype=torch.float64).view(1, -1, 1)


def test_params_name_all_losses() -> None:
    assert set(get_args(LossName)) == set(LOSSES) == {loss for losses in TASK_LOSSES.values() for loss in losses}
    assert set(get_args(Task)) == set(TASK_LOSSES)


@EITHER
@pytest.mark.parametrize("name", LOSSES)
def test_values_and_gradients_are_those_of_torch(
    name: str, arithmetic: Exact | Fast, tolerance: dict[str, float]
) -> None:
    z, y = (t.to(arithmetic.dtype) for t in logits_and_targets(name))
    values, gradient = by_torch(name, z, y)
    torch.testing.assert_close(LOSSES[name].values(arithmetic, z, y), values, **tolerance)
    torch.testing.assert_close(LOSSES[name].gradient(arithmetic, z, y), gradient, **tolerance)


@pytest.mark.parametrize(
    ("name", "z", "y", "value", "gradient"),
    [
        ("bce_with_logits", [0.0], [1.0], math.log(2), [-0.5]),
        ("bce_with_logits", [0.0], [0.0], math.log(2), [0.5]),
        ("bce_with_logits", [math.log(3)], [1.0], math.log(4 / 3), [-0.25]),
        ("bce_with_logits", [math.log(3)], [0.0], math.log(4), [0.75]),
        ("bce_with_logits", [1000.0], [1.0], 0.0, [0.0]),
        ("bce_with_logits", [1000.0], [0.0], 1000.0, [1.0]),
        ("bce_with_logits", [-1000.0], [1.0], 1000.0, [-1.0]),
        ("bce_with_logits", [-1000.0], [0.0], 0.0, [0.0]),
        ("cross_entropy", [7.0, 7.0, 7.0], [0.0, 1.0, 0.0], math.log(3), [1 / 3, -2 / 3, 1 / 3]),
        ("cross_entropy", [0.0, math.log(3)], [1.0, 0.0], math.log(4), [-0.75, 0.75]),
        ("cross_entropy", [1000.0, -1000.0], [1.0, 0.0], 0.0, [0.0, 0.0]),
        ("cross_entropy", [1000.0, -1000.0], [0.0, 1.0], 2000.0, [1.0, -1.0]),
        ("l1", [3.0], [5.0], 2.0, [-1.0]),
        ("l1", [5.0], [3.0], 2.0, [1.0]),
        ("l1", [3.0], [3.0], 0.0, [0.0]),
        ("mse", [3.0], [5.0], 4.0, [-4.0]),
    ],
)
def test_by_hand(name: str, z: list[float], y: list[float], value: float, gradient: list[float]) -> None:
    loss, logits, target = LOSSES[name], column(*z), column(*y)
    assert loss.values(EXACT, logits, target).item() == pytest.approx(value, abs=1e-14)
    assert loss.gradient(EXACT, logits, target).flatten().tolist() == pytest.approx(gradient, abs=1e-14)


@EITHER
def test_softmax_is_that_of_torch_and_sums_to_one(arithmetic: Exact | Fast, tolerance: dict[str, float]) -> None:
    z, _ = logits_and_targets("cross_entropy")
    z = torch.cat([z, z * 200]).to(arithmetic.dtype)
    p = softmax(arithmetic, z)
    torch.testing.assert_close(p, torch.softmax(z, dim=-2), **tolerance)
    torch.testing.assert_close(p.sum(-2), torch.ones(2 * REPLICATES, ROWS, dtype=z.dtype), **tolerance)


@pytest.mark.parametrize("name", LOSSES)
def test_targets_may_differ_between_replicates(name: str) -> None:
    """As in mini-batches: y of shape (R, outputs, rows)."""
    z, y = logits_and_targets(name)
    own = torch.stack([y.roll(k, dims=-1) for k in range(REPLICATES)])
    for k in range(REPLICATES):
        for f in (LOSSES[name].values, LOSSES[name].gradient):
            assert torch.equal(f(EXACT, z, own)[k], f(EXACT, z[k : k + 1], own[k])[0])


def test_balanced_weights_are_those_of_scikit_learn() -> None:
    counts = [3, 9, 1]
    labels = np.repeat(range(3), counts)
    expected = compute_class_weight("balanced", classes=np.arange(3), y=labels)
    np.testing.assert_allclose(balanced(counts), expected, rtol=1e-15)
    assert balanced([3, 0, 9]) == [2.0, 0.0, 12 / 18]


@EITHER
def test_balanced_losses_are_those_of_torch(arithmetic: Exact | Fast, tolerance: dict[str, float]) -> None:
    """In value and gradient: of five classes torch's mean weighs the rows, of two `pos_weight` is the ratio."""
    generator = torch.Generator().manual_seed(1)
    rows = 40
    z = torch.randn(3, 5, rows, generator=generator, dtype=torch.float64).to(arithmetic.dtype).requires_grad_()
    classes = torch.cat([torch.arange(5), torch.randint(0, 5, (rows - 5,), generator=generator)])
    y = torch.nn.functional.one_hot(classes, 5).T.to(arithmetic.dtype)
    weights = balanced(torch.bincount(classes, minlength=5).tolist())
    ours = weighted(LOSSES["cross_entropy"], weights)
    for replicate in range(3):
        theirs = torch.nn.functional.cross_entropy(z[replicate].T, classes, weight=torch.tensor(weights, dtype=z.dtype))
        (gradient,) = torch.autograd.grad(theirs, z)
        torch.testing.assert_close(ours.values(arithmetic, z, y)[replicate].mean(), theirs, **tolerance)
        torch.testing.assert_close(ours.gradient(arithmetic, z, y)[replicate] / rows, gradient[replicate], **tolerance)
    z, y = z[:, :1].detach().requires_grad_(), (classes < 1).to(arithmetic.dtype)[None]
    w0, w1 = balanced([int((y == 0).sum()), int((y == 1).sum())])
    ours = weighted(LOSSES["bce_with_logits"], [w0, w1])
    target, ratio = y.expand(3, 1, rows), torch.tensor(w1 / w0, dtype=z.dtype)
    theirs = torch.nn.functional.binary_cross_entropy_with_logits(z, target, pos_weight=ratio, reduction="none")
    (gradient,) = torch.autograd.grad(theirs.sum(), z)
    torch.testing.assert_close(ours.values(arithmetic, z, y) / w0, theirs, **tolerance)
    torch.testing.assert_close(ours.gradient(arithmetic, z, y) / w0, gradient, **tolerance)


def test_weights_follow_the_rows_of_each_replicate() -> None:
    """Mini-batches have targets (R, outputs, rows)."""
    y = torch.tensor([[[0.0, 1.0]], [[1.0, 0.0]]], dtype=torch.float64)
    z = torch.zeros(2, 1, 2, dtype=torch.float64)
    found = weighted(LOSSES["bce_with_logits"], [1.0, 3.0]).gradient(EXACT, z, y)
    assert found.tolist() == [[[0.5, -1.5]], [[-1.5, 0.5]]]
    one_hot = torch.stack([y[:, 0], 1 - y[:, 0]], dim=1)
    found = weighted(LOSSES["cross_entropy"], [1.0, 3.0]).gradient(EXACT, torch.zeros(2, 2, 2).double(), one_hot)
    assert found.abs().tolist() == [[[1.5, 0.5]] * 2, [[0.5, 1.5]] * 2]
