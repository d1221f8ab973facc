"""The replicates together, by numbers worked out by hand."""

import numpy as np
import pandas as pd
import pytest

from boundary.artifacts.schema import Schema
from boundary.evaluation import ensembles
from boundary.evaluation.ensembles import EnsembleTable

BINARY = Schema(("a",), "y", "binary", ("no", "yes"))
THREE = Schema(("a",), "y", "multiclass", (1, 5, 9))
VALUES = Schema(("a",), "y", "regression", ())


def test_classes() -> None:
    """Four networks, three rows; of the last row's classes none is ahead, and the first one is chosen."""
    yes = np.array([[0.9, 0.2, 0.5], [0.8, 0.3, 0.5], [0.4, 0.6, 0.5], [0.7, 0.1, 0.5]])
    found = ensembles.ensemble_predictions(BINARY, [np.stack([1 - one, one]) for one in yes])
    assert list(found) == ["predicted", "probability_no", "probability_yes", "disagreement"]
    assert found["predicted"].tolist() == ["yes", "no", "no"]
    assert found["probability_yes"] == pytest.approx([0.7, 0.3, 0.5], abs=1e-7)
    assert found["disagreement"].tolist() == [0.25, 0.25, 0.0]
    assert found["probability_yes"].dtype == np.float32


def test_the_mean_decides_not_the_majority() -> None:
    said = [np.array([[0.4], [0.6], [0.0]]), np.array([[0.4], [0.6], [0.0]]), np.array([[0.9], [0.0], [0.1]])]
    found = ensembles.ensemble_predictions(THREE, said)
    assert found["predicted"].tolist() == [1]
    assert found["disagreement"] == pytest.approx([2 / 3])


def test_values() -> None:
    """3, 5 and 10: their mean is 6, their squares' distances 9, 1 and 16, half of which is 13."""
    found = ensembles.ensemble_predictions(VALUES, [np.array([[3.0]]), np.array([[5.0]]), np.array([[10.0]])])
    assert found["predicted"].tolist() == [6.0]
    assert found["disagreement"] == pytest.approx([13**0.5])


@pytest.mark.parametrize("schema", [BINARY, VALUES])
def test_one_network_agrees_with_itself(schema: Schema) -> None:
    said = [np.array([[0.2], [0.8]] if schema.classes else [[7.0]])]
    assert ensembles.ensemble_predictions(schema, said)["disagreement"].tolist() == [0.0]


def test_sums_run_in_the_order_of_the_replicates() -> None:
    """In another order, 1e16 + 1 - 1e16 would give another number."""
    said = [np.array([1e16]), np.array([1.0]), np.array([-1e16]), np.array([1.0])]
    assert ensembles.mean(said).tolist() == [0.25]


def ensemble_table(*tables: pd.DataFrame) -> pd.DataFrame:
    """Of the replicates' tables, in turn."""
    ensemble = EnsembleTable()
    for each in tables:
        ensemble.add(each)
    return ensemble.table()


def test_a_table_to_score() -> None:
    """The replicates' tables stay as they are."""
    first = pd.DataFrame(
        {"true": [0, 1], "predicted": [1, 1], "probability_0": [0.1, 0.4], "probability_1": [0.9, 0.6]}
    )
    second = first.assign(predicted=[0, 1], probability_0=[1.0, 0.2], probability_1=[0.0, 0.8])
    found = ensemble_table(first, second)
    assert found["predicted"].tolist() == [0, 1]
    assert found["probability_1"].tolist() == pytest.approx([0.45, 0.7])
    assert first["predicted"].tolist() == [1, 1]
    values = pd.DataFrame({"true": [1.0], "predicted": [2.0]})
    assert ensemble_table(values, values.assign(predicted=[4.0]))["predicted"].tolist() == [3.0]
