"""Intervals: how far a mean over replicates can be trusted."""

import math
from collections.abc import Sequence
from statistics import fmean, stdev

CONFIDENCE = 0.95


def mean_interval(values: Sequence[float], confidence: float = CONFIDENCE) -> tuple[float, float | None, float | None]:
    """The mean of independent values, and Student's interval around it: mean -+ t s / sqrt(n) with n - 1 degrees.

    With a single value there is no spread to judge by: low and high are None. Where a value is not finite, neither are
    they. Sums are exact (fmean, stdev), so the order of the values does not matter.
    """
    mean = fmean(values)
    if len(values) < 2:
        return mean, None, None
    if not all(map(math.isfinite, values)):
        return mean, math.nan, math.nan
    from scipy.special import stdtrit

    t = float(stdtrit(len(values) - 1, (1 + confidence) / 2))
    half = t * stdev(values) / math.sqrt(len(values))
    return mean, mean - half, mean + half
