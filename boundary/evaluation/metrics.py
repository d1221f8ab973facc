"""Scores of predictions against the truth, by scikit-learn: per replicate, then over the replicates.

Predictions come as a table, one row per example, as artifacts/predictions.py has it: columns true and predicted, and
for classes (given by their index) probability_0, probability_1, ... A replicate that diverged has no scores.
"""

import math
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

import numpy as np
import pandas as pd
from sklearn import metrics

from boundary.artifacts.predictions import class_scores, confusion_counts
from boundary.stats.intervals import score_interval

DECIMALS = 6
AT_ONCE = 1 << 18  # rows whose loss is found at once: scikit-learn takes ten times their memory


def score_replicate(rows: pd.DataFrame, classes: Sequence[object]) -> dict[str, float]:
    """The scores of one replicate: classification_scores, or regression_scores where there are no classes."""
    return classification_scores(rows, len(classes)) if classes else regression_scores(rows)


def classification_scores(rows: pd.DataFrame, classes: int) -> dict[str, float]:
    """accuracy, precision, recall, f1, and loss: the mean of -log of the true class's probability, in nats.

    Two classes: precision, recall and F1 of class 1. More: their plain means over the classes. A class that is never
    predicted has precision 0.
    """
    true, predicted = rows["true"].to_numpy(), rows["predicted"].to_numpy()
    indices = list(range(classes))
    average: dict[str, Any] = {"average": "binary"} if classes == 2 else {"average": "macro", "labels": indices}
    precision, recall, f1, _ = metrics.precision_recall_fscore_support(true, predicted, zero_division=0, **average)
    shares = [f"probability_{k}" for k in indices]
    pieces = [rows.iloc[start : start + AT_ONCE] for start in range(0, len(rows), AT_ONCE)]
    losses = [metrics.log_loss(few["true"], few[shares].to_numpy(), labels=indices, normalize=False) for few in pieces]
    return {
        "accuracy": float(metrics.accuracy_score(true, predicted)),
        "precision": float(precision),
        "recall": float(recall),
        "f1": float(f1),
        "loss": math.fsum(losses) / len(true),
    }


def regression_scores(rows: pd.DataFrame) -> dict[str, float]:
    """mae, mse and r2 (the share of the variance that is explained; nan for a single row, which has none)."""
    return {
        "mae": float(metrics.mean_absolute_error(rows["true"], rows["predicted"])),
        "mse": float(metrics.mean_squared_error(rows["true"], rows["predicted"])),
        "r2": float(metrics.r2_score(rows["true"], rows["predicted"])) if len(rows) > 1 else math.nan,
    }


def per_example(table: pd.DataFrame, classes: Sequence[object]) -> tuple[str, dict[int, np.ndarray]]:
    """The first of the scores, and by replicate its value for each row, which has that score as its mean.

    accuracy: 1 where the class is right, else 0; mae: the absolute error.
    """
    true, predicted, replicate = (table[name].to_numpy() for name in ("true", "predicted", "replicate"))
    values = (true == predicted).astype(np.uint8) if classes else np.abs(true.astype(np.float64) - predicted)
    found = {each: values[replicate == each] for each in np.unique(replicate).tolist()}
    return ("accuracy" if classes else "mae"), found


def class_details(rows: pd.DataFrame, classes: Sequence[object]) -> dict[str, Any]:
    """One replicate's confusion matrix (rows: true, columns: predicted), balanced_accuracy and classification report.

    balanced_accuracy is the mean recall of the classes that there are: chance is one over their number, however rare
    one is. The report is that of scikit-learn's classification_report. Nothing for a regression.
    """
    if not classes:
        return {}
    true, predicted = rows["true"].to_numpy(), rows["predicted"].to_numpy()
    counts = confusion_counts(true, predicted, len(classes))
    scores = class_scores(counts)
    report: dict[str, Any] = {str(label): of_class for label, of_class in zip(classes, scores, strict=True)}
    report["accuracy"] = int(counts.trace()) / len(true)
    for name, weights in (("macro avg", [1.0] * len(classes)), ("weighted avg", [each["support"] for each in scores])):
        report[name] = {key: fmean((each[key] for each in scores), weights) for key in scores[0]}
        report[name]["support"] = float(len(true))
    return {
        "confusion_matrix": counts.tolist(),
        "balanced_accuracy": rounded(balanced_accuracy(true, predicted)),
        "classification_report": rounded(report),
    }


def balanced_accuracy(true: np.ndarray, predicted: np.ndarray) -> float:
    """The mean over the classes that there are of the share of their rows that are found."""
    hit = true == predicted
    return fmean(int(hit[true == k].sum()) / int((true == k).sum()) for k in np.unique(true))


def summarize(
    scores: Sequence[Mapping[str, float]], interval: Mapping[str, float | None], diverged: int = 0
) -> dict[str, float | int | None]:
    """Means over the replicates, their interval, where there is one, and how many replicates there are.

    What is not a number is None. Where others `diverged`, which count in nothing else, their number is added.
    """
    means = rounded({name: fmean(score[name] for score in scores) for name in scores[0]})
    return {**means, **interval, "replicates": len(scores), **({"diverged": diverged} if diverged else {})}


def interval_of(score: str, values: np.ndarray) -> dict[str, float | None]:
    """<score>_low and <score>_high: the 95% interval of the mean of a score of every row by every replicate (R, N)."""
    _, low, high = score_interval(score, values)
    return rounded({f"{score}_low": low, f"{score}_high": high})


def rounded(value: Any) -> Any:
    """The same with every float rounded to DECIMALS, in mappings and lists too; nan and infinity become None."""
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [rounded(item) for item in value]
    if isinstance(value, float):
        return round(float(value), DECIMALS) + 0.0 if math.isfinite(value) else None
    return value
