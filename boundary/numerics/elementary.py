"""exp, log, tanh, sigmoid and sqrt in float64, the same bits on every machine.

A vendor's exp, tanh or (on the CPU) even sqrt may be off by its last bit, and by another last bit on another
machine. These are built only from operations that IEEE 754 defines to the bit: + - * /, comparisons, rounding to
an integer, and changes to the exponent. One operation per line of arithmetic: a compiler or a fused PyTorch call
(addcmul, lerp) could contract a * b + c into one rounding. And never `tensor / number`: on a GPU PyTorch turns
that into a product with the rounded reciprocal.

Every function takes and returns float64 tensors of any shape, elementwise. nan stays nan. Errors are below 2.3 units
in the last place (tests/unit/numerics/test_elementary.py, against mpmath).
"""

import math

import torch
from torch import Tensor

LOG2_E = math.log2(math.e)
LN2_HIGH = float.fromhex("0x1.62e42feep-1")  # 32 significant bits: k * LN2_HIGH is exact for every exponent k
LN2_LOW = float.fromhex("0x1.a39ef35793c76p-33")  # log(2) - LN2_HIGH
SMALLEST_NORMAL = 2.0**-1022
FRACTION_BITS = 52
EXPONENT_BIAS = 1023
FRACTION_MASK = (1 << FRACTION_BITS) - 1
BITS_OF_ONE = EXPONENT_BIAS << FRACTION_BITS


def power_of_two(k: Tensor) -> Tensor:
    """2^k for integers k (int64) from -1022 to 1023: k goes straight into the exponent field."""
    return ((k + EXPONENT_BIAS) << FRACTION_BITS).view(torch.float64)


def exp(x: Tensor) -> Tensor:
    """e^x, by x = k log(2) + r and e^x = 2^k e^r; subnormal, zero and infinite results included."""
    k, fraction = _exp_parts(x.clamp(-746.0, 710.0))  # beyond: 0 and inf all the same, and k still fits
    half = k >> 1  # two factors: 2^k itself can leave the normal range
    return (fraction + 1.0) * power_of_two(half) * power_of_two(k - half)


def expm1(x: Tensor) -> Tensor:
    """e^x - 1 for x <= 0, accurate near 0 too."""
    k, fraction = _exp_parts(x.clamp(min=-700.0))  # e^-700 vanishes beside 1
    scale = power_of_two(k)
    return fraction * scale + (scale - 1.0)


def _exp_parts(x: Tensor) -> tuple[Tensor, Tensor]:
    """k (int64) and e^r - 1, where x = k log(2) + r and |r| <= log(2) / 2. Taylor to r^13: the rest is < 2^-57."""
    k = torch.round(x * LOG2_E)
    high, low = x - k * LN2_HIGH, k * LN2_LOW  # high is exact
    r = high - low
    lost = (high - r) - low
    series = torch.full_like(r, 1 / math.factorial(13))
    for n in range(12, 1, -1):
        series.mul_(r).add_(1 / math.factorial(n))
    return k.to(torch.int64), series.mul_(r).mul_(r).add_(lost).add_(r)


def log(x: Tensor) -> Tensor:
    """The natural logarithm of positive normal numbers.

    x = 2^k (1 + f) with 1 + f between sqrt(1/2) and sqrt(2); s = f / (2 + f); log(1 + f) = 2 atanh(s), summed as
    f - (f^2/2 - s (f^2/2 + R)) so that the largest term, f, is exact (the arrangement of fdlibm's log).
    """
    bits = x.view(torch.int64)
    mantissa = ((bits & FRACTION_MASK) | BITS_OF_ONE).view(torch.float64)  # in [1, 2)
    large = mantissa > math.sqrt(2.0)
    f = torch.where(large, mantissa * 0.5, mantissa) - 1.0
    k = ((bits >> FRACTION_BITS) - EXPONENT_BIAS + large).to(torch.float64)
    s = f / (f + 2.0)
    z = s * s
    series = torch.full_like(z, 2 / 23)
    for n in range(21, 1, -2):  # R = 2 z/3 + 2 z^2/5 + ...: z < 0.0295, the rest is < 2^-60
        series.mul_(z).add_(2 / n)
    series.mul_(z)
    half_square = f * f * 0.5
    small = s * (half_square + series) + k * LN2_LOW
    result = k * LN2_HIGH - ((half_square - small) - f)
    return torch.where(x < math.inf, result, x)


def log1p(x: Tensor) -> Tensor:
    """log(1 + x) for x >= 0; what 1 + x loses to rounding is added back to first order."""
    total = x + 1.0
    lost = x - (total - 1.0)
    return log(total) + lost / total


def tanh(x: Tensor) -> Tensor:
    """-m / (2 + m) with m = e^(-2|x|) - 1, and the sign of x."""
    m = expm1(x.abs() * -2.0)
    return torch.copysign(_ratio(-m, 2.0, m), x)


def sigmoid(x: Tensor) -> Tensor:
    """1 / (1 + e^-x), from s = sigmoid(-|x|), whose small values keep their digits: s, or for x > 0 s + (1 - 2s)."""
    e = exp(-x.abs())
    s = _ratio(e, 1.0, e)
    positive = x.sign().clamp(min=0)  # far quicker than torch.where
    return (1.0 - s * 2.0) * positive + s


def _ratio(numerator: Tensor, a: float, b: Tensor) -> Tensor:
    """numerator / (a + b) for |b| <= a; what a + b loses to rounding is taken back to first order."""
    total = b + a
    lost = b - (total - a)
    ratio = numerator / total
    return ratio - ratio * lost / total


def sqrt(x: Tensor) -> Tensor:
    """The square root of x >= 0 by Heron's method; subnormal x counts as 0.

    x = 4^h m with m in [1, 4). 17/24 + m/3 is within 4.2% of sqrt(m); each step squares that error and halves it, so
    that after four only rounding is left. torch.sqrt rounds differently from machine to machine.
    """
    bits = x.view(torch.int64)
    exponent = (bits >> FRACTION_BITS) - EXPONENT_BIAS
    mantissa = ((bits & FRACTION_MASK) | BITS_OF_ONE).view(torch.float64)
    m = torch.where((exponent & 1) == 1, mantissa * 2.0, mantissa)
    root = m * (1 / 3) + 17 / 24
    for _ in range(4):
        root = (root + m / root) * 0.5
    root = root * power_of_two(exponent >> 1)
    normal = torch.where(x < SMALLEST_NORMAL, torch.zeros_like(x), root)
    return torch.where(x < math.inf, normal, x)
