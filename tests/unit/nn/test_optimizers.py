"""Optimizers against torch.optim, step by step."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, get_args

import pytest
import torch
from torch import Tensor

from boundary.config.params import OPTIMIZER_KEYS, OptimizerName
from boundary.nn.optimizers import OPTIMIZERS, SGD, Adam, AdamW, Optimizer
from boundary.numerics.arithmetic import Arithmetic, Exact, Fast

EXACT = Exact(1)
BY_TORCH = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
SETTINGS: list[tuple[str, dict[str, Any]]] = [
    ("sgd", {"lr": 0.1}),
    ("sgd", {"lr": 0.1, "weight_decay": 0.01}),
    ("sgd", {"lr": 0.1, "momentum": 0.9}),
    ("sgd", {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01}),
    ("adam", {"lr": 0.01}),
    ("adam", {"lr": 0.01, "betas": (0.8, 0.95), "eps": 1e-3, "weight_decay": 0.1}),
    ("adam", {"lr": 0.01, "betas": (0.0, 0.0)}),
    ("adamw", {"lr": 0.01}),
    ("adamw", {"lr": 0.01, "betas": (0.8, 0.95), "weight_decay": 0.1}),
]
each_setting = pytest.mark.parametrize(("name", "options"), SETTINGS, ids=str)
REPLICATES, PARAMETERS, STEPS = 3, 7, 30


def start_and_gradients() -> tuple[Tensor, Tensor]:
    """Parameters (R, P) and a gradient for each step (steps, R, P), of very different sizes; some are 0."""
    generator = torch.Generator().manual_seed(1)
    start = torch.randn(REPLICATES, PARAMETERS, generator=generator, dtype=torch.float64)
    gradients = torch.randn(STEPS, REPLICATES, PARAMETERS, generator=generator, dtype=torch.float64)
    sizes = torch.tensor([0.0, 1e-12, 1e-6, 1e-3, 1.0, 1.0, 1e3], dtype=torch.float64)
    return start, gradients * sizes


def path(
    name: str, options: dict[str, Any], start: Tensor, gradients: Tensor, arithmetic: Arithmetic = EXACT
) -> Tensor:
    """The parameters after each step (steps, R, P)."""
    return torch.stack(list(steps(OPTIMIZERS[name](**options), start, gradients, arithmetic)))


def steps(optimizer: Optimizer, p: Tensor, gradients: Iterable[Tensor], arithmetic: Arithmetic) -> Iterator[Tensor]:
    memory = p.new_zeros(len(p), optimizer.state_slots, p.shape[1])
    for gradient, rates in zip(gradients, optimizer.step_coefficients(), strict=False):
        p, memory = optimizer.step(arithmetic, p, gradient, memory, torch.tensor(rates, dtype=arithmetic.dtype))
        yield p


def test_params_name_all_optimizers() -> None:
    assert set(get_args(OptimizerName)) == set(OPTIMIZERS) == set(OPTIMIZER_KEYS)


@each_setting
def test_steps_are_those_of_torch(name: str, options: dict[str, Any]) -> None:
    start, gradients = start_and_gradients()
    p = start.clone().requires_grad_()
    # AdamW's weight decay has another default there; here none decays unless asked
    optimizer = BY_TORCH[name]([p], **{"weight_decay": 0.0, **options})
    steps = []
    for gradient in gradients:
        p.grad = gradient.clone()
        optimizer.step()
        steps.append(p.detach().clone())
    torch.testing.assert_close(path(name, options, start, gradients), torch.stack(steps), rtol=1e-12, atol=1e-12)


@each_setting
def test_replicates_do_not_mix(name: str, options: dict[str, Any]) -> None:
    start, gradients = start_and_gradients()
    together = path(name, options, start, gradients)
    for k in range(REPLICATES):
        assert torch.equal(path(name, options, start[k : k + 1], gradients[:, k : k + 1]), together[:, k : k + 1])


@each_setting
def test_a_step_leaves_its_arguments_alone(name: str, options: dict[str, Any]) -> None:
    start, gradients = start_and_gradients()
    before = start.clone(), gradients.clone()
    path(name, options, start, gradients)
    assert torch.equal(start, before[0])
    assert torch.equal(gradients, before[1])


@each_setting
def test_fast_steps_are_the_same_in_float32(name: str, options: dict[str, Any]) -> None:
    start, gradients = start_and_gradients()
    fast = path(name, options, start.float(), gradients.float(), Fast())[-1]
    assert fast.dtype == torch.float32
    torch.testing.assert_close(fast, path(name, options, start, gradients)[-1].float(), rtol=1e-4, atol=1e-4)


def number(value: float) -> Tensor:
    return torch.tensor([[value]], dtype=torch.float64)


@pytest.mark.parametrize(
    ("make", "after"),
    [
        (lambda: SGD(0.5), [7.0, 6.0]),
        (lambda: SGD(0.5, weight_decay=0.25), [6.0, 4.25]),  # 8 - 0.5 (2 + 2); 6 - 0.5 (2 + 1.5)
        (lambda: SGD(0.5, momentum=0.5), [7.0, 5.5]),  # velocities 2, 3
        (lambda: SGD(0.5, momentum=0.5, nesterov=True), [6.5, 4.75]),  # 2 + 1, 2 + 1.5
        (lambda: Adam(0.5, eps=1e-12), [7.5, 7.0]),  # a constant gradient: its size does not matter
        (lambda: AdamW(0.5, eps=1e-12, weight_decay=0.5), [5.5, 3.625]),  # 8 (1 - 0.25) - 0.5, and again
    ],
)
def test_two_steps_by_hand(make: Callable[[], SGD | Adam], after: list[float]) -> None:
    """From 8 with gradient 2."""
    found = [p.item() for p in steps(make(), number(8.0), [number(2.0)] * 2, EXACT)]
    assert found == pytest.approx(after, abs=1e-11)
