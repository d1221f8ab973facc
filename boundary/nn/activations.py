"""Activation functions and their backward passes, for tensors of any shape, in either arithmetic.

Each is a pair of functions: `value(arithmetic, z)` gives h, and `backward(arithmetic, g, z, h)` gives g dh/dz, a
gradient by z from the gradient g by h, which it may overwrite. The names, constants and values are those of the
torch.nn modules that `module()` returns.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from boundary.numerics.arithmetic import Arithmetic

SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772  # Klambauer et al., arXiv 1706.02515
LEAK = 0.01


Backward = Callable[[Arithmetic, Tensor, Tensor, Tensor], Tensor]


class OnnxGraph(Protocol):
    """What boundary/export/onnx_graph.py offers for adding nodes; values are known by their names."""

    def add(self, operator: str, *inputs: str, **attributes: Any) -> str: ...

    def add_float32(self, operator: str, *inputs: str, **attributes: Any) -> str: ...

    def double_constant(self, value: float) -> str: ...


OnnxForm = Callable[[OnnxGraph, str], str]


@dataclass(frozen=True)
class Activation:
    """All that the project knows of an activation.

    Its value, its backward pass, the torch.nn module that computes the same, its nodes in an ONNX graph, and what the
    report's page computes: JavaScript that works in place on one unit's values for all points, with the helpers of
    page.js.
    """

    value: Callable[[Arithmetic, Tensor], Tensor]
    backward: Backward
    module: Callable[[], nn.Module]
    onnx: OnnxForm
    javascript: str


def operator(name: str, in_float32: bool = False, **attributes: Any) -> OnnxForm:
    """One operator of ONNX; `in_float32` where onnxruntime has it in no other type."""
    if in_float32:
        return lambda graph, z: graph.add_float32(name, z, **attributes)
    return lambda graph, z: graph.add(name, z, **attributes)


def clip(low: float, high: float) -> OnnxForm:
    """ONNX's Clip."""
    return lambda graph, z: graph.add("Clip", z, graph.double_constant(low), graph.double_constant(high))


def times(slope: Callable[[Arithmetic, Tensor, Tensor], Tensor]) -> Backward:
    """The backward pass of an activation by its slope(arithmetic, z, h)."""
    return lambda a, g, z, h: g.mul_(slope(a, z, h))


def relu(a: Arithmetic, z: Tensor) -> Tensor:
    """max(z, 0)."""
    return z.clamp(min=0)


def sigmoid(a: Arithmetic, z: Tensor) -> Tensor:
    """1 / (1 + e^-z)."""
    return a.sigmoid(z)


def tanh(a: Arithmetic, z: Tensor) -> Tensor:
    """(e^z - e^-z) / (e^z + e^-z)."""
    return a.tanh(z)


def softplus(a: Arithmetic, z: Tensor) -> Tensor:
    """log(1 + e^z), without overflow."""
    return z.clamp(min=0) + a.log1p(a.exp(-z.abs()))


def silu(a: Arithmetic, z: Tensor) -> Tensor:
    """z sigmoid(z), also known as swish."""
    return z * a.sigmoid(z)


def gelu_tanh(a: Arithmetic, z: Tensor) -> Tensor:
    """The tanh form of GELU: z/2 (1 + tanh(sqrt(2/pi) (z + 0.044715 z^3))); Hendrycks and Gimpel, arXiv 1606.08415."""
    return z * 0.5 * (a.tanh(_gelu_inner(z)) + 1.0)


def elu(a: Arithmetic, z: Tensor) -> Tensor:
    """z where positive, else e^z - 1."""
    return z.clamp(min=0) + a.expm1(z.clamp(max=0))


def selu(a: Arithmetic, z: Tensor) -> Tensor:
    """ELU scaled to keep mean 0 and variance 1 from layer to layer."""
    return (z.clamp(min=0) + a.expm1(z.clamp(max=0)) * SELU_ALPHA) * SELU_SCALE


def _silu_slope(a: Arithmetic, z: Tensor, h: Tensor) -> Tensor:
    s = a.sigmoid(z)
    return s * (z * (1.0 - s) + 1.0)


def _gelu_inner(z: Tensor) -> Tensor:
    return (z * z * z * 0.044715 + z) * math.sqrt(2 / math.pi)


def _gelu_slope(a: Arithmetic, z: Tensor, h: Tensor) -> Tensor:
    t = a.tanh(_gelu_inner(z))
    inner_slope = (z * z * (3 * 0.044715) + 1.0) * math.sqrt(2 / math.pi)
    return (t + 1.0) * 0.5 + z * 0.5 * (1.0 - t * t) * inner_slope


def _step(z: Tensor) -> Tensor:
    """1 where z > 0, else 0; by arithmetic, which is far quicker than a comparison and torch.where."""
    return z.sign().clamp(min=0)


def _inside(z: Tensor, low: float, high: float) -> Tensor:
    return ((z > low) & (z < high)).to(z.dtype)


ACTIVATIONS: dict[str, Activation] = {
    "none": Activation(
        lambda a, z: z,
        lambda a, g, z, h: g,
        nn.Identity,
        lambda graph, z: z,
        "() => {}",
    ),
    "relu": Activation(
        relu,
        # of several ways to write "g where h > 0" the quickest
        lambda a, g, z, h: torch.ops.aten.threshold_backward(g, h, 0),
        nn.ReLU,
        operator("Relu"),
        "each((z) => (z > 0 ? z : 0))",
    ),
    "relu6": Activation(
        lambda a, z: z.clamp(0, 6),
        times(lambda a, z, h: _inside(z, 0, 6)),
        nn.ReLU6,
        clip(0.0, 6.0),
        "each((z) => Math.min(Math.max(z, 0), 6))",
    ),
    "leaky_relu": Activation(
        lambda a, z: z.clamp(min=0) + z.clamp(max=0) * LEAK,
        times(lambda a, z, h: _step(z) * (1.0 - LEAK) + LEAK),
        nn.LeakyReLU,
        operator("LeakyRelu", in_float32=True, alpha=LEAK),
        "each((z) => (z > 0 ? z : 0.01 * z))",
    ),
    "elu": Activation(
        elu,
        times(lambda a, z, h: h.clamp(max=0) + 1.0),
        nn.ELU,
        operator("Elu", in_float32=True),
        "each((z) => (z > 0 ? z : Math.expm1(z)))",
    ),
    "selu": Activation(
        selu,
        times(lambda a, z, h: h.clamp(max=0) + (1.0 - _step(z)) * (SELU_SCALE * SELU_ALPHA) + _step(z) * SELU_SCALE),
        nn.SELU,
        operator("Selu", in_float32=True),
        "each((z) => SCALE * (z > 0 ? z : ALPHA * Math.expm1(z)))",
    ),
    "silu": Activation(
        silu,
        times(_silu_slope),
        nn.SiLU,
        lambda graph, z: graph.add("Mul", z, graph.add("Sigmoid", z)),
        "each((z) => z * sigmoid(z))",
    ),
    "gelu_tanh": Activation(
        gelu_tanh,
        times(_gelu_slope),
        lambda: nn.GELU(approximate="tanh"),
        operator("Gelu", approximate="tanh"),
        "each((z) => 0.5 * z * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (z + 0.044715 * z * z * z))))",
    ),
    "softplus": Activation(
        softplus,
        times(lambda a, z, h: a.sigmoid(z)),
        nn.Softplus,
        operator("Softplus", in_float32=True),
        "each((z) => Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z))))",
    ),
    "sigmoid": Activation(
        sigmoid,
        times(lambda a, z, h: h * (1.0 - h)),
        nn.Sigmoid,
        operator("Sigmoid"),
        "each(sigmoid)",
    ),
    "tanh": Activation(
        tanh,
        times(lambda a, z, h: 1.0 - h * h),
        nn.Tanh,
        operator("Tanh"),
        "each(Math.tanh)",
    ),
    "hardtanh": Activation(
        lambda a, z: z.clamp(-1, 1),
        times(lambda a, z, h: _inside(z, -1, 1)),
        nn.Hardtanh,
        clip(-1.0, 1.0),
        "each((z) => Math.min(Math.max(z, -1), 1))",
    ),
    "softsign": Activation(
        lambda a, z: z / (z.abs() + 1.0),
        times(lambda a, z, h: (1.0 - h.abs()) * (1.0 - h.abs())),
        nn.Softsign,
        operator("Softsign", in_float32=True),
        "each((z) => z / (1 + Math.abs(z)))",
    ),
}
