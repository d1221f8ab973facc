"""Predictions do not depend on how the work is cut, and their tables are laid out as they say."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from boundary.artifacts.schema import Schema
from boundary.errors import TableError
from boundary.models import predict as predictions
from boundary.models.model import Model, sequential
from boundary.models.predict import GRID_MARGIN, GRID_STEPS, iter_prediction_tables, predict, predict_plane
from boundary.nn.mlp import Network

REPLICATES, ROWS = 3, 40
CLASSES = {"binary": ("no", "yes"), "multiclass": ("a", "b", "c"), "regression": ()}
each_task = pytest.mark.parametrize("task", CLASSES)


def model_for(task: str, activation: str = "tanh") -> Model:
    """An untrained model of two features."""
    schema = Schema(("x1", "x2"), "label", task, CLASSES[task])
    network = Network((2, 8, schema.outputs), activation)
    drawn = [network.initialise(torch.Generator().manual_seed(42 + r)) for r in range(REPLICATES)]
    return Model(network, schema, torch.stack(drawn).float(), 42)


def line_model(task: str, *parameters: list[float]) -> Model:
    """One replicate per list: w1, w2, bias of a single layer with one output."""
    schema = Schema(("x1", "x2"), "label", task, CLASSES[task])
    return Model(Network((2, 1), "none"), schema, torch.tensor(parameters), 42)


def inputs(rows: int = ROWS) -> Tensor:
    """Rows of very different sizes (2, rows)."""
    drawn = torch.randn(2, rows, generator=torch.Generator().manual_seed(0))
    return drawn * torch.logspace(-4, 4, rows)


def same_bits(a: Tensor, b: Tensor) -> bool:
    return torch.equal(a.contiguous().view(torch.int64), b.contiguous().view(torch.int64))


# --- predict -------------------------------------------------------------------------------------------------------


@each_task
@pytest.mark.parametrize("cells", [1, 100, 7 * REPLICATES * 8])
def test_predictions_in_pieces_are_those_of_the_whole(task: str, cells: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bit for bit: one row at a time, a few, or 7 at a time with a rest of 5."""
    model = model_for(task)
    whole = predict(model, inputs())
    monkeypatch.setattr(predictions, "CELLS", cells)
    assert same_bits(predict(model, inputs()), whole)


@each_task
def test_replicates_and_rows_say_the_same_alone(task: str) -> None:
    model, x = model_for(task, "gelu_tanh"), inputs()
    whole = predict(model, x)
    for k in range(REPLICATES):
        alone = Model(model.network, model.schema, model.parameters[k : k + 1], 42 + k)
        assert same_bits(predict(alone, x)[0], whole[k])
    assert same_bits(predict(model, x.flip(1)).flip(2), whole)
    assert same_bits(predict(model, x[:, 3:4]), whole[:, :, 3:4])


@each_task
def test_predictions_are_those_of_the_plain_module(task: str) -> None:
    model, x = model_for(task), inputs()
    found = predict(model, x)
    assert (found.dtype, found.device.type) == (torch.float64, "cpu")
    assert found.shape == (REPLICATES, max(1, len(CLASSES[task])), ROWS)
    for k in range(REPLICATES):
        logits = sequential(model, k)(x.T).T.detach()
        p = logits.sigmoid()
        expected = {"binary": torch.cat([1 - p, p]), "multiclass": logits.softmax(0), "regression": logits}[task]
        torch.testing.assert_close(found[k], expected.double(), rtol=1e-5, atol=1e-6)


def test_predict_by_hand() -> None:
    x = torch.tensor([[1.0, 2.0], [0.5, -1.0]])
    said = predict(line_model("regression", [2.0, 4.0, 0.5], [0.0, 1.0, 0.0]), x)
    assert said.tolist() == [[[4.5, 0.5]], [[0.5, -1.0]]]
    p = predict(line_model("binary", [math.log(3), 0.0, 0.0]), x)
    assert p.flatten().tolist() == pytest.approx([0.25, 0.1, 0.75, 0.9], abs=1e-6)


def table(model: Model, columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Those of all replicates below each other."""
    each = list(iter_prediction_tables(model, {"test": columns}))
    assert not any(diverged for diverged, _ in each)
    return {name: np.concatenate([tables["test"][name] for _, tables in each]) for name in each[0][1]["test"]}


# --- tables --------------------------------------------------------------------------------------------------------


def test_a_table_of_classes_holds_replicate_after_replicate() -> None:
    columns = {
        "x1": np.array([1.0, 2.0, -1.0]),
        "x2": np.array([0.0, 0.0, 0.0]),
        "label": np.array(["yes", "no", "no"]),
    }
    model = line_model("binary", [math.log(3), 0.0, 0.0], [-math.log(3), 0.0, 0.0])
    found = table(model, columns)
    assert list(found) == ["replicate", "row", "true", "predicted", "probability_0", "probability_1"]
    assert found["replicate"].tolist() == [0, 0, 0, 1, 1, 1]
    assert found["row"].tolist() == [0, 1, 2, 0, 1, 2]
    assert found["true"].tolist() == [1, 0, 0, 1, 0, 0]
    assert found["predicted"].tolist() == [1, 1, 0, 0, 0, 1]
    assert found["probability_1"].tolist() == pytest.approx([0.75, 0.9, 0.25, 0.25, 0.1, 0.75], abs=1e-6)
    assert (found["probability_0"] + found["probability_1"]).tolist() == pytest.approx([1.0] * 6)


def test_a_table_of_a_regression_holds_values() -> None:
    columns = {"x1": np.array([1.0, 2.0]), "x2": np.array([0.5, -1.0]), "label": np.array([4.0, 1.0])}
    found = table(line_model("regression", [2.0, 4.0, 0.5], [0.0, 1.0, 0.0]), columns)
    assert {name: column.tolist() for name, column in found.items()} == {
        "replicate": [0, 0, 1, 1],
        "row": [0, 1, 0, 1],
        "true": [4.0, 1.0, 4.0, 1.0],
        "predicted": [4.5, 0.5, 0.5, -1.0],
    }


def test_a_table_with_an_unknown_class_is_refused() -> None:
    columns = {"x1": np.array([1.0]), "x2": np.array([0.5]), "label": np.array(["maybe"])}
    with pytest.raises(TableError, match=r"column 'label': found 'maybe', expected one of \('no', 'yes'\)"):
        table(line_model("binary", [1.0, 0.0, 0.0]), columns)


@pytest.mark.parametrize(
    ("spoiled", "suspected"),
    [([math.nan, 1.0, 0.0], ()), ([1.0, math.inf, 0.0], ()), ([1.0, 1.0, 0.0], (1,))],
    ids=["a weight is nan", "a weight is infinite", "training says so"],
)
@pytest.mark.parametrize("task", ["binary", "regression"])
def test_a_replicate_that_diverged_predicts_nothing_of_any_part(
    task: str, spoiled: list[float], suspected: tuple[int, ...]
) -> None:
    """The other replicates are as they were."""
    label = np.array([1.0, 2.0] if task == "regression" else ["yes", "no"])
    small = {"x1": np.array([1.0, 2.0]), "x2": np.array([0.5, -1.0]), "label": label}
    parts = {"train": small, "test": small | {"x1": np.array([1.0, 3.0])}}
    good = [2.0, 4.0, 0.5]
    found = list(iter_prediction_tables(line_model(task, good, spoiled, good), parts, suspected))
    assert [diverged for diverged, _ in found] == [False, True, False]
    for part in parts:
        first, lost, last = (tables[part] for _, tables in found)
        amounts = [name for name in first if name.startswith("probability_")] or ["predicted"]
        assert all(np.isnan(lost[name]).all() for name in amounts)
        assert all(np.isfinite(table[name]).all() for table in (first, last) for name in amounts)
        assert [set(table["replicate"]) for table in (first, lost, last)] == [{0}, {1}, {2}]
        assert all((first[name] == last[name]).all() for name in first if name != "replicate")
        assert all((first[name] == lost[name]).all() for name in ("row", "true"))


def test_a_plane_runs_from_the_bottom_left_row_by_row() -> None:
    x = torch.tensor([[0.0, 1.0], [-2.0, 2.0]])
    found = predict_plane(model_for("multiclass"), x)
    assert list(found) == ["first", "second", *(f"{name}_{k}" for name in ("probability", "votes") for k in range(3))]
    x1, x2 = (found[name].reshape(GRID_STEPS, GRID_STEPS) for name in ("first", "second"))
    assert (x1 == x1[0]).all()
    assert (x2 == x2[:, :1]).all()
    for steps, low, high in [(x1[0], 0, 1), (x2[:, 0], -2, 2)]:
        margin = (high - low) * GRID_MARGIN
        expected = np.linspace(low - margin, high + margin, GRID_STEPS)
        np.testing.assert_allclose(steps, expected, atol=1e-6)


def test_a_plane_holds_what_replicate_zero_says_and_how_all_vote() -> None:
    """Three of four replicates say yes on the right, one says no everywhere."""
    right, never = [5.0, 0.0, 0.0], [0.0, 0.0, -1.0]
    found = predict_plane(line_model("binary", right, right, never, right), torch.tensor([[-1.0, 1.0], [-1.0, 1.0]]))
    is_right = found["first"] > 0
    assert set(found["votes_1"][is_right]) == {0.75}
    assert set(found["votes_1"][~is_right]) == {0.0}
    np.testing.assert_array_equal(found["votes_0"], 1 - found["votes_1"])
    np.testing.assert_allclose(found["probability_1"], 1 / (1 + np.exp(-5 * found["first"].astype(float))), rtol=1e-5)
    assert {column.dtype for column in found.values()} == {np.dtype(np.float32)}


def test_a_plane_does_not_depend_on_how_the_work_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    model, x = model_for("multiclass"), inputs()
    whole = predict_plane(model, x)
    monkeypatch.setattr(predictions, "CELLS", 100_000)
    for name, column in predict_plane(model, x).items():
        assert column.tobytes() == whole[name].tobytes()
