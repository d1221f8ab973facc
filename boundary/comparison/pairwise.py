"""Which variants of a data set are better than which, beyond luck."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from boundary.stats import anova
from boundary.stats.anova import Estimate, Spread
from boundary.stats.intervals import CONFIDENCE, POSSIBLE, cut, holm
from boundary.stats.power import needed

BETTER, WORSE, CANNOT_TELL = "better", "worse", "cannot tell"
GAIN = {"accuracy": 1, "mae": -1}  # 1 where more is better


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
class Match:
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
    return judge([Match(score, a, b, variants[a], variants[b]) for a, b in combinations(order, 2)])


def judge(matches: Sequence[Match]) -> list[Pair]:
    """The verdict on each of several comparisons, which are corrected together."""
    found = [_difference(match) for match in matches]
    p_values = [1.0 if difference is None else float(difference.estimate.p_value()) for difference in found]
    return [
        _pair(match, difference, p, p_holm, level)
        for match, difference, p, p_holm, level in zip(matches, found, p_values, *holm(p_values), strict=True)
    ]


def _pair(match: Match, difference: _Difference | None, p: float, p_holm: float, level: float) -> Pair:
    if difference is None:
        sides = (match.of_left.values, match.of_right.values)
        left, right = (float(anova.total(values, 2) / values.size) for values in sides)
        return Pair(match.left, match.right, left - right, None, None, p, p_holm, CANNOT_TELL, 0, None, None)
    mean = float(difference.estimate.mean)
    least, most = POSSIBLE[match.score]
    low, high = _interval(difference.estimate, level, (least - most, most - least))
    verdict = CANNOT_TELL
    needs: tuple[int | None, int | None] = (None, None)
    if p_holm <= 1 - CONFIDENCE:
        verdict = BETTER if GAIN[match.score] * mean > 0 else WORSE
    elif low == high:  # all the same
        low = high = None
    elif mean and low is not None and difference.spread is not None:
        needs = needed(mean, difference.spread, difference.seeds, difference.rows, level)
    return Pair(match.left, match.right, mean, low, high, p, p_holm, verdict, difference.seeds, *needs)


def _difference(match: Match) -> _Difference | None:
    """Paired by seed where both have two seeds or their only one in common; None where there is a single row."""
    left, right = match.of_left, match.of_right
    if min(left.values.shape[1], right.values.shape[1]) < 2:
        return None
    if not match.same_rows:
        return _Difference(anova.apart(left.values, right.values), None, 0, 0)
    shared = [seed for seed in left.seeds if seed in set(right.seeds)]
    rows = left.values.shape[1]
    if len(shared) < 2 and left.seeds != right.seeds:
        return _Difference(anova.same_rows(left.values, right.values), None, 0, rows)
    sides = [each.values[[each.seeds.index(seed) for seed in shared]] for each in (left, right)]
    difference = sides[0] - sides[1]
    return _Difference(anova.crossed(difference), anova.spread(difference), len(shared), rows)


def _interval(estimate: Estimate, level: float, possible: tuple[float, float]) -> tuple[float | None, float | None]:
    mean, half = float(estimate.mean), float(estimate.half(level))
    if not math.isfinite(mean) or not math.isfinite(half):
        return None, None
    return cut(mean - half, mean + half, possible)
