"""Which variants of a data set are better than which, beyond luck."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from boundary import anova
from boundary.anova import Estimate, Spread
from boundary.power import needed
from boundary.statistics import CONFIDENCE, holm

BETTER, WORSE, CANNOT_TELL = "better", "worse", "cannot tell"
GAIN = {"accuracy": 1, "mae": -1}  # 1 where more is better
POSSIBLE = {"accuracy": (0.0, 1.0), "mae": (0.0, math.inf)}


@dataclass(frozen=True)
class Scores:
    """The score of every test row by every replicate that did not diverge: values (R, N), and the replicates' seeds."""

    seeds: tuple[int, ...]
    values: np.ndarray

    def means(self) -> list[tuple[int, float]]:
        """Each seed with its replicate's mean score."""
        return list(zip(self.seeds, (anova.total(self.values, 1) / self.values.shape[1]).tolist(), strict=True))


@dataclass(frozen=True)
class Standing:
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
class _Difference:
    estimate: Estimate
    spread: Spread | None
    seeds: int
    rows: int


def standings(score: str, variants: Mapping[str, Scores]) -> list[Standing]:
    """The variants of one data set, best first; of equals the one that was named first."""
    found = []
    for variant, scores in variants.items():
        mean, low, high = float(anova.total(scores.values, 2) / scores.values.size), None, None
        if scores.values.shape[1] > 1:
            estimate = (anova.share if score == "accuracy" else anova.crossed)(scores.values)
            low, high = _interval(estimate, 1 - CONFIDENCE, POSSIBLE[score])
        found.append(Standing(variant, mean, low, high))
    return sorted(found, key=lambda standing: -GAIN[score] * standing.mean)


def pairs(score: str, variants: Mapping[str, Scores]) -> list[Pair]:
    """Every two variants of one data set, which are scored on the same rows; in the order of their standings."""
    order = [standing.variant for standing in standings(score, variants)]
    return judge(score, [(a, b, variants[a], variants[b]) for a, b in combinations(order, 2)])


def judge(score: str, named: Sequence[tuple[str, str, Scores, Scores]], same_rows: bool = True) -> list[Pair]:
    """Comparisons (left's name, right's name, left, right) that are corrected together, each with its verdict."""
    found = [_difference(left, right, same_rows) for _, _, left, right in named]
    p_values = [1.0 if difference is None else float(difference.estimate.p_value()) for difference in found]
    adjusted, levels = holm(p_values)
    least, most = POSSIBLE[score]
    result = []
    for (a, b, left, right), difference, p, p_holm, level in zip(named, found, p_values, adjusted, levels, strict=True):
        mean = float(anova.total(left.values, 2) / left.values.size - anova.total(right.values, 2) / right.values.size)
        low = high = replicates_needed = rows_needed = None
        verdict, seeds = CANNOT_TELL, 0
        if difference is not None:
            mean, seeds = float(difference.estimate.mean), difference.seeds
            if any((term > 0).any() for term, _ in difference.estimate.terms) or mean:
                low, high = _interval(difference.estimate, level, (least - most, most - least))
            if p_holm <= 1 - CONFIDENCE:
                verdict = BETTER if GAIN[score] * mean > 0 else WORSE
            elif mean and low is not None and difference.spread is not None:
                both = needed(mean, difference.spread, seeds, difference.rows, level)
                replicates_needed, rows_needed = (None, both[1]) if seeds == 1 else both
        result.append(Pair(a, b, mean, low, high, p, p_holm, verdict, seeds, replicates_needed, rows_needed))
    return result


def _difference(left: Scores, right: Scores, same_rows: bool) -> _Difference | None:
    """Paired by seed where both have two seeds or their only ones in common; None where there is a single row."""
    if min(left.values.shape[1], right.values.shape[1]) < 2:
        return None
    if not same_rows:
        return _Difference(anova.apart(left.values, right.values), None, 0, 0)
    shared = [seed for seed in left.seeds if seed in set(right.seeds)]
    rows = left.values.shape[1]
    if len(shared) < 2 and left.seeds != right.seeds:
        return _Difference(anova.same_rows(left.values, right.values), None, 0, rows)
    difference = (
        left.values[[left.seeds.index(seed) for seed in shared]]
        - right.values[[right.seeds.index(seed) for seed in shared]]
    )
    return _Difference(anova.crossed(difference), anova.spread(difference), len(shared), rows)


def _interval(estimate: Estimate, level: float, possible: tuple[float, float]) -> tuple[float | None, float | None]:
    """Cut to what is possible, which takes nothing from the chance that it holds the truth."""
    mean, half = float(estimate.mean), float(estimate.half(level))
    if not math.isfinite(mean) or not math.isfinite(half):
        return None, None
    return max(mean - half, possible[0]), min(mean + half, possible[1])
