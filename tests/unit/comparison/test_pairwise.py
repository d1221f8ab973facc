"""Verdicts: what they say, that they agree with their intervals, and that many comparisons find nothing in noise."""

import math

import numpy as np
import pytest

from boundary.comparison import pairwise
from boundary.comparison.pairwise import ComparisonInput, Pair, Scores
from boundary.stats.intervals import holm


def scores(values: object, seeds: tuple[int, ...] | None = None) -> Scores:
    array = np.asarray(values, dtype=np.float64)
    return Scores(tuple(range(len(array))) if seeds is None else seeds, array)


def drawn(seed: int, accuracy: float, replicates: int = 8, rows: int = 100) -> Scores:
    """Rows of a difficulty that all variants share."""
    hard = np.random.RandomState(0).random_sample(rows) * 0.2
    return scores(np.random.RandomState(seed).random_sample((replicates, rows)) < accuracy - hard)


def the(pairs: list[Pair]) -> Pair:
    (pair,) = pairs
    return pair


def test_the_better_one_stands_first() -> None:
    found = the(pairwise.compare_pairs("accuracy", {"low": drawn(1, 0.7), "high": drawn(2, 0.95)}))
    assert (found.left, found.right, found.verdict, found.seeds) == ("high", "low", "better", 8)
    assert found.low is not None
    assert 0 < found.low < found.difference
    assert found.replicates_needed is found.rows_needed is None


def test_of_errors_the_smaller_one_is_better() -> None:
    error = np.abs(np.random.RandomState(0).normal(size=(6, 50)))
    found = pairwise.compare_pairs("mae", {"big": scores(error + 1), "small": scores(error)})
    assert (the(found).left, the(found).verdict) == ("small", "better")
    assert the(found).difference == pytest.approx(-1)
    turned = pairwise.compare([ComparisonInput("mae", "big", "small", scores(error + 1), scores(error))])
    assert the(turned).verdict == "worse"


def test_what_cannot_be_told_says_what_would() -> None:
    found = the(pairwise.compare_pairs("accuracy", {"a": drawn(3, 0.84), "b": drawn(5, 0.85)}))
    assert found.verdict == "cannot tell"
    assert found.low is not None
    assert found.high is not None
    assert found.low < 0 < found.high
    assert (found.replicates_needed or math.inf) > 8
    assert found.replicates_needed or found.rows_needed


@pytest.mark.parametrize("value", [0, 1])
def test_variants_that_are_the_same_on_every_row(value: int) -> None:
    """Both 100%, say."""
    same = scores(np.full((4, 30), value))
    found = the(pairwise.compare_pairs("accuracy", {"a": same, "b": same}))
    assert (found.difference, found.low, found.high, found.p, found.verdict) == (0, None, None, 1, "cannot tell")
    assert found.replicates_needed is found.rows_needed is None


def test_a_single_replicate_asks_for_rows_only() -> None:
    found = the(pairwise.compare_pairs("accuracy", {"a": drawn(1, 0.83, 1), "b": drawn(2, 0.9, 1)}))
    assert (found.seeds, found.replicates_needed) == (1, None)


def test_a_single_row_tells_nothing() -> None:
    found = the(pairwise.compare_pairs("mae", {"a": scores([[0.1], [0.2]]), "b": scores([[5.0], [6.0]])}))
    assert (found.verdict, found.low) == ("cannot tell", None)
    assert found.difference == pytest.approx(-5.35)
    assert pairwise.rank_variants("mae", {"a": scores([[0.1], [0.2]])})[0].low is None


def test_replicates_are_paired_by_seed() -> None:
    """Those that diverged are left out on both sides: here seeds 1 and 3 remain."""
    random = np.random.RandomState(0)
    luck = random.normal(size=(4, 1))
    a = luck + random.normal(size=(4, 40)) * 0.1
    b = a - 0.05
    found = the(
        pairwise.compare(
            [ComparisonInput("mae", "a", "b", scores(a[[1, 2, 3]], (1, 2, 3)), scores(b[[0, 1, 3]], (0, 1, 3)))]
        )
    )
    assert found.seeds == 2
    assert found.difference == pytest.approx(0.05)
    assert found.p < 0.001


def test_replicates_without_a_common_seed() -> None:
    a, b = drawn(1, 0.95), drawn(2, 0.7)
    found = the(pairwise.compare([ComparisonInput("accuracy", "a", "b", a, Scores(tuple(range(8, 16)), b.values))]))
    assert (found.seeds, found.verdict) == (0, "better")


def test_other_rows_are_compared_as_such() -> None:
    found = the(
        pairwise.compare(
            [ComparisonInput("accuracy", "a", "b", drawn(1, 0.95), drawn(2, 0.7, rows=60), same_rows=False)]
        )
    )
    assert (found.seeds, found.verdict) == (0, "better")


def test_errors_too_large_to_square_tell_nothing() -> None:
    big = scores(np.random.RandomState(0).random_sample((3, 20)) * 1e200)
    found = the(pairwise.compare_pairs("mae", {"a": scores(np.ones((3, 20))), "b": big}))
    assert (found.verdict, found.low, found.high) == ("cannot tell", None, None)


def test_intervals_leave_out_zero_exactly_where_there_is_a_verdict() -> None:
    variants = {f"v{k}": drawn(k, 0.75 + 0.02 * (k % 9)) for k in range(14)}
    pairs = pairwise.compare_pairs("accuracy", variants)
    assert len(pairs) == 14 * 13 // 2
    verdicts = {pair.verdict for pair in pairs}
    assert verdicts == {"better", "cannot tell"}
    for pair in pairs:
        assert pair.low is not None
        assert (pair.low > 0) == (pair.verdict == "better")


def test_standings_are_cut_to_what_is_possible() -> None:
    found = pairwise.rank_variants("accuracy", {"a": drawn(1, 1.15), "b": drawn(2, 0.06)})
    assert all(place.low is not None and place.high is not None for place in found)
    assert (found[0].high, found[1].low) == (1.0, 0.0)


def test_one_in_twenty_families_of_equal_variants_errs_at_most() -> None:
    """Six variants, 15 pairs; without Holm's correction many more would."""
    families = 100
    wrong = uncorrected = 0
    for family in range(families):
        pairs = pairwise.compare_pairs("accuracy", {f"v{k}": drawn(6 * family + k, 0.85, 4, 60) for k in range(6)})
        wrong += any(pair.verdict == "better" for pair in pairs)
        uncorrected += any(pair.p <= 0.05 for pair in pairs)
    assert wrong / families <= 0.05
    assert uncorrected / families > 0.2


def test_holm_by_hand() -> None:
    adjusted, levels = holm([0.01, 0.04, 0.03, 0.005])
    assert adjusted == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert levels == pytest.approx([0.05 / 3, 0.05 / 2, 0.05 / 2, 0.05 / 4])
    assert holm([]) == ([], [])


def test_holm_is_that_of_statsmodels_textbook() -> None:
    """Adjusted values by their definition, over random families."""
    random = np.random.RandomState(0)
    for _ in range(50):
        p = random.random_sample(random.randint(1, 12)) ** 3
        order = np.argsort(p)
        expected = np.minimum(1, np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)))
        adjusted, levels = holm(p.tolist())
        assert np.array(adjusted)[order] == pytest.approx(expected)
        assert [(value <= 0.05) == (own <= level) for value, own, level in zip(adjusted, p, levels, strict=True)]
