"""Baselines by hand and against plain scikit-learn, and their table."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from boundary.comparison.pairwise import RankedVariant
from boundary.comparison.tables import Ranking, baselines_table
from boundary.evaluation.baselines import baseline_scores

RANDOM = np.random.RandomState(0)
X = RANDOM.randn(120, 2)


def test_a_straight_boundary_is_found_by_the_linear_model_and_the_trees() -> None:
    y = (X[:, 0] > 0.3).astype(np.int64)
    found = baseline_scores("binary", (X[:80], y[:80]), (X[80:], y[80:]))
    share = max(np.mean(y[80:]), 1 - np.mean(y[80:]))
    assert found["majority class"] == {"accuracy": round(share, 6), "balanced_accuracy": 0.5}
    assert found["logistic regression"]["accuracy"] > 0.9
    assert found["gradient boosting"]["accuracy"] > 0.9


def test_the_scores_are_those_of_the_labels() -> None:
    """Two of three rows of class 0, one of two of class 1 and none of class 2: 3/6, and (2/3 + 1/2 + 0) / 3."""
    x = np.array([[0.0], [0.1], [1.0], [1.1], [2.0], [2.1]])
    y = np.array([0, 0, 1, 1, 2, 2])
    test_x = np.array([[0.0], [0.0], [1.05], [1.05], [0.0], [0.0]])
    test_y = np.array([0, 0, 0, 1, 1, 2])
    said = LogisticRegression().fit((x - x.mean()) / x.std(), y).predict((test_x - x.mean()) / x.std())
    assert said.tolist() == [0, 0, 1, 1, 0, 0]
    found = baseline_scores("multiclass", (x, y), (test_x, test_y))["logistic regression"]
    assert found == {"accuracy": 0.5, "balanced_accuracy": round((2 / 3 + 1 / 2 + 0) / 3, 6)}


def test_amounts() -> None:
    """The line is the ridge's; the median is off by the mean distance from it, to four digits."""
    y = 3 * X[:, 0] + 1
    found = baseline_scores("regression", (X[:80], y[:80]), (X[80:], y[80:]))
    expected = np.abs(y[80:] - np.median(y[:80])).mean()
    assert found["median"]["mae"] == float(f"{expected:.4g}")
    assert found["ridge regression"]["mae"] < 0.1 < found["gradient boosting"]["mae"] < expected


def test_one_class_can_only_be_the_majority() -> None:
    y = np.array([1] * 80 + [0] * 40)
    found = baseline_scores("binary", (X[:80], y[:80]), (X[80:], y[80:]))
    assert found == {
        "majority class": {"accuracy": 0.0, "balanced_accuracy": 0.0},
        "logistic regression": None,
        "gradient boosting": None,
    }


@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_the_same_rows_give_the_same_scores(task: str) -> None:
    y = RANDOM.randint(0, 3, 120) if task == "multiclass" else RANDOM.randn(120)
    first, second = (baseline_scores(task, (X[:80], y[:80]), (X[80:], y[80:])) for _ in range(2))  # type: ignore[arg-type]
    assert first == second


def test_the_table_shows_the_best_variant_beside_simple_models() -> None:
    simple = {"majority class": {"accuracy": 0.5}, "logistic regression": None, "gradient boosting": {"accuracy": 1.0}}
    found = baselines_table(
        {
            "dots": Ranking(
                "accuracy",
                [RankedVariant("b", 0.9, None, None), RankedVariant("a", 0.7, None, None)],
                [],
                {},
                {},
                {"a": 0.75, "b": 0.9375},
            ),
            "ramp": Ranking(
                "mae",
                [RankedVariant("d", 0.25, 0.2, 0.3), RankedVariant("e", 0.5, 0.4, 0.6)],
                [],
                {},
                {},
                {"d": 0.125, "e": 0.5},
            ),
        },
        {"dots": simple, "ramp": {"median": {"mae": 2.0}, "ridge regression": {"mae": 0.125}}},
    )
    assert [line.replace(" ", "") for line in found.splitlines()[:-3] if "--" not in line] == [
        "|dataset|bestvariant|accuracy|ensemble|majorityclass|logisticregression|gradientboosting|",
        "|dots|b|0.9000|0.9375|0.5000|-|1.0000|",
        "",
        "|dataset|bestvariant|mae|ensemble|median|ridgeregression|",
        "|ramp|d|0.2500|0.1250|2.0000|0.1250|",
    ]
