"""What one stage leaves for the next comes back, and what is damaged or does not fit is named in one line."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from boundary import artefacts, files
from boundary.files import FileError
from boundary.schema import Schema


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
    artefacts.write_schema(tmp_path / "schema.json", schema)
    found = artefacts.read_schema(tmp_path / "schema.json")
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
    refused(path, lambda: artefacts.read_schema(path))


@pytest.fixture
def split(tmp_path: Path) -> Path:
    """A folder as the split stage leaves it."""
    artefacts.write_schema(tmp_path / "schema.json", Schema(("a",), "y", "binary", ("no", "yes")))
    for part in ("train", "test"):
        files.write_columns(tmp_path / f"{part}.parquet", {"a": np.zeros(2, np.float32), "y": np.array(["no", "yes"])})
    return tmp_path


def test_a_split_comes_back(split: Path) -> None:
    schema, parts = artefacts.read_split(split)
    assert schema.classes == ("no", "yes")
    assert list(parts) == ["train", "test"]
    assert {name: column.tolist() for name, column in parts["test"].items()} == {"a": [0, 0], "y": ["no", "yes"]}


def test_a_part_with_other_columns_is_refused(split: Path) -> None:
    path = split / "test.parquet"
    files.write_columns(path, {"b": np.zeros(2), "y": np.array(["no", "yes"])})
    assert refused(path, lambda: artefacts.read_split(split)) == "column 'a' is missing, found b, y"


def test_a_label_that_the_schema_does_not_know_is_refused(split: Path) -> None:
    path = split / "train.parquet"
    files.write_columns(path, {"a": np.zeros(2, np.float32), "y": np.array(["no", "maybe"])})
    expected = "column 'y': found 'maybe', expected one of ('no', 'yes')"
    assert refused(path, lambda: artefacts.read_split(split)) == expected


@pytest.mark.parametrize("name", ["schema.json", "train.parquet", "test.parquet"])
def test_a_split_without_one_of_its_files_is_refused(split: Path, name: str) -> None:
    (split / name).unlink()
    assert refused(split / name, lambda: artefacts.read_split(split)) == "no such file"


@pytest.mark.parametrize(
    ("read", "columns"),
    [
        (artefacts.read_predictions, ["replicate", "row", "true", "predicted", "probability_0", "probability_1"]),
        (artefacts.read_plane, ["first", "second", "probability_0", "probability_1", "votes_0", "votes_1"]),
    ],
)
def test_every_column_is_needed(tmp_path: Path, read: Callable[[Path, int], object], columns: list[str]) -> None:
    path = tmp_path / "table.parquet"
    whole = {name: np.zeros(3) for name in columns}
    files.write_columns(path, whole)
    assert read(path, 2) is not None
    for name in columns:
        files.write_columns(path, {other: column for other, column in whole.items() if other != name})
        assert refused(path, lambda: read(path, 2)).startswith(f"column {name!r} is missing")
