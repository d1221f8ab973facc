"""One step of training as a pure function of tensors, and ways to run it: in chunks of replicates, compiled.

A replicate never notices another, so a step may take them in chunks that fit into the cache of a processor core, side
by side on threads. In exact arithmetic the result is the same to the bit however it is run.

Shapes: R replicates (all, or those of a chunk), P parameters, rows = examples.
    parameters (R, P), memory (R, slots, P), rates (k,)   as optimizers.py has them
    x (features, rows), y (outputs, rows)                 shared by all replicates; or (R, ..., rows), rows of their own
    logits (R, outputs, rows)
"""

import itertools
import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor

from boundary.arithmetic import Arithmetic
from boundary.devices import Plan
from boundary.losses import Loss
from boundary.networks import Network
from boundary.optimizers import Optimizer

Outcome = tuple[Tensor, Tensor, Tensor]
Run = Callable[[Tensor, Tensor, Tensor, Tensor, Tensor], Outcome]


@dataclass(frozen=True)
class Step:
    """One update of the parameters, down the gradient of the rows' mean loss."""

    network: Network
    loss: Loss
    optimizer: Optimizer
    arithmetic: Arithmetic

    def __call__(self, parameters: Tensor, memory: Tensor, rates: Tensor, x: Tensor, y: Tensor) -> Outcome:
        """The parameters and the memory after the step, and the logits before it. x must be an operand."""
        logits, traces = self.network.forward(self.arithmetic, parameters, x)
        by_logits = self.loss.gradient(self.arithmetic, logits, y) * (1 / x.shape[-1])
        gradient = self.network.backward(self.arithmetic, traces, by_logits)
        parameters, memory = self.optimizer.step(self.arithmetic, parameters, gradient, memory, rates)
        return parameters, memory, logits


@contextmanager
def running(step: Step, plan: Plan, device: torch.device) -> Iterator[Run]:
    """The step for all replicates, run as planned. Its threads end with the context."""
    run = torch.inference_mode()(compiled(step, device) if plan.compiled else step)  # a mode of each thread's own
    if plan.chunks == 1:
        yield run
    else:
        with ThreadPoolExecutor(plan.workers) as pool:
            yield in_chunks(run, plan.chunks, pool)


def in_chunks(run: Run, chunks: int, pool: ThreadPoolExecutor) -> Run:
    """The same, done by a pool of threads in so many chunks, whose sizes differ by one replicate at most."""

    def run_all(parameters: Tensor, memory: Tensor, rates: Tensor, x: Tensor, y: Tensor) -> Outcome:
        def parts(t: Tensor, shared: bool = False) -> Iterator[Tensor]:
            return itertools.repeat(t, chunks) if shared else iter(torch.tensor_split(t, chunks))

        shared = x.dim() == 2
        arguments = parts(parameters), parts(memory), parts(rates, True), parts(x, shared), parts(y, shared)
        new_parameters, new_memory, logits = map(torch.cat, zip(*pool.map(run, *arguments), strict=True))
        return new_parameters, new_memory, logits

    return run_all


@cache
def compiled(step: Step, device: torch.device) -> Run:
    """The step as one program of PyTorch's compiler, made at its first call; where that fails, the step as it is.

    On a CPU, C++ in which a * b + c is rounded twice, as IEEE 754 has it, and which runs free of Python's lock. On a
    GPU, PyTorch's own kernels recorded as a CUDA graph: the compiler's would round a * b + c once.
    """
    how: dict[str, Any] = {"fullgraph": True, "dynamic": False, "isolate_recompiles": True, "recompile_limit": 1 << 16}
    if device.type == "cuda":
        how["backend"] = "cudagraphs"
    else:
        how["options"] = {"cpp_wrapper": True, "cpp.enable_floating_point_contract_flag": "off"}
    call: Callable[..., Outcome] = step.__call__
    program = torch.compile(call, **how)
    failed = False

    def run(parameters: Tensor, memory: Tensor, rates: Tensor, x: Tensor, y: Tensor) -> Outcome:
        nonlocal failed
        if failed:
            return step(parameters, memory, rates, x, y)
        try:
            new_parameters, new_memory, logits = program(parameters, memory, rates, x, y)
        except Exception as error:  # of many classes; what is not the compiler's fault comes again below
            failed = True
            reason = " ".join(str(error).split("\n")[:2])
            logging.getLogger(__name__).warning("the step can't be compiled, and runs as it is: %s", reason)
            return step(parameters, memory, rates, x, y)
        if device.type == "cuda":  # a graph's next run overwrites what its last one returned
            return new_parameters.clone(), new_memory.clone(), logits.clone()
        return new_parameters, new_memory, logits

    return run
