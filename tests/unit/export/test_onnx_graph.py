"""ONNX graphs, by onnxruntime, against the project's own answers."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
import pandas as pd
import pytest
import torch

from boundary.artifacts import files
from boundary.cli.predict import inputs
from boundary.config.load import load_params
from boundary.data import splitting
from boundary.evaluation import ensembles
from boundary.export import onnx_graph
from boundary.models.model import Model, load_model, without_diverged
from boundary.models.predict import predict
from boundary.nn.activations import ACTIVATIONS
from tests.support.repository import ROOT
from tests.support.trained import SCHEMAS, model, table

TOLERANCE = 1e-5
PARAMS = load_params(ROOT / "params.yaml")


def run(content: bytes, rows: pd.DataFrame) -> dict[str, np.ndarray]:
    session = onnxruntime.InferenceSession(content)
    feed = {
        i.name: rows[i.name].fillna("").to_numpy(object) if i.type == "tensor(string)" else rows[i.name].to_numpy(float)
        for i in session.get_inputs()
    }
    return dict(zip([output.name for output in session.get_outputs()], session.run(None, feed), strict=True))


def agree(chosen: Model, rows: pd.DataFrame, found: dict[str, np.ndarray]) -> None:
    said = predict(without_diverged(chosen), torch.from_numpy(inputs(rows, chosen.schema))).numpy()
    expected = ensembles.ensemble_predictions(chosen.schema, list(said))
    assert np.abs(found["replicates"].transpose(0, 2, 1) - said).max() < TOLERANCE
    if chosen.schema.classes:
        assert found["predicted"].tolist() == expected["predicted"].tolist()
        shares = np.stack([expected[f"probability_{label}"] for label in chosen.schema.classes], axis=1)
        assert np.abs(found["probabilities"] - shares).max() < TOLERANCE
    else:
        assert np.abs(found["predicted"] - expected["predicted"]).max() < TOLERANCE
    assert np.abs(found["disagreement"] - expected["disagreement"]).max() < TOLERANCE


@pytest.mark.parametrize("rows", [1, 2, 1000])
@pytest.mark.parametrize("name", SCHEMAS)
def test_the_same_answers_for_any_number_of_rows(name: str, rows: int) -> None:
    chosen = model(SCHEMAS[name])
    agree(chosen, table(rows), run(onnx_graph.onnx_bytes(chosen, name), table(rows)))


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation(activation: str) -> None:
    chosen = model(SCHEMAS["numbers"], activation)
    agree(chosen, table(200), run(onnx_graph.onnx_bytes(chosen, "net"), table(200)))


@pytest.mark.parametrize("replicates", [1, 16])
def test_any_number_of_replicates_and_no_hidden_layer(replicates: int) -> None:
    for name in ("binary", "regression"):
        chosen = model(SCHEMAS[name], "none", replicates, ())
        agree(chosen, table(50), run(onnx_graph.onnx_bytes(chosen, name), table(50)))


def test_replicates_that_diverged_are_left_out() -> None:
    chosen = model(SCHEMAS["binary"])
    parameters = chosen.parameters.clone()
    parameters[1, 0] = torch.nan
    damaged = replace(chosen, parameters=parameters)
    found = run(onnx_graph.onnx_bytes(damaged, "net"), table(20))
    assert found["replicates"].shape == (2, 20, 2)
    agree(damaged, table(20), found)


def test_words_that_mean_missing() -> None:
    """They, an empty word and none are the same."""
    chosen = model(SCHEMAS["mixed"])
    rows = table(4).assign(age=30.0, size=1e6, kind="7", town=["?", "", None, "Rome"])
    found = run(onnx_graph.onnx_bytes(chosen, "net"), rows)["replicates"][0].tolist()
    assert found[0] == found[1] == found[2] != found[3]


def test_the_same_model_is_the_same_bytes() -> None:
    chosen = model(SCHEMAS["mixed"])
    assert onnx_graph.onnx_bytes(chosen, "net") == onnx_graph.onnx_bytes(model(SCHEMAS["mixed"]), "net")
    assert onnx_graph.onnx_bytes(chosen, "net") != onnx_graph.onnx_bytes(model(SCHEMAS["mixed"], replicates=4), "net")


@pytest.mark.slow
@pytest.mark.parametrize("name", PARAMS.variants)
def test_published_exports_answer_as_the_published_predictions(published: Path, name: str) -> None:
    """From the raw table's test rows, preprocessing included, replicate by replicate and all together."""
    chosen, dataset = (
        load_model(published / f"models/{name}.safetensors"),
        PARAMS.datasets[PARAMS.variants[name].dataset],
    )
    rows = pd.read_parquet(published / dataset.table)
    target = rows[dataset.target].to_numpy() if chosen.schema.classes else None
    rows = rows.iloc[splitting.split(len(rows), target, dataset.split)["test"]]
    found = run((published / f"exports/{name}.onnx").read_bytes(), rows)
    said = files.read_columns(published / f"data/predictions/{name}/test.parquet")
    names = [f"probability_{k}" for k in range(len(chosen.schema.classes))] or ["predicted"]
    expected = np.stack([said[each].reshape(len(chosen.parameters), len(rows)) for each in names], axis=2)
    assert np.abs(found["replicates"] - expected).max() < TOLERANCE
    agree(chosen, rows, found)
