"""Activations and their backward passes against the torch.nn modules that compute the same."""

import math
from typing import get_args

import pytest
import torch
from torch import Tensor

from boundary.config.params import ActivationName
from boundary.nn.activations import ACTIVATIONS, SELU_ALPHA, SELU_SCALE
from boundary.numerics.arithmetic import Exact, Fast

EXACT, FAST = Exact(1), Fast()
KINKS = (-1.0, 0.0, 1.0, 6.0)
each_activation = pytest.mark.parametrize("name", ACTIVATIONS)


def arguments() -> Tensor:
    """From far left to far right and close to 0, but not on a kink."""
    spread = torch.linspace(-30, 30, 1201, dtype=torch.float64) + 0.0123
    near = torch.logspace(-12, 0, 50, dtype=torch.float64) * 0.99
    return torch.cat([spread, near, -near, torch.tensor([-800.0, 800.0], dtype=torch.float64)])


def by_torch(name: str, z: Tensor) -> tuple[Tensor, Tensor]:
    """The module's value and autograd's slope."""
    z = z.clone().requires_grad_()
    h = ACTIVATIONS[name].module()(z)
    (slope,) = torch.autograd.grad(h.sum(), z)
    return h.detach(), slope


def test_params_name_all_activations() -> None:
    assert set(get_args(ActivationName)) == set(ACTIVATIONS)


@each_activation
@pytest.mark.parametrize(
    ("arithmetic", "tolerance"),
    [(EXACT, {"rtol": 1e-12, "atol": 1e-14}), (FAST, {"rtol": 1e-6, "atol": 2e-6})],
    ids=["exact", "fast"],
)
def test_values_and_slopes_are_those_of_torch(name: str, arithmetic: Exact | Fast, tolerance: dict[str, float]) -> None:
    activation, z = ACTIVATIONS[name], arguments().to(arithmetic.dtype)
    if name == "softplus":
        z = z[z < 20]  # beyond, nn.Softplus says z: up to 2e-9 less
    value, slope = by_torch(name, z)
    h = activation.value(arithmetic, z)
    torch.testing.assert_close(h, value, **tolerance)
    torch.testing.assert_close(activation.backward(arithmetic, torch.ones_like(z), z, h), slope, **tolerance)


@each_activation
def test_slopes_on_kinks_are_those_of_torch(name: str) -> None:
    """A dead unit sits on relu's kink: its slope of 0 is a choice that changes every later step."""
    activation, z = ACTIVATIONS[name], torch.tensor(KINKS, dtype=torch.float64)
    slope = activation.backward(EXACT, torch.ones_like(z), z, activation.value(EXACT, z))
    torch.testing.assert_close(slope, by_torch(name, z)[1])


@pytest.mark.parametrize(
    ("name", "z", "value", "slope"),
    [
        ("none", -2.0, -2.0, 1.0),
        ("relu", -2.0, 0.0, 0.0),
        ("relu", 2.0, 2.0, 1.0),
        ("relu", 0.0, 0.0, 0.0),
        ("relu6", 7.0, 6.0, 0.0),
        ("relu6", 5.0, 5.0, 1.0),
        ("leaky_relu", -2.0, -0.02, 0.01),
        ("elu", -math.log(2), -0.5, 0.5),
        ("elu", 3.0, 3.0, 1.0),
        ("selu", -math.log(2), -0.5 * SELU_SCALE * SELU_ALPHA, 0.5 * SELU_SCALE * SELU_ALPHA),
        ("selu", 1.0, SELU_SCALE, SELU_SCALE),
        ("silu", 0.0, 0.0, 0.5),
        ("silu", math.log(3), 0.75 * math.log(3), 0.75 + 0.1875 * math.log(3)),
        ("gelu_tanh", 0.0, 0.0, 0.5),
        ("softplus", 0.0, math.log(2), 0.5),
        ("softplus", math.log(3), math.log(4), 0.75),
        ("sigmoid", math.log(3), 0.75, 0.1875),
        ("tanh", math.log(3) / 2, 0.5, 0.75),
        ("hardtanh", 0.5, 0.5, 1.0),
        ("hardtanh", -3.0, -1.0, 0.0),
        ("softsign", -3.0, -0.75, 0.0625),
    ],
)
def test_by_hand(name: str, z: float, value: float, slope: float) -> None:
    activation, at = ACTIVATIONS[name], torch.tensor([z], dtype=torch.float64)
    h = activation.value(EXACT, at)
    assert h.item() == pytest.approx(value, abs=1e-15)
    assert activation.backward(EXACT, torch.full_like(at, 3.0), at, h).item() == pytest.approx(3 * slope, abs=3e-15)


@each_activation
def test_nan_stays_nan(name: str) -> None:
    """What has diverged must not come back as a number."""
    assert ACTIVATIONS[name].value(EXACT, torch.tensor([math.nan], dtype=torch.float64)).isnan().all()
