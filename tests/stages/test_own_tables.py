"""A table of one's own with all that such tables hold: what split makes of it, and what it tells the user."""

import re
from pathlib import Path

import numpy as np
import pytest

from boundary.artifacts import files, splits
from boundary.artifacts.schema import Categories, Numbers
from boundary.config.params import Dataset, Split
from boundary.data import preprocessing, tables
from boundary.data.reading import read_table
from boundary.models.model import load_model
from tests.support.stage_runs import line_of

PARAMS = """
seed: 0
replicates: 2
precision: exact
device: cpu
generators: {}
datasets:
  own:
    table: data/own.csv
    target: answer
    preprocess: true
    drop: [note]
    categories: [code]
    missing: ["?"]
    split: {kind: ordered, test_size: 0.25}
variants:
  own: {dataset: own, hidden_units: [4], activation: tanh, optimizer: sgd, lr: 0.1, epochs: 5, log_every: 2}
contrasts: {}
"""
ROWS = [  # the last three are for testing
    "20,Rome,01,true,5,yes,a",
    "?,Oslo,1,false,5,no,b",
    "40,,01,true,5,yes,c",
    "30,Rome,1,,5,no,d",
    "25.5,Rome,1,true,5,yes,e",
    "31,Oslo,01,true,5,no,f",
    "28,Rome,01,false,5,yes,g",
    "29,Rome,1,true,5,yes,h",
    "90,Paris,2,true,7,yes,i",
    "?,Oslo,01,false,6,no,j",
    "31,Bonn,1,true,5,yes,k",
]


def lay_out(folder: Path, rows: list[str] = ROWS) -> Path:
    (folder / "data").mkdir(parents=True, exist_ok=True)
    (folder / "data/own.csv").write_text("\n".join(["age,town,code,member,rooms,answer,note", *rows]) + "\n")
    (folder / "params.yaml").write_text(PARAMS)
    return folder


def test_what_a_messy_table_becomes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Statistics of the first eight rows alone; the codes keep their zeros; rooms are 5 in all of these rows."""
    assert line_of("split", "own", lay_out(tmp_path)) is None
    schema, parts = splits.read_split(tmp_path / "split/own")
    assert schema.preprocessing is not None
    age, town, code, member = schema.preprocessing.columns
    assert isinstance(age, Numbers)
    ages = [20, 29, 40, 30, 25.5, 31, 28, 29]  # the gap is filled with the median
    assert (age.fill, age.mean, age.scale) == (29.0, np.mean(ages), pytest.approx(np.std(ages), rel=1e-12))
    assert town == Categories("town", ("Oslo", "Rome", None))
    assert code == Categories("code", ("01", "1"))
    assert isinstance(member, Numbers)
    assert (member.name, member.fill, member.mean) == ("member", 1.0, 0.75)
    assert schema.preprocessing.missing == ("?",)
    assert list(parts["test"]) == ["age", "town=Oslo", "town=Rome", "town=", "code=01", "code=1", "member", "answer"]
    assert parts["test"]["town=Oslo"].tolist() == [0, 1, 0]
    assert parts["test"]["code=01"].tolist() == [0, 1, 0]
    assert parts["test"]["age"][1] == np.float32((29 - age.mean) / age.scale)
    assert capsys.readouterr().out.splitlines() == [
        "own: binary of answer from 7 features made of 5 columns, classes no, yes",
        "own: 8 train, 3 test rows",
        "own: left out, with one value or none in all training rows: rooms",
        "own: column 'town': 2 rows with words that no training row has: Paris, Bonn",
        "own: column 'code': 1 rows with words that no training row has: 2",
    ]


def test_rows_of_both_parts_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The dropped note differs, all else is the same; the gap is one in both."""
    assert line_of("split", "own", lay_out(tmp_path, [*ROWS[:8], *(row + "!" for row in ROWS[:2]), ROWS[9]])) is None
    assert "own: 2 of 3 test rows stand among the training rows too" in capsys.readouterr().out.splitlines()


def test_a_model_alone_makes_its_features_of_a_raw_table(tmp_path: Path) -> None:
    """Those that it was trained on."""
    lay_out(tmp_path)
    for stage in ("split", "train"):
        assert line_of(stage, "own", tmp_path) is None
    fitted = load_model(tmp_path / "models/own.safetensors").schema.preprocessing
    assert fitted is not None
    words = [column.name for column in fitted.columns if isinstance(column, Categories)]
    table = read_table(tmp_path / "data/own.csv", words, fitted.missing)
    raw = tables.raw_columns(table, [column.name for column in fitted.columns], words)
    made = preprocessing.apply(fitted, raw)
    _, parts = splits.read_split(tmp_path / "split/own")
    for name in fitted.features:
        np.testing.assert_array_equal(made[name], np.concatenate([parts["train"][name], parts["test"][name]]))


def test_nothing_of_the_test_part_reaches_training(tmp_path: Path) -> None:
    """Other test rows, labels and gaps and all: the same preprocessing, training rows and weights, to the byte."""
    other = ["-7,Lima,9,false,0,no,i", "1000,Lima,8,true,1,yes,j", "?,,7,,,no,k"]
    kept, tested = [], set()
    for folder, rows in [(tmp_path / "one", ROWS), (tmp_path / "other", [*ROWS[:8], *other])]:
        lay_out(folder, rows)
        for stage in ("split", "train"):
            assert line_of(stage, "own", folder) is None
        split = folder / "split/own"
        history = re.sub(r",[^,]*(,[^,]*),[^,]*$", r"\1", (folder / "history/own.csv").read_text(), flags=re.MULTILINE)
        kept.append(
            (
                (split / "schema.json").read_bytes(),
                (split / "train.parquet").read_bytes(),
                (folder / "models/own.safetensors").read_bytes(),
                history,  # but for test_loss and test_accuracy
            )
        )
        tested.add((split / "test.parquet").read_bytes())
    assert kept[0] == kept[1]
    assert len(tested) == 2
    changed = lay_out(tmp_path / "one", ["21,Rome,01,true,5,yes,a", *ROWS[1:]])
    for stage in ("split", "train"):
        assert line_of(stage, "own", changed) is None
    assert (changed / "models/own.safetensors").read_bytes() != kept[0][2]


@pytest.mark.parametrize(
    ("row", "line"),
    [
        (
            0,
            "own.csv: column 'age', row 1: found 'old' among numbers, expected a number; where that means a missing",
        ),
        (8, "own.csv: column 'age', row 9: found 'old' among numbers, expected a number"),
    ],
)
def test_a_word_among_numbers_is_refused(tmp_path: Path, row: int, line: str) -> None:
    rows = [*ROWS]
    rows[row] = "old" + rows[row][2:]
    assert line in (line_of("split", "own", lay_out(tmp_path, rows)) or "")
    assert not (tmp_path / "split").exists()


def test_settings_of_preprocessing_are_off_by_default() -> None:
    dataset = Dataset("data/own.csv", "answer", Split("ordered", 0.2))
    assert (dataset.preprocess, dataset.drop, dataset.categories, dataset.missing) == (False, None, None, None)


def test_a_rare_class_weighs_as_much_as_a_common_one(tmp_path: Path) -> None:
    """One row in twelve says no, and no feature tells: without weights the network never does, with them about half."""
    rows = [f"{k % 7},Rome,{k % 3},true,{k % 5},{'no' if k % 12 == 0 else 'yes'},x" for k in range(240)]
    kept = {}
    for weight in ("", "class_weight: balanced, "):
        folder = lay_out(tmp_path / (weight[:5] or "plain"), rows)
        settings = (folder / "params.yaml").read_text().replace("optimizer: sgd", f"{weight}optimizer: adam")
        (folder / "params.yaml").write_text(settings.replace("epochs: 5", "epochs: 60"))
        for stage in ("split", "train", "evaluate"):
            assert line_of(stage, "own", folder) is None
        kept[weight] = files.read_json(folder / "details/own.json")["train"]["replicates"][0]
    plain, weighted = kept.values()
    assert [sum(column) for column in zip(*plain["confusion_matrix"], strict=True)] == [0, 180]
    assert plain["balanced_accuracy"] == 0.5
    assert weighted["balanced_accuracy"] > 0.5
    assert sum(row[0] for row in weighted["confusion_matrix"]) > 45


def test_classes_of_a_regression_cannot_weigh(tmp_path: Path) -> None:
    folder = lay_out(tmp_path, [row.replace(",yes,", ",1.5,").replace(",no,", ",2.25,") for row in ROWS])
    settings = (folder / "params.yaml").read_text().replace("epochs: 5", "class_weight: balanced, epochs: 5")
    (folder / "params.yaml").write_text(settings)
    assert line_of("split", "own", folder) is None
    expected = "variants.own.class_weight: found balanced, expected none for a regression target"
    assert line_of("train", "own", folder) == f"{folder}/params.yaml: {expected}"


def test_a_class_that_is_not_trained_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = lay_out(tmp_path, [*(row for row in ROWS if ",yes," in row), ROWS[1]])
    assert line_of("split", "own", folder) is None
    line = "no training row has the class no: no network can learn it"
    assert f"own: {line}\n" in capsys.readouterr().out
    assert line in (folder / "cards/own.md").read_text()


def test_early_stopping_tells_what_it_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With so long a step nothing gets better for long."""
    folder = lay_out(tmp_path)
    settings = (folder / "params.yaml").read_text().replace("test_size: 0.25", "test_size: 0.25, validation_size: 0.2")
    settings = settings.replace("lr: 0.1, epochs: 5", "lr: 1000, patience: 2, epochs: 50")
    (folder / "params.yaml").write_text(settings)
    for stage in ("split", "train"):
        assert line_of(stage, "own", folder) is None
    output = capsys.readouterr().out
    assert "own: kept the weights of epochs " in output
    assert len((folder / "history/own.csv").read_text().splitlines()) < 1 + 2 * 26
