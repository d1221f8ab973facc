"""The unit of training: replicates of a variant, all that their training takes, and how its parts are merged again.

A replicate never notices another, so a job may be done in parts: here on threads, or by the workers of a cluster
(dask_backend.py). In exact arithmetic the result is the same to the bit, however many parts there are.

Shapes: R replicates, P parameters, rows = examples.
"""

import itertools
import math
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from boundary.nn.mlp import Network
from boundary.nn.optimizers import Optimizer
from boundary.numerics.arithmetic import PRECISIONS
from boundary.training import placement
from boundary.training.history import History, concatenate
from boundary.training.loop import ROWS_AT_ONCE, Examples, Objective, Saver, Schedule, fit
from boundary.training.placement import ExecutionPlan

TrainingResult = tuple[Tensor, History]  # parameters (R, P) on the CPU, and what was logged


@dataclass(frozen=True)
class TrainingData:
    """The examples of each part of a split."""

    train: Examples
    test: Examples
    validation: Examples | None = None


@dataclass(frozen=True)
class TrainingJob:
    """Replicates to be trained from `initial_parameters` (R, P), with generators in states `rng_states` (R, bytes).

    device: as params.yaml names it, chosen where the job runs. snapshot_count: of how many replicates, the first ones,
    the history holds the weights.
    """

    network: Network
    objective: Objective
    optimizer: Optimizer
    precision: str
    device: str
    schedule: Schedule
    initial_parameters: Tensor
    rng_states: Tensor
    snapshot_count: int

    def __len__(self) -> int:
        return len(self.initial_parameters)

    def parts(self, count: int) -> list["TrainingJob"]:
        """The same in so many parts, or as many as it has, whose sizes differ by one replicate at most."""
        count = min(count, len(self))
        sizes = [len(rows) for rows in torch.tensor_split(self.initial_parameters, count)]
        firsts = itertools.accumulate(sizes, initial=0)
        return [self._part(first, first + size) for first, size in zip(firsts, sizes, strict=False)]

    def _part(self, first: int, end: int) -> "TrainingJob":
        """Its replicates from `first` up to, not including, `end`."""
        return replace(
            self,
            initial_parameters=self.initial_parameters[first:end].clone(),  # a view would be sent with what it views
            rng_states=self.rng_states[first:end].clone(),
            snapshot_count=min(max(self.snapshot_count - first, 0), end - first),
        )

    @property
    def epochs(self) -> int:
        """How many each replicate is trained for, burn-in included."""
        return self.schedule.burn_in_epochs + self.schedule.epochs

    def plan(self, data: TrainingData) -> ExecutionPlan:
        """How to run it on this machine. Raises SettingsError where the device is not there."""
        rows = len(data.train)
        batch_rows = min(self.schedule.batch_size or rows, rows)
        steps = self.epochs * math.ceil(rows / batch_rows)
        device = placement.choose_device(self.device, self.precision)
        evaluated = min(ROWS_AT_ONCE, max(len(data.test), len(data.validation or ())))
        return placement.plan_execution(device, self.precision, self.network, batch_rows, len(self), steps, evaluated)

    def run(
        self,
        data: TrainingData,
        on_epoch_end: Callable[[], object] = lambda: None,
        saver_of: Callable[["TrainingJob"], Saver | None] = lambda part: None,
        plan: ExecutionPlan | None = None,
    ) -> TrainingResult:
        """Train in this process, part by part, several side by side on threads of their own.

        `plan`: self.plan's, unless another is given. `on_epoch_end` is called by each part after each epoch; `saver_of`
        makes the saver of a part. Raises SettingsError where the device is not there.
        """
        plan = plan or self.plan(data)
        parts = self.parts(plan.parts)
        torch.set_num_threads(plan.threads)
        placement.keep_freed_memory()
        stopped = threading.Event()

        def next_epoch() -> None:
            if stopped.is_set():
                raise CancelledError
            on_epoch_end()

        def train(part: TrainingJob) -> TrainingResult:
            return part._train(data, plan, next_epoch, saver_of(part))

        if plan.workers == 1:
            return merge([train(part) for part in parts])
        # each thread has a number of threads of its own
        with ThreadPoolExecutor(plan.workers, initializer=torch.set_num_threads, initargs=(plan.threads,)) as pool:
            try:
                return merge(list(pool.map(train, parts)))
            except BaseException:  # Ctrl-C too: the pool waits for its threads
                stopped.set()
                raise

    def _train(
        self, data: TrainingData, plan: ExecutionPlan, on_epoch_end: Callable[[], object], saver: Saver | None
    ) -> TrainingResult:
        parameters, history = fit(
            self.network,
            self.objective,
            self.optimizer,
            PRECISIONS[self.precision],
            (data.train, data.test),
            self.initial_parameters.to(plan.device),
            [_generator(state) for state in self.rng_states],
            self.schedule,
            on_epoch_end,
            saver,
            self.snapshot_count,
            data.validation,
            plan.compiled,
        )
        return parameters.cpu(), history


def _generator(state: Tensor) -> torch.Generator:
    generator = torch.Generator()
    generator.set_state(state.clone())  # a row of a tensor it would not take
    return generator


def merge(parts: Sequence[TrainingResult]) -> TrainingResult:
    """The results of a job's parts as if it had been run whole."""
    return torch.cat([parameters for parameters, _ in parts]), concatenate([history for _, history in parts])
