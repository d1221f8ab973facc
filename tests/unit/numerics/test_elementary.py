"""The elementary functions against mpmath with 200 bits, and against themselves on other layouts and threads."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import mpmath
import numpy as np
import pytest
import torch
from torch import Tensor

from boundary.numerics import elementary

LN2 = math.log(2)
LARGEST_DOUBLE = 1.7976931348623157e308
SMALLEST_NORMAL = 2.0**-1022


@dataclass(frozen=True)
class Case:
    """A function, its truth, where it is defined, where to look closely, and some values to the bit."""

    f: Callable[[Tensor], Tensor]
    true: Callable[[mpmath.mpf], mpmath.mpf]
    ulps: float  # error bound, in units in the last place
    dense: tuple[float, float]  # uniform points
    exponents: tuple[int, int]  # powers of two between which points are spread evenly by exponent
    signs: tuple[int, ...]  # of these
    hard: tuple[float, ...]  # the 60 numbers around each
    special: list[tuple[float, float]]


CASES = {
    "exp": Case(
        elementary.exp,
        mpmath.exp,
        0.79,
        (-40.0, 40.0),
        (-80, 9),
        (-1, 1),
        (0.5 * LN2, -0.5 * LN2, 1.5 * LN2, 100.5 * LN2, 709.78, -708.39, -744.4, -745.1, 1.0, -1e-8),
        [(0, 1), (-0.0, 1), (5e-324, 1), (math.inf, math.inf), (709.79, math.inf), (-math.inf, 0), (-745.14, 0)],
    ),
    "expm1": Case(
        elementary.expm1,
        mpmath.expm1,
        0.80,
        (-40.0, 0.0),
        (-1000, 9),
        (-1,),
        (-0.5 * LN2, -1.5 * LN2, -LN2, -1.0, -1e-8, -37.0, -700.0),
        [(0, 0), (-0.0, 0), (-math.inf, -1), (-1e300, -1), (-5e-324, -5e-324)],
    ),
    "log": Case(
        elementary.log,
        mpmath.log,
        0.79,
        (0.1, 10.0),
        (-1022, 1023),
        (1,),
        (1.0, math.sqrt(0.5), math.sqrt(2), 2.0, 0.5, math.e, 4.0, LARGEST_DOUBLE, 2 * SMALLEST_NORMAL),
        [(1, 0), (2, LN2), (0.5, -LN2), (math.inf, math.inf)],
    ),
    "log1p": Case(
        elementary.log1p,
        mpmath.log1p,
        1.08,
        (0.0, 10.0),
        (-1022, 1000),
        (1,),
        (math.sqrt(2) - 1, 1.0, 2.0**-52, 2.0**-53, 2.0**53, 1e-8, 3.0),
        [(0, 0), (-0.0, 0), (1, LN2), (5e-324, 5e-324)],
    ),
    "tanh": Case(
        elementary.tanh,
        mpmath.tanh,
        2.27,
        (-20.0, 20.0),
        (-1000, 5),
        (-1, 1),
        (math.log(3) / 2, -math.log(3) / 2, 0.25 * LN2, 0.75 * LN2, 0.20713837633861312, 19.06, 22.0),
        [(0, 0), (-0.0, 0), (math.inf, 1), (-math.inf, -1), (1e300, 1), (-1e300, -1), (5e-324, 5e-324)],
    ),
    "sigmoid": Case(
        elementary.sigmoid,
        lambda x: 1 / (1 + mpmath.exp(-x)),
        1.91,
        (-40.0, 40.0),
        (-80, 9),
        (-1, 1),
        (0.5 * LN2, -0.5 * LN2, -36.7, 36.7, -708.39, -744.4, -745.1, -4.147216699846112),
        [(0, 0.5), (-0.0, 0.5), (math.inf, 1), (1e300, 1), (-math.inf, 0), (-1e300, 0), (-745.14, 0)],
    ),
    "sqrt": Case(
        elementary.sqrt,
        mpmath.sqrt,
        0.75,
        (0.0, 100.0),
        (-1022, 1023),
        (1,),
        (1.0, 2.0, 4.0, 0.25, 1e-300, 1e300, LARGEST_DOUBLE, 2 * SMALLEST_NORMAL),
        [(0, 0), (-0.0, 0), (1, 1), (4, 2), (144, 12), (2.0**1000, 2.0**500), (math.inf, math.inf), (5e-324, 0)],
    ),
}
each_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())


def points(case: Case) -> Tensor:
    """About 10,000 arguments: dense, wide, and the neighbours of the hard ones."""
    rng = np.random.default_rng(3)
    dense = rng.uniform(*case.dense, 5000)
    wide = rng.choice(case.signs, 4000) * np.exp2(rng.uniform(*case.exponents, 4000))
    steps = np.arange(-30, 31)
    hard = [(np.array([x]).view(np.int64) + steps).view(np.float64) for x in case.hard]
    x = torch.from_numpy(np.concatenate([dense, wide, *hard]))
    return x[x.isfinite()]


def same_bits(a: Tensor, b: Tensor) -> bool:
    return torch.equal(a.contiguous().view(torch.int64), b.contiguous().view(torch.int64))


@pytest.fixture
def set_threads() -> Iterator[Callable[[int], None]]:
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


@each_case
def test_errors_are_a_few_units_in_the_last_place(case: Case) -> None:
    """Units of the true value's own binade; 5e-324 below the normal numbers."""
    x = points(case)
    with mpmath.workprec(200):
        true = [case.true(mpmath.mpf(argument)) for argument in x.tolist()]
        errors = [
            float(abs(mpmath.mpf(found) - value) / math.ulp(float(value)))
            for found, value in zip(case.f(x).tolist(), true, strict=True)
            if abs(value) <= LARGEST_DOUBLE
        ]
    assert len(errors) > 8000
    assert max(errors) < case.ulps


@each_case
def test_special_values(case: Case) -> None:
    arguments, values = zip(*case.special, strict=True)
    assert case.f(torch.tensor(arguments, dtype=torch.float64)).tolist() == list(values)


@each_case
def test_nan_stays_nan(case: Case) -> None:
    assert case.f(torch.tensor([math.nan, -math.nan], dtype=torch.float64)).isnan().all()


@each_case
def test_bits_do_not_depend_on_layout_or_threads(case: Case, set_threads: Callable[[int], None]) -> None:
    """Vector code takes a few numbers at a time, and other code the rest; threads cut at other places."""
    x = points(case).repeat(12)[:100_000]
    set_threads(1)
    whole = case.f(x)
    assert same_bits(case.f(x[1:]), whole[1:])
    assert same_bits(case.f(x[::3]), whole[::3])
    assert same_bits(case.f(x.view(250, 400).T), whole.view(250, 400).T)
    assert same_bits(torch.stack([case.f(x[k]) for k in range(50)]), whole[:50])
    set_threads(2)
    assert same_bits(case.f(x), whole)


def test_a_function_leaves_its_argument_alone() -> None:
    x = torch.linspace(-1.0, 0.0, 9, dtype=torch.float64)
    before = x.clone()
    for case in CASES.values():
        case.f(x)
    assert same_bits(x, before)


@pytest.mark.parametrize("k", [-1022, -1, 0, 1, 52, 1023])
def test_power_of_two(k: int) -> None:
    assert elementary.power_of_two(torch.tensor(k)).item() == 2.0**k


def test_the_two_parts_of_log_two() -> None:
    """Together log(2) to 2^-85, and the high part short enough for exact products with every exponent."""
    with mpmath.workprec(200):
        parts = mpmath.mpf(elementary.LN2_HIGH) + mpmath.mpf(elementary.LN2_LOW)
        assert abs(parts - mpmath.log(2)) < mpmath.mpf(2) ** -85
    numerator, _ = elementary.LN2_HIGH.as_integer_ratio()
    assert numerator.bit_length() + (1075).bit_length() <= 53
