"""Training by a cluster: a real scheduler and real workers on this machine, and the same bits whatever befalls them."""

import os
import pickle
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import cloudpickle
import numpy as np
import pytest
import torch

from boundary.artifacts import schema
from boundary.config.params import Circles, Split
from boundary.data import generators, splitting
from boundary.errors import ClusterError
from boundary.nn.losses import LOSSES, balanced, weighted
from boundary.nn.mlp import Network
from boundary.nn.optimizers import SGD, Adam
from boundary.training import dask_backend
from boundary.training.job import TrainingData, TrainingJob, TrainingResult, merge
from boundary.training.loop import Examples, Objective, Schedule
from boundary.training.placement import ExecutionPlan
from tests.support.repository import ENVIRONMENT, ROOT

pytestmark = [
    pytest.mark.usefixtures("one_thread"),
    # Dask's own, when a connection ends
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
HERE = {**ENVIRONMENT, "PYTHONPATH": str(ROOT), "DASK_DISTRIBUTED__WORKER__DAEMON": "False"}


def circles() -> TrainingData:
    """The tutorial's, with a validation part."""
    table = generators.generate(Circles(1000, 0.03, 0.8, 42))
    described = schema.Schema(("X1", "X2"), "label", "binary", (0, 1))
    parts = splitting.split(1000, None, Split("random", 0.2, 0.1, 42))
    columns = {name: np.asarray(column) for name, column in table.items()}
    found = {}
    for part, rows in parts.items():
        found[part] = Examples.from_arrays(
            *schema.arrays({name: column[rows] for name, column in columns.items()}, described)
        )
    return TrainingData(**found)


DATA = circles()


def work(replicates: int = 5, epochs: int = 20, **changed: object) -> TrainingJob:
    """Mini-batches, so that generators matter; Adam, so that memory does."""
    network = Network((2, 10, 10, 1), "relu")
    drawn = [torch.Generator().manual_seed(42 + r) for r in range(replicates)]
    start = torch.stack([network.initialise(generator) for generator in drawn])
    states = torch.stack([generator.get_state() for generator in drawn])
    schedule = Schedule(epochs, 1, 300, 7)
    goal = Objective.for_task("binary", None)
    return replace(TrainingJob(network, goal, Adam(0.01), "exact", "cpu", schedule, start, states, 3), **changed)  # type: ignore[arg-type]


def must_be_the_same(found: TrainingResult, expected: TrainingResult) -> None:
    """Every bit of the parameters and of all that was logged."""
    assert torch.equal(found[0].view(torch.int64), expected[0].view(torch.int64))
    assert found[1].epochs == expected[1].epochs
    assert found[1].values.keys() == expected[1].values.keys()
    for name, values in expected[1].values.items():
        assert torch.equal(found[1].values[name].view(torch.int64), values.view(torch.int64)), name
    assert torch.equal(found[1].weights, expected[1].weights)
    assert (found[1].best is None) == (expected[1].best is None)


@pytest.mark.parametrize("count", [1, 2, 3, 5, 9])
def test_parts_together_are_the_whole(count: int) -> None:
    whole = work()
    parts = whole.parts(count)
    assert len(parts) == min(count, 5)
    assert sum(map(len, parts)) == 5
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    must_be_the_same(merge([part.run(DATA) for part in parts]), whole.run(DATA))


def test_parts_may_stop_early_at_epochs_of_their_own() -> None:
    patient = work(schedule=Schedule(400, log_every=5, patience=10), optimizer=Adam(0.2))
    parts = [part.run(DATA) for part in patient.parts(3)]
    assert len({len(log.epochs) for _, log in parts}) > 1
    must_be_the_same(merge(parts), patient.run(DATA))


def test_where_one_part_fails_the_others_end_too() -> None:
    """They would train for an hour otherwise; so it is after Ctrl-C."""
    advanced: list[None] = []

    def advance() -> None:
        advanced.append(None)
        if len(advanced) >= 20:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work(epochs=10**6).run(DATA, advance, plan=ExecutionPlan(5, workers=2))
    assert len(advanced) < 1000


class Cluster:
    """A scheduler, and workers of one thread each, as the documentation has them started."""

    def __init__(self, folder: Path, stack: ExitStack, **environment: str):
        self.folder, self.stack = folder, stack
        where = folder / "scheduler.json"
        options = ("--port", "0", "--no-dashboard", "--scheduler-file", str(where))
        self.scheduler = self.start("scheduler", *options, **environment)
        while not where.exists() or "address" not in where.read_text():
            assert self.scheduler.poll() is None, self.said()
            time.sleep(0.05)
        (self.address,) = re.findall(r'"address": "(tcp://[^"]+)"', where.read_text())

    def start(self, program: str, *options: str, **environment: str) -> subprocess.Popen[bytes]:
        log = self.stack.enter_context((self.folder / "log").open("ab"))
        command = [sys.executable, "-m", f"distributed.cli.dask_{program}", *options]
        process = subprocess.Popen(command, env={**HERE, **environment}, stdout=log, stderr=log, cwd=self.folder)
        self.stack.callback(process.wait)
        self.stack.callback(process.kill)
        return process

    def worker(self, **environment: str) -> subprocess.Popen[bytes]:
        options = ("--nthreads", "1", "--no-dashboard", "--no-nanny", "--local-directory", str(self.folder))
        return self.start("worker", self.address, *options, **environment)

    def said(self) -> str:
        return (self.folder / "log").read_text()


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    with ExitStack() as stack:
        yield Cluster(tmp_path, stack)


@contextmanager
def refusal() -> Iterator[list[str]]:
    """What a ClusterError says: one line."""
    said: list[str] = []
    with pytest.raises(ClusterError) as caught:
        yield said
    said.append(str(caught.value))
    assert "\n" not in said[0]


@pytest.mark.parametrize(
    "workers", [pytest.param(1, marks=pytest.mark.slow), 2, pytest.param(4, marks=pytest.mark.slow)]
)
def test_any_number_of_workers_gives_the_same_bits(cluster: Cluster, workers: int) -> None:
    for _ in range(workers):
        cluster.worker()
    shown = []
    done = dask_backend.train_on_cluster(work(), DATA, cluster.address, lambda each, total: shown.append(total) or each)
    must_be_the_same(done, work().run(DATA))
    assert shown == [min(5, 4 * workers)] or workers > 1  # not all workers may be there yet
    other = work(
        optimizer=SGD(0.1, 0.9),
        objective=Objective("binary", weighted(LOSSES["bce_with_logits"], balanced([300, 500]))),
    )
    must_be_the_same(dask_backend.train_on_cluster(other, DATA, cluster.address), other.run(DATA))


def test_a_worker_that_is_killed_costs_nothing_but_time(cluster: Cluster) -> None:
    first, long = cluster.worker(), work(replicates=8, epochs=150)
    cluster.worker()
    ended = []

    def kill_after_one(each: Iterator[object], total: int) -> Iterator[object]:
        for part in each:
            if not ended:
                first.send_signal(signal.SIGKILL)
            ended.append(total)
            yield part

    must_be_the_same(dask_backend.train_on_cluster(long, DATA, cluster.address, kill_after_one), long.run(DATA))
    assert first.wait() == -signal.SIGKILL


def test_a_scheduler_that_goes_away_is_one_line(cluster: Cluster) -> None:
    cluster.worker()

    def end_it(each: Iterator[object], _: int) -> Iterator[object]:
        for part in each:
            cluster.scheduler.kill()
            yield part

    with refusal() as said:
        dask_backend.train_on_cluster(work(replicates=8, epochs=150), DATA, cluster.address, end_it)
    assert said == [f"{cluster.address}: the scheduler is gone; nothing was recorded"]


def test_where_no_scheduler_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dask_backend, "SECONDS", 1)
    with refusal() as said:
        dask_backend.train_on_cluster(work(), DATA, "tcp://127.0.0.1:9")
    assert said == ["tcp://127.0.0.1:9: no scheduler answers within 1 seconds"]
    for address in ("nonsense://127.0.0.1:9", "nonsense", "tcp://here:there", "tls://127.0.0.1:9"):
        with refusal() as said:
            dask_backend.train_on_cluster(work(), DATA, address)
        assert said[0].startswith(f"{address}: not the address of a scheduler: ")


@pytest.mark.slow
def test_no_workers_is_one_line(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dask_backend, "SECONDS", 1)
    with refusal() as said:
        dask_backend.train_on_cluster(work(), DATA, cluster.address)
    assert said == [f"{cluster.address}: the scheduler has no workers after 1 seconds"]


def copy_of_the_code(folder: Path) -> Path:
    """boundary/ as another commit may have it."""
    other = folder / "other" / "boundary"
    shutil.copytree(ROOT / "boundary", other, ignore=shutil.ignore_patterns("__pycache__"))
    with (other / "nn/losses.py").open("a") as file:
        file.write("# of another commit\n")
    return other.parent


def test_a_worker_with_other_code_is_refused(cluster: Cluster, tmp_path: Path) -> None:
    cluster.worker(PYTHONPATH=str(copy_of_the_code(tmp_path)))
    with refusal() as said:
        dask_backend.train_on_cluster(work(), DATA, cluster.address)
    code = dask_backend.versions()["code"]
    assert re.search(rf": tcp://[^ ]+ has code \w{{12}}, expected {code} \(see docs/scaling.md\)$", said[0])


def test_code_that_changes_under_a_worker_is_not_what_it_runs(tmp_path: Path) -> None:
    """As on a file system that all machines share."""
    there = {**HERE, "PYTHONPATH": str(copy_of_the_code(tmp_path))}

    def said(*lines: str) -> str:
        program = "\n".join(
            ["from boundary.training import dask_backend", *lines, "print(dask_backend.versions()['code'])"]
        )
        return subprocess.check_output([sys.executable, "-c", program], env=there, cwd=tmp_path, text=True)

    before = said()
    assert said("open(dask_backend.__file__, 'a').write('# edited')") == before
    assert said() != before


@pytest.mark.parametrize(
    "file", ["errors.py", "nn/losses.py", "numerics/matmul.cpp", "training/new.py", "a/package/of/a/package.py"]
)
def test_a_file_of_any_package_counts_as_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str) -> None:
    folder = copy_of_the_code(tmp_path) / "boundary"
    monkeypatch.setattr(dask_backend, "__file__", str(folder / "training/dask_backend.py"))
    before = dask_backend._code_fingerprint()
    (folder / file).parent.mkdir(parents=True, exist_ok=True)
    with (folder / file).open("a") as code:
        code.write("// edited\n")
    edited = dask_backend._code_fingerprint()
    assert edited != before
    (folder / "report/templates/page.css").write_text("/* no code */")
    assert dask_backend._code_fingerprint() == edited


@pytest.mark.slow
def test_a_worker_with_another_dask_is_refused(cluster: Cluster, tmp_path: Path) -> None:
    described = tmp_path / "other" / "cloudpickle-0.1.dist-info"
    described.mkdir(parents=True)
    (described / "METADATA").write_text("Name: cloudpickle\nVersion: 0.1\n")
    cluster.worker(PYTHONPATH=f"{described.parent}{os.pathsep}{ROOT}")
    with refusal() as said:
        dask_backend.train_on_cluster(work(), DATA, cluster.address)
    assert re.search(r": tcp://[^ ]+ has cloudpickle 0.1, expected [0-9.]+ \(see docs/scaling.md\)$", said[0])


@pytest.mark.slow
def test_a_worker_that_comes_late_with_other_code_ends_it(cluster: Cluster, tmp_path: Path) -> None:
    """As soon as its first part fails, not when all the others have ended."""
    cluster.worker()
    ended = []

    def let_another_come(each: Iterator[object], _: int) -> Iterator[object]:
        for part in each:
            if not ended:
                cluster.worker(PYTHONPATH=str(copy_of_the_code(tmp_path)))
                while cluster.said().count("Registered to:") < 2:
                    time.sleep(0.05)
            ended.append(part)
            yield part

    with refusal() as said:
        dask_backend.train_on_cluster(work(replicates=200, epochs=40), DATA, cluster.address, let_another_come)
    assert re.search(r"^a worker on [^ ]+ has code \w{12}, expected \w{12} \(see docs/scaling.md\)$", said[0])


def test_each_version_counts() -> None:
    own = dask_backend.versions()
    assert dask_backend.difference(own, own) is None
    for name, version in own.items():
        expected = f"has {name} 0, expected {version} (see docs/scaling.md)"
        assert dask_backend.difference({**own, name: "0"}, own) == expected
    assert set(own) >= {"Python", "torch", "distributed", "code"}


@pytest.mark.slow
def test_a_worker_without_the_code_is_refused(cluster: Cluster) -> None:
    cluster.worker(PYTHONPATH="")
    with refusal() as said:
        dask_backend.train_on_cluster(work(), DATA, cluster.address)
    assert " cannot run this code (see docs/scaling.md): " in said[0]
    assert "No module named 'boundary'" in said[0]


@pytest.mark.slow
def test_a_scheduler_without_the_code_is_refused(tmp_path: Path) -> None:
    with ExitStack() as stack:
        cluster = Cluster(tmp_path, stack, PYTHONPATH="")
        cluster.worker()
        with refusal() as said:
            dask_backend.train_on_cluster(work(), DATA, cluster.address)
    where = f"{cluster.address}: the scheduler"
    assert said == [f"{where} cannot run this code (see docs/scaling.md): No module named 'boundary'"]


def test_the_first_part_that_fails_ends_it(cluster: Cluster) -> None:
    cluster.worker()
    shown = []
    absent = "mps" if sys.platform != "darwin" else "cuda"
    with pytest.raises(ValueError, match=f"device: found {absent}, which this machine has not"):
        dask_backend.train_on_cluster(
            work(device=absent), DATA, cluster.address, lambda each, _: (shown.append(e) or e for e in each)
        )
    assert len(shown) == 1


def test_a_part_is_sent_without_the_others() -> None:
    """And its loss by name: it is then the same in all parts, and a worker compiles a step once for all of them."""
    sizes = [len(cloudpickle.dumps(work(80).parts(count)[0])) for count in (1, 10)]
    assert sizes[1] < sizes[0] / 8
    for goal in (
        Objective.for_task("binary", None),
        Objective.for_task("multiclass", None),
        Objective.for_task("regression", "mse"),
    ):
        assert pickle.loads(pickle.dumps(goal)) == goal


def test_workers_that_come_later_find_parts_to_take() -> None:
    assert dask_backend.part_count(replicates=16, threads=8) == 32
    assert dask_backend.part_count(replicates=1_000_000, threads=1) == 977


def test_dask_is_imported_for_a_cluster_only() -> None:
    """Who stays on one machine needs none of requirements-cluster.txt."""
    program = "import sys, stages.train; print(*sys.modules)"
    loaded = subprocess.check_output([sys.executable, "-c", program], cwd=ROOT, env=HERE, text=True).split()
    assert "boundary.training.dask_backend" in loaded
    assert not {"dask", "distributed", "cloudpickle", "msgpack", "tornado"} & set(loaded)


def test_a_named_scheduler_without_dask_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with refusal() as said:
        dask_backend.train_on_cluster(work(), DATA, "tcp://127.0.0.1:9")
    assert said == ["a scheduler is named, but Dask is not there: pip install -e '.[cluster]' -c constraints.txt"]


def test_the_stage_uses_the_cluster_that_the_environment_names(cluster: Cluster, tmp_path: Path) -> None:
    """The same files; and where the cluster ends, a line, status 1 and no file."""
    cluster.worker()
    cluster.worker()
    folder = tmp_path / "stage"
    table = "data/raw/circles.parquet"
    folder.mkdir()
    (folder / "params.yaml").write_text(
        (ROOT / "params.yaml").read_text().replace("replicates: 16\n", "replicates: 3\n")
    )
    for line in (
        f"stages.generate circles --params params.yaml --table {table}",
        f"stages.split circles --params params.yaml --table {table} --parts split --card card.md",
    ):
        subprocess.run([sys.executable, "-m", *line.split()], cwd=folder, env=HERE, check=True, capture_output=True)

    def train(variant: str, into: str, **environment: str) -> subprocess.Popen[str]:
        outputs = ["--model", f"{into}/model.safetensors", "--history", f"{into}/history.csv"]
        outputs += ["--snapshots", f"{into}/snapshots.safetensors", "--predictions", f"{into}/predictions"]
        command = [
            sys.executable,
            "-m",
            "stages.train",
            variant,
            "--params",
            "params.yaml",
            "--data",
            "split",
            *outputs,
        ]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen(command, cwd=folder, env={**HERE, **environment}, text=True, **pipes)  # type: ignore[call-overload]

    named = {"DASK_SCHEDULER_ADDRESS": cluster.address}
    alone, there = train("circle_v0", "alone"), train("circle_v0", "by_cluster", **named)
    assert alone.communicate()[1] == ""
    output, errors = there.communicate()
    assert (there.returncode, errors) == (0, "")
    assert f"circle_v0: trained by the cluster of {cluster.address}\n" in output
    made = sorted((folder / "alone").rglob("*.*"))
    assert len(made) == 6
    for path in made:
        assert (folder / "by_cluster" / path.relative_to(folder / "alone")).read_bytes() == path.read_bytes(), path

    before = cluster.said().count("Receive client connection")
    ends = train("circle_v1", "nothing", **named)
    while cluster.said().count("Receive client connection") == before:
        time.sleep(0.05)
    time.sleep(1.5)  # into its training, which takes longer
    cluster.scheduler.kill()
    assert ends.communicate()[1] == f"{cluster.address}: the scheduler is gone; nothing was recorded\n"
    assert ends.returncode == 1
    assert not (folder / "nothing").exists()
