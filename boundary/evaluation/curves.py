"""Rows for plots of a variant: how it learned, and how its probabilities fare on the test rows.

Means are over the replicates that did not diverge; low and high are the interval of the mean for the luck of the seed
alone (stats/intervals.seed_interval), None with a single replicate. Numbers are rounded. Predictions come as a table,
as artifacts/predictions.py has it.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import pandas as pd
from sklearn import metrics

from boundary.artifacts.predictions import confusion_counts
from boundary.stats.intervals import seed_interval

DECIMALS = 5
STEPS = 50  # of the rates that a curve is drawn at
BINS = 10

Row = tuple[object, ...]
Drawn = tuple[Sequence[str], Sequence[Row]]  # a header, and rows


def learning(epochs: Sequence[int], history: Mapping[str, Sequence[Sequence[float]]], diverged: set[int]) -> Drawn:
    """epoch, part (train or test), measure (loss or accuracy), mean, low, high; history as results.read_history."""
    rows: list[Row] = []
    for column, values in history.items():  # (replicates, epochs)
        part, _, measure = column.partition("_")
        possible = (0.0, 1.0 if measure == "accuracy" else math.inf)
        converged = [row for replicate, row in enumerate(values) if replicate not in diverged]
        for epoch, of_epoch in zip(epochs, zip(*converged, strict=True), strict=True):
            rows.append((epoch, part, measure, *_interval(of_epoch, possible)))
    return ("epoch", "part", "measure", "mean", "low", "high"), rows


def confusion(table: pd.DataFrame, classes: Sequence[object]) -> Drawn:
    """actual, predicted, count (of rows, over all replicates), share (of the rows of that actual class)."""
    counts = confusion_counts(table["true"].to_numpy(), table["predicted"].to_numpy(), len(classes))
    rows = [
        (classes[true], classes[predicted], int(count), _rounded(count / max(int(counts[true].sum()), 1)))
        for (true, predicted), count in np.ndenumerate(counts)
    ]
    return ("actual", "predicted", "count", "share"), rows


def roc(table: pd.DataFrame, classes: Sequence[object]) -> Drawn:
    """class, with the area below its curve; false_positive_rate, and the true positive rate's mean, low, high."""

    def curve(true: np.ndarray, probability: np.ndarray) -> np.ndarray:
        false_positive, true_positive, _ = metrics.roc_curve(true, probability)
        return np.interp(np.arange(STEPS + 1) / STEPS, false_positive, true_positive)

    rows = list(_by_class(table, classes, curve, metrics.roc_auc_score, "AUC"))
    return ("class", "false_positive_rate", "mean", "low", "high"), rows


def precision_recall(table: pd.DataFrame, classes: Sequence[object]) -> Drawn:
    """class, with its average precision, which is the area below the curve; recall, and precision's mean, low, high.

    The precision at a recall is that of the highest threshold with at least that recall.
    """

    def curve(true: np.ndarray, probability: np.ndarray) -> np.ndarray:
        precision, recall, _ = metrics.precision_recall_curve(true, probability)
        rising, best = recall[-2::-1], precision[-2::-1]  # the last is a convention of scikit-learn's: recall 0
        return best[np.searchsorted(rising, np.arange(STEPS + 1) / STEPS - 1e-12)]

    rows = list(_by_class(table, classes, curve, metrics.average_precision_score, "AP"))
    return ("class", "recall", "mean", "low", "high"), rows


def calibration(table: pd.DataFrame, classes: Sequence[object]) -> Drawn:
    """For the predictions of all replicates, by how sure they are: confidence, accuracy, share of the predictions.

    confidence is the mean probability of the predicted class in a bin of a tenth. error, in words: the mean gap between
    confidence and accuracy, the expected calibration error.
    """
    sure = table[[f"probability_{k}" for k in range(len(classes))]].to_numpy().max(axis=1)
    right = (table["true"] == table["predicted"]).to_numpy()
    place = np.minimum((sure * BINS).astype(int), BINS - 1)
    bins = [(math.fsum(sure[place == k]), int(right[place == k].sum()), int((place == k).sum())) for k in range(BINS)]
    error = math.fsum(abs(total - hits) for total, hits, _ in bins) / len(table)
    rows = [
        (f"error {error:.3f}", _rounded(total / count), _rounded(hits / count), _rounded(count / len(table)))
        for total, hits, count in bins
        if count
    ]
    return ("error", "confidence", "accuracy", "share"), rows


def _by_class(
    table: pd.DataFrame,
    classes: Sequence[object],
    curve: Callable[[np.ndarray, np.ndarray], np.ndarray],
    area: Callable[[np.ndarray, np.ndarray], float],
    name: str,
) -> Iterator[Row]:
    """Each class against the others, of two classes the second; a class needs rows of its own, and of others."""
    for k in range(len(classes)) if len(classes) > 2 else (1,):
        is_k = (table["true"] == k).to_numpy()
        if is_k.all() or not is_k.any():
            continue
        replicates = [
            (rows["true"].to_numpy() == k, rows[f"probability_{k}"].to_numpy())
            for _, rows in table.groupby("replicate")
        ]
        areas = [float(area(*replicate)) for replicate in replicates]
        values = np.array([curve(*replicate) for replicate in replicates])
        label = f"{classes[k]} ({name} {math.fsum(areas) / len(areas):.3f})"
        for step in range(STEPS + 1):
            yield (label, step / STEPS, *_interval(values[:, step].tolist(), (0.0, 1.0)))


def _interval(values: Sequence[float], possible: tuple[float, float]) -> tuple[float | None, ...]:
    return tuple(None if value is None else _rounded(value) for value in seed_interval(values, possible))


def _rounded(value: float) -> float:
    return round(float(value), DECIMALS) + 0.0


KINDS: Mapping[str, Callable[[pd.DataFrame, Sequence[object]], Drawn]] = {
    "confusion": confusion,
    "roc": roc,
    "precision_recall": precision_recall,
    "calibration": calibration,
}
