"""What one stage leaves for the next comes back, and what is damaged or does not fit is named in one line."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from boundary.artifacts import files, splits
from boundary.artifacts.predictions import has_diverged, read_plane, read_predictions, read_replicates
from boundary.artifacts.schema import Schema
from boundary.errors import FileError


def refused(path: Path, read: Callable[[], object]) -> str:
    """What is said of a file after its name."""
    with pytest.raises(FileError) as error:
        read()
    message = str(error.value)
    assert "\n" not in message
    assert message.startswith(f"{path}: ")
    return message.removeprefix(f"{path}: ")


@pytest.mark.parametrize(
    "schema",
    [
        Schema(("X1", "ä, b"), "y", "binary", (False, True)),
        Schema(("a",), "y", "multiclass", ("no", "yes", "")),
        Schema(("a",), "y", "multiclass", (0, 1, 2)),
        Schema(("a",), "y", "regression", ()),
    ],
)
def test_a_schema_comes_back(tmp_path: Path, schema: Schema) -> None:
    splits.write_schema(tmp_path / "schema.json", schema)
    found = splits.read_schema(tmp_path / "schema.json")
    assert found == schema
    assert [type(label) for label in found.classes] == [type(label) for label in schema.classes]


CHANGES: list[dict[str, object]] = [
    {"features": 1},
    {"features": []},
    {"features": ["a", "a"]},
    {"features": ["y"]},
    {"target": None},
    {"task": "guess"},
    {"task": "regression"},
    {"task": "multiclass", "classes": [1]},
    {"classes": None},
    {"classes": [0, 1, 2]},
    {"classes": [0, 0]},
    {"classes": [[0], [1]]},
]
WHOLE = {"features": ["a"], "target": "y", "task": "binary", "classes": [0, 1]}


@pytest.mark.parametrize("content", [{}, [], None, *({**WHOLE, **change} for change in CHANGES)])
def test_what_is_not_a_schema_is_named(tmp_path: Path, content: object) -> None:
    path = tmp_path / "schema.json"
    path.write_text(json.dumps(content))
    refused(path, lambda: splits.read_schema(path))


@pytest.fixture
def split(tmp_path: Path) -> Path:
    """A folder as the split stage leaves it."""
    splits.write_schema(tmp_path / "schema.json", Schema(("a",), "y", "binary", ("no", "yes")))
    for part in ("train", "test"):
        files.write_columns(tmp_path / f"{part}.parquet", {"a": np.zeros(2, np.float32), "y": np.array(["no", "yes"])})
    return tmp_path


def test_a_split_comes_back(split: Path) -> None:
    schema, parts = splits.read_split(split)
    assert schema.classes == ("no", "yes")
    assert list(parts) == ["train", "test"]
    assert {name: column.tolist() for name, column in parts["test"].items()} == {"a": [0, 0], "y": ["no", "yes"]}


def test_a_part_with_other_columns_is_refused(split: Path) -> None:
    path = split / "test.parquet"
    files.write_columns(path, {"b": np.zeros(2), "y": np.array(["no", "yes"])})
    assert refused(path, lambda: splits.read_split(split)) == "column 'a' is missing, found b, y"


def test_a_label_that_the_schema_does_not_know_is_refused(split: Path) -> None:
    path = split / "train.parquet"
    files.write_columns(path, {"a": np.zeros(2, np.float32), "y": np.array(["no", "maybe"])})
    expected = "column 'y': found 'maybe', expected one of ('no', 'yes')"
    assert refused(path, lambda: splits.read_split(split)) == expected


@pytest.mark.parametrize("name", ["schema.json", "train.parquet", "test.parquet"])
def test_a_split_without_one_of_its_files_is_refused(split: Path, name: str) -> None:
    (split / name).unlink()
    assert refused(split / name, lambda: splits.read_split(split)) == "no such file"


@pytest.mark.parametrize(
    ("column", "values", "said"),
    [
        ("a", np.array(["1", "x"]), "column 'a', row 1: found '1', expected a number"),
        ("a", np.array([1.0, None], dtype=object), "column 'a', row 2: found None, expected a number"),
        ("a", np.array([True, False]), "column 'a', row 1: found True, expected a number"),
        ("a", np.array([1.0, np.nan]), "column 'a', row 2: found nan, expected a finite number"),
        ("a", np.array([np.inf, 1.0]), "column 'a', row 1: found inf, expected a finite number"),
        ("y", np.array(["no", None], dtype=object), "column 'y': found None, expected one of ('no', 'yes')"),
        ("y", np.array([0, 1]), "column 'y': found 0, expected one of ('no', 'yes')"),
    ],
)
def test_what_no_network_can_take_is_refused(split: Path, column: str, values: np.ndarray, said: str) -> None:
    path = split / "test.parquet"
    files.write_columns(path, files.read_columns(path) | {column: values})
    assert refused(path, lambda: splits.read_split(split)) == said


def test_the_target_of_a_regression_is_a_number_too(split: Path) -> None:
    splits.write_schema(split / "schema.json", Schema(("a",), "y", "regression", ()))
    path = split / "train.parquet"
    expected = "column 'y', row 1: found 'no', expected a number"
    assert refused(path, lambda: splits.read_split(split)) == expected
    files.write_columns(path, {"a": np.zeros(0), "y": np.zeros(0)})
    assert refused(path, lambda: splits.read_split(split)) == "no rows"


CLASSES, AMOUNTS = Schema(("a",), "y", "binary", ("no", "yes")), Schema(("a",), "y", "regression", ())
ROWS = {"y": np.array(["no", "yes", "yes"])}
SAID: dict[str, list[float]] = {  # by two replicates, the second diverged
    "replicate": [0, 0, 0, 1, 1, 1],
    "row": [0, 1, 2, 0, 1, 2],
    "true": [0, 1, 1, 0, 1, 1],
    "predicted": [1, 0, 1, 0, 0, 0],
    "probability_0": [0.25, 0.75, 0, np.nan, np.nan, np.nan],
    "probability_1": [0.75, 0.25, 1, np.nan, np.nan, np.nan],
}
NO_PREDICTIONS: list[tuple[dict[str, list[Any]], str]] = [
    ({name: column[:5] for name, column in SAID.items()}, "found 5 rows, expected 3 of each replicate"),
    ({name: [] for name in SAID}, "found 0 rows, expected 3 of each replicate"),
    ({"replicate": [0, 1] * 3}, "not all rows of each replicate in turn"),
    ({"row": [0, 2, 1] * 2}, "not all rows of each replicate in turn"),
    ({"true": [0, 1, 0] * 2}, "not of the rows of this split, run train again"),
    ({"true": [0, 1, 2] * 2}, "not of the rows of this split, run train again"),
    ({"predicted": [1, 0, 2, 0, 0, 0]}, "column 'predicted', row 3: found 2, expected a class's index, 0 to 1"),
    ({"predicted": [-1, 0, 1, 0, 0, 0]}, "column 'predicted', row 1: found -1, expected a class's index, 0 to 1"),
    ({"predicted": [0.5, 0, 1, 0, 0, 0]}, "column 'predicted', row 1: found 0.5, expected a class's index, 0 to 1"),
    ({"predicted": ["no"] * 6}, "column 'predicted', row 1: found 'no', expected a number"),
    ({"predicted": [0, None, 0, 0, 0, 0]}, "column 'predicted', row 2: found None, expected a number"),
    ({"probability_1": [2.0] * 6}, "column 'probability_1', row 1: found 2.0, expected a number from 0 to 1, or nan"),
]


def test_predictions_come_back(tmp_path: Path) -> None:
    path = tmp_path / "test.parquet"
    files.write_columns(path, {name: np.array(column) for name, column in SAID.items()})
    found = read_predictions(path, CLASSES, ROWS)
    assert {name: column.tolist()[:3] for name, column in found.items()} == {n: c[:3] for n, c in SAID.items()}
    converged, diverged = read_replicates(path, CLASSES, ROWS)
    assert {n: c.tolist() for n, c in converged.items()} == {n: c.tolist()[:3] for n, c in found.items()}
    np.testing.assert_array_equal(diverged["probability_0"], np.full(3, np.nan))
    assert (has_diverged(converged), has_diverged(diverged)) == (False, True)
    for name in ("probability_0", "probability_1"):
        assert has_diverged({**converged, name: np.array([0.5, np.nan, 0.5])})  # a single one is enough


@pytest.mark.parametrize(("change", "said"), NO_PREDICTIONS)
def test_predictions_of_other_rows_or_classes_are_refused(
    tmp_path: Path, change: dict[str, list[Any]], said: str
) -> None:
    path = tmp_path / "test.parquet"
    files.write_columns(path, {name: np.array(column) for name, column in (SAID | change).items()})
    assert refused(path, lambda: read_predictions(path, CLASSES, ROWS)) == said


def test_amounts_are_finite_or_nan(tmp_path: Path) -> None:
    path, rows = tmp_path / "test.parquet", {"y": np.array([0.5, 2.0], np.float32)}
    columns = {"replicate": np.zeros(2), "row": np.arange(2), "true": rows["y"], "predicted": np.array([1.0, np.nan])}
    files.write_columns(path, columns)
    assert has_diverged(read_predictions(path, AMOUNTS, rows))
    files.write_columns(path, columns | {"predicted": np.array([1.0, 2.0])})
    assert not has_diverged(read_predictions(path, AMOUNTS, rows))
    files.write_columns(path, columns | {"predicted": np.array([1.0, np.inf])})
    said = refused(path, lambda: read_predictions(path, AMOUNTS, rows))
    assert said == "column 'predicted', row 2: found inf, expected a finite number, or nan"


def test_a_plane_is_a_square_of_numbers(tmp_path: Path) -> None:
    path = tmp_path / "plane.parquet"
    names = ["first", "second", "probability_0", "probability_1", "votes_0", "votes_1"]
    across = np.array([-1.0, 0.0, 2.0])
    shares = np.arange(36.0).reshape(4, 9) / 36  # by column, the second feature slowest
    files.write_columns(path, dict(zip(names, [np.tile(across, 3), np.repeat(across * 2, 3), *shares], strict=True)))
    plane = read_plane(path, 2)
    assert (plane.first.tolist(), plane.second.tolist()) == ([-1.0, 0.0, 2.0], [-2.0, 0.0, 4.0])
    for k in (0, 1):
        np.testing.assert_array_equal(plane.probability[..., k], shares[k].reshape(3, 3))
        np.testing.assert_array_equal(plane.votes[..., k], shares[2 + k].reshape(3, 3))
    files.write_columns(path, {name: np.zeros(8) for name in names})
    assert refused(path, lambda: read_plane(path, 2)) == "found 8 rows, expected those of a square grid"
    files.write_columns(path, {name: np.zeros(9) for name in names} | {"votes_1": np.array(["a"] * 9)})
    assert refused(path, lambda: read_plane(path, 2)) == ("column 'votes_1', row 1: found 'a', expected a number")


READERS: dict[str, tuple[Callable[[Path], object], list[str]]] = {
    "predictions": (lambda path: read_predictions(path, CLASSES, {"y": np.array(["no"])}), list(SAID)),
    "plane": (
        lambda path: read_plane(path, 2),
        ["first", "second", "probability_0", "probability_1", "votes_0", "votes_1"],
    ),
}


@pytest.mark.parametrize("kind", READERS)
def test_every_column_is_needed(tmp_path: Path, kind: str) -> None:
    read, columns = READERS[kind]
    path = tmp_path / "table.parquet"
    whole = {name: np.zeros(1) for name in columns}
    files.write_columns(path, whole)
    assert read(path) is not None
    for name in columns:
        files.write_columns(path, {other: column for other, column in whole.items() if other != name})
        assert refused(path, lambda: read(path)).startswith(f"column {name!r} is missing")
