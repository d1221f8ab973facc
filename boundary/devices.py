"""Where to compute, and with how many threads."""

import os

import torch

CELLS_PER_THREAD = (
    1 << 18
)  # numbers in the largest tensor for each thread: below, waking a thread costs more than it saves


def choose(device: str, precision: str) -> torch.device:
    """The device for `auto` (CUDA where there is one, MPS for fast precision only, else the CPU), or the one named.

    Raises ValueError where the one named is not there.
    """
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if device == "auto":
        return torch.device(next(d for d, there in available.items() if there and (d != "mps" or precision == "fast")))
    if not available[device]:
        there = ", ".join(name for name, present in available.items() if present)
        raise ValueError(f"device: found {device}, which this machine has not, expected auto or one of: {there}")
    return torch.device(device)


def use_threads(cells: int) -> None:
    """Set PyTorch's threads for tensors of `cells` numbers, unless OMP_NUM_THREADS says how many.

    Small tensors want one: with PyTorch's default, threads wait for each other most of the time, and on a busy
    machine for much longer.
    """
    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(max(1, min(os.cpu_count() or 1, cells // CELLS_PER_THREAD)))
