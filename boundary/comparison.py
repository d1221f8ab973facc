"""The variants of each data set side by side, as a Markdown table that also reads well as plain text."""

import math
from collections.abc import Mapping, Sequence

CLASS_COLUMNS = ("accuracy", "precision", "recall", "f1", "loss")
REGRESSION_COLUMNS = ("mae", "mse", "r2")

Summary = Mapping[str, float | int | None]


def markdown(summaries: Mapping[str, tuple[str, Summary]]) -> str:
    """Tables of (data set, summary) by variant: classifiers, then regressions.

    A summary is what scores.summary makes. Data sets keep their order; within one, the best variant comes first.
    """
    blocks = []
    for columns, best_first in ((CLASS_COLUMNS, -1), (REGRESSION_COLUMNS, 1)):
        score = columns[0]
        chosen = [(name, dataset, s) for name, (dataset, s) in summaries.items() if score in s]
        order = list(dict.fromkeys(dataset for _, dataset, _ in chosen))
        chosen.sort(key=lambda row: (order.index(row[1]), _rank(row[2][score], best_first)))
        if chosen:
            header = ["dataset", "variant", score, "95% interval", *columns[1:], "replicates"]
            blocks.append(_table(header, [_row(name, dataset, s, columns) for name, dataset, s in chosen]))
    note = "Means over the replicates, on the test rows. The interval is the mean's: the luck of the seed, no other."
    return "\n\n".join([*blocks, note]) + "\n"


def _row(name: str, dataset: str, summary: Summary, columns: Sequence[str]) -> list[str]:
    score, *others = columns
    low, high = summary[f"{score}_low"], summary[f"{score}_high"]
    interval = "one replicate" if summary["replicates"] == 1 else f"{_shown(low)} .. {_shown(high)}"
    replicates = str(summary["replicates"])
    if "diverged" in summary:
        replicates += f" ({summary['diverged']} more diverged)"
    return [dataset, name, _shown(summary[score]), interval, *(_shown(summary[other]) for other in others), replicates]


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[k]) for row in (header, *rows)) for k in range(len(header))]
    lines = [header, ["-" * width for width in widths], *rows]
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    )


def _shown(value: float | int | None) -> str:
    return "-" if value is None or math.isnan(value) else f"{value:.4f}"


def _rank(value: float | int | None, best_first: int) -> float:
    return math.inf if value is None or math.isnan(value) else best_first * value
