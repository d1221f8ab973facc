"""How likely a difference is to be seen, and how many replicates or test rows would be needed for that."""

import math
from collections.abc import Callable

from boundary.stats.anova import VarianceComponents

ENOUGH = 0.8  # the power that is usually asked for
MOST = 1_000_000


def power(difference: float, spread: VarianceComponents, replicates: int, rows: int, level: float) -> float:
    """The chance that a true difference of crossed scores is seen: that its interval at `level` leaves out zero.

    The share of variance that each source has decides how far zero must be; the difference over its estimated error
    then follows Student's noncentral distribution, nearly, with Satterthwaite's degrees of freedom.
    """
    from scipy.special import nctdtr

    expected = spread.estimate(difference, replicates, rows)
    variance = float(sum(term for term, _ in expected.terms))
    if variance == 0:
        return float(difference != 0)
    error = math.sqrt(variance)
    degrees = variance**2 / float(sum(term**2 / df for term, df in expected.terms))
    return 1 - float(nctdtr(degrees, abs(difference) / error, float(expected.half_width(level)) / error))


def required_sample_size(
    difference: float, spread: VarianceComponents, replicates: int, rows: int, level: float
) -> tuple[int | None, int | None]:
    """How many replicates (with these rows), or how many rows (with these replicates), give a power of ENOUGH.

    None where no number up to MOST does, and for replicates where there is one: it does not show their spread. Rounded
    up to two digits: a spread is known no better.
    """
    return (
        _least(lambda count: power(difference, spread, count, rows, level), replicates) if replicates > 1 else None,
        _least(lambda count: power(difference, spread, replicates, count, level), rows),
    )


def _least(power_of: Callable[[int], float], start: int) -> int | None:
    """The least number from `start` on with power enough, rounded up to two digits."""
    low = high = max(start, 2)
    while power_of(high) < ENOUGH:
        if high > MOST:
            return None
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if power_of(middle) >= ENOUGH else (middle, high)
    step = 10 ** max(len(str(high)) - 2, 0)
    return -(-high // step) * step
