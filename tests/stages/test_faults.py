"""A disk that fails at any moment leaves whole files, old or new, no litter, and one line that says which file."""

import errno
import os
import shutil
import sys
import tempfile
from collections.abc import Container, Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import vl_convert
from matplotlib.figure import Figure

from boundary.artifacts import files
from boundary.models import predict as predictions
from boundary.plots import figures
from boundary.training import checkpoints
from stages import _program
from tests.support.repository import ROOT, run
from tests.support.stage_runs import arguments, contents, line_of

SETTINGS = """
seed: 0
replicates: 2
precision: exact
device: cpu
generators:
  moons: {kind: moons, n_samples: 40, noise: 0.1, seed: 1}
datasets:
  moons: {table: data/raw/moons.parquet, target: label, split: {kind: random, test_size: 0.25, seed: 1}}
variants:
  moons: {dataset: moons, hidden_units: [4], activation: relu, optimizer: adam, lr: 0.01, epochs: 5, log_every: 2}
contrasts: {}
"""
OUTPUTS = {  # what each stage writes, in this order
    "check": ["checked.txt"],
    "generate": ["data/raw/moons.parquet"],
    "split": [f"split/moons/{file}" for file in ("train.parquet", "test.parquet", "schema.json")] + ["cards/moons.md"],
    "train": [
        *["models/moons.safetensors", "history/moons.csv", "snapshots/moons.safetensors"],
        *[f"predictions/moons/{part}.parquet" for part in ("train", "test", "plane")],
    ],
    "evaluate": ["metrics/moons.json", "details/moons.json", "rows/moons.parquet", "curves/moons.csv"]
    + [f"{kind}/moons/test.csv" for kind in ("confusion", "roc", "precision_recall", "calibration")],
    "baseline": ["baselines.json"],
    "compare": ["comparison.md", *[f"comparison/{file}.csv" for file in ("leaderboard", "pairs", "seeds")]],
    "export": ["exports/moons.onnx", "exports/moons.md"],
    "plot": ["images/moons.png"],
    "plot_data": ["data_images/moons.png"],
    "plot_contrast": ["contrast.png"],
    "plot_animation": ["animation.gif"],
    "plot_activations": ["activations.png"],
    "plots_page": ["page.html"],
    "report": ["report/index.html", "report/summary.md"],
}


STAGES = list(OUTPUTS)
TYPICAL = ("split", "train")  # of what stages write: for others, some cases are for `make test-slow`


def stages_with(cases: Iterable[Any], always: Container[Any]) -> list[Any]:
    """Pairs of a stage and a case; slow, where neither the stage is typical nor the case `always` tried."""
    return [
        pytest.param(stage, case, marks=[] if stage in TYPICAL or case in always else pytest.mark.slow)
        for stage in STAGES
        for case in cases
    ]


@pytest.fixture(scope="module", autouse=True)
def _small() -> Iterator[None]:
    """Empty pictures and a coarse plane are written as any others, and hundreds of runs take seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(predictions, "GRID_STEPS", 5)
        patch.setattr(vl_convert, "javascript_bundle", lambda *_: "scripts")
        for name in ("decision_boundaries", "data_by_class", "functions"):
            patch.setattr(figures, name, lambda *_: Figure(figsize=(1, 1)))
        patch.setattr(figures, "moving_boundaries", lambda *_: [np.zeros((1, 1, 3), dtype=np.uint8)])
        yield


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What all stages make of one small data set. Read only."""
    folder = tmp_path_factory.mktemp("faults") / "made"
    folder.mkdir()
    (folder / "params.yaml").write_text(SETTINGS)
    for stage in OUTPUTS:
        assert line_of(stage, "moons", folder) is None
    assert set(contents(folder)) == {"params.yaml", *(file for written in OUTPUTS.values() for file in written)}
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A copy of it, to change at will."""
    return shutil.copytree(made, tmp_path / "folder")


# --- a disk that fails ---------------------------------------------------------------------------------------------


@dataclass
class Disk:
    """Counts every step of boundary.artifacts.files towards a written file; step number `at` fails, a
    write having half written.

    `target` is the file being written, at last the one that failed; `failed` says what failed.
    """

    at: int | None = None
    error: int = errno.EIO
    only: str = ""
    steps: int = 0
    target: str = ""
    failed: str = ""

    def aim(self, target: str) -> None:
        """A step for that file follows. After the one that fails, others that are open are closed."""
        if not self.failed:
            self.target = target

    def step(self, kind: str, path: object = None) -> None:
        if self.only not in ("", kind):
            return
        self.steps += 1
        if self.steps == self.at:
            self.failed = kind
            raise OSError(self.error, os.strerror(self.error), *([] if path is None else [str(path)]))

    def attach(self, patch: pytest.MonkeyPatch) -> None:
        """Put it under boundary.artifacts.files, and under the folders that any program makes."""
        mkdir = Path.mkdir

        def make_folder(path: Path, *rest: Any, **options: Any) -> None:
            self.aim(str(path))
            self.step("mkdir", path)
            mkdir(path, *rest, **options)

        patch.setattr(Path, "mkdir", make_folder)
        patch.setattr(files, "os", Calls(self, os, {"fsync", "chmod", "replace"}))
        patch.setattr(files, "tempfile", Calls(self, tempfile, {"mkstemp"}))


class Calls:
    """A module some of whose functions are steps of a disk."""

    def __init__(self, disk: Disk, module: Any, steps: set[str]):
        self.disk, self.module, self.steps = disk, module, steps

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.module, name)
        if name not in self.steps:
            return found

        def call(*given: Any, **options: Any) -> Any:
            if name == "mkstemp":
                self.disk.aim(str(options["dir"] / options["prefix"].strip(".")))
            self.disk.step(name, None if name == "fsync" else self.disk.target)
            return found(*given, **options)

        return call

    def fdopen(self, handle: int, mode: str) -> "File":
        return File(self.disk, os.fdopen(handle, mode), self.disk.target)


class File:
    """A file whose writes, flushes and closing are steps of a disk."""

    def __init__(self, disk: Disk, file: Any, name: str):
        self.disk, self.file, self.name = disk, file, name

    def step(self, kind: str) -> None:
        self.disk.aim(self.name)
        self.disk.step(kind)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)

    def __enter__(self) -> "File":
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()
        self.step("close")

    def write(self, data: Any) -> int:
        try:
            self.step("write")
        except OSError:
            self.file.write(memoryview(data).cast("B")[: memoryview(data).nbytes // 2])
            raise
        return self.file.write(data)

    def flush(self) -> None:
        self.step("flush")
        self.file.flush()


def line_with(disk: Disk, stage: str, folder: Path) -> str | None:
    """The line with which a stage ends on a disk, None where all went well."""
    with pytest.MonkeyPatch.context() as patch:
        disk.attach(patch)
        return line_of(stage, "moons", folder)


def set_back(folder: Path, stage: str, old: bytes | None) -> None:
    """What a stage writes as an earlier run left it; None: it has never run."""
    for name in OUTPUTS[stage]:
        if old is not None:
            (folder / name).write_bytes(old)
        elif "/" in name:
            shutil.rmtree(folder / name.partition("/")[0], ignore_errors=True)
        else:
            (folder / name).unlink(missing_ok=True)


def must_be_whole(folder: Path, made: Path, stage: str, old: bytes | None) -> tuple[str, ...]:
    """Each output is the old one or the new one, no file else has changed, none is left over; the names of the new."""
    found, new = contents(folder), contents(made)
    outputs = set(OUTPUTS[stage])
    assert {name: found.get(name) for name in new if name not in outputs} == {
        name: content for name, content in new.items() if name not in outputs
    }
    assert set(found) <= set(new)
    for name in outputs:
        assert found.get(name) in (old, new[name]), name
    return tuple(name for name in OUTPUTS[stage] if found.get(name) == new[name])


def must_say(line: str | None, disk: Disk) -> None:
    """One line: the file, and what the system said."""
    assert line is not None
    assert len(line.splitlines()) == 1
    assert disk.target in line, (disk.failed, line)
    assert os.strerror(disk.error) in line


@pytest.mark.parametrize(("stage", "old"), stages_with([b"old", None], always=[]))
def test_whichever_step_fails_files_are_old_or_new(made: Path, folder: Path, stage: str, old: bytes | None) -> None:
    """Step after step until none is left; from each state that a failure leaves, the next run ends well."""
    left: set[tuple[str, ...]] = set()
    failed: set[str] = set()
    for step in range(1, 1000):
        set_back(folder, stage, old)
        disk = Disk(at=step)
        line = line_with(disk, stage, folder)
        if not disk.failed:
            break
        must_say(line, disk)
        state = must_be_whole(folder, made, stage, old)
        failed.add(disk.failed)
        if state not in left:
            left.add(state)
            assert line_of(stage, "moons", folder) is None
            assert contents(folder) == contents(made)
    assert line is None
    assert contents(folder) == contents(made)
    assert step > 8 * len(OUTPUTS[stage])
    assert failed == {"mkdir", "mkstemp", "write", "flush", "fsync", "close", "chmod", "replace"}
    assert len(left) >= len(OUTPUTS[stage])


FAULTS = {
    "full, told at once": (errno.ENOSPC, "write"),
    "full, told late": (errno.ENOSPC, "fsync"),
    "full, told last": (errno.ENOSPC, "close"),
    "over quota": (errno.EDQUOT, "flush"),
    "no more inodes": (errno.ENOSPC, "mkstemp"),
    "read-only": (errno.EROFS, "mkstemp"),
    "read-only, no folder": (errno.EROFS, "mkdir"),
    "no permission": (errno.EACCES, "mkstemp"),
    "a file that must not be replaced": (errno.EPERM, "replace"),
}


@pytest.mark.parametrize(("stage", "fault"), stages_with(FAULTS, always=["full, told last", "read-only"]))
def test_a_disk_that_takes_no_more(made: Path, folder: Path, stage: str, fault: str) -> None:
    """Nothing is written, and the next run ends well."""
    error, kind = FAULTS[fault]
    set_back(folder, stage, b"old")
    disk = Disk(at=1, error=error, only=kind)
    must_say(line_with(disk, stage, folder), disk)
    assert disk.failed == kind
    assert must_be_whole(folder, made, stage, b"old") == ()
    assert line_of(stage, "moons", folder) is None
    assert contents(folder) == contents(made)


def test_a_temporary_file_that_cannot_be_removed(made: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither one of the failing run nor one of a killed run hides which file it is about; a later run removes both."""
    set_back(folder, "check", b"old")
    left = folder / ".checked.txt.killed.tmp"

    def stuck(path: Path, missing_ok: bool = False) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))

    for _ in range(2):
        with monkeypatch.context() as patch:
            patch.setattr(Path, "unlink", stuck)
            line = line_with(Disk(at=1, only="write"), "check", folder)
        assert line == f"{folder}/checked.txt: cannot be written (Input/output error)"
        assert (folder / "checked.txt").read_bytes() == b"old"
        left.write_bytes(b"half")
    assert line_of("check", "", folder) is None
    assert contents(folder) == contents(made)


@pytest.fixture
def as_dvc(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """dvc's own folder, as stages see it when dvc runs them; a checkpoint is due after every epoch."""
    scratch = folder / ".dvc/tmp"
    monkeypatch.setattr(_program, "scratch", lambda: scratch)
    monkeypatch.setattr(_program, "_lock", nullcontext)
    monkeypatch.setattr(checkpoints, "SECONDS", 0.0)
    return scratch


def test_a_checkpoint_that_cannot_be_written(
    made: Path, folder: Path, as_dvc: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whichever step fails: it is named, and the training ends as ever."""
    for step in range(1, 13):
        set_back(folder, "train", b"old")
        assert line_with(Disk(at=step), "train", folder) is None
        assert str(as_dvc / "checkpoints") in capsys.readouterr().err
        assert not list(as_dvc.rglob("*.tmp"))
        assert contents(folder) == contents(made)


# --- a real limit --------------------------------------------------------------------------------------------------

LIMITED = """
import resource, runpy, sys
stage, limit = sys.argv[1], int(sys.argv[2])
if stage == "plot":
    from boundary.plots import figures
    from matplotlib.figure import Figure
    figures.decision_boundaries = lambda *_: Figure(figsize=(1, 1))
if stage == "train":
    from boundary.models import predict as predictions
    predictions.GRID_STEPS = 5
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
del sys.argv[1:3]
runpy.run_module("stages." + stage, run_name="__main__")
"""


def limited(stage: str, folder: Path, limit: int, **environment: str) -> list[str]:
    """What a stage that may write so many bytes to a file says as it fails."""
    set_ = [f"{name}={value}" for name, value in environment.items()]
    given = [sys.executable, "-c", LIMITED, stage, str(limit), *arguments(stage, "moons", folder)]
    done = run(ROOT, "env", *set_, *given, check=False)
    assert done.returncode == 1, done.stderr
    return done.stderr.splitlines()


@pytest.mark.skipif(sys.platform == "win32", reason="has no such limit")
@pytest.mark.parametrize("stage", ["check", "generate", "split", "train", "evaluate", "plot"])
def test_a_file_size_limit(made: Path, folder: Path, stage: str) -> None:
    """The largest file is a byte too long; the others may be new."""
    sizes = {name: (made / name).stat().st_size for name in OUTPUTS[stage]}
    largest = max(sizes, key=lambda name: sizes[name])
    set_back(folder, stage, b"old")
    assert limited(stage, folder, sizes[largest] - 1) == [f"{folder}/{largest}: cannot be written (File too large)"]
    assert largest not in must_be_whole(folder, made, stage, b"old")
    assert line_of(stage, "moons", folder) is None
    assert contents(folder) == contents(made)


@pytest.mark.skipif(sys.platform == "win32", reason="has no such limit")
def test_a_lock_that_cannot_be_written_is_named(made: Path, folder: Path) -> None:
    """It is the first file that a stage writes when dvc runs it."""
    set_back(folder, "check", b"old")
    (line,) = limited("check", folder, 0, DVC_ROOT=str(folder), DVC_STAGE="check")
    shutil.rmtree(folder / ".dvc")
    assert must_be_whole(folder, made, "check", b"old") == ()
    assert f"{folder}/.dvc/tmp/stages/check.lock" in line
