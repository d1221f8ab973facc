"""The unit of work: replicates of a variant to be trained, all that this takes, and where its parts are put together.

A replicate never notices another, so a work may be done in parts: here on threads, or by the workers of a cluster
(clusters.py). In exact arithmetic the result is the same to the bit, however many there are.

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
from boundary.training import loop as training
from boundary.training import placement as devices
from boundary.training.history import History, joined
from boundary.training.loop import Examples, Goal, Saver, Schedule

Trained = tuple[Tensor, History]  # parameters (R, P) on the CPU, and what was logged


@dataclass(frozen=True)
class Data:
    """The examples of each part of a split."""

    train: Examples
    test: Examples
    validation: Examples | None = None


@dataclass(frozen=True)
class Work:
    """Replicates with parameters `start` (R, P), and generators in the states `drawn` (R, bytes), to be trained.

    device: as params.yaml names it, chosen where the work is done. keep: of how many replicates, the first ones, the
    history holds the weights.
    """

    network: Network
    goal: Goal
    optimizer: Optimizer
    precision: str
    device: str
    schedule: Schedule
    start: Tensor
    drawn: Tensor
    keep: int

    def __len__(self) -> int:
        return len(self.start)

    def parts(self, count: int) -> list["Work"]:
        """The same in so many parts, or as many as it has, whose sizes differ by one replicate at most."""
        count = min(count, len(self))
        sizes = [len(rows) for rows in torch.tensor_split(self.start, count)]
        firsts = itertools.accumulate(sizes, initial=0)
        return [
            replace(
                self,
                start=self.start[first : first + size].clone(),  # a view would be sent with all that it is a view of
                drawn=self.drawn[first : first + size].clone(),
                keep=min(max(self.keep - first, 0), size),
            )
            for first, size in zip(firsts, sizes, strict=False)
        ]

    @property
    def epochs(self) -> int:
        """How many each replicate is trained for, burn-in included."""
        return self.schedule.burn_in_epochs + self.schedule.epochs

    def plan(self, data: Data) -> devices.Plan:
        """How to run it on this machine."""
        rows = len(data.train)
        batch_rows = min(self.schedule.batch_size or rows, rows)
        steps = self.epochs * math.ceil(rows / batch_rows)
        device = devices.choose(self.device, self.precision)
        evaluated = min(training.EVALUATED, max(len(data.test), len(data.validation or ())))
        return devices.plan(device, self.precision, self.network, batch_rows, len(self), steps, evaluated)

    def done(
        self,
        data: Data,
        advance: Callable[[], object] = lambda: None,
        saver_of: Callable[["Work"], Saver | None] = lambda part: None,
        plan: devices.Plan | None = None,
    ) -> Trained:
        """Train in this process, part by part, several side by side on threads of their own.

        `plan`: self.plan's, unless another is given. `advance` is called by each part after each epoch; `saver_of`
        makes the saver of a part. Raises SettingsError where the device is not there.
        """
        device = devices.choose(self.device, self.precision)
        plan = plan or self.plan(data)
        parts = self.parts(plan.parts)
        torch.set_num_threads(plan.threads)
        devices.keep_freed_memory()
        given_up = threading.Event()

        def train(part: Work) -> Trained:
            def go_on() -> None:
                if given_up.is_set():
                    raise CancelledError
                advance()

            return part._trained(data, device, go_on, saver_of(part), plan.compiled)

        if plan.workers == 1:
            return together([train(part) for part in parts])
        # each thread has a number of threads of its own
        with ThreadPoolExecutor(plan.workers, initializer=torch.set_num_threads, initargs=(plan.threads,)) as pool:
            try:
                return together(list(pool.map(train, parts)))
            except BaseException:  # Ctrl-C too: the pool waits for its threads
                given_up.set()
                raise

    def _trained(
        self, data: Data, device: torch.device, advance: Callable[[], object], saver: Saver | None, compile_step: bool
    ) -> Trained:
        parameters, history = training.fit(
            self.network,
            self.goal,
            self.optimizer,
            PRECISIONS[self.precision],
            (data.train, data.test),
            self.start.to(device),
            [_generator(state) for state in self.drawn],
            self.schedule,
            advance,
            saver,
            self.keep,
            data.validation,
            compile_step,
        )
        return parameters.cpu(), history


def _generator(state: Tensor) -> torch.Generator:
    generator = torch.Generator()
    generator.set_state(state.clone())  # a row of a tensor it would not take
    return generator


def together(parts: Sequence[Trained]) -> Trained:
    """What the parts of a work have come to, as if it had been done whole."""
    return torch.cat([parameters for parameters, _ in parts]), joined([history for _, history in parts])
