"""Model cards: true numbers, and code that runs."""

import ast
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

from boundary.cli.predict import inputs
from boundary.config.params import Dataset, Split, Variant
from boundary.evaluation import ensembles
from boundary.export import model_cards, onnx_graph
from boundary.models.predict import predict
from tests.support.trained import SCHEMAS, model, table

VARIANT = Variant("own", [5, 4], "tanh", "sgd", 0.1, 30, 10)
DATASET = Dataset("data/own.csv", "y", Split("stratified", 0.25, 0.0, 1))
SUMMARY = {"accuracy": 0.75, "loss": 0.5, "accuracy_low": 0.7, "accuracy_high": 0.8, "replicates": 3}


def details(**summary: Any) -> dict[str, Any]:
    part = {"rows": 100, "summary": SUMMARY | summary, "ensemble": {"accuracy": 0.8125, "loss": 0.25}}
    return {"classes": [], "train": part | {"rows": 300}, "test": part}


def test_what_it_says() -> None:
    text = model_cards.card("net", VARIANT, DATASET, model(SCHEMAS["mixed"]), details(diverged=1, replicates=2))
    assert text.startswith(
        "# net\n\nA multiclass classifier of `y` (low, middle, high): 3 multi-layer perceptrons 7-5-4-3"
    )
    assert "data/own.csv` (data set own), stratified split, rows: 300 train, 100 test" in text
    assert "- columns: `age`, `town`, `size`, `kind`\n" in text
    assert "one feature per word of the training rows: `town`, `kind`\n" in text
    assert re.search(r"\| a single network, on average \| 0.7500 +\| 0.5000 \| 0.7000 .. 0.8000 ", text)
    assert re.search(r"\| their mean \(the ensemble\) +\| 0.8125 +\| 0.2500 ", text)
    assert "1 of 3 networks diverged" in text
    assert text.endswith("\n")


def test_a_single_network_has_no_interval() -> None:
    text = model_cards.card("net", VARIANT, DATASET, model(SCHEMAS["words"], replicates=1), details(replicates=1))
    assert "1 multi-layer perceptron 2-5-4-1, tanh, seed 0." in text
    assert "| one network " in text


def test_what_is_undefined_is_a_dash() -> None:
    """r2 of a single row, say."""
    text = model_cards.card("net", VARIANT, DATASET, model(SCHEMAS["words"]), details(loss=None))
    assert re.search(r"on average \| 0.7500 +\| - ", text)


@pytest.mark.parametrize("name", ["words", "regression", "mixed"])
def test_its_code_runs_and_prints_the_answers(name: str, tmp_path: Path) -> None:
    """Without this project on its path, on a table with missing values where the model takes them."""
    chosen = model(SCHEMAS[name])
    text = model_cards.card("net", VARIANT, DATASET, chosen, details())
    (code,) = re.findall(r"^```python\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    assert len(code.splitlines()) == 5
    (tmp_path / "exports").mkdir()
    (tmp_path / "exports/net.onnx").write_bytes(onnx_graph.onnx_bytes(chosen, "net"))
    rows = table(4)
    rows.to_csv(tmp_path / "new.csv", index=False)
    output = subprocess.check_output([sys.executable, "-I", "-c", code], cwd=tmp_path, text=True)
    said = predict(chosen, torch.from_numpy(inputs(rows, chosen.schema))).numpy()
    expected = ensembles.ensemble_predictions(chosen.schema, list(said))
    lists = re.sub(r"array\((\[.*?\])(?:,\s+dtype=\w+)?\)", r"\1", output, flags=re.DOTALL)
    predicted, disagreement = ast.literal_eval(lists)
    if chosen.schema.classes:
        assert predicted == expected["predicted"].tolist()
    else:
        assert predicted == pytest.approx(expected["predicted"], abs=1e-5)
    assert disagreement == pytest.approx(expected["disagreement"], abs=1e-5)


def test_pandas_reads_the_words_of_the_card_as_the_project_does(tmp_path: Path) -> None:
    """NA is a word, ? is missing, 7 is the word "7"."""
    chosen = model(SCHEMAS["mixed"])
    text = model_cards.card("net", VARIANT, DATASET, chosen, details())
    (call,) = re.findall(r"pandas\.read_csv\(.*\)", text)
    (tmp_path / "new.csv").write_text("age,town,size,kind\n1,NA,2,7\n,?,2,8\n")
    keywords = {word.arg: word.value for word in ast.parse(call, mode="eval").body.keywords}  # type: ignore[attr-defined]
    types = dict.fromkeys(ast.literal_eval(keywords.pop("dtype").args[0]), str)
    given = {name: ast.literal_eval(value) for name, value in keywords.items()}
    found = pd.read_csv(tmp_path / "new.csv", dtype=types, **given)
    assert found["town"].fillna("").tolist() == ["NA", ""]
    assert found["kind"].tolist() == ["7", "8"]
    assert found["age"].isna().tolist() == [False, True]
