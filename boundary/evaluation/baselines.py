"""What simple, well-known models make of the same rows, by scikit-learn: is the network worth its trouble?

For classes the most frequent one, a logistic regression and gradient-boosted trees; for amounts the median, a ridge
regression and the trees: all with default settings and a fixed seed, the linear ones on scaled features.

Their sums are not exact, so a probability differs between machines in its last digits. Published is what depends on
labels alone, and for amounts an error of a few digits. Shapes: x (rows, features), y (rows,): indices of classes, or
amounts.
"""

from statistics import fmean
from typing import Any

import numpy as np

from boundary.artifacts.schema import Task
from boundary.evaluation.metrics import balanced_accuracy, rounded

SEED = 0
DIGITS = 4  # of an error of amounts: 1e-4 of it, where machines differ by 1e-12


def baseline_scores(
    task: Task, train: tuple[np.ndarray, np.ndarray], test: tuple[np.ndarray, np.ndarray]
) -> dict[str, Any]:
    """Each baseline's scores on the test rows, by its name: accuracy and balanced_accuracy, or mae.

    None for a model that cannot be fitted, as the training rows are all of one class.
    """
    from threadpoolctl import threadpool_limits

    result: dict[str, Any] = {}
    with threadpool_limits(1):  # so small a task takes longer with more, many times so on a busy machine
        for name, model in _models(task).items():
            if task != "regression" and name != "majority class" and len(np.unique(train[1])) < 2:
                result[name] = None
                continue
            predicted = model.fit(*train).predict(test[0])
            result[name] = _amount_scores(test[1], predicted) if task == "regression" else _scores(test[1], predicted)
    return result


def _models(task: Task) -> dict[str, Any]:
    from sklearn.dummy import DummyClassifier, DummyRegressor
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if task == "regression":
        return {
            "median": DummyRegressor(strategy="median"),
            "ridge regression": make_pipeline(StandardScaler(), Ridge()),
            "gradient boosting": HistGradientBoostingRegressor(random_state=SEED),
        }
    return {
        "majority class": DummyClassifier(strategy="most_frequent"),
        "logistic regression": make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000, tol=1e-6)),
        "gradient boosting": HistGradientBoostingClassifier(random_state=SEED),
    }


def _scores(true: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    accuracy = int((true == predicted).sum()) / len(true)
    return rounded({"accuracy": accuracy, "balanced_accuracy": balanced_accuracy(true, predicted)})


def _amount_scores(true: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    """mae, the mean absolute error."""
    return {"mae": float(f"{fmean(np.abs(true - predicted).tolist()):.{DIGITS}g}")}
