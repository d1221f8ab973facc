"""One step of training as a pure function of tensors, as it is or compiled: in exact arithmetic the same bits.

Shapes: R replicates, P parameters, rows = examples.
    parameters (R, P), memory (R, slots, P), rates (k,)   as optimizers.py has them
    x (features, rows), y (outputs, rows)                 shared by all replicates; or (R, ..., rows), rows of their own
    logits (R, outputs, rows)
"""

import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import torch
from torch import Tensor

from boundary import products
from boundary.arithmetic import Arithmetic
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


def compiled(step: Step, device: torch.device, threads: int) -> Run:
    """The step as one program of PyTorch's compiler, made at its first call; where that fails, the step as it is.

    On a CPU, C++ that runs free of Python's lock; on one thread, with products of our own. On a GPU, kernels recorded
    as a CUDA graph, which starts them all at once. In both, a * b + c is rounded twice, as IEEE 754 has it.
    """
    with _COMPILING:  # the parts of a work ask for the same at once
        return _compiled(step, device, threads)


def forget() -> None:
    """Let go of all that was compiled, of the memory that it holds, and of what could not be compiled."""
    _compiled.cache_clear()
    torch.compiler.reset()


_COMPILING = threading.Lock()


@cache
def _compiled(step: Step, device: torch.device, threads: int) -> Run:
    options: dict[str, Any] = {"cpp_wrapper": True, "cpp.enable_floating_point_contract_flag": "off"}
    matmul = step.arithmetic.matmul
    if device.type == "cuda":
        # the latter is what makes the compiler tell Triton enable_fp_fusion=False, that is, not to contract a * b + c
        options = {"triton.cudagraphs": True, "emulate_precision_casts": True}
        matmul = products.fused
    elif threads == 1:
        with suppress(Exception):  # without a compiler: told below
            matmul = products.load()
    call: Callable[..., Outcome] = replace(step, arithmetic=replace(step.arithmetic, matmul=matmul)).__call__
    how: dict[str, Any] = {"fullgraph": True, "dynamic": False, "isolate_recompiles": True, "recompile_limit": 1 << 16}
    program = torch.compile(call, options=options, **how)
    failed = False

    def run(parameters: Tensor, memory: Tensor, rates: Tensor, x: Tensor, y: Tensor) -> Outcome:
        nonlocal failed
        if failed:
            return step(parameters, memory, rates, x, y)
        try:
            new_parameters, new_memory, logits = program(parameters, memory, rates, x, y)
        except torch.OutOfMemoryError:  # the step as it is would need more
            raise
        except Exception as error:  # of many classes; what is not the compiler's fault comes again below
            if not failed:
                reason = " ".join(str(error).split("\n")[:2])
                logging.getLogger(__name__).warning("the step can't be compiled, and runs as it is: %s", reason)
            failed = True
            return step(parameters, memory, rates, x, y)
        if device.type == "cuda":  # a graph's next run overwrites what its last one returned
            return new_parameters.clone(), new_memory.clone(), logits.clone()
        return new_parameters, new_memory, logits

    return run
