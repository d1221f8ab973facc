"""What a Dask cluster costs and gains on this machine, checked to be the same bits; written as one table.

python -m benchmarks.cluster FOLDER [--rounds N] [--replicates R] [--epochs N]
"""

import argparse
import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import cloudpickle
import torch
from distributed import Client

from benchmarks import machine
from benchmarks.report import grid
from benchmarks.works import works
from boundary.artifacts import schema
from boundary.artifacts.files import write_batches
from boundary.models.model import PUBLISHED, Model
from boundary.models.predict import iter_prediction_tables
from boundary.nn.optimizers import SGD
from boundary.training import dask_backend
from boundary.training.job import TrainingData, TrainingJob, TrainingResult
from boundary.training.loop import Examples, Objective, Schedule

WORKERS = (1, 2)
TASKS = 2000  # that do nothing
LOG_EVERY = 20  # as circle_v2 does
EPOCHS = 1000  # of circle_v2 in params.yaml
PACKAGES = ("torch", "dask", "distributed")
Times = tuple[float, float]  # on the clock, and of processors, all threads and programs together
HOW_TO_READ = """\
Seconds are medians of the rounds, on the clock and of processors, the scheduler's left out. In one process: on so
many threads as the cluster has workers, of one thread each. Overheads are taken round by round, of two timings
within seconds of each other: median (least .. most). Other programs run on this machine too, so the clock is good to
a factor of two, and what ranges widely is not known; processor seconds are hit less."""


def circle_v2(replicates: int, epochs: int) -> tuple[TrainingJob, TrainingData]:
    """Its data, rows, layers and log; fewer epochs. Mini-batches are not drawn, but the generators' states are sent."""
    circles = next(work for work in works() if work.name == "circle_v2")
    x, y = circles.x.T.astype("float64").copy(), circles.y[None].astype("float64")
    data = TrainingData(Examples.from_arrays(x, y), Examples.from_arrays(x[:, :200].copy(), y[:, :200].copy()))
    generators = [torch.Generator().manual_seed(42 + r) for r in range(replicates)]
    start = torch.stack([circles.network.initialise(generator) for generator in generators])
    drawn = torch.stack([generator.get_state() for generator in generators])
    goal, schedule = Objective.for_task("binary", None), Schedule(epochs, log_every=LOG_EVERY)
    return TrainingJob(circles.network, goal, SGD(circles.lr), "exact", "cpu", schedule, start, drawn, 4), data


@contextlib.contextmanager
def environment(threads: int) -> Iterator[dict[str, str]]:
    """In which a program, this one too, has so many threads."""
    before, os.environ["OMP_NUM_THREADS"] = os.environ.get("OMP_NUM_THREADS"), str(threads)
    try:
        yield {**os.environ, "PYTHONPATH": os.getcwd()}
    finally:
        if before is None:
            del os.environ["OMP_NUM_THREADS"]
        else:
            os.environ["OMP_NUM_THREADS"] = before


@contextlib.contextmanager
def cluster(workers: int) -> Iterator[str]:
    """The address of a scheduler on this machine with workers of one thread each, started as docs/scaling.md says."""
    with tempfile.TemporaryDirectory() as folder, environment(1) as variables, contextlib.ExitStack() as stack:
        where, log = Path(folder) / "scheduler.json", stack.enter_context((Path(folder) / "log").open("w"))
        file = ("--scheduler-file", str(where), "--no-dashboard")
        local = ("--interface", "lo") if sys.platform == "linux" else ()
        options = ("--nworkers", str(workers), "--nthreads", "1", "--local-directory", folder)
        for program in (["scheduler", "--port", "0", *file, *local], ["worker", *file, *options, *local]):
            command = [sys.executable, "-m", "dask", *program]
            process = subprocess.Popen(command, env=variables, stdout=log, stderr=log, cwd=folder)
            stack.callback(process.wait)
            stack.callback(process.terminate)
        while not where.exists():
            if process.poll() is not None:
                sys.exit((Path(folder) / "log").read_text())
            time.sleep(0.1)
        with Client(scheduler_file=str(where), set_as_default=False) as client:
            client.wait_for_workers(workers, timeout=120)
            address = client.scheduler.address
        yield address


def timed(call: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds, and what came back."""
    start = time.perf_counter()
    result = call()
    return time.perf_counter() - start, result


def must_be_the_same(found: TrainingResult, expected: TrainingResult) -> None:
    """Exit where a bit differs."""
    logs = [(found[1].values[name], values) for name, values in expected[1].values.items()]
    for one, other in [(found[0], expected[0]), *logs]:
        if not torch.equal(one.view(torch.int64), other.view(torch.int64)):
            sys.exit("the cluster has trained something else")


def of_workers(address: str) -> float:
    """Seconds of processors that the workers have taken."""
    with Client(address, set_as_default=False) as client:
        return sum(client.run(time.process_time).values())


def race(
    work: TrainingJob, data: TrainingData, addresses: Mapping[int, str], rounds: int
) -> tuple[dict[str, list[Times]], TrainingResult]:
    """Of every round, in one process on so many threads and by so many workers, in turn; and what came out."""
    seconds: dict[str, list[Times]] = {}
    expected = work.run(data)
    for address in addresses.values():
        must_be_the_same(
            dask_backend.train_on_cluster(work.parts(len(work))[0], data, address), work.parts(len(work))[0].run(data)
        )
    for _ in range(rounds):
        for workers, address in addresses.items():
            before = time.process_time()
            with environment(workers):
                alone, trained = timed(lambda: work.run(data))
            processors = time.process_time() - before
            of_workers_before, before = of_workers(address), time.process_time()
            together, found = timed(partial(dask_backend.train_on_cluster, work, data, address))
            processors_together = time.process_time() - before + of_workers(address) - of_workers_before
            must_be_the_same(trained, expected)
            must_be_the_same(found, expected)
            seconds.setdefault(f"{workers}, in one process", []).append((alone, processors))
            seconds.setdefault(f"{workers}, by a cluster", []).append((together, processors_together))
    return seconds, expected


def throughput(address: str, part: TrainingJob) -> tuple[float, float]:
    """Tasks that do nothing, and bytes of parts that come back as a number, per second."""
    with Client(address, set_as_default=False) as client:
        tasks, _ = timed(lambda: client.gather(client.map(abs, range(TASKS), pure=False)))
        parts = [replace(part, initial_parameters=part.initial_parameters + n) for n in range(20)]
        sent, _ = timed(lambda: client.gather([client.submit(len, each, pure=False) for each in parts]))
    return TASKS / tasks, 20 * size(part) / sent


def size(what: object) -> int:
    """Bytes, as Dask sends it."""
    return len(cloudpickle.dumps(what))


def publishing(work: TrainingJob, trained: TrainingResult, data: TrainingData) -> tuple[float, int]:
    """Seconds and bytes that the tables of predictions take, made and written where the results are gathered."""
    described = schema.Schema(("X1", "X2"), "label", "binary", (0, 1))
    model = Model(work.network, described, trained[0].to(PUBLISHED), 42)
    with tempfile.TemporaryDirectory() as folder:

        def write() -> None:
            for part in ("train", "test"):
                examples: Examples = getattr(data, part)
                columns = {"X1": examples.x[0], "X2": examples.x[1], "label": examples.y[0].long()}
                arrays = {name: column.numpy() for name, column in columns.items()}
                replicates = iter_prediction_tables(model, {part: arrays})
                write_batches(Path(folder, part), (tables[part] for _, tables in replicates))

        seconds, _ = timed(write)
        return seconds, sum(path.stat().st_size for path in Path(folder).iterdir())


def measure(replicates: int, epochs: int, rounds: int) -> tuple[dict[str, list[Times]], dict[str, float]]:
    """The race's seconds, and single figures by name."""
    work, data = circle_v2(replicates, epochs)
    many, _ = circle_v2(dask_backend.REPLICATES, epochs)
    with contextlib.ExitStack() as stack:
        addresses = {workers: stack.enter_context(cluster(workers)) for workers in WORKERS}
        last = addresses[WORKERS[-1]]
        seconds, trained = race(work, data, addresses, rounds)
        tasks, bandwidth = throughput(last, many)
        least, _ = circle_v2(1, 1)
        fixed = statistics.median(timed(lambda: dask_backend.train_on_cluster(least, data, last))[0] for _ in range(3))
    part = work.parts(dask_backend.part_count(replicates, WORKERS[-1]))[-1]
    with environment(1):
        part_seconds, _ = timed(lambda: part.run(data))
    once, logged = sum(map(size, trained[1].values.values())), len(trained[1].epochs)
    returned = (size(trained[0]) + once * EPOCHS / LOG_EVERY / logged) / replicates
    publish_seconds, published = publishing(work, trained, data)
    program = "import time; start = time.perf_counter(); import distributed; print(time.perf_counter() - start)"
    figures = {
        "replicates": replicates,
        "epochs": epochs,
        "import": float(subprocess.check_output([sys.executable, "-c", program])),
        "fixed": fixed,
        "part replicates": len(part),
        "part": part_seconds,
        "data": size(data),
        "sent": size(many) / len(many),
        "returned": returned,
        "tasks": tasks,
        "bandwidth": bandwidth,
        "publish": publish_seconds / replicates,
        "published": published / replicates,
        "each": statistics.median(clock for clock, _ in seconds["1, in one process"]) / replicates / epochs,
    }
    return seconds, figures


def duration(seconds: float) -> str:
    """In the largest unit that leaves a number above 1."""
    for unit, length in (("days", 86400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= 2 * length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.1f} s"


def million(figures: Mapping[str, float]) -> str:
    """The time of a million circle_v2, by the formula of docs/scaling.md, on more and more workers."""
    rows, count = [], 1e6
    for workers in (1, 10, 100, 1000):
        training = count * EPOCHS * figures["each"] / workers
        parts = dask_backend.part_count(int(count), workers)
        handing = parts / figures["tasks"] + count * (figures["sent"] + figures["returned"]) / figures["bandwidth"]
        writing = count * figures["publish"]
        rows.append([str(workers), duration(training), str(parts), duration(handing), duration(writing)])
    return grid(["workers", "training", "parts", "handing out and back", "predictions, here"], rows)


def limits(figures: Mapping[str, float]) -> str:
    """What has to fit somewhere, of a million circle_v2."""
    rows = [
        ["parts that wait in the scheduler", f"{figures['sent'] / 1e3:.1f} GB"],
        ["results where they are gathered, while they are put together", f"{2 * figures['returned'] / 1e3:.1f} GB"],
        ["predictions on disk", f"{figures['published'] / 1e3:.1f} GB"],
        ["shortest part that keeps 1000 workers busy", duration(1000 / figures["tasks"])],
    ]
    return grid(["of a million", "computed"], rows)


def report(seconds: Mapping[str, list[Times]], f: Mapping[str, float]) -> str:
    """The whole page."""
    rows = []
    for name, found in seconds.items():
        alone = seconds[f"{name.split(',')[0]}, in one process"]
        row = [name]
        for n in (0, 1):
            ratios = sorted(100 * (a[n] / b[n] - 1) for a, b in zip(found, alone, strict=True))
            more = f"{statistics.median(ratios):+.0f}% ({ratios[0]:+.0f} .. {ratios[-1]:+.0f})"
            row += [f"{statistics.median(times[n] for times in found):.1f}", more if found != alone else ""]
        rows.append(row)
    race_table = grid(["threads or workers", "seconds", "overhead", "of processors", "overhead"], rows)
    figures = [
        ["a replicate and epoch, on one thread", f"{f['each'] * 1e6:.0f} us"],
        [f"a part of {f['part replicates']:.0f} replicates, trained", f"{f['part']:.1f} s"],
        ["a replicate, sent", f"{f['sent'] / 1e3:.1f} kB"],
        [f"a replicate, returned after {EPOCHS} epochs", f"{f['returned'] / 1e3:.1f} kB"],
        ["the data, sent once to each worker", f"{f['data'] / 1e3:.1f} kB"],
        ["tasks that do nothing", f"{f['tasks']:.0f} a second"],
        ["parts through the scheduler", f"{f['bandwidth'] / 1e6:.0f} MB a second"],
        ["importing Dask", f"{f['import']:.1f} s"],
        ["connecting, checking, one part of nothing", f"{f['fixed']:.1f} s"],
        [
            "a replicate, its predictions made and written",
            f"{f['publish'] * 1e3:.1f} ms, {f['published'] / 1e3:.1f} kB",
        ],
    ]
    what = f"circle_v2, {f['replicates']:.0f} replicates, {f['epochs']:.0f} epochs"
    on = f"On: {machine.name(PACKAGES)}. Other programs' load at the start: {f['load']:.1f}."
    pages = ["# Cluster", "Written by `make bench-cluster`.", on, HOW_TO_READ, f"## {what}", race_table]
    pages += ["## Figures", grid(["what", "measured"], figures), "## A million, computed", million(f), limits(f)]
    return "\n\n".join(pages) + "\n"


def main() -> None:
    """Write cluster.md."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--replicates", type=int, default=64)
    parser.add_argument("--epochs", type=int, default=100)
    arguments = parser.parse_args()
    load = machine.load()
    seconds, figures = measure(arguments.replicates, arguments.epochs, arguments.rounds)
    text = report(seconds, {**figures, "load": load})
    (arguments.folder / "cluster.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
