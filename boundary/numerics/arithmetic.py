"""Matrix products and sums that come out the same on every machine, because they are exact.

The order of a floating-point sum changes with threads, instruction sets, batch sizes and devices, and with the
order its rounding. Here nothing is rounded while summing, so the order cannot matter:

    grid      Before a product, each operand is rounded to multiples of a power of two, its grid, chosen by its
              largest magnitude so that `bits` bits are kept. The operands are then small integers times their
              grids.
    exact     An integer of `bits` bits times another, summed `terms` times, is an integer of at most
              2 * bits + log2(terms) bits. That is kept within the 53 bits of a float64, so every product and
              every partial sum is exact, in any order, with or without fused multiply-add: any matrix routine of
              any machine returns the same number.

For sums of up to 4096 terms, 20 to 25 bits are kept, about as many as float32 has; longer products are cut into
blocks. The same in decimals, with 3 digits kept: of 0.12345 and 0.00456, 0.123 and 0.005 stay, multiples of 0.001; no
sum of products of such numbers can fall between the multiples of 0.000001.

Grids are set per replicate (or per sample, at prediction), so no replicate ever notices another. The idea is Ozaki's
(Ozaki, Ogita, Oishi, Rump, Numerical Algorithms 59, 2012), who keeps what a grid cuts off in further slices.

`Exact` and its plain float32 twin `Fast` offer the same names; the engine is written once, for either.

Shapes: R replicates, rows = examples; a tensor is (R, m, n) or, shared by all replicates, (m, n).
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from boundary.numerics import elementary
from boundary.numerics.elementary import FRACTION_BITS

BLOCK = 4096
LARGEST = 2.0**480  # a replicate with numbers beyond has diverged: nan
OVERFLOW = 2.0**544  # times LARGEST is inf, times half of that is not
EXPONENT_FIELD = ((1 << 11) - 1) << FRACTION_BITS
FINEST_GRID = -480  # log2; products of two grids stay far above the subnormal numbers
REPLICATE = (-2, -1)  # axes of one replicate's matrix
SAMPLE = (-2,)  # axis of one sample's features


def product_bits(terms: int) -> int:
    """How many bits both operands may keep so that a sum of `terms` of their products is exact in float64.

    24 for 10 terms, 21 for 800, 20 for 4096 and, in blocks, for any more.
    """
    return (53 - _log2_ceil(min(terms, BLOCK))) // 2


def sum_bits(terms: int) -> int:
    """How many bits each of `terms` numbers may keep so that their sum is exact in float64."""
    return min(53 - _log2_ceil(terms), 51)  # the rounding itself, by adding 1.5 * 2^52 grids, has room for 51


def _log2_ceil(n: int) -> int:
    return (n - 1).bit_length()


def to_grid(t: Tensor, bits: int, axes: tuple[int, ...]) -> Tensor:
    """Round t (float64) to the nearest multiples (ties to even) of 2^(e - bits), where 2^e > max |t| over `axes`.

    Between 2^52 and 2^53 grids there is no room for fractions of a grid: adding 1.5 * 2^52 grids, which is midway,
    rounds t to whole grids, and subtracting it again is exact. The grid is 2^FINEST_GRID at the finest. Where the
    maximum is not below LARGEST, or is nan, all becomes nan.
    """
    largest = t.abs().amax(axes, keepdim=True)
    power = (largest.view(torch.int64) & EXPONENT_FIELD).view(torch.float64)  # 2^(e - 1); 0 for subnormals, nan: inf
    power = power.clamp_(min=2.0 ** (FINEST_GRID + bits - 1))
    shift = power.mul_(OVERFLOW).mul_(1.5 * 2.0 ** (FRACTION_BITS + 1 - bits) / OVERFLOW)
    return (t + shift).sub_(shift)  # inf - inf is nan


@dataclass(frozen=True)
class Exact:
    """float64, every product and sum exact. `terms`: the longest sum of products that operands will meet.

    `matmul`: any will do.
    """

    terms: int
    matmul: Callable[[Tensor, Tensor], Tensor] = torch.matmul
    dtype = torch.float64
    exp = staticmethod(elementary.exp)
    expm1 = staticmethod(elementary.expm1)
    log = staticmethod(elementary.log)
    log1p = staticmethod(elementary.log1p)
    tanh = staticmethod(elementary.tanh)
    sigmoid = staticmethod(elementary.sigmoid)
    sqrt = staticmethod(elementary.sqrt)

    def operand(self, t: Tensor, axes: tuple[int, ...] = REPLICATE) -> Tensor:
        """t, rounded so that its products with any other operand are exact. `axes` share one grid.

        Axes that a product sums over must be among them. One operand may serve several products.
        """
        return to_grid(t, product_bits(self.terms), axes)

    def product(self, a: Tensor, b: Tensor) -> Tensor:
        """a @ b for operands a (..., m, K) and b (..., K, n).

        Up to BLOCK terms: the exact product. More: exact products of BLOCK terms each (the last may be shorter),
        then, element by element, the `sum` of these.
        """
        terms = a.shape[-1]
        if terms <= BLOCK:
            return self.matmul(a, b)
        starts = range(0, terms, BLOCK)
        blocks = [self.matmul(a[..., s : s + BLOCK], b[..., s : s + BLOCK, :]) for s in starts]
        return self.sum(torch.stack(blocks, dim=-1), -1).squeeze(-1)

    def operand_sum(self, a: Tensor) -> Tensor:
        """The sum of an operand over its last axis, (..., m, 1): exact for up to 2^27 terms."""
        return a.sum(-1, keepdim=True)

    def sum(self, t: Tensor, axis: int) -> Tensor:
        """The sum of any t over one axis, kept with length 1, rounded to that axis's own grid first."""
        return to_grid(t, sum_bits(t.shape[axis]), (axis,)).sum(axis, keepdim=True)


@dataclass(frozen=True)
class Fast:
    """Plain float32 under the same names: quicker, and the same bits only on the same machine and settings."""

    terms: int = 0
    matmul: Callable[[Tensor, Tensor], Tensor] = torch.matmul
    dtype = torch.float32
    exp = staticmethod(torch.exp)
    expm1 = staticmethod(torch.expm1)
    log = staticmethod(torch.log)
    log1p = staticmethod(torch.log1p)
    tanh = staticmethod(torch.tanh)
    sigmoid = staticmethod(torch.sigmoid)
    sqrt = staticmethod(torch.sqrt)

    def operand(self, t: Tensor, axes: tuple[int, ...] = REPLICATE) -> Tensor:
        """t as it is."""
        return t

    def product(self, a: Tensor, b: Tensor) -> Tensor:
        """a @ b."""
        return self.matmul(a, b)

    def operand_sum(self, a: Tensor) -> Tensor:
        """The sum over the last axis, kept with length 1."""
        return a.sum(-1, keepdim=True)

    def sum(self, t: Tensor, axis: int) -> Tensor:
        """The sum over one axis, kept with length 1."""
        return t.sum(axis, keepdim=True)


Arithmetic = Exact | Fast
PRECISIONS: dict[str, type[Exact] | type[Fast]] = {"exact": Exact, "fast": Fast}
