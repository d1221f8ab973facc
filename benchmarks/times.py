"""What the pipeline's time goes into: `make times` runs it in a temporary copy and prints a table.

A run from nothing, one after a change of one variant, one with nothing changed; each by dvc repro, and with as many
stages at once as there are processors, as make repro has it.
"""

import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

PARTS = ("imports", "DVC", "training", "drawing", "rest")
STOPWATCH = Path(__file__).parent / "stopwatch"
COMMANDS = {
    "dvc repro": ["dvc", "repro"],
    "side by side": [sys.executable, "-m", "tools.repro", str(os.cpu_count())],
}


def part_of(command: list[str]) -> str:
    """Which of PARTS a process's own work belongs to, by its command."""
    stage = next((word.removeprefix("stages.") for word in command if word.startswith("stages.")), None)
    if stage is None:
        return "DVC"
    return {"train": "training", "plot": "drawing"}.get(stage.split("_")[0], "rest")


def shares(notes: Iterable[str]) -> dict[str, float]:
    """Processor seconds by part, from the lines that the stopwatch wrote."""
    found = dict.fromkeys(PARTS, 0.0)
    for line in notes:
        command, seconds, importing = json.loads(line)
        found["imports"] += importing
        found[part_of(command)] += seconds - importing
    return found


def copy_of_project(project: Path, folder: Path) -> None:
    """The files that git knows, without dvc.lock, in a new repository."""
    listed = subprocess.check_output(["git", "ls-files", "-z", "--", ":!dvc.lock"], cwd=project, text=True)
    for name in filter(None, listed.split("\0")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(project / name, folder / name)
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)


def environment(folder: Path) -> dict[str, str]:
    """For programs that run in a copy of the project: this Python's first, and DVC's notes about it beside it."""
    return {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "DVC_NO_ANALYTICS": "1",
        "DVC_SITE_CACHE_DIR": str(folder / ".dvc" / "tmp" / "site"),
    }


def measure(folder: Path, command: list[str]) -> tuple[float, dict[str, float], int]:
    """Run a command: seconds on the clock, processor seconds by part, and how many programs of stages ran."""
    notes = folder.parent / "notes"
    notes.unlink(missing_ok=True)
    watched = {**environment(folder), "PYTHONPATH": str(STOPWATCH), "STOPWATCH": str(notes)}
    start = time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=watched, capture_output=True, text=True)
    seconds = time.perf_counter() - start
    if done.returncode:
        sys.exit(f"{done.stderr.rstrip()}\n{' '.join(command)}: failed")
    lines = notes.read_text().splitlines()
    return seconds, shares(lines), sum(part_of(json.loads(line)[0]) != "DVC" for line in lines)


def change_a_variant(folder: Path) -> None:
    """Another learning rate for circle_v2."""
    path = folder / "params.yaml"
    text, count = re.subn(r"(circle_v2:.*?\n    lr: )0\.1\b", r"\g<1>0.2", path.read_text(), count=1, flags=re.DOTALL)
    if not count:
        sys.exit("params.yaml: variants.circle_v2.lr: expected 0.1")
    path.write_text(text)


def main() -> None:
    """Print the table, a row per run, as Markdown."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    print(f"{processor()}, {cores} cores, load {os.getloadavg()[0]:.1f} before the first run\n")
    print(f"| {'run':26} | stages | {' | '.join(f'{part:>8}' for part in PARTS)} | sum, s | clock, s |")
    print(f"| {'-' * 26} | -----: | {' | '.join('-------:' for _ in PARTS)} | -----: | -------: |", flush=True)
    for name, command in COMMANDS.items():
        with tempfile.TemporaryDirectory(prefix="times-") as temporary:
            folder = Path(temporary) / "project"
            folder.mkdir()
            copy_of_project(Path.cwd(), folder)
            for what in ("from nothing", "one variant", "nothing"):
                if what == "one variant":
                    change_a_variant(folder)
                seconds, found, stages = measure(folder, command)
                cells = " | ".join(f"{found[part]:8.1f}" for part in PARTS)
                title = f"{what}, {name}"
                print(
                    f"| {title:26} | {stages:6} | {cells} | {sum(found.values()):6.1f} | {seconds:8.1f} |", flush=True
                )


def processor() -> str:
    """The machine's processor, as it calls itself."""
    try:
        return re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())[1]  # type: ignore[index]
    except (OSError, TypeError):
        return platform.processor() or platform.machine()


if __name__ == "__main__":
    main()
