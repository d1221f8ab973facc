"""Intervals: how far a mean score can be trusted. And how far many tests at once can be."""

import math
from collections.abc import Sequence
from statistics import fmean, stdev

import numpy as np

from boundary.stats import anova
from boundary.stats.anova import Estimate

CONFIDENCE = 0.95
SCORE_RANGE = {"accuracy": (0.0, 1.0), "mae": (0.0, math.inf)}  # the range of the scores that are given an interval


def seed_interval(
    values: Sequence[float], possible: tuple[float, float] = (-math.inf, math.inf), confidence: float = CONFIDENCE
) -> tuple[float, float | None, float | None]:
    """The mean of replicates, and Student's interval for the luck of their seeds: mean -+ t s / sqrt(n), n - 1 degrees.

    It is cut to the values that are `possible`, which takes nothing from the chance that it holds the true mean. With a
    single value there is no spread to judge by: low and high are None. Where a value is not finite, neither are they.
    Sums are exact (fmean, stdev), so the order of the values does not matter.
    """
    mean = fmean(values)
    if len(values) < 2:
        return mean, None, None
    if not all(map(math.isfinite, values)):
        return mean, math.nan, math.nan
    from scipy.special import stdtrit

    t = float(stdtrit(len(values) - 1, (1 + confidence) / 2))
    half = t * stdev(values) / math.sqrt(len(values))
    return mean, *clip(mean - half, mean + half, possible)


def score_interval(score: str, values: np.ndarray) -> tuple[float, float | None, float | None]:
    """The mean of a score of every test row by every replicate (R, N), and its 95% interval, (mean, low, high).

    It covers the luck of the seeds and that of the choice of test rows (anova.py), for a single replicate that of the
    rows alone. This is what "95% interval" means wherever a reader meets it. None where there is a single row.
    """
    mean = float(anova.exact_sum(values, 2) / values.size)
    if values.shape[1] < 2:
        return mean, None, None
    estimate = anova.two_way_proportion(values) if score == "accuracy" else anova.two_way_mean(values)
    return mean, *estimate_interval(estimate, 1 - CONFIDENCE, SCORE_RANGE[score])


def estimate_interval(
    estimate: Estimate, level: float, possible: tuple[float, float]
) -> tuple[float | None, float | None]:
    """What of an estimate's interval at a level is possible; None where it is not finite."""
    mean, half = float(estimate.mean), float(estimate.half_width(level))
    if not math.isfinite(mean) or not math.isfinite(half):
        return None, None
    return clip(mean - half, mean + half, possible)


def clip(low: float, high: float, possible: tuple[float, float]) -> tuple[float, float]:
    """What of an interval is possible."""
    return max(low, possible[0]), min(high, possible[1])


def holm(p_values: Sequence[float], level: float = 1 - CONFIDENCE) -> tuple[list[float], list[float]]:
    """Holm's (1979) correction of several tests, of which all together may err with a probability of `level`.

    Returns, in the order given, the adjusted p-values, and the level at which each test is made: `level` by the number
    of tests that are still open when its turn comes, smallest p-value first; from the first that fails on, that one's.
    An interval at that level leaves out zero exactly where the adjusted p-value is not above `level` (Serlin 1993).
    """
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    adjusted, levels = [1.0] * len(order), [level] * len(order)
    largest, failed = 0.0, None
    for rank, place in enumerate(order):
        still_open = len(order) - rank
        largest = max(largest, min(1.0, still_open * p_values[place]))
        if failed is None and largest > level:
            failed = level / still_open
        adjusted[place] = largest
        levels[place] = level / still_open if failed is None else failed
    return adjusted, levels
