"""Rows for plots: by hand, and by scikit-learn's own areas."""

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics

from boundary.evaluation import curves


def predictions(true: list[int], *probability: list[float]) -> pd.DataFrame:
    """Of two classes, a replicate per list: the probability of the second class."""
    tables = [
        pd.DataFrame(
            {
                "replicate": replicate,
                "row": range(len(true)),
                "true": true,
                "predicted": [int(p > 0.5) for p in values],
                "probability_0": [1 - p for p in values],
                "probability_1": values,
            }
        )
        for replicate, values in enumerate(probability)
    ]
    return pd.concat(tables, ignore_index=True)


def drawn(seed: int, classes: int, rows: int = 200, replicates: int = 3) -> pd.DataFrame:
    random = np.random.RandomState(seed)
    shares = random.dirichlet(np.ones(classes), rows * replicates)
    true = np.tile(random.randint(classes, size=rows), replicates)
    shares[np.arange(len(true)), true] += random.random_sample(len(true))
    shares /= shares.sum(1, keepdims=True)
    columns = {f"probability_{k}": shares[:, k] for k in range(classes)}
    ids = {"replicate": np.repeat(np.arange(replicates), rows), "row": np.tile(np.arange(rows), replicates)}
    return pd.DataFrame({**ids, "true": true, "predicted": shares.argmax(1), **columns})


def test_learning_by_hand() -> None:
    history = {
        "train_loss": [[1.0, 0.5], [2.0, 0.5], [np.nan, np.nan]],
        "test_accuracy": [[0.25, 1.0], [0.75, 1.0], [0.0, np.nan]],
    }
    header, rows = curves.learning([0, 9], history, {2})
    assert header == ("epoch", "part", "measure", "mean", "low", "high")
    assert rows == [
        (0, "train", "loss", 1.5, 0.0, 7.8531),  # 1.5 + 12.7062 * 0.5
        (9, "train", "loss", 0.5, 0.5, 0.5),
        (0, "test", "accuracy", 0.5, 0.0, 1.0),
        (9, "test", "accuracy", 1.0, 1.0, 1.0),
    ]
    _, alone = curves.learning([0, 9], history, {1, 2})
    assert alone[0] == (0, "train", "loss", 1.0, None, None)


def test_confusion_by_hand() -> None:
    table = predictions([0, 0, 1], [0.1, 0.9, 0.8], [0.2, 0.1, 0.3])
    _, rows = curves.confusion(table, ("no", "yes"))
    assert rows == [("no", "no", 3, 0.75), ("no", "yes", 1, 0.25), ("yes", "no", 1, 0.5), ("yes", "yes", 1, 0.5)]


def test_rates_by_hand() -> None:
    """One replicate tells the classes apart, the other has them the wrong way round."""
    table = predictions([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9], [0.8, 0.9, 0.1, 0.2])
    header, rows = curves.roc(table, ("no", "yes"))
    assert header[:2] == ("class", "false_positive_rate")
    assert {row[0] for row in rows} == {"yes (AUC 0.500)"}
    assert [row[1] for row in rows] == [k / 50 for k in range(51)]
    assert [row[2] for row in rows[:-1]] == [0.5] * 50
    assert rows[-1][2:] == (1.0, 1.0, 1.0)
    _, rows = curves.precision_recall(table, ("no", "yes"))
    assert rows[0][0] == f"yes (AP {(1 + (1 / 3 + 1 / 2) / 2) / 2:.3f})"
    # the second replicate: nothing at first, then one right answer among three, then two among four
    assert [row[2] for row in rows] == [0.5] + [0.66667] * 25 + [0.75] * 25


@pytest.mark.parametrize("classes", [2, 4])
def test_areas_below_the_curves_are_those_that_are_named(classes: int) -> None:
    table = drawn(classes, classes)
    names = tuple(f"class {k}" for k in range(classes))
    for draw in (curves.roc, curves.precision_recall):
        frame = pd.DataFrame(draw(table, names)[1], columns=["class", "at", "mean", "low", "high"])
        assert len(frame) == 51 * (1 if classes == 2 else classes)
        assert frame["mean"].between(frame["low"], frame["high"]).all()
        for label, own in frame.groupby("class"):
            named = float(str(label).rpartition(" ")[2].rstrip(")"))
            assert metrics.auc(own["at"], own["mean"]) == pytest.approx(named, abs=0.02)


def test_a_class_that_is_not_among_the_test_rows_has_no_curve() -> None:
    table = drawn(0, 3)
    table = table[table["true"] != 1]
    for draw in (curves.roc, curves.precision_recall):
        assert {str(row[0])[0] for row in draw(table, ("a", "b", "c"))[1]} == {"a", "c"}
    assert curves.roc(predictions([1, 1], [0.1, 0.9]), ("no", "yes"))[1] == []


def test_calibration_by_hand() -> None:
    """Three predictions that are 95% sure, two of them right, and one of 60% that is right."""
    table = predictions([1, 0, 1, 1], [0.95, 0.05, 0.05, 0.6])
    header, rows = curves.calibration(table, ("no", "yes"))
    assert header == ("error", "confidence", "accuracy", "share")
    error = (abs(0.6 - 1) + abs(3 * 0.95 - 2)) / 4
    assert rows == [
        (f"error {error:.3f}", 0.6, 1.0, 0.25),
        (f"error {error:.3f}", 0.95, pytest.approx(2 / 3, abs=1e-5), 0.75),
    ]


def test_who_is_quite_sure_is_in_the_last_bin() -> None:
    assert curves.calibration(predictions([1, 0], [1.0, 0.0]), ("no", "yes"))[1] == [("error 0.000", 1.0, 1.0, 1.0)]
