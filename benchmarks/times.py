"""What the pipeline's time goes into: `make times` runs it in temporary copies and prints a table.

A run from nothing, one after a change of one variant (by `dvc exp run -S`, or by hand), one with nothing changed; each
by dvc, and with as many stages at once as there are processors, as make repro has it.

`python -m benchmarks.times REVISION ...` measures revisions of the project first, by this Python, then what is here: as
other programs run beside it, only what was measured in one go can be compared, processor seconds better than the clock.
"""

import io
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

PARTS = ("imports", "DVC", "training", "drawing", "rest", "processes")  # the last: starts and ends, shells, git
STOPWATCH = Path(__file__).parent / "stopwatch"
CHANGE = "variants.circle_v2.lr=0.2"
PATTERN = r"(circle_v2:.*?\n    lr: )0\.1\b"

# Runs a command and prints its status and what it used, with all that it started: on Linux also with what outlives it,
# as the server of forks does. A process of its own: the memory of its parent would count as a child's
WATCH = """import ctypes, json, os, resource, subprocess, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER: orphans become this process's children
status = subprocess.call(sys.argv[1:], stdout=subprocess.DEVNULL)
try:
    while True:
        os.wait()
except ChildProcessError:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([status, used.ru_utime + used.ru_stime]))
"""


@dataclass(frozen=True)
class Used:
    """What a command used."""

    clock: float
    parts: dict[str, float]  # processor seconds
    stages: int  # programs that ran

    @property
    def total(self) -> float:
        """Processor seconds."""
        return sum(self.parts.values())


def part_of(command: list[str]) -> str:
    """Which of PARTS a process's own work belongs to, by its command."""
    if (stage := program_of(command)) is None:
        return "rest" if any(word.endswith("_fork_server.py") for word in command) else "DVC"
    return {"train": "training", "plot": "drawing"}.get(stage.split("_")[0], "rest")


def program_of(command: list[str]) -> str | None:
    """The stage whose program a command runs, None of any other."""
    return next((word.removeprefix("stages.") for word in command if word.startswith("stages.")), None)


def shares(notes: Iterable[str], total: float) -> dict[str, float]:
    """Processor seconds by part, from the lines that the stopwatch wrote, and what all processes used."""
    found = dict.fromkeys(PARTS, 0.0)
    for line in notes:
        command, seconds, importing = json.loads(line)
        found["imports"] += importing
        found[part_of(command)] += seconds - importing
    found["processes"] = total - sum(found.values())
    return found


def copy_of_project(project: Path, folder: Path) -> None:
    """The files that git knows, without dvc.lock, in a new repository."""
    listed = subprocess.check_output(["git", "ls-files", "-z", "--", ":!dvc.lock"], cwd=project, text=True)
    for name in filter(None, listed.split("\0")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(project / name, folder / name)
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)


def copy_of_revision(project: Path, revision: str, folder: Path) -> None:
    """The same, of a commit, branch or tag."""
    archive = subprocess.run(["git", "archive", revision], cwd=project, check=True, stdout=subprocess.PIPE).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        files.extractall(folder, filter="data")
    (folder / "dvc.lock").unlink()
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)


def commit(folder: Path) -> None:
    """What `dvc exp run` starts from."""
    author = ["-c", "user.name=times", "-c", "user.email=times@localhost"]
    subprocess.run(["git", "add", "-A"], cwd=folder, check=True)
    subprocess.run(["git", *author, "commit", "-qm", "times"], cwd=folder, check=True)


def environment(folder: Path) -> dict[str, str]:
    """For programs that run in a copy of the project: this Python's first, and DVC's notes about it beside it."""
    return {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "DVC_NO_ANALYTICS": "1",
        "DVC_SITE_CACHE_DIR": str(folder / ".dvc" / "tmp" / "site"),
    }


def measure(folder: Path, command: list[str]) -> Used:
    """Run a command in a copy of the project."""
    notes = folder.parent / "notes"
    notes.unlink(missing_ok=True)
    watched = {**environment(folder), "PYTHONPATH": str(STOPWATCH), "STOPWATCH": str(notes)}
    start = time.perf_counter()
    # -S: no stopwatch in it
    done = subprocess.run([sys.executable, "-S", "-c", WATCH, *command], cwd=folder, env=watched, capture_output=True)
    clock = time.perf_counter() - start
    status, total = json.loads(done.stdout)
    if status:
        sys.exit(f"{done.stderr.decode().rstrip()}\n{' '.join(command)}: failed")
    lines = notes.read_text().splitlines()
    commands = [json.loads(line)[0] for line in lines]
    programs = {tuple(words[1:]) for words in commands if program_of(words)}
    return Used(clock, shares(lines, total), len(programs))


def change_a_variant(folder: Path) -> None:
    """Another learning rate for circle_v2."""
    path = folder / "params.yaml"
    text, count = re.subn(PATTERN, r"\g<1>0.2", path.read_text(), count=1, flags=re.DOTALL)
    if not count:
        sys.exit("params.yaml: variants.circle_v2.lr: expected 0.1")
    path.write_text(text)


def runs(folder: Path) -> Iterator[tuple[str, Used]]:
    """What is measured of a copy without results, which is left with some."""
    yield "from nothing, dvc repro", measure(folder, ["dvc", "repro"])
    commit(folder)
    yield "one variant, dvc exp run", measure(folder, ["dvc", "exp", "run", "-S", CHANGE])
    yield "nothing, dvc repro", measure(folder, ["dvc", "repro"])


def runs_side_by_side(folder: Path) -> Iterator[tuple[str, Used]]:
    """The same as make repro does it."""
    module = "tools.repro" if (folder / "tools/repro").is_dir() else "tools.parallel"  # its name before 2026-11
    command = [sys.executable, "-m", module, str(os.cpu_count())]
    yield "from nothing, side by side", measure(folder, command)
    change_a_variant(folder)
    yield "one variant, side by side", measure(folder, command)
    yield "nothing, side by side", measure(folder, command)


def main() -> None:
    """Print the table, a row per run, as Markdown."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    print(f"{processor()}, {cores} cores, load {os.getloadavg()[0]:.1f} before the first run\n")
    print(f"| {'run':38} | stages | {' | '.join(f'{part:>9}' for part in PARTS)} | sum, s | clock, s |")
    print(f"| {'-' * 38} | -----: | {' | '.join('--------:' for _ in PARTS)} | -----: | -------: |", flush=True)
    for each in (runs, runs_side_by_side):
        for revision in [*sys.argv[1:], ""]:
            with tempfile.TemporaryDirectory(prefix="times-") as temporary:
                folder = Path(temporary) / "project"
                folder.mkdir()
                if revision:
                    copy_of_revision(Path.cwd(), revision, folder)
                else:
                    copy_of_project(Path.cwd(), folder)
                for what, used in each(folder):
                    print(row(f"{what}, {revision}" if revision else what, used), flush=True)


def row(title: str, used: Used) -> str:
    """Of the table."""
    cells = " | ".join(f"{used.parts[part]:9.1f}" for part in PARTS)
    return f"| {title:38} | {used.stages:6} | {cells} | {used.total:6.1f} | {used.clock:8.1f} |"


def processor() -> str:
    """The machine's processor, as it calls itself."""
    try:
        return re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())[1]  # type: ignore[index]
    except (OSError, TypeError):
        return platform.processor() or platform.machine()


if __name__ == "__main__":
    main()
