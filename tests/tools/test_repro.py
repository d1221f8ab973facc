"""tools/repro/: the same bytes as dvc repro, side by side where stages allow it, and a clean end in every case."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.repository import ENVIRONMENT, copy_of_repository, results, run

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="process groups")
ROOT = Path(__file__).parents[2]
# A shell's command, then programs, as forks, each of which notes when it runs, and joins some files. A test that sees
# as much of processes of their own has `without_forks`: the server takes its time to import the libraries
PIPELINE = """
stages:
  seed: {cmd: 'echo seed > seed', outs: [seed]}
  slow:
    foreach: [a, b]
    do:
      cmd: 'python -m note ${item} 1 seed ${item}.in ${item}.out'
      deps: [seed, '${item}.in']
      outs: ['${item}.out']
  join: {cmd: 'python -m note join 0 a.out b.out all', deps: [a.out, b.out], outs: [all]}
"""
NOTE = """
import sys, time
from pathlib import Path
with open("notes", "a") as file:
    print(sys.argv[1], "begins", file=file, flush=True)
    print(sys.argv[1], "says hello")
    time.sleep(float(sys.argv[2]))
    print(sys.argv[1], "ends", file=file)
Path(sys.argv[5]).write_text("".join(Path(name).read_text() for name in sys.argv[3:5]))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small DVC project: seed, then a and b, a second each, then join."""
    folder = tmp_path / "project"
    folder.mkdir()
    run(folder, "git", "init", "-q")
    run(folder, "dvc", "init", "-q")
    for name, text in {"dvc.yaml": PIPELINE, "note.py": NOTE, "a.in": "a\n", "b.in": "b\n"}.items():
        (folder / name).write_text(text)
    return folder


@pytest.fixture
def without_forks(folder: Path) -> None:
    (folder / "dvc.yaml").write_text(PIPELINE.replace("python -m note", "python note.py"))


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "tools.repro", *words]


def parallel(folder: Path, jobs: str = "2", check: bool = True) -> subprocess.CompletedProcess[str]:
    environment = {**ENVIRONMENT, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command(jobs), cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0 or not check, done.stderr
    assert "Traceback" not in done.stderr
    return done


def files(folder: Path) -> dict[str, str]:
    return {name: (folder / name).read_text() for name in ("dvc.lock", "all", ".gitignore")}


def test_the_result_is_that_of_dvc_repro(folder: Path) -> None:
    run(folder, "dvc", "repro")
    serial = files(folder)
    for name in ("dvc.lock", "all", "a.out", "b.out", "seed", "notes"):
        (folder / name).unlink()
    run(folder, "rm", "-rf", ".dvc/cache")
    said = parallel(folder).stdout
    assert files(folder) == serial
    assert (folder / "notes").read_text().split("\n")[1].endswith("begins")  # before the first one ended
    assert {"a says hello", "b says hello", "4 stages are up to date, 4 of them since now"} <= set(said.splitlines())
    assert all(len(line) < 80 for line in said.splitlines())
    assert parallel(folder).stdout == "4 stages are up to date\n"
    assert "up to date" in run(folder, "dvc", "repro").stdout


@pytest.mark.usefixtures("without_forks")
def test_only_what_changed_runs_again_or_comes_from_the_cache(folder: Path) -> None:
    parallel(folder)
    before = files(folder)
    (folder / "a.in").write_text("other\n")
    said = parallel(folder, "3").stdout
    assert "a says hello" in said
    assert "b says hello" not in said
    assert (folder / "all").read_text() == "seed\nother\nseed\nb\n"
    (folder / "a.in").write_text("a\n")
    said = parallel(folder).stdout
    assert "hello" not in said
    assert "slow@a: from DVC's cache, " in said
    assert files(folder) == before


def test_after_a_failure_what_runs_is_finished_and_kept(folder: Path) -> None:
    """Also in dvc.lock, where nothing stands out of turn: the next run ends as if nothing had failed."""
    run(folder, "dvc", "repro")
    serial = files(folder)
    for name in ("dvc.lock", "all", "a.out", "b.out", "seed", "notes", "a.in"):
        (folder / name).unlink()
    run(folder, "rm", "-rf", ".dvc/cache")
    (folder / "a.in").write_text("a\n")
    (folder / "note.py").write_text(
        NOTE.replace("time.sleep(", "time.sleep(sys.argv[1] != 'a' and ")
        + "sys.exit(sys.argv[1] == 'a' and 'a.in: not to my taste')"
    )
    done = parallel(folder, check=False)
    assert done.returncode == 1
    assert "slow@a: failed; waiting for [2] slow@b" in done.stdout
    said, line = done.stderr.splitlines()[-2:]
    assert said == "a.in: not to my taste"
    assert line.startswith("[1] slow@a: failed after")
    assert line.endswith("with status 1")
    assert "slow@b" not in (folder / "dvc.lock").read_text()
    assert not (folder / "all").exists()
    (folder / "note.py").write_text(NOTE)
    said = parallel(folder).stdout
    assert "slow@b: from DVC's cache" in said
    assert files(folder) == serial


def test_a_stage_that_does_not_make_its_output_failed(folder: Path) -> None:
    (folder / "dvc.yaml").write_text("stages: {idle: {cmd: 'echo idle', outs: [made]}}")
    done = parallel(folder, check=False)
    assert done.returncode == 1
    assert done.stderr == "idle: output 'made' does not exist\n"


@pytest.mark.usefixtures("without_forks")
def test_what_changes_while_it_is_read_is_not_recorded(folder: Path) -> None:
    """DVC itself would note the longer file with what the shorter one gave."""
    (folder / "note.py").write_text(NOTE + "if sys.argv[1] == 'a': open('a.in', 'a').write('more\\n')")
    done = parallel(folder, check=False)
    assert done.returncode == 1
    assert done.stderr == "slow@a: a.in changed while it ran, run it again\n"
    assert "slow@a" not in (folder / "dvc.lock").read_text()
    (folder / "note.py").write_text(NOTE)
    parallel(folder)
    assert (folder / "a.out").read_text() == "seed\na\nmore\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_leaves_no_process_and_the_next_run_goes_on(folder: Path, number: signal.Signals) -> None:
    (folder / "note.py").write_text(NOTE.replace("float(sys.argv[2])", "600"))
    environment = {**ENVIRONMENT, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command("2"), cwd=folder, env=environment, stderr=subprocess.PIPE, text=True)
    while not (folder / "notes").exists() or (folder / "notes").read_text().count("begins") < 2:
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(number)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 1
    assert said == "interrupted; the next run goes on from here\n"
    assert not at_work(folder)
    assert "seed" in (folder / "dvc.lock").read_text()
    (folder / "note.py").write_text(NOTE)
    parallel(folder)
    assert (folder / "all").read_text() == "seed\na\nseed\nb\n"


def at_work(folder: Path) -> list[str]:
    """The processes whose working directory the folder is."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if os.readlink(entry / "cwd") == str(folder):
                found.append(entry.name)
        except OSError:
            continue
    return found


def test_beside_another_dvc_it_says_that_it_must_wait(folder: Path) -> None:
    import zc.lockfile

    lock = zc.lockfile.LockFile(str(folder / ".dvc" / "tmp" / "lock"))
    try:
        done = parallel(folder, check=False)
    finally:
        lock.close()
    assert done.returncode == 1
    assert "Unable to acquire lock" in done.stderr


@pytest.mark.parametrize("jobs", ["0", "two"])
def test_a_number_of_jobs_that_is_none_is_refused(folder: Path, jobs: str) -> None:
    done = parallel(folder, jobs, check=False)
    assert done.returncode == 1
    assert done.stderr == f"JOBS: found {jobs!r}, expected how many stages may run at once, 1 or more\n"


@pytest.mark.slow
@pytest.mark.parametrize("words", [("dvc", "repro"), (sys.executable, "-m", "tools.repro", "5")])
def test_the_default_pipeline_has_the_same_bytes(published: Path, tmp_path: Path, words: tuple[str, ...]) -> None:
    folder = copy_of_repository(tmp_path / "copy")
    run(folder, *words)
    assert results(folder) == results(published)
