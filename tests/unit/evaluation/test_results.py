"""What stages leave to be shown: what is written is read again, and what is not whole is refused in one line."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from boundary.artifacts import files
from boundary.comparison.results import read_ranking
from boundary.errors import FileError
from boundary.evaluation import results

HISTORY = """replicate,epoch,train_loss,test_loss
0,0,0.5,1
0,9,0.25,nan
1,0,0.75,2
1,9,0.125,3
"""


def refused(path: Path, read: Any, *arguments: Any) -> str:
    """What is said of a file, after its name."""
    with pytest.raises(FileError) as caught:
        read(path, *arguments)
    said = str(caught.value)
    assert said.startswith(f"{path}: ")
    assert "\n" not in said
    return said.removeprefix(f"{path}: ")


def test_a_history_is_read_by_replicate(tmp_path: Path) -> None:
    path = tmp_path / "history.csv"
    path.write_text(HISTORY)
    epochs, values = results.read_history(path, 2, 0)
    assert epochs == [0, 9]
    assert values["train_loss"] == [[0.5, 0.25], [0.75, 0.125]]
    assert values["test_loss"][1] == [2, 3]
    assert np.isnan(values["test_loss"][0][1])


@pytest.mark.parametrize(
    ("found", "instead"),
    [
        ("\n1,9", "\n1,8"),
        ("\n1,9", "\n2,9"),
        ("\n0,0", "\n0,9"),
        ("\n0", "\n-1"),
        ("0.75", "high"),
        ("\n0,0,0.5,1", ""),
        ("\n1,0,0.75,2", ""),
    ],
)
def test_a_history_that_is_not_whole_is_refused(tmp_path: Path, found: str, instead: str) -> None:
    path = tmp_path / "history.csv"
    path.write_text(HISTORY.replace(found, instead, 1))
    expected = "not the numbers of a history, the same epochs for each replicate"
    assert refused(path, results.read_history, 2, 0) == expected
    path.write_text(HISTORY.splitlines()[0] + "\n")
    assert refused(path, results.read_history, 2, 0) == expected


@pytest.mark.parametrize("ended", [0, 1])
def test_a_replicate_that_stopped_early_keeps_its_last_values(tmp_path: Path, ended: int) -> None:
    path = tmp_path / "history.csv"
    path.write_text("".join(line for line in HISTORY.splitlines(True) if not line.startswith(f"{ended},9")))
    epochs, values = results.read_history(path, 2, 0)
    whole = [[0.5, 0.25], [0.75, 0.125]]
    whole[ended][1] = whole[ended][0]
    assert (epochs, values["train_loss"]) == ([0, 9], whole)


def test_a_history_of_another_variant_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "history.csv"
    path.write_text(HISTORY)
    assert refused(path, results.read_history, 3, 0) == "found 2 replicates, expected 3, run train again"
    assert refused(path, results.read_history, 2, 4) == "column 'train_accuracy' is missing"
    rows = [*HISTORY.splitlines()]
    path.write_text("\n".join([rows[0] + ",train_accuracy", *(f"{row},1" for row in rows[1:])]) + "\n")
    said = "found column 'train_accuracy', expected train_loss, test_loss, run train again"
    assert refused(path, results.read_history, 2, 0) == said


def test_scores_of_rows_come_back(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    results.write_scores(path, "mae", {3: np.array([0.5, 1.0]), 7: np.array([2.0, 0.0])})
    score, values = results.read_scores(path)
    assert score == "mae"
    assert {replicate: each.tolist() for replicate, each in values.items()} == {3: [0.5, 1.0], 7: [2.0, 0.0]}


@pytest.mark.parametrize(
    "columns",
    [
        {"replicate": [0, 0, 1], "row": [0, 1, 0], "mae": [0.0, 0.0, 0.0]},
        {"replicate": [0, 1, 0, 1], "row": [0, 0, 1, 1], "mae": [0.0, 0.0, 0.0, 0.0]},
        {"replicate": [0], "row": [0]},
        {"replicate": [0], "row": [0], "mae": [0.0], "mse": [0.0]},
        {"replicate": [], "row": [], "mae": []},
    ],
)
def test_scores_that_are_not_of_each_row_are_refused(tmp_path: Path, columns: dict[str, list[float]]) -> None:
    path = tmp_path / "rows.parquet"
    files.write_columns(path, {name: np.array(column, dtype=float) for name, column in columns.items()})
    assert refused(path, results.read_scores) == "not a score for each row of each replicate"


DETAILS = {"classes": ["a", "b"], "test": {"summary": {}, "replicates": [{"confusion_matrix": [[1, 0], [0, 1]]}]}}


def test_details_are_of_as_many_classes(tmp_path: Path) -> None:
    path = tmp_path / "details.json"
    path.write_text(json.dumps(DETAILS))
    assert results.read_details(path, 2) == DETAILS
    assert refused(path, results.read_details, 3) == "holds no scores of test rows of 3 classes"
    for broken in ({}, [], {**DETAILS, "test": {"summary": {}, "replicates": []}}, {**DETAILS, "test": None}):
        path.write_text(json.dumps(broken))
        assert refused(path, results.read_details, 2) == "holds no scores of test rows of 2 classes"


LEADERS = "dataset,variant,score,mean,low,high\nmoons,a,accuracy,0.9,,\nmoons,b,accuracy,0.8,0.7,0.9\n"
PAIRS = (
    "dataset,score,left,right,verdict,replicates_needed,rows_needed,low,high,difference,p_holm\n"
    "moons,accuracy,a,b,cannot tell,,,,,0.1,0.2\n"
)


def test_a_ranking_holds_every_variant(tmp_path: Path) -> None:
    (tmp_path / "leaderboard.csv").write_text(LEADERS)
    (tmp_path / "pairs.csv").write_text(PAIRS)
    leaders, pairs = read_ranking(tmp_path, ["b", "a"])
    assert [row["variant"] for row in leaders] == ["a", "b"]
    assert pairs[0]["difference"] == "0.1"
    with pytest.raises(FileError, match=r"leaderboard.csv: lacks variant c of params.yaml, run compare again$"):
        read_ranking(tmp_path, ["a", "c"])
    (tmp_path / "pairs.csv").write_text(PAIRS.replace("0.2", "small"))
    with pytest.raises(FileError, match=r"pairs.csv: row 1: column 'p_holm': found 'small', expected a number$"):
        read_ranking(tmp_path, ["a"])
