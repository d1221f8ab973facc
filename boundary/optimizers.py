"""Gradient descent on parameters (R, P): every replicate steps on its own, elementwise.

The formulas of torch.optim, one IEEE operation at a time (no addcmul, lerp or pow), so that they round the same way
everywhere. Constructing a torch.optim optimizer would also import the compiler, a second per process.
"""

import math
from collections.abc import Mapping
from typing import Protocol

import torch
from torch import Tensor

from boundary.arithmetic import Arithmetic


class Optimizer(Protocol):
    """Holds its own state; `step` returns the parameters after one update.

    `state` is what `restore` needs to go on as if nothing had happened: tensors by name.
    """

    def step(self, arithmetic: Arithmetic, parameters: Tensor, gradient: Tensor) -> Tensor: ...

    def state(self) -> dict[str, Tensor]: ...

    def restore(self, state: Mapping[str, Tensor]) -> None: ...


class SGD:
    """Stochastic gradient descent, with (Nesterov) momentum and L2 weight decay as torch.optim.SGD has them."""

    def __init__(self, lr: float, momentum: float = 0.0, nesterov: bool = False, weight_decay: float = 0.0):
        self.lr, self.momentum, self.nesterov, self.weight_decay = lr, momentum, nesterov, weight_decay
        self.velocity: Tensor | None = None

    def step(self, arithmetic: Arithmetic, parameters: Tensor, gradient: Tensor) -> Tensor:
        """p - lr g; with momentum v = momentum v + g takes the place of g (Nesterov: g + momentum v)."""
        if self.weight_decay:
            gradient = gradient + parameters * self.weight_decay
        if self.momentum:
            self.velocity = gradient if self.velocity is None else self.velocity * self.momentum + gradient
            gradient = gradient + self.velocity * self.momentum if self.nesterov else self.velocity
        return parameters - gradient * self.lr

    def state(self) -> dict[str, Tensor]:
        """velocity (R, P), once there is one."""
        return {} if self.velocity is None else {"velocity": self.velocity}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on from a state."""
        self.velocity = state.get("velocity")


class Adam:
    """Adam (Kingma and Ba, arXiv 1412.6980) with L2 weight decay, as torch.optim.Adam."""

    decoupled = False

    def __init__(
        self, lr: float, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8, weight_decay: float = 0.0
    ):
        self.lr, self.betas, self.eps, self.weight_decay = lr, betas, eps, weight_decay
        self.powers = (1.0, 1.0)  # betas to the power of the step, by repeated multiplication: pow is not IEEE
        self.mean: Tensor | None = None
        self.square: Tensor | None = None

    def step(self, arithmetic: Arithmetic, parameters: Tensor, gradient: Tensor) -> Tensor:
        """p - lr m / (sqrt(v) + eps), with m and v the bias-corrected running means of g and g^2."""
        if self.weight_decay and self.decoupled:
            parameters = parameters * (1.0 - self.lr * self.weight_decay)
        elif self.weight_decay:
            gradient = gradient + parameters * self.weight_decay
        if self.mean is None or self.square is None:
            self.mean, self.square = torch.zeros_like(parameters), torch.zeros_like(parameters)
        beta1, beta2 = self.betas
        self.powers = (self.powers[0] * beta1, self.powers[1] * beta2)
        self.mean = self.mean * beta1 + gradient * (1.0 - beta1)
        self.square = self.square * beta2 + gradient * gradient * (1.0 - beta2)
        root = arithmetic.sqrt(self.square) * (1.0 / math.sqrt(1.0 - self.powers[1]))
        step_size = self.lr / (1.0 - self.powers[0])
        return parameters - self.mean * step_size / (root + self.eps)

    def state(self) -> dict[str, Tensor]:
        """mean and square (R, P), powers (2,), once there are any."""
        if self.mean is None or self.square is None:
            return {}
        return {"mean": self.mean, "square": self.square, "powers": torch.tensor(self.powers, dtype=torch.float64)}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on from a state."""
        self.mean, self.square = state.get("mean"), state.get("square")
        if "powers" in state:
            beta1, beta2 = state["powers"].tolist()
            self.powers = (beta1, beta2)


class AdamW(Adam):
    """Adam with weight decay kept apart from the gradient (Loshchilov and Hutter, arXiv 1711.05101)."""

    decoupled = True


OPTIMIZERS: dict[str, type[SGD] | type[Adam]] = {"sgd": SGD, "adam": Adam, "adamw": AdamW}
