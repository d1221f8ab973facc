"""Gradient descent on parameters (R, P): every replicate steps on its own, elementwise.

The formulas of torch.optim, one IEEE operation at a time (no addcmul, lerp or pow), so that they round the same way
everywhere. Constructing a torch.optim optimizer would also import the compiler, a second per process.

Shapes: R replicates, P parameters of one network.
    parameters, gradient  (R, P)
    state                 (R, state_slots, P)  what an optimizer keeps from step to step; zeros before the first
    coefficients          (k,)               the numbers that change from step to step, the same for all replicates
"""

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Protocol

import torch
from torch import Tensor

from boundary.numerics.arithmetic import Arithmetic


class Optimizer(Protocol):
    """Formulas without a state: `step` returns the parameters and the state after one update.

    `step_coefficients` yields what `step` is to be given as coefficients, step after step from the first.
    """

    @property
    def state_slots(self) -> int: ...

    def step_coefficients(self) -> Iterator[tuple[float, ...]]: ...

    def step(
        self, arithmetic: Arithmetic, parameters: Tensor, gradient: Tensor, state: Tensor, coefficients: Tensor
    ) -> tuple[Tensor, Tensor]: ...


@dataclass(frozen=True)
class SGD:
    """Stochastic gradient descent, with (Nesterov) momentum and L2 weight decay as torch.optim.SGD has them.

    Its state is the velocity, with momentum; nothing without.
    """

    lr: float
    momentum: float = 0.0
    nesterov: bool = False
    weight_decay: float = 0.0

    @property
    def state_slots(self) -> int:
        """1 for the velocity."""
        return 1 if self.momentum else 0

    def step_coefficients(self) -> Iterator[tuple[float, ...]]:
        """None."""
        return itertools.repeat(())

    def step(
        self, arithmetic: Arithmetic, parameters: Tensor, gradient: Tensor, state: Tensor, coefficients: Tensor
    ) -> tuple[Tensor, Tensor]:
        """p - lr g; with momentum v = momentum v + g takes the place of g (Nesterov: g + momentum v)."""
        if self.weight_decay:
            gradient = gradient + parameters * self.weight_decay
        if self.momentum:
            velocity = state[:, 0] * self.momentum + gradient
            state = velocity.unsqueeze(1)
            gradient = gradient + velocity * self.momentum if self.nesterov else velocity
        return parameters - gradient * self.lr, state


@dataclass(frozen=True)
class Adam:
    """Adam (Kingma and Ba, arXiv 1412.6980) with L2 weight decay, as torch.optim.Adam.

    Its state is the running means of g and of g^2.
    """

    lr: float
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 0.0

    decoupled: ClassVar[bool] = False
    state_slots: ClassVar[int] = 2

    def step_coefficients(self) -> Iterator[tuple[float, ...]]:
        """lr / (1 - beta1^t) and 1 / sqrt(1 - beta2^t), which correct the means' bias towards their start, 0.

        Powers by repeated multiplication: pow is not IEEE.
        """
        power1, power2 = 1.0, 1.0
        while True:
            power1, power2 = power1 * self.betas[0], power2 * self.betas[1]
            yield self.lr / (1.0 - power1), 1.0 / math.sqrt(1.0 - power2)

    def step(
        self, arithmetic: Arithmetic, parameters: Tensor, gradient: Tensor, state: Tensor, coefficients: Tensor
    ) -> tuple[Tensor, Tensor]:
        """p - lr m / (sqrt(v) + eps), with m and v the bias-corrected running means of g and g^2."""
        if self.weight_decay and self.decoupled:
            parameters = parameters * (1.0 - self.lr * self.weight_decay)
        elif self.weight_decay:
            gradient = gradient + parameters * self.weight_decay
        beta1, beta2 = self.betas
        mean = state[:, 0] * beta1 + gradient * (1.0 - beta1)
        square = state[:, 1] * beta2 + gradient * gradient * (1.0 - beta2)
        root = arithmetic.sqrt(square) * coefficients[1]
        return parameters - mean * coefficients[0] / (root + self.eps), torch.stack([mean, square], 1)


@dataclass(frozen=True)
class AdamW(Adam):
    """Adam with weight decay kept apart from the gradient (Loshchilov and Hutter, arXiv 1711.05101)."""

    decoupled: ClassVar[bool] = True


OPTIMIZERS: dict[str, type[SGD] | type[Adam]] = {"sgd": SGD, "adam": Adam, "adamw": AdamW}
