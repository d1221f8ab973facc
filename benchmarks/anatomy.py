"""What a compiled step is made of: its matrix products, by C++ of our own and by PyTorch, and all else."""

import time
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

from benchmarks.works import Work
from boundary.nn.losses import LOSSES
from boundary.nn.optimizers import SGD
from boundary.numerics import matmul
from boundary.numerics.arithmetic import PRECISIONS
from boundary.training import placement
from boundary.training.step import Step, compile_step

REPLICATES = 16  # of a part, as placement.plan cuts them for circle_v2


def microseconds(call: Callable[[], object], calls: int = 50, rounds: int = 15) -> float:
    """Of a call, for each of the replicates: the best round's mean, with what others do to the machine left out."""
    call()
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        for _ in range(calls):
            call()
        times.append(time.perf_counter() - start)
    return min(times) / calls / REPLICATES * 1e6


def factors(work: Work, dtype: torch.dtype) -> Iterator[tuple[Tensor, Tensor]]:
    """The two factors of each product of a step, of any numbers, as the network lays them out."""
    rows, shapes = work.batch_rows, work.network.shapes
    for n, (o, i) in enumerate(shapes):
        inputs = torch.rand(REPLICATES, i, rows, dtype=dtype) if n else torch.rand(i, rows, dtype=dtype)
        weight = torch.rand(REPLICATES, o, i, dtype=dtype)
        gradient = torch.rand(REPLICATES, o, rows, dtype=dtype)
        yield weight, inputs
        yield gradient, inputs.mT
        if n:
            yield weight.mT, gradient


@torch.inference_mode()
def anatomy(work: Work, start: np.ndarray, precision: str) -> dict[str, float]:
    """Microseconds per replicate on one thread, of a work with two classes and parameters (REPLICATES, P)."""
    torch.set_num_threads(1)
    placement.keep_freed_memory()
    arithmetic = PRECISIONS[precision](max(*work.network.sizes, work.batch_rows))
    step = Step(work.network, LOSSES["bce_with_logits"], SGD(work.lr), arithmetic)
    run = compile_step(step, torch.device("cpu"), 1)
    x = arithmetic.operand(torch.from_numpy(work.x.T.copy()).to(arithmetic.dtype))
    y = torch.from_numpy(work.y[None]).to(arithmetic.dtype)
    parameters = torch.from_numpy(start).to(arithmetic.dtype)
    memory, rates = parameters.new_zeros(REPLICATES, 0, parameters.shape[1]), parameters.new_zeros(0)
    pairs, ours = list(factors(work, arithmetic.dtype)), matmul.load()
    return {
        "step": microseconds(lambda: run(parameters, memory, rates, x, y)),
        "products": microseconds(lambda: [ours(a, b) for a, b in pairs]),
        "products by PyTorch": microseconds(lambda: [torch.matmul(a, b) for a, b in pairs]),
        "call": microseconds(lambda: run(parameters, memory, rates, x[:, :1], y[:, :1])),
    }
