"""The stages of the pipeline side by side, where they do not need each other.

DVC's own steps (is a stage up to date? does the cache have it? hash and keep its outputs) are taken one at a time and
under DVC's lock; only the commands run side by side. One process imports DVC, once.

Stages are recorded in dvc.lock in the order in which dvc repro would have run them, so that it comes out the same, byte
for byte. One that ended ahead of its turn, or since dvc.lock was last written, waits in DVC's run cache: whenever this
process is killed, the next run takes it from there.
"""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from graphlib import TopologicalSorter

from boundary.errors import UserError
from tools.repro import dvc_adapter
from tools.repro.dvc_adapter import DvcError, HashInfo, Stage

RECORDING_SHARE = 0.02  # of the time, at most: dvc.lock is always written whole, a long one in seconds


class ReproError(UserError):
    """Why not all stages were reproduced."""


@dataclass(frozen=True)
class Job:
    """The command of a stage at work, one of several; its process leads a group of its own."""

    number: int
    stage: Stage
    process: subprocess.Popen[bytes]
    output: Future[tuple[bytes, bytes | None]]
    read: list[HashInfo]  # of its dependencies, as it began
    start: float = field(default_factory=time.monotonic)

    def __str__(self) -> str:
        return f"[{self.number}] {self.stage.addressing}"

    @property
    def seconds(self) -> float:
        """Since the start."""
        return time.monotonic() - self.start

    def kill(self) -> None:
        """End the command and all that it started."""
        if self.process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)


class Reproduction:
    """One run of the whole pipeline, `jobs` commands at a time."""

    def __init__(self, stages: Mapping[Stage, Sequence[Stage]], jobs: int) -> None:
        self.plan = list(stages)
        self.order = TopologicalSorter(stages)
        self.jobs = jobs
        self.threads = ThreadPoolExecutor(jobs)  # each waits for a command
        self.running: list[Job] = []
        self.ran: dict[Stage, bool] = {}  # of the stages that ended: whether dvc.lock must hear of it
        self.recorded = 0  # how many of the plan dvc.lock has heard of
        self.recording, self.start = 0.0, time.monotonic()
        self.failures: list[str] = []
        self.interrupted = False
        self.clear = "\r\x1b[K" if sys.stdout.isatty() else ""  # a terminal's last line says what runs

    def run(self) -> None:
        """Reproduce what is not up to date. Raises ReproError; what ended well is kept all the same."""
        place = {stage: k for k, stage in enumerate(self.plan)}
        ready: list[Stage] = []
        self.order.prepare()
        with self.threads, self._interruptible():
            while True:
                ready = sorted([*ready, *self.order.get_ready()], key=place.__getitem__)
                if ready and len(self.running) < self.jobs and not self.failures and not self.interrupted:
                    stage = ready.pop(0)
                    with self._failures_noted(stage):
                        self._begin(stage)
                elif self.running:
                    self._record()
                    for job in self._wait():
                        with self._failures_noted(job.stage):
                            self._end(job)
                else:
                    break
            self._record(now=True)
        if self.interrupted:
            raise ReproError("interrupted; the next run goes on from here")
        if self.failures:
            raise ReproError("\n\n".join(self.failures))

    def _begin(self, stage: Stage) -> None:
        """Start the command of a stage, unless it is up to date or DVC's cache has what it would make."""
        if dvc_adapter.is_up_to_date(stage):
            self._done(stage, ran=False)
        elif dvc_adapter.restored(stage):
            self._keep(stage, dvc_adapter.input_hashes(stage))
            self._show(f"    {stage.addressing}: from DVC's cache, {len(self.ran)} of {len(self.plan)} done")
        else:
            self._start(stage)

    def _start(self, stage: Stage) -> None:
        number = min({*range(1, self.jobs + 1)} - {job.number for job in self.running})
        process = self._process(stage)
        self.running.append(
            Job(number, stage, process, self.threads.submit(process.communicate), dvc_adapter.input_hashes(stage))
        )
        self._show(f"{self.running[-1]} ...")

    def _process(self, stage: Stage) -> subprocess.Popen[bytes]:
        """The command of a stage, begun as dvc repro begins it (stages/_forks.py does the rest)."""
        limit = {"OMP_THREAD_LIMIT": str(max(1, (os.cpu_count() or 1) // self.jobs))}
        words, how = dvc_adapter.shell_command(stage, limit)
        how |= {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        return subprocess.Popen(words, **how, process_group=0)

    def _wait(self) -> list[Job]:
        """The jobs that have ended, at least one."""
        while True:
            if self.interrupted:
                for job in self.running:
                    job.kill()
            if self.clear:
                text = ", ".join(f"{job} {job.seconds:.0f} s" for job in self.running)
                print(self.clear + text[: shutil.get_terminal_size().columns - 1], end="", flush=True)
            wait([job.output for job in self.running], 1 if self.clear else None, FIRST_COMPLETED)
            if ended := [job for job in self.running if job.output.done()]:
                self.running = [job for job in self.running if job not in ended]
                return ended

    def _end(self, job: Job) -> None:
        """Show what the command said, and keep what it made. Raises ReproError where it failed."""
        said = job.output.result()[0].decode(errors="replace").rstrip()
        status = job.process.returncode
        if status and not self.interrupted:
            raise ReproError(f"{said}\n{job}: failed after {job.seconds:.1f} s with status {status}".lstrip())
        if not status:
            self._keep(job.stage, job.read)
            self._show(f"{job}: {job.seconds:.1f} s, {len(self.ran)} of {len(self.plan)} done\n{said}".rstrip())

    def _keep(self, stage: Stage, read: list[HashInfo]) -> None:
        """What DVC does with a stage after its command. Raises ReproError where it would note other inputs."""
        if changed := dvc_adapter.save(stage, read):
            raise ReproError(f"{stage.addressing}: {changed} changed while it ran, run it again")
        self._done(stage, ran=True)

    def _done(self, stage: Stage, ran: bool) -> None:
        self.ran[stage] = ran
        self.order.done(stage)

    def _record(self, now: bool = False) -> None:
        """Tell dvc.lock of the stages that have ended, up to the first in the plan that has not."""
        begin = time.monotonic()
        if not now and self.recording > RECORDING_SHARE * (begin - self.start):
            return
        end = next((k for k in range(self.recorded, len(self.plan)) if self.plan[k] not in self.ran), len(self.plan))
        news = [stage for stage in self.plan[self.recorded : end] if self.ran[stage]]
        if news:
            dvc_adapter.record(news)
        self.recorded = end
        self.recording += time.monotonic() - begin

    @contextmanager
    def _failures_noted(self, stage: Stage) -> Iterator[None]:
        try:
            yield
        except (DvcError, OSError) as error:
            self.failures.append(f"{stage.addressing}: {error}")
        except sqlite3.Error as error:
            self.failures.append(f"{stage.addressing}: DVC cannot write its own files ({error})")
        except ReproError as error:
            self.failures.append(str(error))
        if self.failures and self.running:
            self._show(f"{stage.addressing}: failed; waiting for {', '.join(map(str, self.running))}")

    def _show(self, text: str) -> None:
        print(f"{self.clear}{text}", flush=True)

    @contextmanager
    def _interruptible(self) -> Iterator[None]:
        """Ctrl-C and a request to end kill the commands at once, but never DVC in the middle of a file."""

        def interrupt(*_: object) -> None:
            self.interrupted = True
            for job in self.running:
                job.kill()

        before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for job in self.running:
                job.kill()
            for number, handler in before.items():
                signal.signal(number, handler)
