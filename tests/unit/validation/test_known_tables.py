"""What is known of a generated table before it is made is what the table then holds."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from boundary.config import params
from boundary.config.load import load_params
from boundary.config.params import Blobs, Bundled, Circles, Dataset, Line, Moons, Spirals, Split
from boundary.data import generators, tables
from boundary.validation import known_tables
from tests.support.params_file import VALID

GENERATORS = [
    Circles(2, 0.1, 0.5, 1),
    Circles(7, 0, 0, 1),
    Moons(3, 0.1, 1),
    Blobs(20, 3, 5, 1.0, (-1.0, 1.0), 1),
    Blobs(4, 1, 2, 0.0, (-1.0, 1.0), 1),
    Spirals(2, 3, 0.1, 1),
    Line(1.0, 0.0, 0.0, 1.0, 0.1),
    Line(-3.0, 0.5, -1.0, 1.0, 1 / 3),
    *(Bundled(name) for name in ("breast_cancer", "wine", "digits")),
]
SPLIT = Split("ordered", 0.2)


@pytest.mark.parametrize("generator", GENERATORS, ids=repr)
def test_it_is_the_table_that_is_made(generator: params.Generator) -> None:
    known, made = known_tables.table_of(generator), generators.generate(generator)
    *features, target = made
    assert (known.rows, known.features, known.target) == (len(made[target]), len(features), target)
    assert list(known.columns) == [target, *features]
    assert all(name in known for name in made)
    assert known.classes == (len(set(made[target].tolist())) if made[target].dtype.kind != "f" else 0)
    assert known.words == (made[target].dtype.kind == "U")
    assert known.constant == any(len(set(made[name].tolist())) == 1 for name in features)


@pytest.mark.parametrize("name", ["X0", "X3", "X01", "x1", "X", "X-1", "X\u0661", "X" + "9" * 5000, "y", "", "label "])
def test_other_names_are_none_of_its_columns(name: str) -> None:
    assert name not in known_tables.table_of(Circles(20, 0.1, 0.5, 1))


def test_a_billion_columns_cost_nothing() -> None:
    wide = known_tables.table_of(Blobs(2, 10**9, 2, 1.0, (-1.0, 1.0), 1))
    assert "X1000000000" in wide
    assert "X1000000001" not in wide
    assert wide.shown[:3] == ["label", "X1", "X2"]
    assert len(wide.shown) == known_tables.SHOWN


@pytest.mark.parametrize("generator", GENERATORS[3:], ids=repr)
@pytest.mark.parametrize(
    "options",
    [{}, {"task": "regression"}, {"task": "multiclass"}, {"features": 1}, {"drop": 1}, {"preprocess": True}],
    ids=repr,
)
def test_what_is_learned_is_what_the_split_stage_finds(generator: params.Generator, options: dict[str, Any]) -> None:
    table = generators.generate(generator)
    known = known_tables.table_of(generator)
    options = {
        key: [next(iter(table))] if value == 1 and key != "preprocess" else value for key, value in options.items()
    }
    if known.words and "task" in options and options["task"] == "regression":
        pytest.skip("words are no numbers")
    dataset = Dataset("data/raw/x.parquet", known.target, SPLIT, **options)
    if "drop" in options and known.features == 1:
        pytest.skip("no feature left")
    found = tables.describe_table(pd.DataFrame(table), dataset)
    learned = known_tables.network_shape(dataset, known)
    assert learned.task == found.task
    assert learned.outputs in (found.outputs, None)
    assert (learned.outputs is None) == (options.get("task") == "multiclass" and not known.classes)
    assert learned.inputs == (None if known.constant and dataset.preprocess else len(found.features))


def test_of_a_users_table_only_what_params_says() -> None:
    def learned(**options: Any) -> tuple[object, ...]:
        found = known_tables.network_shape(Dataset("data/own.csv", "y", SPLIT, **options), None)
        return found.task, found.inputs, found.outputs

    assert learned() == (None, None, None)
    assert learned(task="regression", features=["a", "b"]) == ("regression", 2, 1)
    assert learned(task="binary", features=["a", "b"], preprocess=True) == ("binary", None, 1)
    assert learned(task="multiclass", drop=["a"]) == ("multiclass", None, None)


def test_large_numbers_become_finite_tables(tmp_path: Path) -> None:
    """The largest that params.yaml takes."""
    text = (
        VALID.replace("noise: 0.1", "noise: 1e18")
        .replace("cluster_std: 1", "cluster_std: 1e18")
        .replace("center_box: [-1, 1]", "center_box: [-1e18, 1e18]")
        .replace(
            "weight: 1, bias: 0, start: 0, end: 1, step: 0.1",
            "weight: -1e18, bias: -1e18, start: -1e18, end: 1e18, step: 1e17",
        )
    )
    (tmp_path / "params.yaml").write_text(text)
    for generator in load_params(tmp_path / "params.yaml").generators.values():
        for name, column in generators.generate(generator).items():
            assert np.isfinite(column).all(), (generator, name)
