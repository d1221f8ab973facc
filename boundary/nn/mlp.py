"""The multi-layer perceptron, for all replicates at once: initialise, forward, backward.

Shapes: R replicates, P parameters of one network, rows = examples.
    parameters     (R, P)            one row per replicate: layer by layer, weight (row by row), then bias
    weight         (R, out, in)      a view of parameters
    bias           (R, out, 1)       a view of parameters
    inputs         (in, rows)        shared by all replicates, or (R, in, rows)
    hidden, logits (R, out, rows)    rows last: contiguous in memory
The backward pass is written out: automatic differentiation would sum in an order of its own.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from boundary.nn.activations import ACTIVATIONS
from boundary.numerics.arithmetic import REPLICATE, Arithmetic


@dataclass(frozen=True)
class Trace:
    """What one layer's forward pass leaves for the backward pass."""

    weight: Tensor  # operand (R, out, in)
    inputs: Tensor  # operand (R, in, rows) or (in, rows)
    z: Tensor  # weight @ inputs + bias
    h: Tensor  # activation(z); the last layer has none: h is z


@dataclass(frozen=True)
class Network:
    """An MLP's architecture: the sizes of its layers, inputs first, and the activation between them."""

    sizes: tuple[int, ...]
    activation: str

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """(out, in) of each layer."""
        return [(o, i) for i, o in zip(self.sizes, self.sizes[1:], strict=False)]

    @property
    def parameter_count(self) -> int:
        """P."""
        return sum(o * i + o for o, i in self.shapes)

    def layers(self, parameters: Tensor) -> list[tuple[Tensor, Tensor]]:
        """(weight, bias) of each layer, views of parameters (R, P)."""
        views, start = [], 0
        for o, i in self.shapes:
            weight = parameters[:, start : start + o * i].view(-1, o, i)
            bias = parameters[:, start + o * i : start + o * i + o].view(-1, o, 1)
            views.append((weight, bias))
            start += o * i + o
        return views

    def initialise(self, generator: torch.Generator) -> Tensor:
        """Starting parameters (P,) of one replicate, float64, from a CPU generator.

        nn.Linear's default: uniform in +-1/sqrt(in), drawn from the same stream, so the same seed gives the weights of
        an nn.Sequential to 6e-8. From torch.rand, whose bits agree on every CPU; nn.Linear's own uniform_ does not.
        """
        drawn = []
        for o, i in self.shapes:
            bound = 1 / math.sqrt(i)
            for count in (o * i, o):
                drawn.append(torch.rand(count, generator=generator).double() * (2 * bound) - bound)
        return torch.cat(drawn)

    def from_layers(self, layers: Sequence[tuple[Sequence[Sequence[float]], Sequence[float]]]) -> Tensor:
        """Parameters (P,) of one replicate, float64, from (weight, bias) of each layer."""
        tensors = [(torch.tensor(w, dtype=torch.float64), torch.tensor(b, dtype=torch.float64)) for w, b in layers]
        return torch.cat([torch.cat([weight.flatten(), bias]) for weight, bias in tensors])

    def forward(
        self, arithmetic: Arithmetic, parameters: Tensor, inputs: Tensor, axes: tuple[int, ...] = REPLICATE
    ) -> tuple[Tensor, list[Trace]]:
        """Logits, and the trace for `backward`. `inputs` must be an operand.

        `axes` share a grid: arithmetic.REPLICATE where a backward pass follows (it sums over rows), or
        arithmetic.SAMPLE, where what is said of one row must not depend on the rows beside it.
        """
        activation = ACTIVATIONS[self.activation].value
        traces: list[Trace] = []
        h = inputs
        for n, (weight, bias) in enumerate(self.layers(parameters), start=1):
            inputs = arithmetic.operand(h, axes) if traces else h
            weight = arithmetic.operand(weight)
            z = arithmetic.product(weight, inputs).add_(bias)
            h = activation(arithmetic, z) if n < len(self.shapes) else z
            traces.append(Trace(weight, inputs, z, h))
        return h, traces

    def backward(self, arithmetic: Arithmetic, traces: list[Trace], gradient: Tensor) -> Tensor:
        """The gradient of the parameters (R, P), from the loss's gradient of the logits (R, out, rows)."""
        activation = ACTIVATIONS[self.activation].backward
        gradients: list[Tensor] = []
        for n in reversed(range(len(traces))):
            g = arithmetic.operand(gradient)
            by_weight = arithmetic.product(g, traces[n].inputs.transpose(-1, -2))
            gradients = [by_weight.flatten(1), arithmetic.operand_sum(g).flatten(1), *gradients]
            if n:
                below = traces[n - 1]
                by_h = arithmetic.product(traces[n].weight.transpose(-1, -2), g)
                gradient = activation(arithmetic, by_h, below.z, below.h)
        return torch.cat(gradients, dim=1)
