"""The variants of each data set side by side, as a Markdown table that also reads well as plain text."""

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
        chosen.sort(key=lambda row: (order.index(row[1]), best_first * _number(row[2][score])))
        if chosen:
            header = ["dataset", "variant", score, "95% interval", *columns[1:], "replicates"]
            blocks.append(_table(header, [_row(name, dataset, s, columns) for name, dataset, s in chosen]))
    note = "Means over the replicates, on the test rows. The interval is the mean's: the luck of the seed, no other."
    return "\n\n".join([*blocks, note]) + "\n"


def _row(name: str, dataset: str, summary: Summary, columns: Sequence[str]) -> list[str]:
    score, *others = columns
    low, high = summary[f"{score}_low"], summary[f"{score}_high"]
    interval = "one replicate" if low is None or high is None else f"{low:.4f} .. {high:.4f}"
    values = [f"{_number(summary[name]):.4f}" for name in others]
    return [dataset, name, f"{_number(summary[score]):.4f}", interval, *values, str(summary["replicates"])]


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[k]) for row in (header, *rows)) for k in range(len(header))]
    lines = [header, ["-" * width for width in widths], *rows]
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    )


def _number(value: float | int | None) -> float:
    return float("nan") if value is None else float(value)
