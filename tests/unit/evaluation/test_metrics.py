"""Scores by hand, by formula, and against torchmetrics."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchmetrics import classification, regression

from boundary.artifacts import files
from boundary.evaluation import metrics

CLASS_SUMMARY = ["accuracy", "precision", "recall", "f1", "loss", "accuracy_low", "accuracy_high", "replicates"]
REGRESSION_SUMMARY = ["mae", "mse", "r2", "mae_low", "mae_high", "replicates"]


def table(true: list[int], predicted: list[int], probability: list[list[float]] | None = None) -> pd.DataFrame:
    """One replicate's rows; probabilities (rows, classes), or 1 for the predicted of three classes."""
    p = np.eye(3)[predicted] if probability is None else np.array(probability)
    return pd.DataFrame(
        {"true": true, "predicted": predicted, **{f"probability_{k}": p[:, k] for k in range(p.shape[1])}}
    )


def binary(true: list[int], share: list[float]) -> pd.DataFrame:
    """Rows with these probabilities of class 1."""
    return table(true, [int(p > 0.5) for p in share], [[1 - p, p] for p in share])


def values(true: list[float], predicted: list[float]) -> pd.DataFrame:
    return pd.DataFrame({"true": true, "predicted": predicted})


# --- classes -------------------------------------------------------------------------------------------------------


def test_binary_scores_by_hand() -> None:
    """Class 1: two found, one missed, and one false alarm among five rows."""
    found = metrics.score_replicate(binary([1, 1, 1, 0, 0], [0.8, 0.75, 0.25, 0.6, 0.1]), ("no", "yes"))
    assert list(found) == ["accuracy", "precision", "recall", "f1", "loss"]
    loss = -(math.log(0.8) + math.log(0.75) + math.log(0.25) + math.log(0.4) + math.log(0.9)) / 5
    expected = {"accuracy": 3 / 5, "precision": 2 / 3, "recall": 2 / 3, "f1": 2 / 3, "loss": loss}
    assert found == pytest.approx(expected, rel=1e-12)


def test_binary_scores_are_those_of_class_one() -> None:
    """Not of the rarer class, nor a mean: class 0 would have precision 1 and recall 3/4."""
    found = metrics.classification_scores(binary([0, 0, 0, 0, 1], [0.1, 0.1, 0.1, 0.9, 0.9]), 2)
    assert (found["precision"], found["recall"]) == (0.5, 1.0)
    assert found["f1"] == pytest.approx(2 / 3)


def test_scores_of_three_classes_by_hand() -> None:
    """By class: precision 1, 2/3, 1/2; recall 1/2, 1, 1/2; F1 2/3, 4/5, 1/2."""
    p = [[0.5, 0.25, 0.25], [0.2, 0.7, 0.1], [0.1, 0.8, 0.1], [0.3, 0.2, 0.5], [0.1, 0.5, 0.4], [0.3, 0.3, 0.4]]
    true, predicted = [0, 2, 1, 0, 1, 2], [0, 1, 1, 2, 1, 2]
    found = metrics.score_replicate(table(true, predicted, p), ("a", "b", "c"))
    expected = {
        "accuracy": 4 / 6,
        "precision": (1 + 2 / 3 + 1 / 2) / 3,
        "recall": (1 / 2 + 1 + 1 / 2) / 3,
        "f1": (2 / 3 + 4 / 5 + 1 / 2) / 3,
        "loss": -(math.log(0.5) + math.log(0.1) + math.log(0.8) + math.log(0.3) + math.log(0.5) + math.log(0.4)) / 6,
    }
    assert found == pytest.approx(expected, rel=1e-12)


def test_a_class_that_is_never_predicted_has_precision_zero() -> None:
    found = metrics.classification_scores(table([0, 1, 2, 2], [0, 1, 1, 1]), 3)
    assert found["precision"] == pytest.approx((1 + 1 / 3 + 0) / 3)
    assert found["recall"] == pytest.approx((1 + 1 + 0) / 3)
    assert found["f1"] == pytest.approx((1 + 1 / 2 + 0) / 3)
    never = metrics.classification_scores(binary([1, 1, 0], [0.2, 0.2, 0.2]), 2)
    assert (never["precision"], never["recall"], never["f1"]) == (0.0, 0.0, 0.0)


def test_a_class_without_rows_counts_in_the_means() -> None:
    """A small test part may lack a class: the means are over all classes all the same."""
    found = metrics.classification_scores(table([0, 1], [0, 1]), 3)
    assert found["accuracy"] == 1
    assert found["precision"] == found["recall"] == found["f1"] == pytest.approx(2 / 3)
    assert metrics.classification_scores(binary([0, 0], [0.2, 0.2]), 2)["accuracy"] == 1


def test_the_loss_of_a_certain_mistake_is_finite() -> None:
    assert 30 < metrics.classification_scores(table([0], [1]), 3)["loss"] < 1000


@st.composite
def predictions(draw: Any, classes: int) -> pd.DataFrame:
    """Any rows, with probabilities that are not too near 0, and predictions that follow from them."""
    rows = draw(st.integers(1, 30))
    true = draw(st.lists(st.integers(0, classes - 1), min_size=rows, max_size=rows))
    weights = draw(
        st.lists(st.lists(st.integers(1, 50), min_size=classes, max_size=classes), min_size=rows, max_size=rows)
    )
    p = np.array(weights) / np.sum(weights, axis=1, keepdims=True)
    return table(true, p.argmax(1).tolist(), p.tolist())


def by_formula(rows: pd.DataFrame, classes: int) -> dict[str, float]:
    """The definitions, from counts."""
    true, predicted = rows["true"].to_numpy(), rows["predicted"].to_numpy()
    each = []
    for k in [1] if classes == 2 else range(classes):
        hits = ((true == k) & (predicted == k)).sum()
        precision = hits / max((predicted == k).sum(), 1)
        recall = hits / max((true == k).sum(), 1)
        each.append((precision, recall, 2 * precision * recall / (precision + recall) if hits else 0.0))
    precision, recall, f1 = np.mean(each, axis=0)
    p = rows[[f"probability_{k}" for k in range(classes)]].to_numpy()[np.arange(len(rows)), true]
    accuracy, loss = (true == predicted).mean(), -np.log(p).mean()
    return {"accuracy": accuracy, "precision": precision, "recall": recall, "f1": f1, "loss": loss}


@settings(deadline=None, max_examples=30)
@given(st.sampled_from([2, 3, 5]).flatmap(lambda n: st.tuples(st.just(n), predictions(n))))
def test_scores_are_those_of_the_formulas(drawn: tuple[int, pd.DataFrame]) -> None:
    classes, rows = drawn
    found = metrics.classification_scores(rows, classes)
    assert found == pytest.approx(by_formula(rows, classes), rel=1e-9, abs=1e-12)
    assert {type(value) for value in found.values()} == {float}


def by_torchmetrics(rows: pd.DataFrame, classes: int) -> dict[str, float]:
    true, predicted = torch.tensor(rows["true"]), torch.tensor(rows["predicted"])
    measures = {"accuracy": "Accuracy", "precision": "Precision", "recall": "Recall", "f1": "F1Score"}
    if classes == 2:
        made = {name: getattr(classification, f"Binary{measure}")() for name, measure in measures.items()}
    else:
        made = {
            name: getattr(classification, f"Multiclass{measure}")(
                classes, average="micro" if name == "accuracy" else "macro"
            )
            for name, measure in measures.items()
        }
    return {name: measure(predicted, true).item() for name, measure in made.items()}


@pytest.mark.parametrize("classes", [2, 4])
def test_scores_are_those_of_torchmetrics(classes: int) -> None:
    """A second opinion; every class is there and is predicted, where all conventions agree."""
    random = np.random.RandomState(0)
    p = random.dirichlet(np.ones(classes), 200)
    rows = table(random.randint(classes, size=200).tolist(), p.argmax(1).tolist(), p.tolist())
    found = metrics.classification_scores(rows, classes)
    loss = found.pop("loss")
    assert found == pytest.approx(by_torchmetrics(rows, classes), abs=1e-6)
    true = torch.tensor(rows["true"])
    assert loss == pytest.approx(torch.nn.functional.nll_loss(torch.tensor(p).log(), true).item(), rel=1e-12)


# --- values --------------------------------------------------------------------------------------------------------


def test_regression_scores_by_hand() -> None:
    """Errors 1, -1, 0, 2 around a mean of 4: squares 6, spread 9 + 1 + 1 + 9 = 20."""
    found = metrics.score_replicate(values([1, 3, 5, 7], [2, 2, 5, 9]), ())
    assert found == pytest.approx({"mae": 1.0, "mse": 1.5, "r2": 1 - 6 / 20})
    assert list(found) == ["mae", "mse", "r2"]


def test_perfect_and_constant_predictions() -> None:
    assert metrics.regression_scores(values([1, 2, 4], [1, 2, 4])) == {"mae": 0.0, "mse": 0.0, "r2": 1.0}
    assert metrics.regression_scores(values([1, 2, 6], [3, 3, 3]))["r2"] == pytest.approx(0.0)
    assert metrics.regression_scores(values([1, 3], [1, 2]))["r2"] == 0.5  # two rows are enough: 1 - 1 / 2


def test_regression_scores_are_those_of_torchmetrics() -> None:
    random = np.random.RandomState(0)
    true = random.randn(100)
    rows = values(true.tolist(), (true + 0.3 * random.randn(100)).tolist())
    y, p = torch.tensor(rows["true"]), torch.tensor(rows["predicted"])
    measures = {"mae": regression.MeanAbsoluteError(), "mse": regression.MeanSquaredError(), "r2": regression.R2Score()}
    expected = {name: measure(p, y).item() for name, measure in measures.items()}
    assert metrics.regression_scores(rows) == pytest.approx(expected, rel=1e-5)


def test_a_single_row_has_no_variance_to_explain(tmp_path: Path) -> None:
    """mae and mse are what they are; the summary can be published, and no warning is given."""
    found = metrics.summarize([metrics.regression_scores(values([2.0], [3.0]))] * 2, NO_INTERVAL)
    assert (found["mae"], found["mse"], found["r2"]) == (1.0, 1.0, None)
    files.write_json(tmp_path / "summary.json", found)


# --- details -------------------------------------------------------------------------------------------------------


def test_details_by_hand() -> None:
    """Rows of the matrix are true, columns predicted; the report is by label."""
    found = metrics.class_details(table([0, 0, 0, 1, 2, 2], [0, 1, 1, 1, 0, 2]), ("a", 7, True))
    assert found["confusion_matrix"] == [[1, 2, 0], [0, 1, 0], [1, 0, 1]]
    report = found["classification_report"]
    assert set(report) == {"a", "7", "True", "accuracy", "macro avg", "weighted avg"}
    assert report["a"] == {"precision": 0.5, "recall": 0.333333, "f1-score": 0.4, "support": 3.0}
    assert report["7"] == {"precision": 0.333333, "recall": 1.0, "f1-score": 0.5, "support": 1.0}
    assert report["accuracy"] == 0.5
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_details_name_every_class_even_if_absent() -> None:
    found = metrics.class_details(table([0, 0], [0, 0]), ("a", "b", "c"))
    assert found["confusion_matrix"] == [[2, 0, 0], [0, 0, 0], [0, 0, 0]]
    assert found["classification_report"]["c"] == {"precision": 0.0, "recall": 0.0, "f1-score": 0.0, "support": 0.0}


def test_balanced_accuracy_is_over_the_classes_that_there_are() -> None:
    """Class 2 has no row: its recall is none, whoever is taken for it."""
    found = metrics.class_details(table([0, 0, 0, 1], [0, 0, 2, 1]), ("a", "b", "c"))
    assert found["balanced_accuracy"] == round((2 / 3 + 1) / 2, 6)


def test_scores_of_rows_have_the_score_as_their_mean() -> None:
    """By replicate, whatever the order of the rows."""
    rows = table([0, 1, 2, 1], [0, 1, 1, 1]).assign(replicate=[3, 0, 3, 0])
    name, found = metrics.per_example(rows, ("a", "b", "c"))
    assert name == "accuracy"
    assert {replicate: values.tolist() for replicate, values in found.items()} == {0: [1, 1], 3: [1, 0]}
    assert found[0].dtype == np.uint8
    name, found = metrics.per_example(values([1, 2, 4], [1.5, 2, 1]).assign(replicate=[0, 1, 0]), ())
    assert name == "mae"
    assert {replicate: errors.tolist() for replicate, errors in found.items()} == {0: [0.5, 3], 1: [0]}
    assert found[0].dtype == np.float64
    large = pd.DataFrame({"true": np.float32([2**24]), "predicted": np.float32([-1]), "replicate": [0]})
    assert metrics.per_example(large, ())[1][0].tolist() == [2**24 + 1]  # which float32 has not


def test_a_regression_has_no_details() -> None:
    assert metrics.class_details(values([1, 2], [1, 2]), ()) == {}


# --- summary -------------------------------------------------------------------------------------------------------


REGRESSIONS = [{"mae": 20.0, "mse": 1.0, "r2": 0.0}, {"mae": 22.0, "mse": 9.0, "r2": -1.0}]
NO_INTERVAL = {"mae_low": None, "mae_high": None}


def test_a_summary_by_hand() -> None:
    each = [
        {"accuracy": 0.69, "precision": 0.1, "recall": 1.0, "f1": 0.0, "loss": 1.0},
        {"accuracy": 0.71, "precision": 0.2, "recall": 1.0, "f1": 0.5, "loss": 2.0},
        {"accuracy": 0.7, "precision": 0.3, "recall": 0.0, "f1": 1.0, "loss": 3.0},
    ]
    interval = {"accuracy_low": 0.6, "accuracy_high": 0.8}
    found = metrics.summarize(each, interval)
    assert list(found) == CLASS_SUMMARY
    assert list(found.values()) == pytest.approx([0.7, 0.2, 0.666667, 0.5, 2.0, 0.6, 0.8, 3], rel=1e-12)
    assert found["recall"] == 0.666667
    assert isinstance(found["replicates"], int)
    assert metrics.summarize(each[::-1], interval) == found


def test_a_summary_without_an_interval() -> None:
    """That of the rows for training."""
    found = metrics.summarize([metrics.classification_scores(binary([0, 1], [0.25, 0.75]), 2)], {})
    assert list(found) == [name for name in CLASS_SUMMARY if not name.startswith("accuracy_")]
    assert (found["accuracy"], found["replicates"]) == (1.0, 1)
    assert found["loss"] == round(-math.log(0.75), 6)


def test_replicates_that_diverged_are_counted_apart() -> None:
    found = metrics.summarize(REGRESSIONS, NO_INTERVAL, 3)
    assert list(found) == [*REGRESSION_SUMMARY, "diverged"]
    assert found == {**metrics.summarize(REGRESSIONS, NO_INTERVAL, 0), "diverged": 3}
    assert (found["mae"], found["mse"], found["r2"], found["replicates"]) == (21.0, 5.0, -0.5, 2)
    assert "diverged" not in metrics.summarize(REGRESSIONS, NO_INTERVAL)


def test_the_interval_of_a_score_is_named_after_it_and_rounded() -> None:
    """t for 1 degree is 12.706205."""
    found = metrics.interval_of("mae", np.array([[20.0, 22.0]]))
    assert list(found) == ["mae_low", "mae_high"]
    assert list(found.values()) == [round(21 - 12.706205, 6), round(21 + 12.706205, 6)]
    assert metrics.interval_of("accuracy", np.array([[1], [0]])) == {"accuracy_low": None, "accuracy_high": None}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.12345649, "0.123456"),
        (-0.0, "0.0"),
        (-1e-9, "0.0"),
        (1e20, "1e+20"),
        (np.float64(2 / 3), "0.666667"),
        (3, "3"),
        (None, "None"),
        ("a", "'a'"),
        (True, "True"),
        ([0.1234567, [-0.0, 1]], "[0.123457, [0.0, 1]]"),
        ({"a": {"b": [1.00000049]}}, "{'a': {'b': [1.0]}}"),
    ],
)
def test_rounded(value: Any, expected: str) -> None:
    assert repr(metrics.rounded(value)) == expected
