"""What the replicates of a variant say together: the mean of their predictions, and how far they disagree.

Shapes: R replicates, rows = examples. Sums run in the order of the replicates, one addition at a time, so that they
come out the same on every machine.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from boundary.artifacts.schema import Schema


def mean(predictions: Sequence[np.ndarray]) -> np.ndarray:
    """The mean of R arrays of one shape."""
    return sum(predictions[1:], start=predictions[0]) / len(predictions)


def deviation(predictions: Sequence[np.ndarray]) -> np.ndarray:
    """The standard deviation of R arrays of one shape, with R - 1 degrees of freedom; 0 for a single one."""
    center = mean(predictions)
    squares = [(one - center) * (one - center) for one in predictions]
    return np.sqrt(sum(squares[1:], start=squares[0]) / max(1, len(predictions) - 1))


def ensemble_predictions(schema: Schema, predictions: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """What models/predict.predict gives, (classes, rows) or (1, rows) for each of R replicates, as columns (rows,).

    predicted: the class whose mean probability is highest, the first one of equals, or the mean value;
    probability_<class>: the mean probability, in float32;
    disagreement, in float32: the share of replicates that would choose another class, or the values' deviation.
    """
    together = mean(predictions)
    if schema.task == "regression":
        spread = deviation(predictions)
        return {"predicted": together[0].astype(np.float32), "disagreement": spread[0].astype(np.float32)}
    chosen = together.argmax(axis=0)
    others = [(one.argmax(axis=0) != chosen).astype(np.float64) for one in predictions]
    shares = {f"probability_{label}": together[k].astype(np.float32) for k, label in enumerate(schema.classes)}
    return {"predicted": np.array(schema.classes)[chosen], **shares, "disagreement": mean(others).astype(np.float32)}


class EnsembleTable:
    """The ensemble's predictions, from tables of each replicate's for the same rows, added one after the other."""

    def __init__(self) -> None:
        self.count = 0
        self.total = pd.DataFrame()

    def add(self, table: pd.DataFrame) -> None:
        """Take in one replicate's table."""
        if not self.count:
            self.total = table.copy()
        else:
            for name in _averaged(self.total):
                self.total[name] += table[name]
        self.count += 1

    def table(self) -> pd.DataFrame:
        """The means; of classes, the most probable one by them."""
        result = self.total.copy()
        for name in _averaged(result):
            result[name] /= self.count
        if "probability_0" in result:
            result["predicted"] = result[_averaged(result)].to_numpy().argmax(axis=1)
        return result


def _averaged(table: pd.DataFrame) -> list[str]:
    return [name for name in table.columns if name.startswith("probability_")] or ["predicted"]
