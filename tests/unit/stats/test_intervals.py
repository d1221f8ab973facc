"""Student's interval: by hand, by SciPy, and that it covers the mean as often as it says."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import t as student

from boundary.stats.intervals import CONFIDENCE, clip, score_interval, seed_interval

# Student's t at 0.975 by degrees of freedom: 12.706, 4.303 and 2.365 of the tables. One and two have closed forms.
T = {1: math.tan(0.475 * math.pi), 2: 0.95 * math.sqrt(2 / (4 * 0.975 * 0.025)), 7: 2.364624251592785}


@pytest.mark.parametrize(
    ("values", "mean", "half"),
    [
        ([1, 2, 3], 2, T[2] / math.sqrt(3)),  # s = 1
        ([0, 1], 0.5, T[1] / 2),  # s = sqrt(1/2)
        ([0.25, 0.25, 0.25, 0.25], 0.25, 0),
        ([2, 4, 4, 4, 5, 5, 7, 9], 5, T[7] * math.sqrt(32 / 7 / 8)),  # squared deviations: 32
    ],
)
def test_by_hand(values: list[float], mean: float, half: float) -> None:
    assert seed_interval(values) == pytest.approx((mean, mean - half, mean + half), rel=1e-12)


def test_a_single_value_has_no_interval() -> None:
    assert seed_interval([0.75]) == (0.75, None, None)


@settings(deadline=None)
@given(
    values=st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=30).filter(lambda v: max(v) - min(v) > 1e-3),
    confidence=st.floats(0.5, 0.999),
)
def test_it_is_that_of_scipy(values: list[float], confidence: float) -> None:
    mean, low, high = seed_interval(values, confidence=confidence)
    scale = np.std(values, ddof=1) / math.sqrt(len(values))
    expected = student.interval(confidence, len(values) - 1, loc=np.mean(values), scale=scale)
    assert mean == pytest.approx(np.mean(values), rel=1e-9, abs=1e-6)
    assert (low, high) == pytest.approx(expected, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("values", [[math.nan, 0.5], [0.5, math.nan, 0.5], [math.nan, math.nan]])
def test_the_mean_of_what_is_no_number_is_none_either(values: list[float]) -> None:
    """As when a network diverged; its place among the others does not matter."""
    assert seed_interval(values) == pytest.approx((math.nan,) * 3, nan_ok=True)


def test_the_order_of_the_values_does_not_matter() -> None:
    values = [0.1, 1e16, 0.7, -1e16, 1 / 3]
    assert len({seed_interval(order) for order in itertools.permutations(values)}) == 1
    assert len({sum(order) for order in itertools.permutations(values)}) > 1


def test_95_of_100_intervals_hold_the_true_mean() -> None:
    samples = np.random.RandomState(1).normal(3.0, 2.0, size=(2000, 5))
    covered = 0
    for sample in samples.tolist():
        _, low, high = seed_interval(sample)
        assert low is not None
        assert high is not None
        covered += low <= 3.0 <= high
    assert CONFIDENCE == 0.95
    assert covered / 2000 == pytest.approx(0.95, abs=0.02)


def test_an_interval_is_cut_to_what_is_possible() -> None:
    assert seed_interval([0.5, 1.0], possible=(0.0, 1.0)) == (0.75, 0.0, 1.0)  # 0.75 -+ 12.7 * 0.25
    assert clip(-0.25, 0.5, (-1.0, 0.25)) == (-0.25, 0.25)


# --- of a score of every row by every replicate ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("errors", "half"),
    [
        ([[20, 22]], T[1]),  # one replicate: rows 1 from their mean
        ([[20, 20], [22, 22]], T[1]),  # of equal rows: seeds 1 from their mean
        ([[19, 21], [21, 23]], T[1] * math.sqrt(2)),  # both
        ([[20, 22], [22, 20]], 0),  # neither: replicates and rows have the same means
        ([[21, 21], [21, 21]], 0),
    ],
)
def test_seeds_and_rows_by_hand(errors: list[list[float]], half: float) -> None:
    mean, low, high = score_interval("mae", np.array(errors, float))
    assert (mean, low, high) == pytest.approx((21, max(21 - half, 0), 21 + half), rel=1e-12)


def test_the_interval_of_a_score_ends_where_the_score_does() -> None:
    """An accuracy is within 0 and 1, a mean error not below 0."""
    assert score_interval("accuracy", np.array([[1, 0]], np.uint8)) == (0.5, 0.0, 1.0)
    mean, low, high = score_interval("mae", np.array([[1.0, 3.0]]))
    assert (mean, low) == (2.0, 0.0)
    assert high == pytest.approx(2 + T[1])


def test_all_right_is_not_all_certain() -> None:
    """As if of four more rows two were right."""
    mean, low, high = score_interval("accuracy", np.ones((3, 8), np.uint8))
    assert (mean, high) == (1.0, 1.0)
    assert low == pytest.approx(1 - T[7] * math.sqrt(2) / 8, rel=1e-12)


def test_a_single_row_or_a_number_without_bounds_has_no_interval() -> None:
    assert score_interval("mae", np.array([[1.0], [3.0]])) == (2.0, None, None)
    assert score_interval("mae", np.array([[1e200, 3e200], [2e200, 1e200]]))[1:] == (None, None)
