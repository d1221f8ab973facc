"""How sure a mean of scores is, where both the seed and the test row bring luck: two-way analysis of variance.

Scores are crossed: each of R replicates, a seed of its own, is scored on each of N test rows. With mean squares MS, the
variance of their mean is MS_replicates / RN + max(MS_rows - MS_residual, 0) / RN; medicine compares readers of the same
cases so (Dorfman, Berbaum and Metz 1992; Obuchowski and Rockette 1995; Hillis 2007). Either term has its own degrees of
freedom, and the interval is mean -+ sqrt(t1^2 term1 + t2^2 term2), t being Student's quantiles for them (Howe 1974).
Degrees pooled into one number, as Satterthwaite's and Hillis's are, let too much through where replicates are few: of
two equal variants with three replicates, one is then called better in up to 8% of trials instead of 5%.

Sums are exact, so that no bit depends on the machine. Shapes: ... any leading axes.
"""

import math
from dataclasses import dataclass

import numpy as np

MORE_ROWS = 2.0


@dataclass(frozen=True)
class Estimate:
    """A mean (...), and what luck adds to its variance: (variance (...), degrees of freedom) by source."""

    mean: np.ndarray
    terms: tuple[tuple[np.ndarray, int], ...]

    def half_width(self, level: float | np.ndarray) -> np.ndarray:
        """Half of the interval (...) that misses the true mean with a probability of `level`; nan where not finite."""
        from scipy.special import stdtrit

        return np.sqrt(sum(stdtrit(df, 1 - level / 2) ** 2 * variance for variance, df in self.terms))

    def p_value(self) -> np.ndarray:
        """The level (...) at which the interval ends at zero; 1 where the mean is zero or not finite."""
        low, high = np.zeros(self.mean.shape), np.ones(self.mean.shape)
        for _ in range(40):
            middle = (low + high) / 2
            apart = np.abs(self.mean) > self.half_width(middle)
            low, high = np.where(apart, low, middle), np.where(apart, middle, high)
        return high


@dataclass(frozen=True)
class VarianceComponents:
    """Variances of a single score: between replicates, between rows, and of what is left; none is negative."""

    replicates: float
    rows: float
    rest: float

    def estimate(self, mean: float, replicates: int, rows: int) -> Estimate:
        """What is to be expected of a mean over that many replicates and rows."""
        seeds = np.array(self.replicates / replicates + self.rest / (replicates * rows))
        between = np.array(self.rows / rows)
        if replicates == 1:
            return Estimate(np.array(mean), ((seeds + between, rows - 1),))
        return Estimate(np.array(mean), ((seeds, replicates - 1), (between, rows - 1)))


@dataclass(frozen=True)
class _Squares:
    """The mean (...), and MS / RN (...) of replicates, rows and residual."""

    mean: np.ndarray
    replicates: np.ndarray
    rows: np.ndarray
    rest: np.ndarray

    @classmethod
    @np.errstate(over="ignore", invalid="ignore")  # errors of 1e200, say: then nothing is finite, and nothing is told
    def from_scores(cls, scores: np.ndarray) -> "_Squares":
        count, rows = scores.shape[-2:]
        mean = exact_sum(scores, 2) / (count * rows)
        of_replicate = exact_sum(scores, 1) / rows
        of_row = exact_sum(np.swapaxes(scores, -1, -2), 1) / count
        none = np.zeros_like(mean)
        rest = scores - of_replicate[..., :, None] - of_row[..., None, :] + mean[..., None, None]
        return cls(
            mean,
            exact_sum((of_replicate - mean[..., None]) ** 2, 1) / (count * (count - 1)) if count > 1 else none,
            exact_sum((of_row - mean[..., None]) ** 2, 1) / (rows * (rows - 1)),
            exact_sum(rest**2, 2) / (count * rows * (count - 1) * (rows - 1)) if count > 1 else none,
        )

    @property
    @np.errstate(invalid="ignore")
    def between(self) -> np.ndarray:
        """What the rows add to the variance of the mean beside the rest, which the replicates' part already holds."""
        return np.maximum(self.rows - self.rest, 0)


def exact_sum(values: np.ndarray, axes: int) -> np.ndarray:
    """The sum (...) over the last axes, the same whatever the order of the additions.

    Each value is first rounded to a grid so coarse that no sum of them needs more than 53 bits. Whole numbers stay what
    they are; else a value changes by its count times 2^-53 of the largest at most.
    """
    over = tuple(range(-axes, 0))
    count = math.prod(values.shape[-axes:])
    _, exponent = np.frexp(np.abs(values).max(over, keepdims=True, initial=0.0))
    grid = np.ldexp(1.0, np.maximum(exponent + count.bit_length() - 53, -1000))
    return (np.rint(values / grid) * grid).sum(over)


def two_way_mean(scores: np.ndarray) -> Estimate:
    """The mean of scores (..., R, N) and its luck; with one replicate only that of the rows. N is 2 at least."""
    squares = _Squares.from_scores(scores)
    count, rows = scores.shape[-2:]
    if count == 1:
        return Estimate(squares.mean, ((squares.rows, rows - 1),))
    return Estimate(squares.mean, ((squares.replicates, count - 1), (squares.between, rows - 1)))


def two_way_proportion(scores: np.ndarray) -> Estimate:
    """`two_way_mean` for the mean of zeros and ones: 200 right answers of 200 do not show that all are right.

    The rows' variance is increased by 2 / N^2, as much as Agresti and Coull's (1998) four more rows, two of them right,
    add to it where all are right.
    """
    plain = two_way_mean(scores)
    *others, (between, degrees) = plain.terms
    return Estimate(plain.mean, (*others, (between + MORE_ROWS / scores.shape[-1] ** 2, degrees)))


@np.errstate(invalid="ignore")
def variance_components(scores: np.ndarray) -> VarianceComponents:
    """The variances of which scores (R, N) are made; one replicate shows rows and rest together, as rows."""
    squares = _Squares.from_scores(scores)
    count, rows = scores.shape
    return VarianceComponents(
        float(np.maximum(squares.replicates - squares.rest, 0) * count),
        float(squares.between * rows),
        float(squares.rest * count * rows),
    )


def same_rows_difference(left: np.ndarray, right: np.ndarray) -> Estimate:
    """The mean of left (R, N) minus that of right (S, N), whose replicates have nothing in common."""
    a, b = _Squares.from_scores(left), _Squares.from_scores(right)
    rows = left.shape[1]
    of_row = exact_sum(left.T, 1) / len(left) - exact_sum(right.T, 1) / len(right)
    between = np.maximum(_Squares.from_scores(of_row[None]).rows - a.rest - b.rest, 0)
    seeds = [(each.replicates, len(scores) - 1) for each, scores in ((a, left), (b, right)) if len(scores) > 1]
    return Estimate(a.mean - b.mean, (*seeds, (between, rows - 1)))


def independent_difference(left: np.ndarray, right: np.ndarray) -> Estimate:
    """The mean of left minus that of right, which have neither replicates nor rows in common."""
    a, b = two_way_mean(left), two_way_mean(right)
    return Estimate(a.mean - b.mean, a.terms + b.terms)
