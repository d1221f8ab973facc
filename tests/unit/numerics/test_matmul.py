"""Products for compiled steps: the bits of PyTorch's where every sum is exact, of every shape; C++ is really used."""

import shutil

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.profiler import ProfilerActivity, profile

from boundary.numerics import matmul
from boundary.training.placement import ExecutionPlan
from tests.support.exact_run import Case, train

pytestmark = [
    pytest.mark.usefixtures("one_thread"),
    pytest.mark.skipif(shutil.which("g++") is None, reason="no compiler"),
    pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning"),  # PyTorch's compiler uses it
]
PRODUCT = "boundary::product"


def integers(*shape: int, dtype: torch.dtype, seed: int) -> Tensor:
    """Small ones: every sum of their products is exact in either dtype."""
    return torch.randint(-9, 10, shape, generator=torch.Generator().manual_seed(seed)).to(dtype)


def turned(t: Tensor) -> Tensor:
    """The same numbers, columns contiguous."""
    return t.mT.contiguous().mT


def called(a: Tensor, b: Tensor) -> tuple[Tensor, bool]:
    """The product, and whether it was made in C++ of our own."""
    product = matmul.load()
    with profile(activities=[ProfilerActivity.CPU]) as seen:
        found = product(a, b)
    return found, PRODUCT in {event.name for event in seen.events() or ()}


sizes = st.integers(1, 40)


@settings(deadline=None, max_examples=200)
@given(st.integers(1, 3), st.integers(1, matmul.LARGEST), sizes, st.integers(1, 100), st.booleans(), st.booleans())
@example(2, 10, 10, 800, True, False)
@example(1, 1, 1, 1, False, True)
@example(3, 6, 2, 64, True, True)
def test_it_is_the_product(replicates: int, m: int, k: int, n: int, shared: bool, double: bool) -> None:
    """Rows contiguous, columns contiguous, a slice of something larger; b the same for all replicates or not."""
    dtype = torch.float64 if double else torch.float32
    a = integers(replicates, m, k, dtype=dtype, seed=1)
    b = integers(k, n, dtype=dtype, seed=2) if shared else integers(replicates, k, n, dtype=dtype, seed=2)
    inside = torch.nn.functional.pad(b, (1, 2))[..., 1:-2]
    expected = torch.matmul(a, b)
    product = matmul.load()
    for left in (a, turned(a)):
        for right in (b, inside):
            assert torch.equal(product(left, right), expected)
            assert torch.equal(product(left, right), expected)
    assert torch.equal(product(a, turned(b)), expected)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_nan_and_inf_stay_in_their_row_and_column(dtype: torch.dtype) -> None:
    a, b = torch.ones(1, 7, 30, dtype=dtype), torch.ones(1, 30, 21, dtype=dtype)
    a[0, 2, 4], b[0, 3, 20] = float("nan"), float("inf")
    for right in (b, turned(b)):
        found = matmul.load()(a, right)[0]
        assert found[2].isnan().all()
        assert found[[0, 1, 3, 4, 5, 6], 20].isinf().all()
        assert (found[[0, 1, 3, 4, 5, 6], :20] == 30).all()


def test_what_it_is_not_made_for_goes_to_pytorch() -> None:
    double = torch.float64
    small, large = integers(2, 8, 5, dtype=double, seed=1), integers(2, matmul.LARGEST + 1, 5, dtype=double, seed=1)
    b, scattered = integers(2, 5, 40, dtype=double, seed=2), integers(2, 10, 80, dtype=double, seed=2)[:, ::2, ::2]
    cases = [(small, b, True), (large, b, False), (small, scattered, False), (turned(small), turned(b), False)]
    for left, right, ours in [*cases, (small[0], b[0], False)]:
        found, made = called(left, right)
        assert torch.equal(found, torch.matmul(left, right))
        assert made == ours


def test_a_compiled_step_uses_it() -> None:
    case = Case((6, 5), "relu", "sgd", {"lr": 0.1})
    train(case, [42], 1, ExecutionPlan(compiled=True))
    with profile(activities=[ProfilerActivity.CPU]) as seen:
        train(case, [42], 2, ExecutionPlan(compiled=True))
    assert PRODUCT in {event.name for event in seen.events() or ()}
