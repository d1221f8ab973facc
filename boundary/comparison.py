"""The variants of each data set side by side, as a Markdown table that also reads well as plain text."""

import math
from collections.abc import Mapping, Sequence

from boundary.markdown import table as markdown_table

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
            blocks.append(markdown_table(header, [_row(name, dataset, s, columns) for name, dataset, s in chosen]))
    note = "Means over the replicates, on the test rows. The interval is the mean's: the luck of the seed, no other."
    return "\n\n".join([*blocks, note]) + "\n"


def beside_baselines(
    summaries: Mapping[str, tuple[str, Summary]], baselines: Mapping[str, Mapping[str, Mapping[str, float] | None]]
) -> str:
    """Tables of each data set's best variant beside simple models' scores on the same rows, from baselines.scores."""
    blocks = []
    for score, best_first in ((CLASS_COLUMNS[0], -1), (REGRESSION_COLUMNS[0], 1)):
        best: dict[str, tuple[str, float | int | None]] = {}
        for name, (dataset, summary) in summaries.items():
            if score in summary:
                known = best.get(dataset, ("", None))[1]
                if dataset not in best or _rank(summary[score], best_first) < _rank(known, best_first):
                    best[dataset] = name, summary[score]
        rows = []
        for dataset, (name, value) in best.items():
            header = ["dataset", "best variant", score, *baselines[dataset]]
            simple = [None if found is None else found[score] for found in baselines[dataset].values()]
            rows.append([dataset, name, _shown(value), *map(_shown, simple)])
        if rows:
            blocks.append(markdown_table(header, rows))
    note = "Simple models of scikit-learn on the same rows, with its defaults: is the network worth its trouble?"
    return "\n\n".join([*blocks, note]) + "\n"


def _row(name: str, dataset: str, summary: Summary, columns: Sequence[str]) -> list[str]:
    score, *others = columns
    low, high = summary[f"{score}_low"], summary[f"{score}_high"]
    interval = "one replicate" if summary["replicates"] == 1 else f"{_shown(low)} .. {_shown(high)}"
    replicates = str(summary["replicates"])
    if "diverged" in summary:
        replicates += f" ({summary['diverged']} more diverged)"
    return [dataset, name, _shown(summary[score]), interval, *(_shown(summary[other]) for other in others), replicates]


def _shown(value: float | int | None) -> str:
    return "-" if value is None or math.isnan(value) else f"{value:.4f}"


def _rank(value: float | int | None, best_first: int) -> float:
    return math.inf if value is None or math.isnan(value) else best_first * value
