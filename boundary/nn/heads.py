"""From a network's raw outputs to probabilities to labels."""

import torch
from torch import Tensor

from boundary.nn.losses import softmax
from boundary.numerics.arithmetic import Arithmetic


def probabilities(arithmetic: Arithmetic, task: str, logits: Tensor) -> Tensor:
    """(R, classes, rows) from logits (R, outputs, rows): the sigmoid of a binary task's one output, or the softmax."""
    if task == "binary":
        return torch.cat([arithmetic.sigmoid(-logits), arithmetic.sigmoid(logits)], dim=1)
    return softmax(arithmetic, logits)


def labels(probability: Tensor) -> Tensor:
    """The most probable class's index (R, rows), the first one of equals: binary, 1 where its probability is > 0.5."""
    if probability.shape[1] == 2:  # argmax over two takes as long as a whole step of circle_v2
        return (probability[:, 1] > probability[:, 0]).long()
    return probability.argmax(dim=1)
