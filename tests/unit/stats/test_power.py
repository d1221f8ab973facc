"""Power: by simulation, by the t-test's, and the numbers that it asks for."""

import math

import numpy as np
import pytest
from scipy import stats

from boundary.stats import anova
from boundary.stats.anova import Estimate, VarianceComponents
from boundary.stats.power import ENOUGH, power, required_sample_size


def simulated(
    difference: float, spread: VarianceComponents, replicates: int, rows: int, level: float, trials: int = 20_000
) -> float:
    """The share of trials in which the interval leaves out zero; scores are normal, mean squares drawn at once."""
    random = np.random.RandomState(replicates + rows)
    rest = spread.rest / (replicates * rows)
    a, b = spread.replicates / replicates, spread.rows / rows
    mean = difference + math.sqrt(a + b + rest) * random.normal(size=trials)
    degrees = (replicates - 1, rows - 1, (replicates - 1) * (rows - 1))
    squares = [
        expected * random.chisquare(df, trials) / df
        for expected, df in zip((a + rest, b + rest, rest), degrees, strict=True)
    ]
    estimate = Estimate(mean, ((squares[0], degrees[0]), (np.maximum(squares[1] - squares[2], 0), degrees[1])))
    return float(np.mean(np.abs(mean) > estimate.half_width(level)))


SPREADS = [
    VarianceComponents(0.04, 0.09, 1),
    VarianceComponents(1, 0.1, 1),
    VarianceComponents(0, 0.3, 1),
    VarianceComponents(0.02, 0, 0.2),
]


def off(replicates: int, rows: int, spread: VarianceComponents, errors: float) -> float:
    """By how much the computed chance to see a difference of so many standard errors misses the simulated one."""
    error = math.sqrt(sum(float(term) for term, _ in spread.estimate(0, replicates, rows).terms))
    settings = [(errors * error, spread, replicates, rows, level) for level in (0.05, 0.005)]
    return max(abs(power(*each) - simulated(*each)) for each in settings)


@pytest.mark.parametrize(("replicates", "rows"), [(6, 40), (8, 1000), (16, 200), (64, 40)])
@pytest.mark.parametrize("spread", SPREADS)
@pytest.mark.parametrize("errors", [2.5, 3.5])
def test_a_true_difference_is_seen_as_often_as_computed(
    replicates: int, rows: int, spread: VarianceComponents, errors: float
) -> None:
    """The approximation is worst where few replicates say most."""
    assert off(replicates, rows, spread, errors) <= 0.04


@pytest.mark.slow
@pytest.mark.parametrize("rows", [40, 200])
@pytest.mark.parametrize("spread", SPREADS)
@pytest.mark.parametrize("errors", [2.5, 3.5])
def test_three_replicates_are_few(rows: int, spread: VarianceComponents, errors: float) -> None:
    assert off(3, rows, spread, errors) <= 0.1


def test_right_and_wrong_answers() -> None:
    """2000 trials of real zeros and ones, with rows that are hard for both variants."""
    random = np.random.RandomState(0)
    left, right = (random.random_sample((2000, 8, 100)) for _ in range(2))
    hard = random.random_sample((2000, 1, 100))
    scores = (left < 0.9 - 0.3 * hard).astype(float) - (right < 0.86 - 0.3 * hard)
    seen = np.mean(anova.two_way_mean(scores).p_value() <= 0.05)
    spread = anova.variance_components(scores.transpose(1, 0, 2).reshape(8, -1))
    assert seen == pytest.approx(power(0.04, spread, 8, 100, 0.05), abs=0.05)


def test_of_replicates_alone_it_is_the_t_test_s() -> None:
    shift, count = 0.7, 12
    noncentral = stats.nct(count - 1, shift * math.sqrt(count))
    limit = stats.t.ppf(0.975, count - 1)
    found = power(shift, VarianceComponents(1.0, 0.0, 0.0), count, 50, 0.05)
    assert found == pytest.approx(noncentral.sf(limit), abs=1e-6)


def test_of_no_spread_a_difference_is_certain() -> None:
    assert power(0.1, VarianceComponents(0, 0, 0), 4, 10, 0.05) == 1
    assert power(0.0, VarianceComponents(0, 0, 0), 4, 10, 0.05) == 0


SPREAD = VarianceComponents(0.004, 0.01, 0.1)


def test_what_is_needed_is_enough_and_hardly_more() -> None:
    replicates, rows = required_sample_size(0.03, SPREAD, 4, 100, 0.05)
    assert replicates is not None
    assert rows is None  # the replicates' luck alone hides the difference
    assert power(0.03, SPREAD, replicates, 100, 0.05) >= ENOUGH
    assert power(0.03, SPREAD, math.floor(replicates * 0.9) - 1, 100, 0.05) < ENOUGH


def test_where_rows_are_scarce_replicates_do_not_help() -> None:
    replicates, rows = required_sample_size(0.02, SPREAD, 16, 40, 0.05)
    assert replicates is None
    assert rows is None or power(0.02, SPREAD, 16, rows, 0.05) >= ENOUGH
    assert required_sample_size(0.05, VarianceComponents(0, 0.1, 0.1), 16, 40, 0.05)[1] is not None


def test_numbers_have_two_digits() -> None:
    _, rows = required_sample_size(0.01, VarianceComponents(0, 0.1, 0.1), 16, 40, 0.05)
    assert rows is not None
    assert len(str(rows).rstrip("0")) <= 2


def test_no_number_shows_a_difference_of_nothing() -> None:
    assert required_sample_size(1e-9, SPREAD, 16, 200, 0.05) == (None, None)
