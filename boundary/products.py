"""Products of small matrices, many at a time, by C++ of our own, which a compiled step is given: see products.cpp.

Shapes: R replicates; a (R, m, k), b (R, k, n) or, for all replicates, (k, n).
"""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import torch
from torch import Tensor

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
    """a @ b: in C++ what that is made for, all else by PyTorch; a term or two, which the compiler fuses with more."""
    if a.shape[-1] == 1:
        return a * b
    if a.shape[-1] == 2:
        return a[..., :1] * b[..., :1, :] + a[..., 1:] * b[..., 1:, :]
    contiguous = b.stride(-1) == 1 or (b.stride(-2) == 1 and a.stride(-1) == 1)
    if contiguous and a.dim() == 3 and a.shape[1] <= LARGEST:
        return torch.ops.boundary.product(a, b)
    return torch.matmul(a, b)
