"""What the measurements look like: tables in Markdown, and a picture."""

import statistics
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from benchmarks import machine
from benchmarks.contenders import PLAIN
from benchmarks.works import Work
from boundary.numerics.arithmetic import PRECISIONS

if TYPE_CHECKING:
    from benchmarks.run import Timing

Results = Mapping[tuple[str, int], Mapping[str, "Timing"]]
JAX = "JAX, float32"
HOW_TO_READ = """\
Microseconds per replicate and epoch, the median of the rounds; the same in time of processors, of all threads together;
how many times as quick as the plain loop and as JAX, round by round: median (least .. most). First call: seconds beyond
a usual one, for compiling mostly. Those that train one model at a time are measured with one, and only the plain loop
again beside many replicates."""
FLOOR = """\
## The floor

The time for an epoch's products at the rate of a large matrix product, and for its layers' outputs and gradients,
written once and read once, at the rate of a large copy, both on all cores; and how much of the larger of the two the
quickest of each precision reaches."""
ANATOMY = """\
## What a step is made of

circle_v2, a part of 16 replicates, compiled, on one thread, the best of 15 rounds: microseconds per replicate of a
whole step; of its eight matrix products alone, by C++ of our own and by PyTorch; and of a step on a single row, which
is what the call costs."""


def ratios(timings: Mapping[str, "Timing"], to: str, name: str) -> list[float]:
    """How many times as quick as another, sorted: a ratio for each round, of two timings taken within seconds."""
    return sorted(a / b for a, b in zip(timings[to].rounds, timings[name].rounds, strict=True))


def spread(values: Sequence[float]) -> str:
    """Median and extremes."""
    return f"{statistics.median(values):.2g} ({values[0]:.2g} .. {values[-1]:.2g})"


def grid(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table, columns aligned."""
    widths = [max(len(row[n]) for row in [header, *rows]) for n in range(len(header))]
    lines = [header, ["-" * width for width in widths], *rows]
    return "\n".join("| " + " | ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)) + " |" for line in lines)


def table(
    works: Sequence[Work],
    results: Results,
    rates: Mapping[str, tuple[float, float]],
    made_of: Mapping[str, Mapping[str, float]],
    machine_name: str,
) -> str:
    """The whole report; of each precision, rates: operations and bytes per second, and made_of: anatomy's."""
    parts = [f"# Benchmark\n\nWritten by `make bench`.\n\nOn: {machine_name}."]
    parts.append(HOW_TO_READ)
    for work in works:
        for (name, replicates), timings in results.items():
            if name == work.name:
                rows = [
                    [
                        contender,
                        f"{timing.median:.1f}",
                        f"{timing.processors_median:.1f}",
                        spread(ratios(timings, PLAIN, contender)),
                        spread(ratios(timings, JAX, contender)),
                        f"{max(timing.first, 0):.1f}",
                    ]
                    for contender, timing in timings.items()
                ]
                parts.append(f"## {work.name}: {work.description}; R = {replicates}, {work.epochs[replicates]} epochs")
                parts.append(grid(["", "us", "of processors, us", "x plain loop", "x JAX", "first call, s"], rows))
    parts.append(FLOOR)
    parts.append(
        grid(["", "precision", "operations, us", "bytes, us", "measured, us", "reached"], floors(works, results, rates))
    )
    parts.append(anatomy(made_of))
    return "\n\n".join(parts) + "\n"


def anatomy(made_of: Mapping[str, Mapping[str, float]]) -> str:
    """The last section."""
    rows = [[precision, *(f"{value:.1f}" for value in found.values())] for precision, found in made_of.items()]
    return ANATOMY + "\n\n" + grid(["precision", *next(iter(made_of.values()))], rows)


def floors(works: Sequence[Work], results: Results, rates: Mapping[str, tuple[float, float]]) -> list[list[str]]:
    """A row for each work and precision, at its quickest number of replicates."""
    rows = []
    for work in works:
        measured = [timings for (name, _), timings in results.items() if name == work.name]
        for precision, (multiplied, copied) in rates.items():
            times = [
                t.median for timings in measured for name, t in timings.items() if f"boundary, {precision}" in name
            ]
            if times:
                operations, size = machine.counts(work, PRECISIONS[precision].dtype)
                least = operations / multiplied * 1e6, size / copied * 1e6
                row = [f"{value:.1f}" for value in (*least, min(times))]
                rows.append([work.name, precision, *row, f"{max(least) / min(times):.0%}"])
    return rows


def picture(results: Results) -> Figure:
    """Microseconds per replicate and epoch over the number of replicates, a panel for each work, both axes log."""
    names = list(dict.fromkeys(name for name, _ in results))
    figure = Figure(figsize=(4.2 * len(names) + 2.2, 4.2), layout="constrained")
    axes = figure.subplots(1, len(names), sharey=True, squeeze=False)[0]
    contenders = list(dict.fromkeys(c for timings in results.values() for c in timings))
    for n, contender in enumerate(contenders):
        ours = contender.startswith("boundary")
        for axis, name in zip(axes, names, strict=True):
            points = [(r, t[contender].median) for (work, r), t in results.items() if work == name and contender in t]
            axis.plot(
                *np.reshape(points, (-1, 2)).T,
                "o-" if ours else "s--",
                color=f"C{n}",
                label=contender,
                linewidth=2 if ours else 1,
                markersize=5,
            )
    for axis, name in zip(axes, names, strict=True):
        axis.set(title=name, xlabel="replicates", xscale="log", yscale="log")
        counts = sorted(r for work, r in results if work == name)
        axis.set_xticks(counts, [str(r) for r in counts], minor=False)
        axis.set_xticks([], minor=True)
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("microseconds per replicate and epoch")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside right center", frameon=False)
    return figure
