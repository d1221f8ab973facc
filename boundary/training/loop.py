"""Training: all replicates of a variant as one batched program.

Shapes: R replicates, P parameters, rows = examples; x (features, rows), y (outputs, rows) as losses.py wants it.
"""

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from boundary.artifacts.schema import TASK_LOSSES, Task
from boundary.nn.heads import labels, probabilities
from boundary.nn.losses import LOSSES, Loss
from boundary.nn.mlp import Network
from boundary.nn.optimizers import Optimizer
from boundary.numerics.arithmetic import SAMPLE, Arithmetic, Exact, Fast
from boundary.training.early_stopping import Best
from boundary.training.history import History, truncate_at_stop
from boundary.training.step import Step, compile_step

COEFFICIENTS_AT_ONCE = 1 << 10  # steps whose coefficients are copied at once: a copy waits for all steps before it
ROWS_AT_ONCE = 1 << 14  # rows of the test part that go through the network at once


@dataclass(frozen=True)
class Examples:
    """Inputs x (features, rows) and targets y (outputs, rows), float."""

    x: Tensor
    y: Tensor

    @classmethod
    def from_arrays(cls, x: np.ndarray, y: np.ndarray) -> "Examples":
        """From arrays of the same shapes."""
        return cls(torch.from_numpy(x), torch.from_numpy(y))

    def __len__(self) -> int:
        return self.x.shape[1]

    def to(self, device: torch.device, dtype: torch.dtype) -> "Examples":
        """The same on a device, in a dtype."""
        return Examples(self.x.to(device, dtype), self.y.to(device, dtype))


@dataclass(frozen=True)
class Schedule:
    """How long to train, on how much at once, and what to log.

    `burn_in_epochs` are trained before epoch 0 and not logged. Without a `batch_size` each epoch is one step on all
    rows. Logged are the epochs 0, log_every, 2 log_every, ... and the last. With `patience` each replicate keeps the
    weights of the logged epoch that was best on the validation rows, and training ends when none has bettered its own
    for so many epochs.
    """

    epochs: int
    burn_in_epochs: int = 0
    batch_size: int | None = None
    log_every: int = 1
    patience: int | None = None

    def logs(self, epoch: int) -> bool:
        """Whether an epoch is logged."""
        return epoch >= 0 and (epoch % self.log_every == 0 or epoch == self.epochs - 1)


@dataclass(frozen=True)
class Objective:
    """What training minimises, and how its outputs are read: a task and a loss that fits it."""

    task: Task
    loss: Loss

    @classmethod
    def for_task(cls, task: Task, loss: str | None) -> "Objective":
        """The objective of a task with the loss named, or with the task's default."""
        return cls(task, LOSSES[loss or TASK_LOSSES[task][0]])


@dataclass(frozen=True)
class State:
    """All that a training needs to go on before `epoch`: tensors on any device, and what was logged so far.

    optimizer_state: (R, slots, P); generators: the states of the replicates' generators; log: for each logged epoch,
    values (R,) by name, and the weights (K, P) that are kept; best: with patience, the fields of early_stopping.Best,
    once an epoch was logged.
    """

    epoch: int
    parameters: Tensor
    optimizer_state: Tensor
    generators: list[Tensor]
    log: dict[int, dict[str, Tensor]]
    best: dict[str, Tensor] = field(default_factory=dict)


class Saver(Protocol):
    """Keeps states: `load` gives one to go on from, if any; `save` is called between epochs when `should_save`.

    That is told whether the training has ended: the state then gives its result.
    """

    def load(self) -> State | None: ...

    def should_save(self, ended: bool) -> bool: ...

    def save(self, state: State) -> None: ...


@torch.inference_mode()
def fit(
    network: Network,
    objective: Objective,
    optimizer: Optimizer,
    arithmetic_type: type[Exact] | type[Fast],
    data: tuple[Examples, Examples],
    initial_parameters: Tensor,
    generators: Sequence[torch.Generator],
    schedule: Schedule,
    on_epoch_end: Callable[[], object] = lambda: None,
    saver: Saver | None = None,
    snapshot_count: int = 0,
    validation: Examples | None = None,
    compiled: bool = False,
) -> tuple[Tensor, History]:
    """Train from `initial_parameters` (R, P) on data = (train, test); returns the parameters (R, P) and the history.

    Runs on the device of `initial_parameters`. `generators` (CPU), one a replicate, shuffle its mini-batches: a
    replicate is trained the same whatever others are trained beside it. `on_epoch_end` is called after every epoch.
    With a `saver`, an earlier run's state is taken up, and states are saved; the result is the same. The history holds
    the weights of the first `snapshot_count` replicates. A schedule with patience needs `validation`. `compiled`: the
    step is compiled first.
    """
    device = initial_parameters.device
    batch_rows = min(schedule.batch_size or len(data[0]), len(data[0]))
    arithmetic = arithmetic_type(max(*network.sizes, batch_rows))
    train, test = (part.to(device, arithmetic.dtype) for part in data)
    train = Examples(arithmetic.operand(train.x), train.y)
    if validation is not None:
        validation = validation.to(device, arithmetic.dtype)
    state = saver.load() if saver is not None else None
    if state is None:
        state = _first_state(initial_parameters.to(arithmetic.dtype), network, optimizer, generators, schedule)
    parameters, optimizer_state = state.parameters.to(device), state.optimizer_state.to(device)
    log = dict(state.log)
    best = Best(**{name: tensor.to(device) for name, tensor in state.best.items()}) if state.best else None
    for generator, drawn in zip(generators, state.generators, strict=True):
        generator.set_state(drawn)
    steps_done = (state.epoch + schedule.burn_in_epochs) * math.ceil(len(train) / batch_rows)
    coefficients = _step_coefficients(optimizer, steps_done, parameters)
    train_step = Step(network, objective.loss, optimizer, arithmetic)
    run = compile_step(train_step, device, torch.get_num_threads()) if compiled else train_step
    for epoch in range(state.epoch, schedule.epochs):
        logged = schedule.logs(epoch)
        totals: list[dict[str, Tensor]] = []
        for batch in _batches(train, batch_rows, generators):
            parameters, optimizer_state, logits = run(parameters, optimizer_state, next(coefficients), batch.x, batch.y)
            if logged:
                totals.append(_totals(arithmetic, objective, logits, batch.y))
        if logged:
            on_test = _evaluate(network, objective, arithmetic_type, parameters, test)
            log[epoch] = _means("train", totals, len(train)) | _means("test", [on_test], len(test))
            log[epoch]["weights"] = parameters[:snapshot_count].to(torch.float32, copy=True)
            if schedule.patience is not None and validation is not None:
                on_validation = _evaluate(network, objective, arithmetic_type, parameters, validation)["loss"]
                best = best or Best.first(epoch, parameters, on_validation)
                best = best.after(epoch, parameters, on_validation, schedule.patience)
        ended = epoch == schedule.epochs - 1 or (logged and best is not None and bool(best.stopped.all()))
        if saver is not None and saver.should_save(ended):
            rng_states = [generator.get_state() for generator in generators]
            next_epoch = schedule.epochs if ended else epoch + 1
            saver.save(State(next_epoch, parameters, optimizer_state, rng_states, log, vars(best) if best else {}))
        on_epoch_end()
        if ended:
            break
    history = _history(log, initial_parameters[:snapshot_count])
    if best is None or schedule.patience is None:
        return parameters, history
    return best.parameters, truncate_at_stop(history, best.epoch.cpu(), schedule.patience)


def _first_state(
    parameters: Tensor,
    network: Network,
    optimizer: Optimizer,
    generators: Sequence[torch.Generator],
    schedule: Schedule,
) -> State:
    """Before the first epoch."""
    optimizer_state = parameters.new_zeros(len(parameters), optimizer.state_slots, network.parameter_count)
    rng_states = [generator.get_state() for generator in generators]
    return State(-schedule.burn_in_epochs, parameters, optimizer_state, rng_states, {})


def _history(log: Mapping[int, Mapping[str, Tensor]], initial_parameters: Tensor) -> History:
    """What was logged, on the CPU; `initial_parameters` (K, P): of the replicates whose weights are kept."""
    names = [name for name in next(iter(log.values())) if name != "weights"]
    device = initial_parameters.device  # entries of a state that was taken up are on the CPU
    values = {name: torch.stack([entry[name].to(device) for entry in log.values()]).cpu() for name in names}
    weights = [initial_parameters.float().cpu(), *(entry["weights"].cpu() for entry in log.values())]
    return History(list(log), values, torch.stack(weights))


def _step_coefficients(optimizer: Optimizer, steps_done: int, like: Tensor) -> Iterator[Tensor]:
    """The coefficients of step after step, on the device and in the dtype of a tensor; many are moved at a time."""
    coefficients = itertools.islice(optimizer.step_coefficients(), steps_done, None)
    while True:
        several = [*itertools.islice(coefficients, COEFFICIENTS_AT_ONCE)]
        yield from torch.tensor(several, dtype=like.dtype, device=like.device)


def _evaluate(
    network: Network,
    objective: Objective,
    arithmetic_type: type[Exact] | type[Fast],
    parameters: Tensor,
    examples: Examples,
) -> dict[str, Tensor]:
    """Totals over the examples, as at prediction: each row with grids of its own."""
    arithmetic = arithmetic_type(max(network.sizes))
    totals = []
    pieces = (torch.split(tensor, ROWS_AT_ONCE, dim=1) for tensor in (examples.x, examples.y))
    for x, y in zip(*pieces, strict=True):
        logits, _ = network.forward(arithmetic, parameters, arithmetic.operand(x, SAMPLE), SAMPLE)
        totals.append(_totals(arithmetic, objective, logits, y))
    return _add_up(totals)


def _batches(train: Examples, batch_rows: int, generators: Sequence[torch.Generator]) -> Iterator[Examples]:
    """The examples as they are, or mini-batches (R, ..., rows), in an order of each replicate's own."""
    if batch_rows == len(train):
        yield train
        return
    # int32: half the memory of int64
    orders = [torch.randperm(len(train), generator=g, dtype=torch.int32) for g in generators]
    for first in range(0, len(train), batch_rows):
        some = torch.stack([order[first : first + batch_rows] for order in orders])  # (R, batch_rows)
        rows = some.to(train.x.device, torch.int64)
        yield Examples(train.x[:, rows].transpose(0, 1), train.y[:, rows].transpose(0, 1))


def _totals(arithmetic: Arithmetic, objective: Objective, logits: Tensor, y: Tensor) -> dict[str, Tensor]:
    """Sums over rows, each (R,) in float64: of the `loss`, and for classes of the hits, as `accuracy`."""
    totals = {"loss": arithmetic.sum(objective.loss.values(arithmetic, logits, y), -1).flatten().double()}
    if objective.task != "regression":
        true = y.argmax(-2) if objective.task == "multiclass" else y.squeeze(-2)
        totals["accuracy"] = (labels(probabilities(arithmetic, objective.task, logits)) == true).sum(-1).double()
    return totals


def _means(part: str, totals: list[dict[str, Tensor]], rows: int) -> dict[str, Tensor]:
    """Per-row means of a part's totals."""
    together = _add_up(totals)  # divided by a tensor: a number would be inverted
    return {f"{part}_{name}": total / torch.full_like(total, rows) for name, total in together.items()}


def _add_up(totals: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    """The totals of all pieces of a part, added piece after piece."""
    added = totals[0]
    for more in totals[1:]:
        added = {name: total + more[name] for name, total in added.items()}
    return added
