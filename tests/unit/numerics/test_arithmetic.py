"""The exact arithmetic against Python's fractions, which never round."""

import inspect
import math
from collections.abc import Callable, Iterator
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torch import Tensor

from boundary.numerics.arithmetic import (
    BLOCK,
    FINEST_GRID,
    LARGEST,
    REPLICATE,
    SAMPLE,
    Exact,
    Fast,
    product_bits,
    sum_bits,
    to_grid,
)

ALMOST_ONE = 1 - 2.0**-53  # rounds up to 2^0, the largest integer of its grid: what fills the 53 bits
LENGTHS = [1, 2, 3, 800, BLOCK]
LONGER = [BLOCK + 1, 10_000]
NASTY: dict[str, Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]] = {
    "normal": lambda rng, shape: rng.standard_normal(shape),
    "wide exponents": lambda rng, shape: np.ldexp(rng.standard_normal(shape), rng.integers(-300, 300, shape)),
    "near exponents": lambda rng, shape: np.ldexp(rng.standard_normal(shape), rng.integers(-12, 12, shape)),
    "cancelling": lambda rng, shape: (1 + 2.0**-18 * rng.standard_normal(shape)) * (-1.0) ** np.arange(shape[-1]),
    "zeros of both signs": lambda rng, shape: rng.choice([0.0, -0.0, 1.0, -1.0], shape),
    "denormal": lambda rng, shape: rng.integers(-100, 100, shape) * 5e-324,
    "one huge, many tiny": lambda rng, shape: np.where(np.arange(shape[-1]) == 0, 2.0**20, rng.standard_normal(shape)),
    "near the largest": lambda rng, shape: rng.uniform(LARGEST / 2, LARGEST, shape) * rng.choice([-1, 1], shape),
    "powers of two": lambda rng, shape: np.ldexp(rng.choice([-1.0, 1.0], shape), rng.integers(-20, 20, shape)),
    "all equal": lambda rng, shape: np.full(shape, 1 / 3),
    "all equal and rounded up": lambda rng, shape: np.full(shape, ALMOST_ONE),
}
HUGE_PRODUCTS = ["wide exponents", "near the largest"]


def nasty(kind: str, *shape: int) -> Tensor:
    return torch.from_numpy(NASTY[kind](np.random.default_rng(1), shape))


def operands(kind: str, terms: int, rows: int = 2, columns: int = 2) -> tuple[Exact, Tensor, Tensor]:
    """Two replicates of a (rows, terms) and b (terms, columns)."""
    arithmetic = Exact(terms)
    a, b = nasty(kind, 4, rows, terms), nasty(kind, 4, columns, terms)
    return arithmetic, arithmetic.operand(a[:2]), arithmetic.operand(b[2:].transpose(1, 2))


def exactly(t: Tensor) -> np.ndarray:
    """t as an array of fractions: NumPy's @ and sum then compute without any rounding."""
    return np.vectorize(Fraction, otypes=[object])(t.numpy())


def same_bits(a: Tensor, b: Tensor) -> bool:
    return torch.equal(a.contiguous().view(torch.int64), b.contiguous().view(torch.int64))


@pytest.fixture
def set_threads() -> Iterator[Callable[[int], None]]:
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


# --- the budget of 53 bits -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("terms", "bits"), [(1, 26), (2, 26), (3, 25), (4, 25), (800, 21), (1024, 21), (4096, 20), (4097, 20), (10**6, 20)]
)
def test_product_bits_by_hand(terms: int, bits: int) -> None:
    """800 terms: 21 + 21 bits, and 10 more for the sum, are 52; 22 + 22 + 10 would be too many."""
    assert product_bits(terms) == bits


@pytest.mark.parametrize(("terms", "bits"), [(1, 51), (2, 51), (4, 51), (5, 50), (800, 43), (4096, 41), (4097, 40)])
def test_sum_bits_by_hand(terms: int, bits: int) -> None:
    assert sum_bits(terms) == bits


# --- to_grid -------------------------------------------------------------------------------------------------------

WIDE = st.floats(-LARGEST, LARGEST, exclude_min=True, exclude_max=True)  # subnormal numbers and both zeros included
NEAR = st.builds(math.ldexp, st.floats(-1, 1), st.integers(-40, 40))
TIES = st.integers(-64, 64).map(lambda n: n / 4)  # with few bits, many lie half-way


def replicates(rows: int, columns: int) -> st.SearchStrategy[Tensor]:
    """Two replicates (2, rows, columns) of one sort of numbers."""
    kinds = st.sampled_from([WIDE, NEAR, TIES])
    return kinds.flatmap(lambda kind: arrays(np.float64, (2, rows, columns), elements=kind)).map(torch.from_numpy)


def grid(t: Tensor, bits: int) -> Fraction:
    """The grid of one replicate, by its definition."""
    _, exponent = math.frexp(t.abs().max().item())
    return Fraction(2) ** max(exponent - bits, FINEST_GRID)


def test_to_grid_by_hand() -> None:
    """Below 2^4 with 4 bits: multiples of 1. Halves go to the even neighbour."""
    t = torch.tensor([[8.0, 0.5, 1.5, 2.5, -0.5, -1.5, 3.2, 15.7]], dtype=torch.float64)
    assert to_grid(t, 4, REPLICATE).tolist() == [[8.0, 0.0, 2.0, 2.0, 0.0, -2.0, 3.0, 16.0]]


@settings(deadline=None)
@given(replicates(2, 3), st.sampled_from([1, 2, 3, 5, 20, 26, 51]))
def test_to_grid_rounds_to_the_nearest_multiple_and_keeps_the_bits(t: Tensor, bits: int) -> None:
    """The nearest, ties to even (as Python rounds fractions): an integer of at most `bits` bits, times the grid."""
    rounded = to_grid(t, bits, REPLICATE)
    for before, after in zip(t, rounded, strict=True):
        multiples = exactly(before) / grid(before, bits)
        assert (exactly(after) / grid(before, bits) == np.vectorize(round)(multiples)).all()
        assert (abs(multiples) < 2**bits).all()


@settings(deadline=None)
@given(replicates(2, 3), st.sampled_from([2, 20, 26, 51]))
def test_to_grid_is_idempotent(t: Tensor, bits: int) -> None:
    """Where the largest magnitude rounds up to a power of two, the grid doubles once; then all stays as it is."""
    once = to_grid(t, bits, REPLICATE)
    twice = to_grid(once, bits, REPLICATE)
    for before, after, last in zip(t, once, twice, strict=True):
        assert grid(after, bits) > grid(before, bits) or same_bits(after, last)
    assert same_bits(to_grid(twice, bits, REPLICATE), twice)


@pytest.mark.parametrize("power", [-300, -1, 1, 300])
def test_to_grid_commutes_with_powers_of_two(power: int) -> None:
    t = nasty("near exponents", 3, 5, 7)
    assert same_bits(to_grid(t * 2.0**power, 21, REPLICATE), to_grid(t, 21, REPLICATE) * 2.0**power)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, LARGEST, -1e308])
def test_a_replicate_beyond_the_largest_becomes_nan_and_the_others_do_not_notice(bad: float) -> None:
    t = nasty("normal", 3, 5, 7)
    spoilt = t.clone()
    spoilt[1, 2, 3] = bad
    rounded = to_grid(spoilt, 21, REPLICATE)
    assert rounded[1].isnan().all()
    assert same_bits(rounded[[0, 2]], to_grid(t, 21, REPLICATE)[[0, 2]])


def test_the_largest_number_allowed_stays_finite() -> None:
    t = torch.tensor([[math.nextafter(LARGEST, 0.0), 1.0]], dtype=torch.float64)
    assert to_grid(t, 21, REPLICATE).tolist() == [[LARGEST, 0.0]]


def test_a_sample_has_a_grid_of_its_own() -> None:
    t = nasty("wide exponents", 3, 5, 7)
    for k in range(7):
        assert same_bits(to_grid(t, 21, SAMPLE)[..., k : k + 1], to_grid(t[..., k : k + 1], 21, SAMPLE))


# --- products and sums, exactly ------------------------------------------------------------------------------------


@pytest.mark.parametrize("terms", LENGTHS)
@pytest.mark.parametrize("kind", NASTY)
def test_products_and_operand_sums_are_exact(kind: str, terms: int) -> None:
    arithmetic, a, b = operands(kind, terms)
    assert (exactly(arithmetic.product(a, b)) == exactly(a) @ exactly(b)).all()
    assert (exactly(arithmetic.operand_sum(a)) == exactly(a).sum(-1, keepdims=True)).all()


@settings(deadline=None)
@given(replicates(2, 5), replicates(5, 2), st.sampled_from([5, 64, 4096]))
def test_products_of_any_operands_are_exact(a: Tensor, b: Tensor, terms: int) -> None:
    """`terms` may be larger than the product at hand: one bit count serves all products of a network."""
    arithmetic = Exact(terms)
    a, b = arithmetic.operand(a), arithmetic.operand(b)
    assert (exactly(arithmetic.product(a, b)) == exactly(a) @ exactly(b)).all()
    assert (exactly(arithmetic.operand_sum(a)) == exactly(a).sum(-1, keepdims=True)).all()


@pytest.mark.parametrize("terms", LONGER)
@pytest.mark.parametrize("kind", [kind for kind in NASTY if kind not in HUGE_PRODUCTS])
def test_longer_products_are_exact_sums_of_exact_blocks_on_their_grid(kind: str, terms: int) -> None:
    arithmetic, a, b = operands(kind, terms, rows=1)
    parts = [(a[..., s : s + BLOCK], b[..., s : s + BLOCK, :]) for s in range(0, terms, BLOCK)]
    blocks = torch.stack([arithmetic.product(*part) for part in parts], dim=-1)
    true_blocks = np.stack([exactly(part_a) @ exactly(part_b) for part_a, part_b in parts], axis=-1)
    on_grid = to_grid(blocks, sum_bits(len(parts)), (-1,))
    product = exactly(arithmetic.product(a, b))
    assert (exactly(blocks) == true_blocks).all()
    assert (product == exactly(on_grid).sum(-1)).all()
    assert (abs(product - true_blocks.sum(-1)) <= len(parts) * abs(true_blocks).max() / 2**49).all()


@pytest.mark.parametrize("kind", HUGE_PRODUCTS)
def test_longer_products_become_nan_where_a_block_is_beyond_the_largest(kind: str) -> None:
    arithmetic, a, b = operands(kind, BLOCK + 1)
    a = torch.stack([a[0] * 2.0**-512, a[1]])
    product = arithmetic.product(a, b)
    assert product[0].isfinite().all()
    assert product[1].isnan().all()


def test_an_operand_sum_may_use_all_53_bits() -> None:
    """2^27 - 1 times 2^26 - 1, an odd number of 53 bits."""
    ones = Exact(1).operand(torch.tensor([[1.0, 2.0**26 - 1]], dtype=torch.float64))[:, 1:]
    assert ones.item() == 2**26 - 1
    assert Exact(1).operand_sum(ones.expand(1, 2**27 - 1)).item() == (2**27 - 1) * (2**26 - 1)


@pytest.mark.parametrize("axis", [-1, -2])
@pytest.mark.parametrize("terms", LENGTHS + LONGER)
@pytest.mark.parametrize("kind", NASTY)
def test_sums_are_exact_sums_of_numbers_on_their_grid(kind: str, terms: int, axis: int) -> None:
    t = nasty(kind, 2, 1, terms).transpose(-1, axis)
    on_grid = exactly(to_grid(t, sum_bits(terms), (axis,)))
    assert (exactly(Exact(terms).sum(t, axis)) == on_grid.sum(axis, keepdims=True)).all()


@settings(deadline=None)
@given(replicates(3, 5), st.sampled_from([-1, -2]))
def test_sums_of_anything_are_exact_sums_of_numbers_on_their_grid(t: Tensor, axis: int) -> None:
    on_grid = exactly(to_grid(t, sum_bits(t.shape[axis]), (axis,)))
    assert (exactly(Exact(1).sum(t, axis)) == on_grid.sum(axis, keepdims=True)).all()


# --- so the order does not matter ----------------------------------------------------------------------------------


@pytest.mark.parametrize("terms", [3, 800, BLOCK])
@pytest.mark.parametrize("kind", NASTY)
def test_terms_may_come_in_any_order(kind: str, terms: int) -> None:
    arithmetic, a, b = operands(kind, terms, rows=5, columns=6)
    order = torch.from_numpy(np.random.default_rng(2).permutation(terms))
    assert same_bits(arithmetic.product(a[..., order], b[..., order, :]), arithmetic.product(a, b))
    assert same_bits(arithmetic.operand_sum(a[..., order]), arithmetic.operand_sum(a))
    assert same_bits(arithmetic.sum(a[..., order], -1), arithmetic.sum(a, -1))


@pytest.mark.parametrize("terms", [3, 800, BLOCK, 10_000])
@pytest.mark.parametrize("kind", NASTY)
def test_a_product_is_the_same_transposed_and_in_parts(kind: str, terms: int) -> None:
    arithmetic, a, b = operands(kind, terms, rows=5, columns=6)
    whole = arithmetic.product(a, b)
    assert same_bits(arithmetic.product(b.transpose(1, 2), a.transpose(1, 2)).transpose(1, 2), whole)
    assert same_bits(torch.stack([arithmetic.product(a[k], b[k]) for k in range(2)]), whole)
    assert same_bits(arithmetic.product(a, b[1]), torch.stack([arithmetic.product(a[k], b[1]) for k in range(2)]))


@pytest.mark.parametrize("kind", ["normal", "cancelling", "near the largest"])
def test_threads_do_not_matter(kind: str, set_threads: Callable[[int], None]) -> None:
    arithmetic, a, b = operands(kind, 4000, rows=64, columns=64)
    results = []
    for count in (1, 2):
        set_threads(count)
        results.append((arithmetic.product(a, b), arithmetic.operand_sum(a), arithmetic.sum(b, -2)))
    for one, two in zip(*results, strict=True):
        assert same_bits(one, two)


# --- the float32 twin ----------------------------------------------------------------------------------------------

OPERATIONS = [name for name, value in vars(Exact).items() if inspect.isfunction(value) and not name.startswith("_")]
FUNCTIONS = [name for name, value in vars(Exact).items() if isinstance(value, staticmethod)]


def test_fast_has_the_names_of_exact() -> None:
    public = [{name for name in dir(kind(1)) if not name.startswith("_")} for kind in (Exact, Fast)]
    assert public[0] == public[1] == {*OPERATIONS, *FUNCTIONS, "dtype", "terms", "matmul"}


@pytest.mark.parametrize("name", OPERATIONS)
def test_fast_has_the_signatures_of_exact(name: str) -> None:
    assert inspect.signature(getattr(Fast, name)) == inspect.signature(getattr(Exact, name))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_fast_functions_are_those_of_exact_in_float32(name: str) -> None:
    x = torch.linspace(-3, 0, 50) if name == "expm1" else torch.linspace(0.1, 3, 50)
    torch.testing.assert_close(getattr(Fast(), name)(x), getattr(Exact(1), name)(x.double()).float())


def test_fast_products_and_sums_are_those_of_exact_in_float32() -> None:
    exact, a, b = operands("normal", 800)
    fast = Fast(800)
    singles = fast.operand(a.float()), fast.operand(b.float())
    torch.testing.assert_close(fast.product(*singles), exact.product(a, b).float(), rtol=0, atol=1e-4)
    torch.testing.assert_close(fast.operand_sum(singles[0]), exact.operand_sum(a).float(), rtol=0, atol=1e-4)
    torch.testing.assert_close(fast.sum(singles[0], -2), exact.sum(a, -2).float(), rtol=0, atol=1e-4)
