"""Two-way analysis of variance: by hand, by the textbook, and by simulation that it errs as often as it says."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from boundary.stats import anova
from boundary.stats.anova import Estimate

Array = np.ndarray
TRIALS = 2000


def values(estimate: Estimate) -> list[tuple[float, int]]:
    return [(float(variance), df) for variance, df in estimate.terms]


def test_by_hand() -> None:
    """Two replicates of three rows. Means 2 and 4, of rows 1, 3 and 5, of all 3: SS 6, 16 and 2."""
    estimate = anova.two_way_mean(np.array([[1.0, 2, 3], [1, 4, 7]]))
    assert estimate.mean == 3
    # MS: 6 with 1 degree, 8 with 2, residual 4 with 2; all by RN = 6
    assert values(estimate) == [(pytest.approx(1), 1), (pytest.approx((8 - 2) / 6), 2)]
    squares = 12.706204736**2 * 1 + 4.302652730**2 * 1
    assert estimate.half_width(0.05) == pytest.approx(math.sqrt(squares), rel=1e-9)


def test_one_replicate_is_a_t_test_over_the_rows() -> None:
    scores = np.random.RandomState(0).normal(0.3, 1, (1, 30))
    estimate = anova.two_way_mean(scores)
    expected = stats.ttest_1samp(scores[0], 0)
    assert estimate.p_value() == pytest.approx(expected.pvalue, abs=1e-9)
    low, high = expected.confidence_interval()
    assert (estimate.mean - estimate.half_width(0.05), estimate.mean + estimate.half_width(0.05)) == pytest.approx(
        (low, high)
    )


def test_rows_that_do_not_differ_leave_a_t_test_over_the_replicates() -> None:
    means = np.random.RandomState(0).normal(0.3, 1, (12, 1))
    estimate = anova.two_way_mean(np.repeat(means, 40, axis=1))
    assert values(estimate)[1][0] == pytest.approx(0, abs=1e-18)
    assert estimate.p_value() == pytest.approx(stats.ttest_1samp(means[:, 0], 0).pvalue, abs=1e-9)


@settings(deadline=None, max_examples=50)
@given(
    arrays(
        np.float64,
        st.tuples(st.integers(2, 6), st.integers(2, 9)),
        elements=st.integers(-99, 99).map(lambda n: n / 8),
    )
)
def test_mean_squares_are_those_of_exact_fractions(scores: Array) -> None:
    count, rows = scores.shape
    x = [[Fraction(value) for value in row] for row in scores.tolist()]
    mean = sum(map(sum, x)) / (count * rows)
    of_replicate = [sum(row) / rows for row in x]
    of_row = [sum(column) / count for column in zip(*x, strict=True)]
    ms_replicates = rows * sum((m - mean) ** 2 for m in of_replicate) / (count - 1)
    ms_rows = count * sum((m - mean) ** 2 for m in of_row) / (rows - 1)
    cells = [x[r][n] - of_replicate[r] - of_row[n] + mean for r in range(count) for n in range(rows)]
    ms_rest = sum(cell**2 for cell in cells) / ((count - 1) * (rows - 1))
    expected = [(ms_replicates, count - 1), (max(ms_rows - ms_rest, 0), rows - 1)]
    assert values(anova.two_way_mean(scores)) == [
        (pytest.approx(float(ms / (count * rows)), rel=1e-9, abs=1e-12), df) for ms, df in expected
    ]


@given(arrays(np.float64, st.integers(1, 50), elements=st.floats(-1e12, 1e12)), st.randoms())
def test_totals_do_not_depend_on_the_order(scores: Array, random: "object") -> None:
    shuffled = scores.tolist()
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    found = anova.exact_sum(scores, 1)
    assert found == anova.exact_sum(np.array(shuffled), 1)
    bound = len(scores) ** 2 * 2.0**-52 * np.abs(scores).max(initial=0) + len(scores) * 2.0**-1000  # the finest grid
    assert abs(float(found) - math.fsum(scores)) <= bound


def test_totals_of_whole_numbers_are_exact() -> None:
    scores = np.random.RandomState(0).randint(-(2**30), 2**30, (7, 1000)).astype(np.float64)
    assert anova.exact_sum(scores, 2) == sum(map(int, scores.ravel()))
    assert anova.exact_sum(scores, 1).tolist() == [sum(map(int, row)) for row in scores]


def test_nothing_varies() -> None:
    same = anova.two_way_mean(np.zeros((4, 10)))
    assert (same.p_value(), same.half_width(0.05)) == (1, 0)
    always = anova.two_way_mean(np.ones((4, 10)))
    assert always.p_value() < 1e-9


def test_scores_too_large_to_square_tell_nothing() -> None:
    scores = np.random.RandomState(0).normal(size=(4, 10)) * 1e200
    assert anova.two_way_mean(scores).p_value() == 1


def test_a_share_of_one_is_not_certain() -> None:
    """200 of 200 rows right: the rule of three says 98.5% at least, with a confidence of 95%."""
    estimate = anova.two_way_proportion(np.ones((16, 200)))
    assert 1 - estimate.half_width(0.05) == pytest.approx(1 - 1.97196 * math.sqrt(2) / 200, abs=1e-6)


# --- simulation ------------------------------------------------------------------------------------------------------


def accuracies(
    random: np.random.RandomState, replicates: int, rows: int, spreads: tuple[float, float, float, float], trials: int
) -> Array:
    """Right or wrong, (trials, R, N), of a variant: right where a sum of normal numbers is above zero.

    spreads: a constant, which sets the accuracy, and the deviations of replicates, rows and rows of this variant alone.
    """
    constant, of_replicate, _, of_row = spreads
    noise = random.normal(size=(trials, replicates, rows))
    noise += constant + of_replicate * random.normal(size=(trials, replicates, 1))
    noise += of_row * random.normal(size=(trials, 1, rows))
    return noise


def differences(
    random: np.random.RandomState, replicates: int, rows: int, spreads: tuple[float, float, float, float]
) -> Array:
    """Of two variants that are equally good; the rows' difficulty, the third deviation, is common to both."""
    common = spreads[2] * random.normal(size=(TRIALS, 1, rows))
    left, right = (accuracies(random, replicates, rows, spreads, TRIALS) + common > 0 for _ in range(2))
    return left.astype(np.float64) - right


SPREADS = {  # constant, deviations of replicates, rows, rows of a variant; beside a residual of 1
    "coins": (0.0, 0.1, 0.0, 0.0),
    "all alike": (0.0, 1.0, 1.0, 1.0),
    "91%, rows": (2.0, 0.3, 1.0, 0.3),
    "97%, seeds": (6.0, 1.0, 3.0, 0.1),
    "99%, rows": (6.0, 0.1, 2.0, 1.0),
}


def falsely_told(replicates: int, rows: int) -> list[float]:
    """The share of trials in which equal variants are told apart, by SPREADS."""
    random = np.random.RandomState(replicates * 10_000 + rows)
    return [
        float(np.mean(anova.two_way_mean(differences(random, replicates, rows, spreads)).p_value() <= 0.05))
        for spreads in SPREADS.values()
    ]


NOISE = 3 * math.sqrt(0.05 * 0.95 / TRIALS)  # three standard errors of a share of 5%


@pytest.mark.parametrize(("replicates", "rows"), [(3, 40), (3, 200), (16, 40)])
def test_equal_variants_are_told_apart_in_5_of_100_trials_at_most(replicates: int, rows: int) -> None:
    shares = falsely_told(replicates, rows)
    assert sum(shares) / len(shares) <= 0.05
    assert max(shares) <= 0.05 + NOISE


@pytest.mark.slow
@pytest.mark.parametrize(("replicates", "rows"), [(3, 1000), (8, 200), (16, 200), (64, 40), (64, 200)])
def test_equal_variants_are_told_apart_in_5_of_100_trials_at_most_in_larger_runs(replicates: int, rows: int) -> None:
    shares = falsely_told(replicates, rows)
    assert sum(shares) / len(shares) <= 0.05
    assert max(shares) <= 0.05 + NOISE


@pytest.mark.slow
@pytest.mark.parametrize("rows", [40, 200])
def test_two_replicates_err_in_up_to_7_of_100(rows: int) -> None:
    shares = falsely_told(2, rows)
    assert sum(shares) / len(shares) <= 0.05 + NOISE / 2
    assert 0.05 < max(shares) <= 0.07 + NOISE


def by_mean_squares(
    random: np.random.RandomState, replicates: int, rows: int, seeds: float, between: float, trials: int
) -> tuple[Array, Array, Array, Array]:
    """Mean, and MS / RN of replicates, rows and rest, drawn at once for normal scores; the residual's variance is 1."""
    rest = 1 / (replicates * rows)
    chi = [random.chisquare(df, trials) / df for df in (replicates - 1, rows - 1, (replicates - 1) * (rows - 1))]
    a, b = seeds / replicates, between / rows
    mean = random.normal(size=trials) * math.sqrt(a + b + rest)
    return mean, (a + rest) * chi[0], (b + rest) * chi[1], rest * chi[2]


def test_degrees_of_freedom_of_their_own_are_needed() -> None:
    """With three replicates, normal scores: Satterthwaite's or Hillis's pooled degrees err in 7% and more."""
    random = np.random.RandomState(0)
    mean, a, b, e = by_mean_squares(random, 3, 40, 0.25, 0.36, 50_000)
    between = np.maximum(b - e, 0)
    ours = Estimate(mean, ((a, 2), (between, 39)))
    assert np.mean(np.abs(mean) > ours.half_width(0.05)) <= 0.0525
    for degrees in (
        (a + between) ** 2 / (a**2 / 2),
        (a + between) ** 2 / (a**2 / 2 + np.where(b > e, b**2 / 39 + e**2 / 78, 0)),
    ):
        assert np.mean(np.abs(mean) > stats.t.ppf(0.975, degrees) * np.sqrt(a + between)) > 0.07


@pytest.mark.parametrize(("replicates", "rows"), [(3, 40), (3, 1000), (16, 200), (64, 40)])
def test_normal_scores_over_all_ratios_of_variance(replicates: int, rows: int) -> None:
    """20000 trials each; three standard errors of a share of 5% are half a percent."""
    random = np.random.RandomState(1)
    for seeds in (0, 0.0025, 0.04, 1):
        for between in (0, 0.02, 0.4, 4):
            mean, a, b, e = by_mean_squares(random, replicates, rows, seeds, between, 20_000)
            estimate = Estimate(mean, ((a, replicates - 1), (np.maximum(b - e, 0), rows - 1)))
            assert np.mean(np.abs(mean) > estimate.half_width(0.05)) <= 0.055, (seeds, between)


@pytest.mark.parametrize(("left", "right"), [(5, 5), (3, 20), (1, 8)])
def test_replicates_that_share_nothing_but_the_rows(left: int, right: int) -> None:
    random = np.random.RandomState(left)
    common = random.normal(size=(300, 60))
    told = []
    for of_row in common:
        scores = [
            of_row + random.normal(size=(count, 1)) * (count > 1) * 0.3 + random.normal(size=(count, 60))
            for count in (left, right)
        ]
        told.append(float(anova.same_rows_difference(*scores).p_value()) <= 0.05)
    assert np.mean(told) <= (0.05 if left > 1 else 0.12) + 2 * math.sqrt(0.05 * 0.95 / 300)


def test_nothing_shared_is_welch_s_problem() -> None:
    """One replicate each: two samples of rows."""
    random = np.random.RandomState(0)
    a, b = random.normal(0.5, 1, (1, 50)), random.normal(0, 2, (1, 80))
    estimate = anova.independent_difference(a, b)
    assert estimate.mean == pytest.approx(a.mean() - b.mean())
    assert estimate.p_value() == pytest.approx(stats.ttest_ind(a[0], b[0], equal_var=False).pvalue, rel=0.02)


def pigeonhole(scores: Array, random: np.random.RandomState, times: int = 2000) -> tuple[float, float]:
    """Owen's (2007) bootstrap: replicates and rows are drawn anew, each on its own."""
    count, rows = scores.shape
    means = []
    for _ in range(times):
        drawn = scores[random.randint(count, size=count)][:, random.randint(rows, size=rows)]
        means.append(drawn.mean())
    low, high = np.quantile(means, (0.025, 0.975))
    return float(low), float(high)


def test_a_bootstrap_over_replicates_and_rows_agrees() -> None:
    """It counts the residual three times (Owen 2007), so its interval is the wider one, a little."""
    random = np.random.RandomState(3)
    scores = 0.1 + 0.3 * random.normal(size=(40, 1)) + random.normal(size=(1, 150)) + random.normal(size=(40, 150))
    estimate = anova.two_way_mean(scores)
    low, high = pigeonhole(scores, random)
    assert high - low == pytest.approx(2 * float(estimate.half_width(0.05)), rel=0.1)
    assert (low + high) / 2 == pytest.approx(float(estimate.mean), abs=0.02)
