"""Every stage's program as a user runs it: what it writes, what it imports, and what it says of a mistake."""

import csv
import json
import math
import os
import re
import shlex
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import MethodType
from typing import IO, Any

import numpy as np
import pytest
import torch
from matplotlib.axes import Axes
from PIL import Image, ImageSequence

from boundary.artifacts import files, splits
from boundary.artifacts.predictions import has_diverged, read_replicates
from boundary.comparison.results import read_ranking
from boundary.config import load, params
from boundary.evaluation import results
from boundary.models import predict as predictions
from boundary.models import snapshots
from boundary.models.model import Model, load_model, mark_diverged, save_model, sequential
from boundary.training import checkpoints, job, memory
from boundary.training.history import History
from boundary.training.loop import fit
from stages import _program, plot
from stages._fork_server import LIBRARIES
from tests.support.repository import ROOT, run
from tests.support.stage_runs import KINDS, NAMES, OWN, PIPELINE, arguments, contents, edit, lay_out, line_of, refused


def confusion(folder: Path, name: str) -> list[list[str]]:
    """The pairs (actual, predicted) of a variant's confusion plot, each as often as it was counted."""
    with (folder / f"confusion/{name}/test.csv").open(newline="") as file:
        header, *counts = csv.reader(file)
    assert header == ["actual", "predicted", "count", "share"]
    return [[actual, predicted] for actual, predicted, count, _ in counts for _ in range(int(count))]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What all stages make of all data sets. Read only."""
    folder = lay_out(tmp_path_factory.mktemp("made") / "made")
    done = [("check", "")]
    done += [("generate", name) for name in NAMES[:3]]
    done += [(stage, name) for name in NAMES for stage in ("split", "train", "evaluate", "plot", "plot_data")]
    done += [
        ("baseline", ""),
        ("compare", ""),
        ("export", ""),
        ("plot_contrast", "moons"),
        ("plot_animation", "moons"),
        ("plot_activations", ""),
        ("plots_page", ""),
        ("report", ""),
    ]
    for stage, name in done:
        assert line_of(stage, name, folder) is None
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A copy of it, to change at will."""
    return shutil.copytree(made, tmp_path / "folder")


# --- what they write -----------------------------------------------------------------------------------------------


def test_every_file_is_there_and_no_other(made: Path) -> None:
    expected = {"params.yaml", "checked.txt", "comparison.md", "activations.png", "data/own.csv"}
    expected |= {"contrast.png", "animation.gif"}
    expected |= {"baselines.json", *(f"cards/{name}.md" for name in NAMES)}
    expected |= {f"data/raw/{name}.parquet" for name in NAMES[:3]}
    for name in NAMES:
        expected |= {f"split/{name}/{file}" for file in ("train.parquet", "test.parquet", "schema.json")}
        expected |= {f"predictions/{name}/{part}.parquet" for part in ("train", "test")}
        expected |= {f"models/{name}.safetensors", f"history/{name}.csv", f"metrics/{name}.json"}
        expected |= {f"snapshots/{name}.safetensors"}
        expected |= {f"details/{name}.json", f"rows/{name}.parquet", f"images/{name}.png", f"data_images/{name}.png"}
        expected |= {f"exports/{name}.onnx", f"exports/{name}.md"}
    expected |= {f"comparison/{file}.csv" for file in ("leaderboard", "pairs", "seeds")}
    expected |= {"page.html", "report/index.html", "report/summary.md"}
    expected |= {f"curves/{name}.csv" for name in NAMES}
    expected |= {f"{kind}/{name}/test.csv" for kind in KINDS for name in ("moons", "blobs")}
    expected |= {"predictions/moons/plane.parquet"}
    assert set(contents(made)) == expected
    assert all((made / kind / "line").is_dir() for kind in KINDS)


@pytest.mark.parametrize("name", NAMES)
def test_predictions_and_metrics_are_of_the_split(made: Path, name: str) -> None:
    """Rows in the split's order, replicate after replicate; the scores are those of these rows."""
    schema = splits.read_schema(made / f"split/{name}/schema.json")
    metrics = files.read_json(made / f"metrics/{name}.json")
    assert metrics["replicates"] == 2
    for part in ("train", "test"):
        target = files.read_columns(made / f"split/{name}/{part}.parquet")[schema.target]
        said = files.read_columns(made / f"predictions/{name}/{part}.parquet")
        true = np.array(schema.classes)[said["true"]] if schema.classes else said["true"]
        np.testing.assert_array_equal(true, np.tile(target, 2))
        np.testing.assert_array_equal(said["replicate"], np.repeat([0, 1], len(target)))
    if schema.classes:
        assert metrics["accuracy"] == pytest.approx((said["true"] == said["predicted"]).mean(), abs=1e-6)
    else:
        assert metrics["mae"] == pytest.approx(np.abs(said["true"] - said["predicted"]).mean(), abs=1e-6)


@pytest.mark.parametrize("name", ["moons", "blobs"])
def test_details_and_the_confusion_plot_count_the_same(made: Path, name: str) -> None:
    details = files.read_json(made / f"details/{name}.json")
    assert set(details) == {"classes", "train", "test"}
    assert details["test"]["summary"] == files.read_json(made / f"metrics/{name}.json")
    assert details["test"]["rows"] == len(files.read_columns(made / f"split/{name}/test.parquet")["label"])
    matrices = np.array([replicate["confusion_matrix"] for replicate in details["test"]["replicates"]])
    assert matrices.shape == (2, len(details["classes"]), len(details["classes"]))
    counted = np.zeros_like(matrices[0])
    for actual, predicted in confusion(made, name):
        counted[int(actual), int(predicted)] += 1
    np.testing.assert_array_equal(counted, matrices.sum(0))


def drawn(folder: Path, name: str) -> Axes:
    """What the variant's picture shows."""
    (axes,) = plot.draw(name, *splits.read_split(folder / f"split/{name}"), folder / f"predictions/{name}").axes
    return axes


def test_the_confusion_picture_is_of_all_replicates_true_by_row(made: Path) -> None:
    said = files.read_columns(made / "predictions/blobs/test.parquet")
    counts = {(x, y): 0 for x in range(3) for y in range(3)}
    for true, predicted in zip(said["true"].tolist(), said["predicted"].tolist(), strict=True):
        counts[predicted, true] += 1
    assert any(counts[x, y] != counts[y, x] for x, y in counts)
    assert {text.get_position(): text.get_text() for text in drawn(made, "blobs").texts} == {
        place: str(count) for place, count in counts.items()
    }


@pytest.mark.parametrize(
    ("name", "label", "across"), [("line", "predictions, replicate 0", "X1"), ("own", "replicate 0", "answer")]
)
def test_the_regression_pictures_show_replicate_zero(made: Path, name: str, label: str, across: str) -> None:
    """Against the feature where there is one, else against the truth."""
    test, said = (files.read_columns(made / f"{kind}/{name}/test.parquet") for kind in ("split", "predictions"))
    (shown,) = [points for points in drawn(made, name).collections if points.get_label() == label]
    expected = np.stack([test[across], said["predicted"][said["replicate"] == 0]], axis=1)
    np.testing.assert_allclose(np.asarray(shown.get_offsets()), expected, rtol=1e-6)


def test_the_model_is_the_one_that_predicted(made: Path) -> None:
    model = load_model(made / "models/blobs.safetensors")
    assert (model.network.sizes, model.seed, len(model.parameters)) == ((3, 4, 3), 0, 2)
    columns = files.read_columns(made / "split/blobs/test.parquet")
    x = torch.from_numpy(np.stack([columns[name] for name in model.schema.features], axis=1))
    said = files.read_columns(made / "predictions/blobs/test.parquet")
    for replicate in (0, 1):
        p = sequential(model, replicate)(x).softmax(1).detach().numpy()
        mine = said["replicate"] == replicate
        np.testing.assert_allclose(p, np.stack([said[f"probability_{k}"][mine] for k in range(3)], axis=1), atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_the_snapshots_end_with_the_model(made: Path, name: str) -> None:
    model, replay = (
        load_model(made / f"models/{name}.safetensors"),
        snapshots.load_snapshots(made / f"snapshots/{name}.safetensors"),
    )
    assert replay.epochs == (0, 2, 4)
    assert torch.equal(replay.parameters[-1], model.parameters)
    assert not torch.equal(replay.parameters[0], model.parameters)


def test_the_animation_has_a_frame_for_each_logged_epoch(made: Path) -> None:
    """And one for before training; the last stays longest."""
    with Image.open(made / "animation.gif") as film:
        shown = [(frame.info["duration"], frame.convert("RGB").tobytes()) for frame in ImageSequence.Iterator(film)]
        assert film.info["loop"] == 0
    assert [duration for duration, _ in shown] == [800, 160, 160, 2500]
    assert len({pixels for _, pixels in shown}) == 4


def test_the_comparison_is_of_all_variants(made: Path) -> None:
    rows = [line.split("|")[1:3] for line in (made / "comparison.md").read_text().splitlines() if line.startswith("|")]
    assert {dataset.strip() for dataset, _ in rows} >= set(NAMES)


def test_what_is_there_already_is_written_again(folder: Path) -> None:
    """From scratch to the same bytes; hand-made changes do not survive."""
    before = contents(folder)
    (folder / "images/moons.png").write_bytes(b"")
    (folder / "metrics/moons.json").write_text("{}")
    (folder / "models/moons.safetensors").unlink()
    for stage in ("generate", "split", "train", "evaluate", "export", "plot"):
        assert line_of(stage, "moons", folder) is None
    assert contents(folder) == before


# --- as separate processes -----------------------------------------------------------------------------------------

HEAVY = {"torch", "torch._dynamo", "sklearn", "scipy", "pandas", "matplotlib", "matplotlib.pyplot", "pyarrow"}
USED = {  # which heavy packages a stage may import: start-up is most of a small stage's time
    ("check", ""): set(),
    ("generate", "line"): {"pyarrow"},
    ("split", "line"): {"pyarrow", "pandas"},
    ("train", "moons"): {"pyarrow", "torch"},
    ("evaluate", "moons"): {"pyarrow", "pandas", "sklearn", "scipy"},
    ("compare", ""): {"pyarrow", "scipy"},
    ("export", ""): {"torch"},
    ("plot", "moons"): {"pyarrow", "matplotlib"},
    ("plot_data", "moons"): {"pyarrow", "matplotlib"},
    ("plot_contrast", "moons"): {"pyarrow", "matplotlib"},
    ("plot_animation", "moons"): {"pyarrow", "matplotlib", "torch"},
    ("plots_page", ""): set(),
    ("report", ""): {"pyarrow", "matplotlib", "torch"},
}


@pytest.mark.parametrize(("stage", "name"), USED, ids=lambda value: value)
def test_a_program_writes_the_same_bytes_and_imports_what_it_needs(folder: Path, stage: str, name: str) -> None:
    """In a process of its own, and with nothing on stderr."""
    before = contents(folder)
    command = [sys.executable, "-X", "importtime", "-m", f"stages.{stage}", *arguments(stage, name, folder)]
    noted, rest = [], []
    for line in run(ROOT, *command).stderr.splitlines():
        (noted if line.startswith("import time:") else rest).append(line)
    assert rest == []
    assert contents(folder) == before
    imported = {line.rpartition("|")[2].strip() for line in noted}
    assert "boundary.artifacts.files" in imported
    assert ("boundary.config.params" in imported) == ("--params" in command or stage == "check")
    assert imported & HEAVY == USED[stage, name]


@cache
def imports(*words: str) -> dict[str, int]:
    """What a Python with these arguments imports: microseconds by module."""
    lines = run(ROOT, sys.executable, "-X", "importtime", *words).stderr.splitlines()
    noted = [line.removeprefix("import time:").split("|") for line in lines if line.startswith("import time:")]
    return {name.strip(): int(took) for took, _, name in noted if took.strip().isdecimal()}


@pytest.mark.slow
@pytest.mark.parametrize("stage", LIBRARIES)
def test_the_server_imports_what_takes_a_stage_time_and_nothing_else(folder: Path, stage: str) -> None:
    """Of other packages than the project's and Python's own; a few may be needed for some data only."""
    listed = LIBRARIES[stage]
    found: dict[str, int] = {}
    for name in ("moons", "blobs") if stage in ("generate", "split") else ("moons",):
        found |= imports("-m", f"stages.{stage}", *arguments(stage, name, folder))
    known = {name.rpartition(".")[0] for name in found} | found.keys()  # some modules are noted by what they import
    assert [name for name in listed if name not in known] == []
    prepared = imports("-c", f"import {', '.join(listed)}")
    left: Counter[str] = Counter()
    for name in found.keys() - prepared.keys():
        left[name.partition(".")[0]] += found[name] // 1000
    own = {"boundary", "stages", *sys.stdlib_module_names}
    assert {name: took for name, took in left.items() if took > 50 and name not in own} == {}


def test_every_stage_has_its_libraries_listed() -> None:
    assert LIBRARIES.keys() == {path.stem for path in (ROOT / "stages").glob("[!_]*.py")}


def test_training_twice_gives_the_same_bytes_with_any_number_of_threads(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(folder)
    shutil.rmtree(folder / "models")
    command = [sys.executable, "-m", "stages.train", *arguments("train", "blobs", folder)]
    done = run(folder, "env", "OMP_NUM_THREADS=2", f"PYTHONPATH={ROOT}", *command)
    assert done.stdout.startswith("blobs: replicate 0 of 2, seed 0\nEpoch: 0 | Loss: ")
    assert contents(folder)["models/blobs.safetensors"] == before["models/blobs.safetensors"]


@pytest.mark.parametrize(
    ("stage", "name", "file", "change", "said"),
    [
        (
            *("check", "", "params.yaml", ("epochs: 5", "epoch: 5")),
            [
                *[f"{{}}: variants.{name}.epoch: unknown, did you mean epochs?" for name in NAMES],
                *[
                    f"{{}}: variants.{name}.epochs: missing, expected a whole number from 1 to 1000000000"
                    for name in NAMES
                ],
            ],
        ),
        (
            *("split", "own", "data/own.csv", ("3,2.5,", "3,inf,")),
            ["{}: column 'b', row 11: found inf, expected a finite float32 number"],
        ),
        (
            *("train", "moons", "params.yaml", ("{dataset: moons,", "{dataset: moons, loss: mse,")),
            ["{}: variants.moons.loss: found mse, expected bce_with_logits for a binary target"],
        ),
    ],
    ids=["check", "split", "train"],
)
def test_a_mistake_ends_a_program_with_its_line_and_status_one(
    folder: Path, stage: str, name: str, file: str, change: tuple[str, str], said: list[str]
) -> None:
    edit(folder / file, *change)
    before = contents(folder)
    done = run(ROOT, sys.executable, "-m", f"stages.{stage}", *arguments(stage, name, folder), check=False)
    assert done.returncode == 1
    assert done.stdout == ""
    assert sorted(done.stderr.splitlines()) == sorted(line.format(folder / file) for line in said)
    assert contents(folder) == before


READ_PARAMS = ["check", *(name for name, entry in PIPELINE.items() if "params" in entry.get("do", entry))]


# --- mistakes ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stage", READ_PARAMS)
def test_bad_params_stop_every_program_that_reads_them(folder: Path, stage: str) -> None:
    """`check` says all of it; the others, should one be run by hand, refuse the wrong type."""
    edit(folder / "params.yaml", "noise: 0.1", "noise: -1")
    line = refused(stage, "moons", folder)
    said = "generators[...].noise: Expected `float` >= 0.0 (`dvc repro check` says more)"
    if stage == "check":
        said = "generators.moons.noise: found -1, expected a finite number from 0 to 1e+18"
    assert line == f"{folder}/params.yaml: {said}"


@pytest.mark.parametrize("stage", READ_PARAMS)
def test_params_that_are_not_there(folder: Path, stage: str) -> None:
    (folder / "params.yaml").unlink()
    assert refused(stage, "moons", folder) == f"[Errno 2] No such file or directory: '{folder}/params.yaml'"


@pytest.mark.parametrize("stage", ["generate", "split", "train"])
def test_a_name_that_params_does_not_have(folder: Path, stage: str) -> None:
    """The programs may be run by hand."""
    shutil.copytree(folder / "split/moons", folder / "split/mons")
    shutil.copy(folder / "data/raw/moons.parquet", folder / "data/raw/mons.parquet")
    line = refused(stage, "mons", folder)
    assert f"{folder}/params.yaml" in line
    assert "mons" in line


TABLES = {
    "text": ("a,b,answer\n1,2,0.5\n3,x,1.5\n5,6,2.5\n", r"column 'b', row 2: found 'x', expected .*number"),
    "missing": ("a,b,answer\n1,2,0.5\n3,,1.5\n5,6,2.5\n", r"column 'b', row 2: .*expected a finite float32 number"),
    "too large": ("a,b,answer\n1,2,0.5\n3,4,1.5\n5,1e39,2.5\n", r"column 'b', row 3: found 1e\+39, expected a finite"),
    "missing target": ("a,b,answer\n1,2,0.5\n3,4,\n5,6,2.5\n", r"column 'answer', row 2: missing, expected a value"),
    "ragged": ("a,b,answer\n1,2,0.5\n3,4\n5,6,2.5\n", "row 2: found 2 cells, expected 3"),
    "other target": ("a,b,answr\n1,2,0.5\n3,4,1.5\n", r"column 'answer': not in the table, did you mean answr\?"),
    "header only": ("a,b,answer\n", "no rows"),
    "empty": ("", "not readable as CSV: Empty CSV file"),
    "one class": ("a,b,answer\n1,2,yes\n3,4,yes\n", "column 'answer': found one class, 'yes', expected two or more"),
    "dates": ("a,b,answer\n" + "1,2,2026-01-01\n3,4,2026-01-02\n" * 8, "column 'answer': found date.*"),
    "times": ("a,b,answer\n" + "1,2,2026-01-01 10:00:00\n3,4,2026-01-02 10:00:00\n" * 8, "column 'answer': .*"),
}


@pytest.mark.parametrize("name", TABLES)
def test_a_bad_table_is_refused_with_file_column_and_row(folder: Path, name: str) -> None:
    content, fault = TABLES[name]
    (folder / "data/own.csv").write_text(content)
    line = refused("split", "own", folder)
    assert re.match(f"{re.escape(str(folder))}/data/own.csv: {fault}", line), line


def test_a_table_that_is_not_there(folder: Path) -> None:
    (folder / "data/own.csv").unlink()
    line = refused("split", "own", folder)
    assert f"{folder}/data/own.csv" in line
    assert line.endswith(": no such file")


def test_a_table_that_is_not_there_is_told_before_anything_else(folder: Path) -> None:
    (folder / "data/own.csv").unlink()
    (folder / "checked.txt").unlink()
    line = refused("check", "", folder)
    assert line == f"{folder}/params.yaml: datasets.own.table: no such file data/own.csv"


@pytest.mark.parametrize(
    ("name", "change", "fault"),
    [
        ("line", ("kind: ordered", "kind: stratified, seed: 1"), "kind: found stratified, expected random or ordered"),
        (
            "moons",
            ("kind: random, test_size: 0.25", "kind: random, test_size: 0.99"),
            ": the 40 rows of the table leave none for training beside 40 test and 0 validation",
        ),
        ("own", ("kind: random", "kind: stratified"), "kind: found stratified, expected random or ordered"),
    ],
)
def test_a_split_that_is_not_possible(folder: Path, name: str, change: tuple[str, str], fault: str) -> None:
    edit(folder / "params.yaml", *change)
    line = refused("split", name, folder)
    assert line.startswith(f"{folder}/params.yaml: datasets.{name}.split")
    assert fault in line


LAYERS = (
    "[{weight: [[1, 2, 3], [1, 2, 3], [1, 2, 3], [1, 2, 3]], bias: [0, 0, 0, 0]}, {weight: [[1, 2, 3, 4]], bias: [0]}]"
)


@pytest.mark.parametrize(
    ("key", "fault"),
    [
        ("loss: cross_entropy", "loss: found cross_entropy, expected l1 or mse for a regression target"),
        ("class_weight: balanced", "class_weight: found balanced, expected none for a regression target"),
        (f"initial_weights: {LAYERS}", "initial_weights[0]: found 3 inputs, expected 2, one for each feature"),
    ],
)
def test_settings_that_do_not_fit_the_data(folder: Path, key: str, fault: str) -> None:
    """Of a user's table only the training sees it."""
    edit(folder / "params.yaml", "{dataset: own,", f"{{dataset: own, {key},")
    assert refused("train", "own", folder) == f"{folder}/params.yaml: variants.own.{fault}"


@pytest.mark.parametrize("column", ["a", "answer"])
def test_a_split_with_words_is_not_a_mistake_in_params(folder: Path, column: str) -> None:
    path = folder / "split/own/test.parquet"
    columns = files.read_columns(path)
    files.write_columns(path, columns | {column: np.array(["x"] * len(columns["a"]))})
    assert refused("train", "own", folder) == f"{path}: column {column!r}, row 1: found 'x', expected a number"


def test_more_hidden_units_than_the_memory_holds(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "machine_memory", lambda: 2**11)
    line = refused("train", "own", folder)
    assert line.startswith(
        f"{folder}/params.yaml: variants.own: found a need of 0.0 GiB of memory or more, expected at"
    )


def test_a_checkpoint_that_cannot_be_written_is_said_once_and_stops_nothing(
    made: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DVC_ROOT", str(folder))
    monkeypatch.setenv("DVC_STAGE", "train@moons")
    monkeypatch.setattr(checkpoints, "SECONDS", 0.0)
    blocked = folder / ".dvc/tmp/checkpoints"
    blocked.parent.mkdir(parents=True)
    blocked.write_text("not a folder")
    assert line_of("train", "moons", folder) is None
    (line,) = capsys.readouterr().err.splitlines()
    assert re.match(rf"{re.escape(str(blocked))}/moons/[0-9a-f]{{16}}\.safetensors: cannot be written \(", line)
    for file in ("models/moons.safetensors", "history/moons.csv", "predictions/moons/test.parquet"):
        assert (folder / file).read_bytes() == (made / file).read_bytes()


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB.\nGPU 0 has ..."),
        torch.AcceleratorError("CUDA error: out of memory\nSearch for ..."),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_gpu_whose_memory_is_full(folder: Path, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def full(*_: object) -> None:
        raise error

    monkeypatch.setattr("boundary.training.job.TrainingJob.run", full)
    line = refused("train", "moons", folder)
    found = "variants.moons: found more than the GPU's free memory has room for"
    assert line.startswith(f"{folder}/params.yaml: {found}, expected device: cpu, or fewer replicates")


@pytest.mark.skipif(torch.cuda.is_available(), reason="has CUDA")
def test_a_device_that_is_not_there(folder: Path) -> None:
    edit(folder / "params.yaml", "device: cpu", "device: cuda")
    line = refused("train", "moons", folder)
    assert line.startswith(f"{folder}/params.yaml: device: found cuda, which this machine has not, expected auto or ")


@pytest.mark.parametrize("damage", ["missing", "empty", "truncated", "other columns"])
@pytest.mark.parametrize(
    ("stage", "name", "file"),
    [
        ("train", "moons", "split/moons/test.parquet"),
        ("plot", "moons", "split/moons/train.parquet"),
        ("plot_data", "moons", "split/moons/train.parquet"),
        ("evaluate", "moons", "predictions/moons/test.parquet"),
        ("plot", "moons", "predictions/moons/plane.parquet"),
        ("plot", "blobs", "predictions/blobs/test.parquet"),
        ("plot", "line", "predictions/line/test.parquet"),
        ("plot_contrast", "moons", "predictions/moons/plane.parquet"),
        ("plot_animation", "moons", "split/moons/test.parquet"),
        ("report", "", "split/moons/train.parquet"),
        ("report", "", "predictions/moons/plane.parquet"),
        ("report", "", "predictions/line/test.parquet"),
    ],
)
def test_damaged_columns_are_named(folder: Path, stage: str, name: str, file: str, damage: str) -> None:
    path = folder / file
    whole = path.read_bytes()
    path.unlink()
    if damage == "other columns":
        files.write_columns(path, {"z": np.arange(3.0)})
    elif damage != "missing":
        path.write_bytes(b"" if damage == "empty" else whole[: len(whole) // 2])
    assert str(path) in refused(stage, name, folder)


@pytest.mark.parametrize("content", ['{"test": ', "{}"])
@pytest.mark.parametrize(
    ("stage", "file"),
    [
        ("train", "split/moons/schema.json"),
        ("evaluate", "split/moons/schema.json"),
        ("plot", "split/moons/schema.json"),
        ("plot_animation", "split/moons/schema.json"),
        ("compare", "details/moons.json"),
        ("report", "details/moons.json"),
    ],
)
def test_damaged_json_is_named(folder: Path, stage: str, file: str, content: str) -> None:
    (folder / file).write_text(content)
    assert str(folder / file) in refused(stage, "moons", folder)


@pytest.mark.parametrize("damage", ["missing", "empty", "cut", "other"])
@pytest.mark.parametrize(
    "file", ["history/moons.csv", "comparison/pairs.csv", "comparison/leaderboard.csv", "snapshots/moons.safetensors"]
)
def test_what_the_report_cannot_read_is_named(folder: Path, file: str, damage: str) -> None:
    path = folder / file
    whole = path.read_bytes()
    path.unlink()
    if damage != "missing":
        path.write_bytes({"empty": b"", "cut": whole[: len(whole) * 2 // 3], "other": b"a,b\n1,2\n"}[damage])
    assert str(path) in refused("report", "", folder)


def test_a_variant_that_was_not_compared_cannot_be_reported(folder: Path) -> None:
    path = folder / "comparison/leaderboard.csv"
    path.write_text("".join(line for line in path.read_text().splitlines(keepends=True) if "moons" not in line))
    assert refused("report", "", folder) == f"{path}: lacks variant moons of params.yaml, run compare again"


def test_a_variant_that_was_not_evaluated_cannot_be_compared(folder: Path) -> None:
    for file in ("rows/line.parquet", "details/line.json"):
        (folder / file).unlink()
        assert refused("compare", "", folder) == f"{folder}/{file}: no such file"


@pytest.mark.parametrize("damage", ["a row short", "other columns", "another table"])
def test_scores_that_are_not_of_each_row_cannot_be_compared(folder: Path, damage: str) -> None:
    path = folder / "rows/moons.parquet"
    columns = files.read_columns(path)
    if damage == "a row short":
        columns = {name: column[:-1] for name, column in columns.items()}
    elif damage == "other columns":
        del columns["accuracy"]
    else:
        columns["replicate"] = columns["replicate"][::-1]
    files.write_columns(path, columns)
    assert refused("compare", "", folder) == f"{path}: not a score for each row of each replicate"


def test_scores_of_other_rows_cannot_be_compared(folder: Path) -> None:
    """As when a second variant was scored before the split changed."""
    edit(
        folder / "params.yaml",
        "variants:\n",
        "variants:\n  old: {dataset: moons, hidden_units: [], activation: none,"
        " optimizer: sgd, lr: 0.1, epochs: 1, log_every: 1}\n",
    )
    shutil.copy(folder / "details/moons.json", folder / "details/old.json")
    results.write_scores(folder / "rows/old.parquet", "accuracy", {0: np.ones(3), 1: np.ones(3)})
    expected = f"{folder}/rows/moons.parquet: not of the same rows as old, run evaluate@moons again"
    assert refused("compare", "", folder) == expected


@pytest.mark.parametrize(
    ("stage", "file"),
    [
        ("evaluate", "predictions/moons/test.parquet"),
        ("evaluate", "predictions/moons/train.parquet"),
        ("plot", "predictions/blobs/test.parquet"),
        ("report", "predictions/line/test.parquet"),
    ],
)
def test_predictions_of_another_data_set_are_refused(folder: Path, stage: str, file: str) -> None:
    """As copied by hand, or left by an older run."""
    path = folder / file
    name, part = path.parent.name, path.name
    other = {"moons": "blobs", "blobs": "own", "line": "moons"}[name]
    columns = files.read_columns(folder / f"predictions/{other}/{part}")
    if name == "blobs":  # the same rows, with labels that the data set has not
        columns = files.read_columns(path)
        columns["true"] = columns["true"] + 1
    files.write_columns(path, columns)
    assert refused(stage, name, folder) == f"{path}: not of the rows of this split, run train again"


@pytest.mark.parametrize("stage", ["baseline", "plot_data", "evaluate", "train"])
@pytest.mark.parametrize(("cells", "said"), [(["a", "b"] * 20, "'a'"), ([None] + [1.0] * 39, "None")])
def test_a_split_whose_features_are_no_numbers_is_refused(
    folder: Path, stage: str, cells: list[object], said: str
) -> None:
    path = folder / "split/moons/train.parquet"
    columns = files.read_columns(path)
    files.write_columns(path, columns | {"X1": np.array(cells[: len(columns["X1"])], dtype=object)})
    assert refused(stage, "moons", folder) == f"{path}: column 'X1', row 1: found {said}, expected a number"


@pytest.mark.parametrize("stage", ["evaluate", "report"])
@pytest.mark.parametrize(
    ("other", "fault"),
    [
        ("line", "column 'train_accuracy' is missing"),
        ("one replicate", "found 1 replicates, expected 2, run train again"),
    ],
)
def test_a_history_of_another_training_is_refused(folder: Path, stage: str, other: str, fault: str) -> None:
    path = folder / "history/moons.csv"
    rows = path.read_text().splitlines(keepends=True)
    path.write_text((folder / "history/line.csv").read_text() if other == "line" else "".join(rows[:4]))
    assert refused(stage, "moons", folder) == f"{path}: {fault}"


def test_predictions_of_other_replicates_than_those_tested_are_refused(folder: Path) -> None:
    path = folder / "predictions/moons/train.parquet"
    files.write_columns(path, {name: column[:30] for name, column in files.read_columns(path).items()})
    assert refused("evaluate", "moons", folder) == f"{path}: found 1 replicates, expected 2, as of the test rows"


def test_each_row_s_score_is_that_of_the_metrics(made: Path) -> None:
    for name in NAMES:
        metrics = files.read_json(made / f"metrics/{name}.json")
        score, values = results.read_scores(made / f"rows/{name}.parquet")
        assert score == ("accuracy" if name in ("moons", "blobs") else "mae")
        assert metrics[score] == pytest.approx(np.mean(list(values.values())), abs=1e-6)
        assert list(values) == [0, 1]


def test_removed_variants_are_left_out_and_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit(folder / "params.yaml", "  line: {dataset", "  # line: {dataset")
    assert line_of("compare", "", folder) is None
    assert capsys.readouterr().err == f"left out, since {folder}/params.yaml has no such variants: line\n"
    assert "line" not in (folder / "comparison.md").read_text() + (folder / "comparison/leaderboard.csv").read_text()


def test_a_model_without_details_of_today_cannot_be_exported(folder: Path) -> None:
    edit(folder / "details/line.json", '"ensemble"', '"something"')
    assert (
        refused("export", "", folder)
        == f"{folder}/details/line.json: not what evaluate writes, run evaluate@line again"
    )


@pytest.mark.parametrize("damage", ["missing", "empty", "cut", "other"])
def test_snapshots_that_cannot_be_animated_are_named(folder: Path, damage: str) -> None:
    path = folder / "snapshots/moons.safetensors"
    whole = path.read_bytes()
    path.unlink()
    if damage == "other":
        shutil.copy(folder / "models/moons.safetensors", path)
    elif damage != "missing":
        path.write_bytes(b"" if damage == "empty" else whole[: len(whole) // 2])
    assert str(path) in refused("plot_animation", "moons", folder)


def test_snapshots_of_another_table_cannot_be_animated(folder: Path) -> None:
    path = folder / "snapshots/moons.safetensors"
    shutil.copy(folder / "snapshots/blobs.safetensors", path)
    line = refused("plot_animation", "moons", folder)
    assert line == f"{path}: not trained on what {folder}/split/moons holds, run train@moons again"


@pytest.mark.parametrize("stage", ["plot_contrast", "plot_animation"])
@pytest.mark.parametrize("name", ["blobs", "line"])
def test_a_contrast_is_for_classes_of_two_features(folder: Path, name: str, stage: str) -> None:
    line = refused(stage, name, folder)
    assert line == f"{folder}/split/{name}: a contrast is drawn for classes of two features only"


OUTPUT = {  # a folder that a stage writes to
    "generate": "data/raw",
    "split": "split/moons",
    "train": "models",
    "evaluate": "metrics",
    "plot": "images",
    "plot_data": "data_images",
}


@pytest.mark.parametrize("stage", OUTPUT)
def test_a_file_where_a_folder_should_be(folder: Path, stage: str) -> None:
    shutil.rmtree(folder / OUTPUT[stage])
    (folder / OUTPUT[stage]).write_text("in the way")
    assert str(folder / OUTPUT[stage]) in refused(stage, "moons", folder)


@pytest.mark.skipif(os.getuid() == 0, reason="root may write everywhere")
@pytest.mark.parametrize("stage", OUTPUT)
def test_a_folder_that_may_not_be_written_to(folder: Path, stage: str) -> None:
    (folder / OUTPUT[stage]).chmod(0o555)
    try:
        assert str(folder / OUTPUT[stage]) in refused(stage, "moons", folder)
    finally:
        (folder / OUTPUT[stage]).chmod(0o755)


def test_a_validation_part_is_predicted_scored_and_drawn(folder: Path) -> None:
    edit(folder / "params.yaml", "kind: random, test_size: 0.25", "kind: random, test_size: 0.25, validation_size: 0.2")
    for stage in ("split", "train", "evaluate", "plot", "plot_data"):
        assert line_of(stage, "moons", folder) is None
    assert len(files.read_columns(folder / "split/moons/validation.parquet")["label"]) == 8
    assert len(files.read_columns(folder / "predictions/moons/validation.parquet")["true"]) == 2 * 8
    details = files.read_json(folder / "details/moons.json")
    assert set(details) == {"classes", "train", "test", "validation"}
    schema, parts = splits.read_split(folder / "split/moons")
    panels = plot.draw("moons", schema, parts, folder / "predictions/moons").axes
    assert [axes.get_title(loc="left") for axes in panels] == [f"moons: {part} data" for part in parts]


def after_each_write(monkeypatch: pytest.MonkeyPatch, do: Callable[[], None]) -> None:
    """Whenever this process has written a file whole."""
    open_atomically = files.open_atomically

    @contextmanager
    def write_and_do(path: Path) -> Iterator[IO[bytes]]:
        with open_atomically(path) as file:
            yield file
        do()

    monkeypatch.setattr(files, "open_atomically", write_and_do)


@pytest.mark.parametrize(
    ("stage", "name", "old", "new", "key"),
    [
        ("generate", "moons", "noise: 0.1", "noise: 0.2", "generators.moons"),
        ("split", "moons", "seed: 1}}\n  blobs", "seed: 2}}\n  blobs", "datasets.moons"),
        ("train", "moons", "lr: 0.01", "lr: 0.02", "variants.moons"),
        ("train", "moons", "seed: 0", "seed: 1", "seed"),
        ("baseline", "", "test_size: 0.25}", "test_size: 0.2}", "datasets"),
        ("compare", "", "lr: 0.01", "lr: 0.02", "variants"),
        ("export", "", "test_size: 0.25, seed: 1", "test_size: 0.2, seed: 1", "datasets"),
        ("report", "", "noise: 0.1", "noise: 0.2", "generators"),
    ],
)
def test_params_edited_while_a_stage_runs(
    folder: Path, monkeypatch: pytest.MonkeyPatch, stage: str, name: str, old: str, new: str, key: str
) -> None:
    """dvc would record the new ones with what the old ones gave."""

    def edit_params() -> None:
        if old in (folder / "params.yaml").read_text():
            edit(folder / "params.yaml", old, new)

    after_each_write(monkeypatch, edit_params)
    assert line_of(stage, name, folder) == f"{folder}/params.yaml: {key}: changed while this stage ran, run it again"


class Noted:
    """params.yaml for a stage, and the keys that it and the library have asked it for."""

    def __init__(self, settings: params.Params) -> None:
        self.settings = settings
        self.keys: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        if name in params.Params.__struct_fields__:
            self.keys.add(name)
            return getattr(self.settings, name)
        return MethodType(getattr(params.Params, name), self)


@pytest.mark.parametrize("stage", READ_PARAMS[1:])
def test_a_stage_uses_the_params_that_it_declares(folder: Path, monkeypatch: pytest.MonkeyPatch, stage: str) -> None:
    """All of them, and no others but `device`, which changes where, not what."""
    noted = []

    def converted(path: Path, content: Any, convert: Callable[..., params.Params] = load._convert) -> Noted:
        noted.append(Noted(convert(path, content)))
        return noted[-1]

    monkeypatch.setattr(load, "_convert", converted)
    assert line_of(stage, "moons", folder) is None
    (settings,) = noted
    declared = {key.partition(".")[0] for key in PIPELINE[stage].get("do", PIPELINE[stage])["params"]}
    assert settings.keys - {"device"} == declared


def test_params_of_others_may_be_edited_meanwhile(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder / "params.yaml"
    before = path.read_text()
    after_each_write(monkeypatch, lambda: path.write_text(before.replace("lr: 0.1, epochs: 5", "lr: 0.2, epochs: 5")))
    assert line_of("train", "moons", folder) is None
    assert path.read_text() != before


@pytest.mark.parametrize(
    "file", ["boundary/errors.py", "boundary/config/params.py", "boundary/validation/rules.py", "stages/check.py"]
)
def test_code_edited_while_a_stage_runs(folder: Path, monkeypatch: pytest.MonkeyPatch, file: str) -> None:
    """Or before, since this program has read it."""
    monkeypatch.setitem(_program.CODE, ROOT / file, {})
    assert line_of("check", "", folder) == f"{ROOT / file}: changed while this stage ran, run it again"


def test_code_that_a_stage_does_not_use_may_be_edited(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(_program.CODE, ROOT / "boundary/nowhere.py", {})
    assert line_of("check", "", folder) is None


@pytest.mark.parametrize("file", ["boundary/errors.py", "boundary/report/svg.py", "boundary/plots/geometry.py"])
def test_an_edit_of_a_nested_file_is_seen(tmp_path: Path, file: str) -> None:
    """In a copy of the code: of what is imported, by the time that it is looked at again."""
    for name in ("boundary", "stages"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    program = (
        "from stages import _program; import boundary.report.svg; assert _program._changed() is None; "
        f"open({file!r}, 'a').write('# edited'); print(_program._changed())"
    )
    done = run(tmp_path, "env", f"PYTHONPATH={tmp_path}", sys.executable, "-c", program)
    assert done.stdout.strip() == str(tmp_path / file)


def test_the_code_of_a_stage_is_its_modules() -> None:
    assert ROOT / "boundary/artifacts/files.py" in _program._code()
    assert set(_program._code()) <= set(_program.CODE)


def read_by(stage: str, name: str, folder: Path) -> list[Path]:
    """What dvc.yaml says that a stage reads, as its arguments name it; of params.yaml, stages read a part."""
    entry = PIPELINE[stage].get("do", PIPELINE[stage])
    words, given = shlex.split(entry["cmd"])[3:], arguments(stage, name, folder)
    read = [any(Path(word).is_relative_to(path) for path in entry["deps"]) for word in words]
    options = [words[k - 1] for k, is_read in enumerate(read) if is_read and k]
    found = [given[given.index(option) + 1] for option in options]
    return [Path(word) for word in found + ([given[0]] if read[0] else [])]


@pytest.mark.parametrize("stage", PIPELINE)
def test_every_source_is_noted(folder: Path, stage: str) -> None:
    assert line_of(stage, "moons", folder) is None
    assert set(_program._sources) == set(read_by(stage, "moons", folder))


@pytest.mark.parametrize(
    ("stage", "file"),
    [
        ("check", "params.yaml"),
        ("split", "data/own.csv"),
        ("train", "split/own/train.parquet"),
        ("train", "split/own/validation.parquet"),  # there was none
        ("evaluate", "history/own.csv"),
        ("compare", "rows/moons.parquet"),
        ("export", "models/moons.safetensors"),
    ],
)
def test_a_source_that_changes_while_a_stage_runs(
    folder: Path, monkeypatch: pytest.MonkeyPatch, stage: str, file: str
) -> None:
    """dvc would record what is there now with what another content gave."""

    def add_a_line() -> None:
        with (folder / file).open("ab") as source:
            source.write(b"\n")

    after_each_write(monkeypatch, add_a_line)
    assert line_of(stage, "own", folder) == f"{folder / file}: changed while this stage ran, run it again"


# --- unusual, but allowed ------------------------------------------------------------------------------------------


def own_table(header: str, row: Callable[[int], str], rows: int = 24) -> str:
    return "\n".join([header, *map(row, range(rows))]) + "\n"


UNUSUAL = {
    "one feature": own_table("a,answer", lambda k: f"{k},{'yn'[k % 2]}"),
    "one feature, many classes": own_table("a,answer", lambda k: f"{k},{k % 12}", 120),
    "four features, many classes": own_table("a,b,c,d,answer", lambda k: f"{k},{k % 5},{k % 3},1,{k % 14}", 140),
    "true and false": own_table("a,b,answer", lambda k: f"{k},{k % 5},{'true' if k % 3 else 'false'}"),
    "quoted labels": own_table("a,b,answer", lambda k: f"{k},{k % 5}," + ('"yes, sure"', '"say ""no"""')[k % 2]),
    "features named as the plane's columns": own_table(
        "votes_0,probability_1,answer", lambda k: f"{k},{k % 5},{k % 2}"
    ),
    "large numbers, small differences": own_table("a,b,answer", lambda k: f"{1000000 + k % 5},{k},{k % 2}"),
    "formulas": own_table("$x_$,b,answer", lambda k: f"{k},{k % 5},{['$^$', 'b'][k % 2]}"),
    "a constant feature": own_table("a,b,answer", lambda k: f"1,{k % 5},{k % 2}"),
}


@pytest.mark.parametrize("name", UNUSUAL)
def test_unusual_tables_go_all_the_way(tmp_path: Path, name: str) -> None:
    folder = lay_out(tmp_path / "folder", UNUSUAL[name])
    for stage in ("split", "train", "evaluate", "plot", "plot_data"):
        assert line_of(stage, "own", folder) is None
    schema = splits.read_schema(folder / "split/own/schema.json")
    pairs = confusion(folder, "own")
    assert len(pairs) == 2 * len(files.read_columns(folder / "split/own/test.parquet")[schema.target])
    assert {label for pair in pairs for label in pair} <= {str(label) for label in schema.classes}


@pytest.mark.filterwarnings("ignore:R.2 score is not well-defined")
def test_a_regression_tested_on_one_row(tmp_path: Path) -> None:
    """It has errors, but no variance to explain: r2 is null, as JSON has no nan."""
    folder = lay_out(tmp_path / "folder", own_table("a,answer", lambda k: f"{k / 3},{k / 4 + 0.5}", 4))
    for name in ("moons", "blobs", "line"):
        for start in ("dataset", "table"):
            edit(folder / "params.yaml", f"  {name}: {{{start}", f"  # {name}: {{{start}")
    for stage in ("split", "train", "evaluate", "baseline", "compare", "plot", "plot_data"):
        assert line_of(stage, "own", folder) is None
    metrics = json.loads((folder / "metrics/own.json").read_text())
    assert metrics["mae"] > 0
    assert metrics["r2"] is None


@pytest.mark.parametrize("name", NAMES)
def test_a_training_of_which_nothing_is_left_is_refused(folder: Path, name: str) -> None:
    edit(folder / "params.yaml", "lr: 0.1", "lr: 1.0e+300")
    edit(folder / "params.yaml", "lr: 0.01", "lr: 1.0e+300")
    assert refused("train", name, folder) == (
        f"{folder}/params.yaml: variants.{name}: every replicate diverged, expected a smaller lr than 1e+300, or "
        "smaller numbers in the table (preprocess: true scales them)"
    )


def test_a_training_may_diverge_by_its_weight_decay(folder: Path) -> None:
    edit(folder / "params.yaml", "{dataset: line, hidden", "{dataset: line, weight_decay: 1.0e+300, hidden")
    line = refused("train", "line", folder)
    assert (
        "every replicate diverged, expected a smaller lr than 0.1, or a smaller weight_decay than 1e+300, or " in line
    )


def layer(outputs: int, inputs: int, weight: str = "1") -> str:
    """A layer of ones for initial_weights, its first weight as given."""
    rows = [["1"] * inputs for _ in range(outputs)]
    rows[0][0] = weight
    shown = ", ".join(f"[{', '.join(row)}]" for row in rows)
    return f"{{weight: [{shown}], bias: [{', '.join(['0'] * outputs)}]}}"


HUGE = {  # of the first replicate; too large to compute with
    "moons": f"[{layer(4, 2, '1e200')}, {layer(1, 4)}]",
    "blobs": f"[{layer(4, 3, '1e200')}, {layer(3, 4)}]",
    "line": f"[{layer(1, 1, '1e200')}]",
    "own": f"[{layer(4, 2)}, {layer(1, 4, '1e200')}]",
}


@pytest.mark.parametrize("name", NAMES)
def test_a_replicate_that_diverges_is_told_and_not_counted(
    made: Path, folder: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The other is bit for bit what it would have been."""
    edit(
        folder / "params.yaml",
        f"  {name}: {{dataset: {name},",
        f"  {name}: {{dataset: {name}, initial_weights: {HUGE[name]},",
    )
    assert line_of("train", name, folder) is None
    said = capsys.readouterr()
    assert said.err == f"{name}: replicate 0 (seed 0) diverged, no metric counts it\n"
    assert "nan" in said.out
    for stage in ("evaluate", "compare", "plot"):
        assert line_of(stage, name, folder) is None
    for file in (f"history/{name}.csv", f"predictions/{name}/test.parquet"):
        if file.endswith("csv"):
            before, after = (
                [r for r in (root / file).read_text().splitlines() if r[0] == "1"] for root in (made, folder)
            )
            assert before == after
        else:
            before, after = (files.read_columns(root / file) for root in (made, folder))
            for column in before:
                mine = before["replicate"] == 1
                np.testing.assert_array_equal(before[column][mine], after[column][mine])
    summary = files.read_json(folder / f"metrics/{name}.json")
    assert (summary["replicates"], summary["diverged"]) == (1, 1)
    score = "accuracy" if "accuracy" in summary else "mae"
    alone = files.read_json(made / f"details/{name}.json")["test"]["replicates"][1]
    assert summary[score] == alone[score]
    assert [each["replicate"] for each in files.read_json(folder / f"details/{name}.json")["test"]["replicates"]] == [1]
    assert "1 (1 more diverged)" in (folder / "comparison.md").read_text()


@pytest.mark.parametrize("name", ["moons", "line"])
def test_a_training_that_ends_worse_than_it_began_is_told(
    folder: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its loss is finite, so that its networks count; and a user should know."""
    edit(folder / "params.yaml", "lr: 0.1", "lr: 1000000.0")
    edit(folder / "params.yaml", "lr: 0.01", "lr: 1000000.0")
    assert line_of("train", name, folder) is None
    _, values = results.read_history(folder / f"history/{name}.csv", 2, 2 if name == "moons" else 0)
    worse = [losses[-1] for losses in values["train_loss"] if losses[-1] > losses[0]]
    assert max(worse) > 1000
    said = re.fullmatch(
        rf"{name}: (\d) of 2 replicates ended worse than at their start, the largest training loss (\S+): "
        r"expected a smaller lr than 1000000.0\n",
        capsys.readouterr().err,
    )
    assert said is not None
    assert int(said[1]) == len(worse)
    assert float(said[2]) == pytest.approx(max(worse), rel=1e-5)
    assert line_of("evaluate", name, folder) is None
    assert files.read_json(folder / f"metrics/{name}.json")["replicates"] == 2


def test_a_network_that_cannot_learn_is_not_called_worse(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What it learns of the training rows may be of no use on others."""
    edit(folder / "data/own.csv", OWN, own_table("a,b,answer", lambda k: f"{k % 7},{k % 5},{k * k % 11}", 40))
    for stage in ("split", "train"):
        assert line_of(stage, "own", folder) is None
    assert capsys.readouterr().err == ""


def spoiled(when: int, value: float) -> Callable[..., Any]:
    """fit with a loss of the first replicate on the test rows replaced, at the when-th logged epoch."""

    def replaced(*arguments: Any) -> tuple[torch.Tensor, History]:
        parameters, log = fit(*arguments)
        losses = log.values["test_loss"].clone()
        losses[when, 0] = value
        return parameters, replace(log, values={**log.values, "test_loss": losses})

    return replaced


@pytest.mark.parametrize("name", ["moons", "line"])
@pytest.mark.parametrize("value", [math.inf, math.nan])
def test_a_loss_that_is_no_number_counts_as_divergence_everywhere(
    made: Path,
    folder: Path,
    name: str,
    value: float,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Though weights and predictions are finite: the log, the model, the predictions and the metrics say the same."""
    monkeypatch.setattr(job, "fit", spoiled(-1, value))
    assert line_of("train", name, folder) is None
    assert capsys.readouterr().err == f"{name}: replicate 0 (seed 0) diverged, no metric counts it\n"
    model = load_model(folder / f"models/{name}.safetensors")
    assert model.diverged == {0}
    for part in ("train", "test"):
        rows = files.read_columns(folder / f"split/{name}/{part}.parquet")
        tables = read_replicates(folder / f"predictions/{name}/{part}.parquet", model.schema, rows)
        assert [has_diverged(table) for table in tables] == [True, False]
    for stage in ("evaluate", "compare", "export", "plot"):
        assert line_of(stage, name, folder) is None
    summary = files.read_json(folder / f"metrics/{name}.json")
    assert (summary["replicates"], summary["diverged"]) == (1, 1)
    assert "1 of 2 networks diverged" in (folder / f"exports/{name}.md").read_text()
    assert torch.equal(model.parameters[1], load_model(made / f"models/{name}.safetensors").parameters[1])


def test_a_loss_that_is_no_number_on_the_way_is_none_at_the_end(
    made: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(job, "fit", spoiled(1, math.nan))
    assert line_of("train", "moons", folder) is None
    assert capsys.readouterr().err == ""
    for file in ("models/moons.safetensors", "predictions/moons/test.parquet"):
        assert (folder / file).read_bytes() == (made / file).read_bytes()


def test_a_replicate_whose_numbers_overflow_on_some_row_diverged(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Though its weights are finite, as are its losses."""
    exact, calls = predictions.predict, []

    def overflowing(model: Model, inputs: torch.Tensor) -> torch.Tensor:
        calls.append(len(inputs))
        found = exact(model, inputs)
        if len(calls) == 1:
            found[0, 0, 0] = torch.nan
        return found

    monkeypatch.setattr(predictions, "predict", overflowing)
    assert line_of("train", "moons", folder) is None
    assert capsys.readouterr().err == "moons: replicate 0 (seed 0) diverged, no metric counts it\n"
    assert load_model(folder / "models/moons.safetensors").diverged == {0}


def test_a_constant_feature_changes_nothing_else(tmp_path: Path) -> None:
    """Of a column that says nothing, preprocessed or not: the other networks of the folder are bit for bit the same."""
    folder = lay_out(tmp_path / "folder", UNUSUAL["a constant feature"])
    edit(folder / "params.yaml", "  own: {table: data/own.csv,", "  own: {table: data/own.csv, preprocess: true,")
    for stage in ("split", "train", "evaluate"):
        assert line_of(stage, "own", folder) is None
    without = lay_out(tmp_path / "without", own_table("b,answer", lambda k: f"{k % 5},{k % 2}"))
    edit(without / "params.yaml", "  own: {table: data/own.csv,", "  own: {table: data/own.csv, preprocess: true,")
    for stage in ("split", "train", "evaluate"):
        assert line_of(stage, "own", without) is None
    for file in ("models/own.safetensors", "history/own.csv", "metrics/own.json"):
        assert (folder / file).read_bytes() == (without / file).read_bytes()


def test_a_model_of_which_nothing_is_left_cannot_be_exported(folder: Path) -> None:
    path = folder / "models/line.safetensors"
    save_model(path, mark_diverged(load_model(path), {0, 1}))
    line = line_of("export", "", folder)
    assert line == f"{path}: every replicate diverged"


def test_fifty_variants_are_compared(folder: Path) -> None:
    """All pairs as rows, those of the best in the table, which stays within 120 columns."""
    variant = "{dataset: moons, hidden_units: [], activation: none, optimizer: sgd, lr: 0.1, epochs: 1, log_every: 1}"
    names = [f"v{k}" for k in range(50)]
    text = (folder / "params.yaml").read_text()
    variants = "".join(f"  {name}: {variant}\n" for name in names)
    before, after = text.index("variants:\n"), text.index("contrasts:")
    (folder / "params.yaml").write_text(f"{text[:before]}variants:\n{variants}{text[after:]}")
    random, details = np.random.RandomState(0), files.read_json(folder / "details/moons.json")
    for k, name in enumerate(names):
        right = {r: (random.random_sample(40) < 0.5 + k / 125).astype(np.uint8) for r in range(16)}
        results.write_scores(folder / f"rows/{name}.parquet", "accuracy", right)
        files.write_json(folder / f"details/{name}.json", details)
    assert line_of("compare", "", folder) is None
    leaders, pairs = read_ranking(folder / "comparison", names)
    means = [float(row["mean"]) for row in leaders]
    assert (len(leaders), means) == (50, sorted(means, reverse=True))
    assert len({(row["left"], row["right"]) for row in pairs}) == len(pairs) == 50 * 49 // 2
    told = sum(row["verdict"] == "better" for row in pairs)
    assert 0 < told < len(pairs)
    lines = (folder / "comparison.md").read_text().splitlines()
    assert f"moons: of all 1225 pairs {told} are told apart; plots/comparison/pairs.csv has them." in lines
    assert max(map(len, lines)) <= 120
