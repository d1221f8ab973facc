"""Stages run as programs, without DVC, in a folder of their own."""

import runpy
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.support.repository import ROOT

SETTINGS = """
seed: 0
replicates: 2
precision: exact
device: cpu
generators:
  moons: {kind: moons, n_samples: 40, noise: 0.1, seed: 1}
  blobs: {kind: blobs, n_samples: 60, n_features: 3, centers: 3, cluster_std: 1, center_box: [-5, 5], seed: 1}
  line: {kind: line, weight: 2, bias: 0, start: 0, end: 1, step: 0.05}
datasets:
  moons: {table: data/raw/moons.parquet, target: label, split: {kind: random, test_size: 0.25, seed: 1}}
  blobs: {table: data/raw/blobs.parquet, target: label, split: {kind: stratified, test_size: 0.25, seed: 1}}
  line: {table: data/raw/line.parquet, target: y, split: {kind: ordered, test_size: 0.25}}
  own: {table: data/own.csv, target: answer, split: {kind: random, test_size: 0.25, seed: 1}}
variants:
  moons: {dataset: moons, hidden_units: [4], activation: relu, optimizer: adam, lr: 0.01, epochs: 5, log_every: 2}
  blobs: {dataset: blobs, hidden_units: [4], activation: none, optimizer: sgd, lr: 0.1, epochs: 5, log_every: 2}
  line: {dataset: line, hidden_units: [], activation: none, optimizer: sgd, lr: 0.1, epochs: 5, log_every: 2}
  own: {dataset: own, hidden_units: [4], activation: tanh, optimizer: sgd, lr: 0.1, epochs: 5, log_every: 2}
contrasts: {}
"""
PIPELINE = YAML(typ="safe").load(ROOT / "dvc.yaml")["stages"]
KINDS = ("confusion", "roc", "precision_recall", "calibration")  # of plots for classes
NAMES = ("moons", "blobs", "line", "own")  # binary, three classes of three features, one feature, two features
OWN = "a,b,answer\n" + "".join(f"{k % 7},{k / 4},{k % 7 - k / 8}\n" for k in range(40))


def lay_out(folder: Path, own: str = OWN) -> Path:
    """A folder with params and a user's own table."""
    (folder / "data").mkdir(parents=True)
    (folder / "data/own.csv").write_text(own)
    (folder / "params.yaml").write_text(SETTINGS)
    return folder


def arguments(stage: str, name: str, folder: Path) -> list[str]:
    """A stage's arguments, as dvc.yaml gives them, in a folder."""
    params = ["--params", folder / "params.yaml"]
    raw = folder / ("data/own.csv" if name == "own" else f"data/raw/{name}.parquet")
    data, predictions = ["--data", folder / "split" / name], ["--predictions", folder / "predictions" / name]
    given: dict[str, list[object]] = {
        "check": [folder / "params.yaml", folder / "checked.txt"],
        "generate": [name, *params, "--table", raw],
        "split": [
            *[name, *params, "--table", raw, "--parts", folder / "split" / name],
            *["--card", folder / f"cards/{name}.md"],
        ],
        "train": [
            *[name, *params, *data, *predictions, "--model", folder / f"models/{name}.safetensors"],
            *["--history", folder / f"history/{name}.csv", "--snapshots", folder / f"snapshots/{name}.safetensors"],
        ],
        "evaluate": [
            *[*data, *predictions, "--metrics", folder / f"metrics/{name}.json"],
            *["--details", folder / f"details/{name}.json", "--rows", folder / f"rows/{name}.parquet"],
            *["--history", folder / f"history/{name}.csv", "--curves", folder / f"curves/{name}.csv"],
            *[word for kind in KINDS for word in (f"--{kind.replace('_', '-')}", folder / kind / name)],
        ],
        "compare": [
            *[*params, "--details", folder / "details", "--rows", folder / "rows"],
            *["--baselines", folder / "baselines.json"],
            *["--table", folder / "comparison.md", "--plots", folder / "comparison"],
        ],
        "baseline": [*params, "--data", folder / "split", "--scores", folder / "baselines.json"],
        "export": [
            *[*params, "--models", folder / "models", "--details", folder / "details"],
            *["--exports", folder / "exports"],
        ],
        "plot": [name, *data, *predictions, "--image", folder / f"images/{name}.png"],
        "plot_data": [name, *data, "--image", folder / f"data_images/{name}.png"],
        "plot_contrast": [
            *[*data, "--left", name, "--left-predictions", folder / "predictions" / name],
            *["--right", name, "--right-predictions", folder / "predictions" / name],
            *["--image", folder / "contrast.png"],
        ],
        "plot_animation": [
            *[*data, "--left", name, "--left-snapshots", folder / f"snapshots/{name}.safetensors"],
            *["--right", name, "--right-snapshots", folder / f"snapshots/{name}.safetensors"],
            *["--image", folder / "animation.gif"],
        ],
        "plot_activations": ["--image", folder / "activations.png"],
        "plots_page": ["--template", ROOT / "boundary/plots/templates/dvc_page.html", "--page", folder / "page.html"],
        "report": [
            *[*params, "--templates", ROOT / "boundary/report/templates", "--data", folder / "split"],
            *["--snapshots", folder / "snapshots", "--history", folder / "history", "--details", folder / "details"],
            *["--predictions", folder / "predictions", "--comparison", folder / "comparison"],
            *["--page", folder / "report/index.html", "--summary", folder / "report/summary.md"],
        ],
    }
    return [str(argument) for argument in given[stage]]


def line_of(stage: str, name: str, folder: Path) -> str | None:
    """Run a stage's file as __main__, in this process; the line with which it ended, or None where all went well.

    What would be a traceback is raised.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [stage, *arguments(stage, name, folder)])
        patch.setenv("OMP_NUM_THREADS", "1")  # else torch's threads would be set for all tests
        try:
            runpy.run_path(str(ROOT / f"stages/{stage}.py"), run_name="__main__")
        except SystemExit as end:
            if isinstance(end.code, str):
                return end.code
            raise
    return None


def refused(stage: str, name: str, folder: Path) -> str:
    """The one line with which a stage ends, having changed nothing."""
    before = contents(folder)
    line = line_of(stage, name, folder)
    assert line is not None
    assert "\n" not in line
    assert "Traceback" not in line
    assert contents(folder) == before
    return line


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
