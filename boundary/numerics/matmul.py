"""Products of small matrices, many at a time, for compiled steps: on a CPU by C++ of our own, see products.cpp.

Shapes: R replicates; a (R, m, k), b (R, k, n) or, for all replicates, (k, n).
"""

from collections.abc import Callable
from functools import cache, reduce
from pathlib import Path

import torch
from torch import Tensor

FEW, FEW_ON_GPU = 2, 16  # terms: products of no more are fused with what comes before and after them
LARGEST = 32  # rows of a: those of more are as quick, and quicker in float32, by PyTorch's own
SOURCE = Path(__file__).with_suffix(".cpp")


@cache
def load() -> Callable[[Tensor, Tensor], Tensor]:
    """`matmul`, once the compiler has made the C++; raises whatever it raises where there is none."""
    from torch._inductor.codecache import CppCodeCache  # it finds the compiler, and keeps what that has made

    CppCodeCache.load(SOURCE.read_text(), extra_flags=("-ffp-contract=fast",))

    torch.library.register_fake("boundary::product", lambda a, b: a.new_empty(*a.shape[:2], b.shape[-1]))
    return matmul


def matmul(a: Tensor, b: Tensor) -> Tensor:
    """a @ b: in C++ what that is made for; written out, or by PyTorch, what is not."""
    if a.shape[-1] <= FEW:
        return _written_out(a, b)
    contiguous = b.stride(-1) == 1 or (b.stride(-2) == 1 and a.stride(-1) == 1)
    if contiguous and a.dim() == 3 and a.shape[1] <= LARGEST:
        return torch.ops.boundary.product(a, b)
    return torch.matmul(a, b)


def fused(a: Tensor, b: Tensor) -> Tensor:
    """a @ b for a GPU: of few terms written out, of more by PyTorch."""
    return _written_out(a, b) if a.shape[-1] <= FEW_ON_GPU else torch.matmul(a, b)


def _written_out(a: Tensor, b: Tensor) -> Tensor:
    """Term by term, for the compiler to fuse."""
    return reduce(torch.add, (a[..., k : k + 1] * b[..., k : k + 1, :] for k in range(a.shape[-1])))
