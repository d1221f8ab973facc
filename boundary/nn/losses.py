"""Losses per example and their gradients, from a network's raw outputs (logits).

Shapes: logits z (R, outputs, rows); target y (outputs, rows), or (R, outputs, rows) when replicates see different
rows. A binary target is 0 or 1 in one output, a multi-class target is one-hot, a regression target is the value.
The names follow torch.nn: BCEWithLogitsLoss, CrossEntropyLoss, L1Loss, MSELoss.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from boundary.numerics.arithmetic import Arithmetic

OUTPUTS = -2  # the axis of outputs


@dataclass(frozen=True)
class Loss:
    """`values(arithmetic, z, y)` (R, 1, rows), one loss per example; `gradient(arithmetic, z, y)`, its dz, like z."""

    values: Callable[[Arithmetic, Tensor, Tensor], Tensor]
    gradient: Callable[[Arithmetic, Tensor, Tensor], Tensor]


def softmax(a: Arithmetic, z: Tensor) -> Tensor:
    """Probabilities over the outputs: e^z over its sum, with the largest z subtracted first."""
    e = a.exp(z - z.amax(OUTPUTS, keepdim=True))
    return e / a.sum(e, OUTPUTS)


def _bce_values(a: Arithmetic, z: Tensor, y: Tensor) -> Tensor:
    """-y log p - (1 - y) log(1 - p) for p = sigmoid(z), without overflow."""
    return (z.clamp(min=0) - z * y) + a.log1p(a.exp(-z.abs()))


def _bce_gradient(a: Arithmetic, z: Tensor, y: Tensor) -> Tensor:
    return a.sigmoid(z) - y


def _cross_entropy_values(a: Arithmetic, z: Tensor, y: Tensor) -> Tensor:
    """-log of the true class's softmax probability."""
    centred = z - z.amax(OUTPUTS, keepdim=True)
    true = (centred * y).sum(OUTPUTS, keepdim=True)  # one term and zeros: exact
    return a.log(a.sum(a.exp(centred), OUTPUTS)) - true


def _cross_entropy_gradient(a: Arithmetic, z: Tensor, y: Tensor) -> Tensor:
    return softmax(a, z) - y


def _l1_values(a: Arithmetic, z: Tensor, y: Tensor) -> Tensor:
    return (z - y).abs()


def _l1_gradient(a: Arithmetic, z: Tensor, y: Tensor) -> Tensor:
    return (z - y).sign()


def _mse_values(a: Arithmetic, z: Tensor, y: Tensor) -> Tensor:
    error = z - y
    return error * error


def _mse_gradient(a: Arithmetic, z: Tensor, y: Tensor) -> Tensor:
    return (z - y) * 2.0


LOSSES: dict[str, Loss] = {  # of functions with names: another process finds them by these, and knows them as the same
    "bce_with_logits": Loss(_bce_values, _bce_gradient),
    "cross_entropy": Loss(_cross_entropy_values, _cross_entropy_gradient),
    "l1": Loss(_l1_values, _l1_gradient),
    "mse": Loss(_mse_values, _mse_gradient),
}


def weighted(loss: Loss, weights: Sequence[float]) -> Loss:
    """The same, times the weight of the example's class: of 0 and of 1, or of each output of a one-hot target.

    With the weights of `balanced` each class counts the same, and the mean over all training rows is what
    torch.nn.CrossEntropyLoss(weight=...) gives; BCEWithLogitsLoss(pos_weight=w1 / w0) is that times 1 / w0.
    """

    def of(y: Tensor) -> Tensor:
        classes = (1 - y, y) if y.shape[OUTPUTS] == 1 else torch.split(y, 1, OUTPUTS)
        result = torch.zeros_like(classes[0])
        for chosen, weight in zip(classes, weights, strict=True):
            result = result + chosen * weight  # one term, and zeros: exact
        return result

    return Loss(
        lambda a, z, y: loss.values(a, z, y) * of(y),
        lambda a, z, y: loss.gradient(a, z, y) * of(y),
    )


def balanced(counts: Sequence[int]) -> list[float]:
    """Weights of classes from their training rows' counts: rows / (classes * count), as scikit-learn's "balanced".

    A class without rows counts for nothing, not even as a class.
    """
    present = sum(count > 0 for count in counts)
    return [sum(counts) / (present * count) if count else 0.0 for count in counts]
