"""Killed at any moment, the next run recovers, and no result is ever recorded under other parameters than its own."""

import hashlib
import os
import random
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.repository import ENVIRONMENT, SIDE_BY_SIDE, copy_of_repository, results, run

PARAMS = """
seed: 1
replicates: 2
precision: exact
device: cpu
generators:
  line: {kind: line, weight: 0.7, bias: 0.3, start: 0, end: 1, step: 0.01}
datasets:
  line: {table: data/raw/line.parquet, target: y, split: {kind: ordered, test_size: 0.2}}
variants:
  line: {dataset: line, hidden_units: [3], activation: tanh, optimizer: adam, lr: 0.01, epochs: 1500, log_every: 100}
contrasts: {}
"""
SERIAL = ("dvc", "repro")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals")


def set_seed(folder: Path, seed: int) -> None:
    path = folder / "params.yaml"
    path.write_text(re.sub(r"^seed: \d+", f"seed: {seed}", path.read_text(), flags=re.MULTILINE))


class Undisturbed(dict[int, tuple[Path, dict[str, bytes]]]):
    """By seed: a workspace that was never killed, and its results. Each is made when it is asked for first."""

    def __init__(self, parent: Path) -> None:
        super().__init__()
        self.parent = parent

    def __missing__(self, seed: int) -> tuple[Path, dict[str, bytes]]:
        folder = self.parent / str(seed)
        if seed == 1:
            copy_of_repository(folder)
            for name in ("metrics", "exports", "plots", "report"):
                shutil.rmtree(folder / name, ignore_errors=True)
            (folder / "dvc.lock").unlink(missing_ok=True)
            (folder / "params.yaml").write_text(PARAMS)
        else:
            shutil.copytree(self[1][0], folder, symlinks=True)
            set_seed(folder, seed)
        run(folder, *SIDE_BY_SIDE)
        self[seed] = folder, results(folder)
        models = [found["models/line.safetensors"] for _, found in self.values()]
        assert len(set(models)) == len(models)
        return self[seed]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    return Undisturbed(tmp_path_factory.mktemp("undisturbed"))


def start(folder: Path, command: tuple[str, ...] = SERIAL) -> subprocess.Popen[bytes]:
    """The command in a process group of its own."""
    return subprocess.Popen(
        command,
        cwd=folder,
        env=ENVIRONMENT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def stages_of(folder: Path, program: bytes = b"stages.") -> list[int]:
    """The processes of stages that work in the folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            names = (entry / "cmdline").read_bytes() + (entry / "comm").read_bytes()  # the latter of a fork
            if (entry / "cwd").resolve() == folder.resolve() and program in names:
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def kill(dvc: subprocess.Popen[bytes], whole_group: bool) -> None:
    if whole_group:
        os.killpg(dvc.pid, signal.SIGKILL)
    else:
        dvc.kill()
    dvc.wait()


def written_at(path: Path) -> int:
    """When, in nanoseconds; 0 where it is not: dvc removes outputs before a stage runs."""
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def trial(
    undisturbed: Undisturbed,
    folder: Path,
    chance: random.Random,
    killed: tuple[str, ...] | None = None,
    next_one: tuple[str, ...] | None = None,
) -> bool:
    """From results with seed 1, kill a run with seed 2; the next one, with seed 2 or 3, must end as if undisturbed.

    Where it is not given, either run is dvc repro, or the one that has several stages at once.
    A third of the kills come at any moment of the run's first five seconds; the others from the moment that training
    writes its first file, when outputs are written and committed. Returns whether this one came after that moment and
    before dvc.lock knew the new outputs.
    """
    shutil.copytree(undisturbed[1][0], folder, symlinks=True)
    set_seed(folder, 2)
    model, whole_group, seed = folder / "models/line.safetensors", chance.random() < 0.5, chance.choice((2, 3))
    killed = killed or chance.choice((SERIAL, SIDE_BY_SIDE))
    next_one = next_one or chance.choice((SERIAL, SIDE_BY_SIDE))
    before = written_at(model)
    new = hashlib.md5(undisturbed[2][1]["models/line.safetensors"]).hexdigest()
    dvc = start(folder, killed)
    if chance.random() < 1 / 3:
        time.sleep(chance.uniform(0, 5))
    else:
        while dvc.poll() is None and written_at(model) in (0, before):
            time.sleep(0.0005)
        time.sleep(chance.uniform(0, 0.15))
    kill(dvc, whole_group)
    known = new in (folder / "dvc.lock").read_text()
    committing = written_at(model) not in (0, before) and not known
    set_seed(folder, seed)
    run(folder, sys.executable, "-m", "tools.repro.mend")  # as make repro does: DVC's own files may be half written
    run(folder, *next_one)  # refused by a stage's lock, it would fail
    assert not stages_of(folder)
    assert results(folder) == undisturbed[seed][1]
    shutil.rmtree(folder)
    return committing


def test_after_a_kill_while_dvc_writes_its_lock_the_next_run_recovers(undisturbed: Undisturbed, tmp_path: Path) -> None:
    folder = shutil.copytree(undisturbed[1][0], tmp_path / "folder", symlinks=True)
    set_seed(folder, 2)
    os.truncate(folder / "dvc.lock", 0)
    assert "validation failed" in run(folder, "dvc", "repro", check=False).stderr
    assert "dvc.lock: a run was killed" in run(folder, sys.executable, "-m", "tools.repro.mend").stdout
    run(folder, *SIDE_BY_SIDE)
    assert results(folder) == undisturbed[2][1]


def test_after_a_kill_the_next_run_recovers(undisturbed: Undisturbed, tmp_path: Path) -> None:
    """The quicker of the two ways to go on; each way to be killed."""
    chance = random.Random(1)
    for number, killed in enumerate((SERIAL, SIDE_BY_SIDE)):
        trial(undisturbed, tmp_path / str(number), chance, killed, SIDE_BY_SIDE)


@pytest.mark.slow
def test_after_200_kills_the_next_run_recovers(undisturbed: Undisturbed, tmp_path: Path) -> None:
    chance = random.Random(2)
    committing = [trial(undisturbed, tmp_path / str(number), chance) for number in range(200)]
    assert sum(committing) >= 100


@pytest.mark.skipif(sys.platform != "linux", reason="handles of processes")
@pytest.mark.parametrize("shell", ["/bin/sh", "/bin/bash"])
def test_a_stage_ends_with_the_dvc_that_started_it(undisturbed: Undisturbed, tmp_path: Path, shell: str) -> None:
    """Through the shell in between, which becomes the stage (bash) or waits for it (dash)."""
    folder = shutil.copytree(undisturbed[1][0], tmp_path / "folder", symlinks=True)
    path = folder / "params.yaml"
    path.write_text(path.read_text().replace("epochs: 1500", "epochs: 1000000"))
    dvc = subprocess.Popen(
        ["dvc", "repro"],
        cwd=folder,
        env={**ENVIRONMENT, "SHELL": shell},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    lock = folder / ".dvc/tmp/stages/train@line.lock"
    try:
        while not (lock.exists() and lock.read_text().strip() in map(str, stages_of(folder))):
            assert dvc.poll() is None
            time.sleep(0.01)
        time.sleep(1)
    finally:
        kill(dvc, whole_group=False)
    end = time.monotonic() + 5
    while stages_of(folder) and time.monotonic() < end:
        time.sleep(0.01)
    assert not stages_of(folder)


@pytest.mark.skipif(sys.platform != "linux", reason="handles of processes")
@pytest.mark.parametrize(
    ("shell", "command", "delays"),
    [
        ("/bin/sh", SERIAL, (0, 0.3)),
        pytest.param("/bin/sh", SERIAL, (0.02, 0.05, 1), marks=pytest.mark.slow),
        pytest.param("/bin/bash", SIDE_BY_SIDE, (0, 0.02, 0.05, 0.3, 1), marks=pytest.mark.slow),
    ],
    ids=["sh", "sh, more", "bash"],
)
def test_a_stage_that_has_only_begun_ends_too(
    undisturbed: Undisturbed,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    shell: str,
    command: tuple[str, ...],
    delays: tuple[float, ...],
) -> None:
    """Before it has imported anything, while it does, and after; the next run finds no lock."""
    folder = shutil.copytree(undisturbed[1][0], tmp_path / "folder", symlinks=True)
    path = folder / "params.yaml"
    short = path.read_text()
    path.write_text(short.replace("epochs: 1500", "epochs: 1000000"))
    monkeypatch.setitem(ENVIRONMENT, "SHELL", shell)
    for delay in delays:
        dvc = start(folder, command)
        try:
            while not stages_of(folder, b"stages.train"):
                assert dvc.poll() is None
            time.sleep(delay)
        finally:
            kill(dvc, whole_group=False)
        end = time.monotonic() + 5
        while stages_of(folder) and time.monotonic() < end:
            time.sleep(0.01)
        assert not stages_of(folder), delay
        run(folder, sys.executable, "-m", "tools.repro.mend")
    path.write_text(short)
    run(folder, *command)
    assert results(folder) == undisturbed[1][1]


def test_a_stage_whose_dvc_has_ended_says_so(undisturbed: Undisturbed, tmp_path: Path) -> None:
    """A shell in a session of its own stands for the process that adopts orphans."""
    folder = shutil.copytree(undisturbed[1][0], tmp_path / "folder", symlinks=True)
    words = ["env", f"DVC_ROOT={folder}", "DVC_STAGE=check", sys.executable, "-m", "stages.check", "params.yaml", "out"]
    done = run(folder, "setsid", "--wait", "sh", "-c", f"{shlex.join(words)}; exit $?", check=False)
    assert done.returncode == 1
    assert done.stderr == "check: the dvc that started this stage has ended\n"
    assert not (folder / "out").exists()


def test_a_stage_that_outlives_its_dvc_keeps_the_next_run_out(undisturbed: Undisturbed, tmp_path: Path) -> None:
    """As on systems that cannot bind a process to its parent."""
    folder = shutil.copytree(undisturbed[1][0], tmp_path / "folder", symlinks=True)
    before = results(folder)
    command = [sys.executable, "-c", "import time; from stages import _program; _program.run(lambda: time.sleep(60))"]
    environment = {**ENVIRONMENT, "DVC_ROOT": str(folder), "DVC_STAGE": "train@line"}
    orphan = subprocess.Popen(command, cwd=folder, env=environment)
    lock = folder / ".dvc/tmp/stages/train@line.lock"
    try:
        while not lock.exists() or lock.read_text() != f"{orphan.pid}\n":
            assert orphan.poll() is None
            time.sleep(0.01)
        set_seed(folder, 2)
        done = run(folder, "dvc", "repro", check=False)
    finally:
        orphan.kill()
        orphan.wait()
    assert done.returncode != 0
    assert f"train@line: process {orphan.pid} of an earlier run still writes this stage's files" in done.stderr
    assert results(folder)["dvc.lock"] != b""
    set_seed(folder, 1)
    run(folder, *SIDE_BY_SIDE)
    assert results(folder) == before


@pytest.mark.slow
@pytest.mark.parametrize("limit", [40, 300])
def test_a_full_disk_is_told_and_the_next_run_goes_on(undisturbed: Undisturbed, tmp_path: Path, limit: int) -> None:
    """A limit to the size of files stands for it: DVC's own files meet it at different places."""
    folder = shutil.copytree(undisturbed[1][0], tmp_path / "folder", symlinks=True)
    set_seed(folder, 2)
    done = run(folder, "bash", "-c", f"ulimit -f {limit}; exec {shlex.join(SIDE_BY_SIDE)}", check=False)
    assert done.returncode == 1
    assert "DVC cannot write its own files (" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    run(folder, sys.executable, "-m", "tools.repro.mend")
    run(folder, *SIDE_BY_SIDE)
    assert results(folder) == undisturbed[2][1]


def test_a_table_that_changes_while_a_stage_runs_is_noticed(undisturbed: Undisturbed, tmp_path: Path) -> None:
    """dvc hashes it when the stage has ended: it would record the longer table with the rows of the shorter one."""
    folder = shutil.copytree(undisturbed[1][0], tmp_path / "folder", symlinks=True)
    table, program, settings = folder / "data/own.csv", folder / "stages/split.py", folder / "params.yaml"
    table.write_text("x,y\n" + "".join(f"{k},{k / 2}\n" for k in range(1, 20)))
    own = "datasets:\n  own: {table: data/own.csv, target: y, split: {kind: ordered, test_size: 0.5}}\n"
    settings.write_text(settings.read_text().replace("datasets:\n", own))
    before = program.read_text()
    program.write_text(
        before.replace("        try:\n", "        arguments.table.open('a').write('20,10.0\\n')\n        try:\n", 1)
    )
    done = run(folder, "dvc", "repro", "split@own", check=False)
    assert done.returncode != 0
    assert "data/own.csv: changed while this stage ran, run it again" in done.stderr
    assert "split@own" not in (folder / "dvc.lock").read_text()
    program.write_text(before)
    assert "own: 10 train, 10 test rows" in run(folder, "dvc", "repro", "split@own").stdout
    assert hashlib.md5(table.read_bytes()).hexdigest() in (folder / "dvc.lock").read_text()


def test_of_two_runs_at_once_one_waits_or_says_so(undisturbed: Undisturbed, tmp_path: Path) -> None:
    folder = shutil.copytree(undisturbed[1][0], tmp_path / "folder", symlinks=True)
    set_seed(folder, 2)
    winner = start(folder, ("dvc", "repro", "train@line"))
    while not stages_of(folder):
        assert winner.poll() is None
        time.sleep(0.01)
    loser = run(folder, "dvc", "repro", check=False)
    assert loser.returncode != 0
    assert "lock" in loser.stderr
    assert winner.wait() == 0
    run(folder, *SIDE_BY_SIDE)
    assert results(folder) == undisturbed[2][1]
