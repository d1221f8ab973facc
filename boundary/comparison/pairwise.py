"""Which variants of a data set are better than which, beyond luck."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from boundary.stats import anova
from boundary.stats.anova import Estimate, VarianceComponents
from boundary.stats.intervals import CONFIDENCE, SCORE_RANGE, estimate_interval, holm, score_interval
from boundary.stats.power import required_sample_size

BETTER, WORSE, CANNOT_TELL = "better", "worse", "cannot tell"
SCORE_SIGN = {"accuracy": 1, "mae": -1}  # 1 where more is better


@dataclass(frozen=True)
class Scores:
    """The score of every test row by every replicate that did not diverge: values (R, N), and the replicates' seeds."""

    seeds: tuple[int, ...]
    values: np.ndarray

    def means(self) -> list[tuple[int, float]]:
        """Each seed with its replicate's mean score."""
        return list(zip(self.seeds, (anova.exact_sum(self.values, 1) / self.values.shape[1]).tolist(), strict=True))


@dataclass(frozen=True)
class RankedVariant:
    """A variant's mean score, and its 95% interval over both sources of luck; None where there is none."""

    variant: str
    mean: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Pair:
    """The difference, left minus right, and what it shows.

    low and high: the interval at the level at which Holm's procedure tests the pair, so that it leaves out zero exactly
    where the verdict, which is on the left one, is better or worse. None where the two are the same on every row, or
    where there are too few rows. seeds: how many pairs of replicates were compared, 0 where they have no seeds in
    common. What is needed to tell, in all: replicates with these rows, or rows with these replicates; None where
    nothing is, or no number would do.
    """

    left: str
    right: str
    difference: float
    low: float | None
    high: float | None
    p: float
    p_holm: float
    verdict: str
    seeds: int
    replicates_needed: int | None
    rows_needed: int | None


@dataclass(frozen=True)
class ComparisonInput:
    """Two to compare by their names, and whether they are scored on the same rows."""

    score: str
    left: str
    right: str
    of_left: Scores
    of_right: Scores
    same_rows: bool = True


@dataclass(frozen=True)
class _Difference:
    estimate: Estimate
    components: VarianceComponents | None
    seeds: int
    rows: int


def rank_variants(score: str, variants: Mapping[str, Scores]) -> list[RankedVariant]:
    """The variants of one data set, best first; of equals the one that was named first."""
    found = [RankedVariant(variant, *score_interval(score, scores.values)) for variant, scores in variants.items()]
    return sorted(found, key=lambda ranked: -SCORE_SIGN[score] * ranked.mean)


def compare_pairs(score: str, variants: Mapping[str, Scores]) -> list[Pair]:
    """Every two variants of one data set, which are scored on the same rows; in the order of their ranks."""
    order = [ranked.variant for ranked in rank_variants(score, variants)]
    return compare([ComparisonInput(score, a, b, variants[a], variants[b]) for a, b in combinations(order, 2)])


def compare(inputs: Sequence[ComparisonInput]) -> list[Pair]:
    """The verdict on each of several comparisons, which are corrected together."""
    found = [_difference(each) for each in inputs]
    p_values = [1.0 if difference is None else float(difference.estimate.p_value()) for difference in found]
    return [
        _pair(each, difference, p, p_holm, level)
        for each, difference, p, p_holm, level in zip(inputs, found, p_values, *holm(p_values), strict=True)
    ]


def _pair(compared: ComparisonInput, difference: _Difference | None, p: float, p_holm: float, level: float) -> Pair:
    if difference is None:
        sides = (compared.of_left.values, compared.of_right.values)
        left, right = (float(anova.exact_sum(values, 2) / values.size) for values in sides)
        return Pair(compared.left, compared.right, left - right, None, None, p, p_holm, CANNOT_TELL, 0, None, None)
    mean = float(difference.estimate.mean)
    least, most = SCORE_RANGE[compared.score]
    low, high = estimate_interval(difference.estimate, level, (least - most, most - least))
    verdict = CANNOT_TELL
    needs: tuple[int | None, int | None] = (None, None)
    if p_holm <= 1 - CONFIDENCE:
        verdict = BETTER if SCORE_SIGN[compared.score] * mean > 0 else WORSE
    elif low == high:  # all the same
        low = high = None
    elif mean and low is not None and difference.components is not None:
        needs = required_sample_size(mean, difference.components, difference.seeds, difference.rows, level)
    return Pair(compared.left, compared.right, mean, low, high, p, p_holm, verdict, difference.seeds, *needs)


def _difference(compared: ComparisonInput) -> _Difference | None:
    """Paired by seed where both have two seeds or their only one in common; None where there is a single row."""
    left, right = compared.of_left, compared.of_right
    if min(left.values.shape[1], right.values.shape[1]) < 2:
        return None
    if not compared.same_rows:
        return _Difference(anova.independent_difference(left.values, right.values), None, 0, 0)
    shared = [seed for seed in left.seeds if seed in set(right.seeds)]
    rows = left.values.shape[1]
    if len(shared) < 2 and left.seeds != right.seeds:
        return _Difference(anova.same_rows_difference(left.values, right.values), None, 0, rows)
    sides = [each.values[[each.seeds.index(seed) for seed in shared]] for each in (left, right)]
    difference = sides[0] - sides[1]
    return _Difference(anova.two_way_mean(difference), anova.variance_components(difference), len(shared), rows)
