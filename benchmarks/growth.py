"""How time and memory grow: `make growth` runs each stage on more and more rows, replicates, epochs and variants.

Programs run one at a time, in a temporary copy of the project, as dvc.yaml says; their seconds are those of the
processor, their memory is the most that they ever held. With many variants it is DVC's own work that may grow: it is
measured with programs that do nothing. Prints tables, with the exponent of growth between the two largest sizes (1: in
proportion), and draws docs/growth.png.
"""

import json
import math
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.times import copy_of_project, environment
from boundary.plots.geometry import COLOURS
from boundary.plots.png import write_png

SIZES: dict[str, tuple[int, ...]] = {
    "rows": (1000, 10_000, 100_000, 1_000_000, 10_000_000),
    "replicates": (1, 10, 100, 1000, 10_000),
    "epochs": (10, 100, 1000, 10_000),
    "variants": (1, 10, 50, 200),
}
REPLICATES = {"rows": 4, "epochs": 16}  # where they are not what grows
PROGRAMS = ("generate", "split", "train", "evaluate", "plot", "plot_data")  # what works on rows; the rest on scores
RUNNERS = {"dvc repro": ["dvc", "repro", "-q"], "side by side": [sys.executable, "-m", "tools.repro", "2"]}
SLOW = 50  # variants; dvc repro is not run with more
PARAMS = """
seed: 42
replicates: {replicates}
precision: exact
device: cpu
generators:
  data: {{kind: circles, n_samples: {rows}, noise: 0.03, factor: 0.8, seed: 42}}
datasets:
  data: {{table: data/raw/data.parquet, target: label, split: {{kind: random, test_size: 0.2, seed: 42}}}}
variants: {{}}
contrasts: {{}}
"""
VARIANT = """{{dataset: data, hidden_units: [10, 10], activation: relu, optimizer: sgd, lr: 0.1, epochs: {epochs},
  log_every: {epochs}, batch_size: 8192}}"""
NOTHING = """import pathlib, sys
for option, word in zip(sys.argv, sys.argv[1:]):
    path = pathlib.Path(word)
    if ("/" in word or option.startswith("--")) and not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(word) if path.suffix else path.mkdir()
        if not path.suffix:
            (path / "file").write_text(word)
"""

# Runs a command and prints what it used. A process of its own: what its parent held counts as a child's at the start.
WATCH = """import json, resource, subprocess, sys
status = subprocess.call(sys.argv[1:], stdout=subprocess.DEVNULL)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([status, used.ru_utime + used.ru_stime, used.ru_maxrss]))
"""

Measured = dict[str, list[tuple[int, float, float]]]  # by program: size, seconds, MiB


def lay_out(folder: Path, variants: int = 1, rows: int = 1000, replicates: int = 1, epochs: int = 1) -> None:
    """A copy of the project with parameters of these sizes."""
    copy_of_project(Path.cwd(), folder)
    nets = "".join(f"\n  net{k}: {VARIANT.format(epochs=epochs)}" for k in range(variants))
    text = PARAMS.format(rows=rows, replicates=replicates)
    (folder / "params.yaml").write_text(text.replace("variants: {}", f"variants:{nets}"))


def commands(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """The stages of the project with their commands, in the order of dvc repro."""
    said = subprocess.run(
        ["dvc", "repro", "--dry", "--force"],
        cwd=folder,
        env=environment(folder),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for stage, command in re.findall(r"Running stage '([^']+)':\n> (.+)", said):
        yield stage.split("@")[0], shlex.split(command)


def run(folder: Path, command: Sequence[str]) -> tuple[float, float]:
    """Processor seconds of a command with all that it starts, and the MiB that the largest of these processes held."""
    watched = [sys.executable, "-c", WATCH, *command]
    done = subprocess.run(watched, cwd=folder, env=environment(folder), stdout=subprocess.PIPE, text=True, check=True)
    status, seconds, held = json.loads(done.stdout)
    if status:
        sys.exit(f"{' '.join(command)}: failed")
    return seconds, held / (1024 if sys.platform == "linux" else 2**20)


def of_programs(what: str) -> Measured:
    """Every program, with the rows, replicates or epochs growing."""
    found: Measured = {name: [] for name in PROGRAMS}
    for size in SIZES[what]:
        with tempfile.TemporaryDirectory(prefix="growth-") as temporary:
            folder = Path(temporary)
            lay_out(folder, **{"replicates": REPLICATES.get(what, 1), what: size})
            for name, command in commands(folder):
                if name in found:
                    seconds, mebibytes = run(folder, command)
                    found[name].append((size, seconds, mebibytes))
                    print(f"  {what} {size:,}: {name} {seconds:.1f} s, {mebibytes:.0f} MiB", file=sys.stderr)
    return found


def of_runners() -> Measured:
    """Runs from nothing, with the variants growing, of programs that do nothing."""
    found: Measured = {name: [] for name in RUNNERS}
    for size in SIZES["variants"]:
        for name, command in RUNNERS.items():
            if name == "dvc repro" and size > SLOW:
                continue
            with tempfile.TemporaryDirectory(prefix="growth-") as temporary:
                folder = Path(temporary)
                lay_out(folder, variants=size)
                (folder / "nothing.py").write_text(NOTHING)
                text = (folder / "dvc.yaml").read_text()
                (folder / "dvc.yaml").write_text(re.sub(r"python -m stages\.", "python -S nothing.py ", text))
                seconds, mebibytes = run(folder, command)
                found[name].append((size, seconds, mebibytes))
                print(f"  variants {size}: {name} {seconds:.1f} s, {mebibytes:.0f} MiB", file=sys.stderr)
    return found


def exponent(points: Sequence[tuple[int, float]]) -> float:
    """Of the growth between the last two (size, seconds)."""
    (small, before), (large, after) = points[-2:]
    return math.log(after / before) / math.log(large / small)


def table(what: str, measured: Measured) -> str:
    """Seconds and MiB by program and size, and the exponents, as Markdown."""
    sizes = SIZES[what]
    lines = [f"| {what:9} | {' | '.join(f'{size:>14,}' for size in sizes)} | exponent |"]
    lines.append(f"| {'-' * 9} | {' | '.join('-' * 13 + ':' for _ in sizes)} | -------: |")
    for name, points in measured.items():
        cells = {size: f"{seconds:.1f} s, {mebibytes:.0f} MiB" for size, seconds, mebibytes in points}
        grown = exponent([(size, seconds) for size, seconds, _ in points])
        row = " | ".join(cells.get(size, "").rjust(14) for size in sizes)
        lines.append(f"| {name:9} | {row} | {grown:8.2f} |")
    return "\n".join(lines)


def draw(path: Path, measured: dict[str, Measured]) -> None:
    """Seconds, and below them MiB, against size, for each of what grows; dotted: in proportion to the largest."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    figure = Figure(figsize=(3.1 * len(measured), 5.6), layout="constrained")
    axes = figure.subplots(2, len(measured), sharex="col", sharey="row", squeeze=False)
    for column, (what, by_program) in enumerate(measured.items()):
        for row, label in enumerate(("processor seconds", "MiB at most")):
            panel = axes[row, column]
            panel.set(xscale="log", yscale="log", ylabel="" if column else label, xlabel=what if row else "")
            most = max((point[0], point[1 + row]) for points in by_program.values() for point in points)
            first = SIZES[what][0]
            panel.plot([first, most[0]], [most[1] * first / most[0], most[1]], ":", color="0.6")
            for name, colour in zip(by_program, COLOURS, strict=False):
                points = [(point[0], point[1 + row]) for point in by_program[name]]
                panel.plot(*zip(*points, strict=True), "o-", color=colour, ms=4, lw=1.2, label=name)
            for axis in (panel.xaxis, panel.yaxis):
                axis.set_major_locator(LogLocator(numticks=5))
                axis.set_major_formatter(StrMethodFormatter("{x:,.10g}"))
                axis.set_minor_formatter(NullFormatter())
            panel.tick_params(axis="x", labelsize=7)
        axes[0, column].legend(fontsize=7)
    axes[0, 0].set_ylim(0.3, 3000)
    axes[1, 0].set_ylim(30, 10_000)
    write_png(path, figure)


def main() -> None:
    """Measure all, or what the command line names; print tables; draw where all was measured."""
    chosen = sys.argv[1:] or list(SIZES)
    if unknown := [what for what in chosen if what not in SIZES]:
        sys.exit(f"found {unknown[0]!r}, expected some of {', '.join(SIZES)}")
    measured = {}
    for what in chosen:
        measured[what] = of_runners() if what == "variants" else of_programs(what)
        print(f"\n{table(what, measured[what])}", flush=True)
    if chosen == list(SIZES):
        draw(Path("docs/growth.png"), measured)


if __name__ == "__main__":
    main()
