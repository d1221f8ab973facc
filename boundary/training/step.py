"""One step of training as a pure function of tensors, as it is or compiled: in exact arithmetic the same bits.

Shapes: R replicates, P parameters, rows = examples.
    parameters (R, P), state (R, state_slots, P), coefficients (k,)   as optimizers.py has them
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
from torch.fx.experimental.proxy_tensor import make_fx

from boundary.nn.losses import Loss
from boundary.nn.mlp import Network
from boundary.nn.optimizers import Optimizer
from boundary.numerics import matmul
from boundary.numerics.arithmetic import Arithmetic

StepResult = tuple[Tensor, Tensor, Tensor]
Run = Callable[..., StepResult]  # of parameters, state, coefficients, x and y


@dataclass(frozen=True)
class Step:
    """One update of the parameters, down the gradient of the rows' mean loss."""

    network: Network
    loss: Loss
    optimizer: Optimizer
    arithmetic: Arithmetic

    def __call__(self, parameters: Tensor, state: Tensor, coefficients: Tensor, x: Tensor, y: Tensor) -> StepResult:
        """The parameters and the state after the step, and the logits before it. x must be an operand."""
        logits, traces = self.network.forward(self.arithmetic, parameters, x)
        by_logits = self.loss.gradient(self.arithmetic, logits, y) * (1 / x.shape[-1])
        gradient = self.network.backward(self.arithmetic, traces, by_logits)
        parameters, state = self.optimizer.step(self.arithmetic, parameters, gradient, state, coefficients)
        return parameters, state, logits


def compile_step(step: Step, device: torch.device, threads: int) -> Run:
    """The step as a program of PyTorch's compiler, made when it is first called with tensors of some shapes.

    Where that fails, the step as it is. In what is made, a * b + c is rounded twice, as IEEE 754 has it.
    """
    with _COMPILING:  # the parts of a work ask for the same at once
        return _compiled(step, device, threads)


def reset_compiler() -> None:
    """Let go of all that was compiled, of the state that it holds, and of what could not be compiled."""
    _compiled.cache_clear()
    torch.compiler.reset()


_COMPILING = threading.Lock()


@cache
def _compiled(step: Step, device: torch.device, threads: int) -> Run:
    program = _for_gpu(step) if device.type == "cuda" else _for_cpu(step, threads)
    failed = False

    def run(*tensors: Tensor) -> StepResult:
        nonlocal failed
        if failed:
            return step(*tensors)
        try:
            return program(*tensors)
        except torch.OutOfMemoryError:  # the step as it is would need more
            raise
        except Exception as error:  # of many classes; what is not the compiler's fault comes again below
            if not failed:
                reason = " ".join(str(error).split("\n")[:2])
                logging.getLogger(__name__).warning("the step can't be compiled, and runs as it is: %s", reason)
            failed = True
            return step(*tensors)

    return run


def _for_cpu(step: Step, threads: int) -> Run:
    """C++ that runs free of Python's lock; on one thread, with products of our own.

    It is called as it is: through torch.compile, which looks first whether anything has changed that it depends on, a
    call would take twice as long, as long as the work of two replicates of circle_v2.
    """
    if threads == 1:
        with suppress(Exception):  # without a compiler: told by `run`
            step = _with_matmul(step, matmul.load())
    programs: dict[tuple[tuple[torch.Size, tuple[int, ...]], ...], Run] = {}

    def run(*tensors: Tensor) -> StepResult:
        layout = tuple((tensor.shape, tensor.stride()) for tensor in tensors)
        if layout not in programs:
            with _COMPILING:
                programs[layout] = programs.get(layout) or _compile_for_layout(step, tensors)
        return programs[layout](*tensors)

    return run


def _compile_for_layout(step: Step, tensors: tuple[Tensor, ...]) -> Run:
    from torch import _inductor as inductor  # to import it takes as long as all else of PyTorch

    graph = make_fx(lambda *some: step(*some), tracing_mode="fake")(*tensors)
    options = {"cpp_wrapper": True, "cpp.enable_floating_point_contract_flag": "off"}
    return inductor.compile(graph, list(tensors), options=options)


def _for_gpu(step: Step) -> Run:
    """Kernels recorded as a CUDA graph, which starts them all at once."""
    # the latter is what makes the compiler tell Triton enable_fp_fusion=False, that is, not to contract a * b + c
    options: dict[str, Any] = {"triton.cudagraphs": True, "emulate_precision_casts": True}
    how: dict[str, Any] = {"fullgraph": True, "dynamic": False, "isolate_recompiles": True, "recompile_limit": 1 << 16}
    program: Callable[..., StepResult] = torch.compile(
        _with_matmul(step, matmul.fused).__call__, options=options, **how
    )

    def run(*tensors: Tensor) -> StepResult:
        parameters, state, logits = program(*tensors)
        return parameters.clone(), state.clone(), logits.clone()  # the graph's next run overwrites what it returned

    return run


def _with_matmul(step: Step, matmul: Callable[[Tensor, Tensor], Tensor]) -> Step:
    return replace(step, arithmetic=replace(step.arithmetic, matmul=matmul))
