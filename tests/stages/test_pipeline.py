"""Real runs of the pipeline, in copies of the repository."""

import json
import os
import re
import shutil
import stat
import sys
from pathlib import Path

import pandas as pd
import pytest
from ruamel.yaml import YAML

from boundary.config.load import load_params
from tests.support.repository import ROOT, SIDE_BY_SIDE, copy_of_repository, run
from tests.support.stage_runs import PIPELINE

PARAMS = load_params(ROOT / "params.yaml")
REGRESSIONS = {"line_v1"}


def stages_run(output: str) -> list[str]:
    """By dvc, or side by side."""
    return re.findall(r"^(?:Running stage '|\[\d\] )([^':\s]+)(?:'|: [\d.]+ s)", output, re.MULTILINE)


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of the workspace, by name, but for git's and DVC's own."""
    found = (
        path
        for path in folder.rglob("*")
        if path.is_file() and path.relative_to(folder).parts[0] not in (".git", ".dvc")
    )
    return {str(path.relative_to(folder)): path.read_bytes() for path in found if "__pycache__" not in path.parts}


def test_a_run_from_nothing_publishes_what_is_committed(published: Path) -> None:
    """dvc.lock, metrics and the pictures in Git come out byte for byte."""
    assert run(published, "git", "status", "--porcelain").stdout == ""


def test_a_second_run_does_nothing(workspace: Path) -> None:
    output = run(workspace, "dvc", "repro").stdout
    assert stages_run(output) == []
    assert "Data and pipelines are up to date." in output


@pytest.mark.parametrize("variant", PARAMS.variants)
def test_metrics_have_the_promised_keys(published: Path, variant: str) -> None:
    metrics = json.loads((published / f"metrics/{variant}.json").read_text())
    if variant in REGRESSIONS:
        assert set(metrics) == {"mae", "mse", "r2", "mae_low", "mae_high", "replicates"}
        assert metrics["mae_low"] <= metrics["mae"] <= metrics["mae_high"]
    else:
        names = {"accuracy", "precision", "recall", "f1", "loss", "accuracy_low", "accuracy_high", "replicates"}
        assert set(metrics) == names
        assert metrics["accuracy_low"] <= metrics["accuracy"] <= metrics["accuracy_high"]
    assert metrics["replicates"] == PARAMS.replicates


def test_metrics_show_fits_beside_a_name_as_the_tutorial_s() -> None:
    """A table of 120 columns, but for what a longer name than circle_v0 takes."""
    files = [f"metrics/{name}.json" for name in PARAMS.variants if name not in REGRESSIONS]
    shown = run(ROOT, "dvc", "metrics", "show", *files).stdout.splitlines()
    assert len(shown) == 1 + len(files)
    assert max(map(len, shown)) - max(map(len, files)) <= 120 - len("metrics/circle_v0.json")
    assert max(len(line) for line in run(ROOT, "dvc", "metrics", "show", files[0]).stdout.splitlines()) <= 120


@pytest.mark.parametrize("variant", PARAMS.variants)
def test_histories_have_the_promised_columns(published: Path, variant: str) -> None:
    text = pd.read_csv(published / f"plots/history/{variant}.csv", dtype=str)
    accuracies = [] if variant in REGRESSIONS else ["train_accuracy", "test_accuracy"]
    assert list(text.columns) == ["replicate", "epoch", "train_loss", "test_loss", *accuracies]
    assert all(len(value.partition(".")[2]) >= 6 for value in text.iloc[:, 2:].to_numpy().flatten())
    settings = PARAMS.variants[variant]
    epochs = list(dict.fromkeys([*range(0, settings.epochs, settings.log_every), settings.epochs - 1]))
    each = text.groupby(text["replicate"].astype(int))["epoch"].apply(lambda column: column.astype(int).tolist())
    assert each.tolist() == [epochs] * PARAMS.replicates


def test_promised_files_are_there(published: Path) -> None:
    for name in PARAMS.generators:
        assert (published / f"data/raw/{name}.parquet").is_file()
    for name in PARAMS.datasets:
        for part in ("train", "test"):
            assert (published / f"data/split/{name}/{part}.parquet").is_file()
    for name in PARAMS.variants:
        assert (published / f"models/{name}.safetensors").is_file()
        assert (published / f"models/snapshots/{name}.safetensors").is_file()
        assert (published / f"plots/images/{name}.png").is_file()


@pytest.mark.parametrize("by", ["make repro", pytest.param("dvc exp run", marks=pytest.mark.slow)])
def test_one_variant_changed_runs_its_stages_only(workspace: Path, by: str) -> None:
    """And its metrics and plots show the change."""
    if by == "make repro":
        path = workspace / "params.yaml"
        text = path.read_text()
        place = text.index("lr: 0.1", text.index("  circle_v2:"))
        path.write_text(f"{text[:place]}lr: 0.05{text[place + 7 :]}")
        output = run(workspace, *SIDE_BY_SIDE).stdout
    else:
        output = run(workspace, "dvc", "exp", "run", "-S", "variants.circle_v2.lr=0.05").stdout
    own = {"train@circle_v2", "evaluate@circle_v2", "plot@circle_v2"}
    own |= {"plot_contrast@activation", "plot_animation@activation"}
    assert set(stages_run(output)) == own | {"check", "compare", "export", "report"}
    assert "lr: 0.05" in (workspace / "params.yaml").read_text()
    changes = json.loads(run(workspace, "dvc", "metrics", "diff", "--json").stdout)
    assert set(changes) == {"metrics/circle_v2.json"}
    assert changes["metrics/circle_v2.json"]["accuracy"]["diff"] < 0
    run(workspace, "dvc", "plots", "diff", "HEAD", "--out", "plots_diff")
    page = (workspace / "plots_diff/index.html").read_text()
    assert "plots_curves_circle_v2_csv" in page
    assert "HEAD" in page
    assert "workspace" in page


def changed_code(workspace: Path) -> dict[str, set[str]]:
    """By stage, all that DVC says has changed of what it depends on; nothing else of it has."""
    found = {}
    for stage, changes in json.loads(run(workspace, "dvc", "status", "--json").stdout).items():
        (change,) = changes
        assert set(change) == {"changed deps"}
        assert set(change["changed deps"].values()) == {"modified"}
        found[stage] = set(change["changed deps"])
    return found


def stages_with(packages: set[str]) -> dict[str, set[str]]:
    """By stage of dvc.yaml, here by the name before @, those of the packages that it declares, if any."""
    declared = {name: packages & set(stage.get("do", stage)["deps"]) for name, stage in PIPELINE.items()}
    return {name: found for name, found in declared.items() if found}


def test_changed_code_makes_only_the_stages_of_its_package_stale(workspace: Path) -> None:
    """Compiled code, which Python leaves in the packages as it imports them, none at all."""
    run(workspace, sys.executable, "-m", "compileall", "-q", "boundary", "stages")
    assert list(workspace.glob("boundary/*/__pycache__/*.pyc"))
    assert changed_code(workspace) == {}

    edited = [
        "report/svg.py",
        "comparison/tables.py",
        "plots/figures.py",
        "validation/rules.py",
        "export/model_cards.py",
    ]
    for name in edited:
        append(workspace / "boundary" / name)
    found = changed_code(workspace)
    expected = stages_with({f"boundary/{name.partition('/')[0]}" for name in edited})
    assert {name.partition("@")[0] for name in found} == set(expected)
    assert all(changes == expected[name.partition("@")[0]] for name, changes in found.items())
    assert not {"generate", "split", "train", "evaluate"} & set(expected)

    append(workspace / "boundary/nn/losses.py")
    trained = {name: changes for name, changes in changed_code(workspace).items() if name.startswith("train@")}
    assert trained == {f"train@{variant}": {"boundary/nn"} for variant in PARAMS.variants}


def append(path: Path) -> None:
    path.write_text(path.read_text() + "# a change\n")


@pytest.mark.slow
def test_a_removed_variant_leaves_the_comparison_and_comes_back(workspace: Path) -> None:
    """dvc alone keeps its files, which the comparison leaves out; make repro removes them, and finds them again."""
    before = contents(workspace)
    text = (workspace / "params.yaml").read_text()
    start = text.index("  moons_v0:")
    (workspace / "params.yaml").write_text(text[:start] + text[text.index("  spirals_v0:") :])
    done = run(workspace, "dvc", "repro")
    assert set(stages_run(done.stdout)) == {"check", "compare", "export", "report"}
    assert "left out, since params.yaml has no such variants: moons_v0" in done.stderr
    table = (workspace / "metrics/comparison.md").read_text()
    assert "spirals_v0" in table
    assert "moons_v0" not in table

    assert run(workspace, sys.executable, "-m", "tools.repro.prune").stdout.count("@moons_v0: no longer") == 3
    assert not [path for path in workspace.rglob("*moons_v0*") if not {".dvc", ".git"} & set(path.parts)]
    done = run(workspace, "dvc", "repro")
    assert set(stages_run(done.stdout)) == {"compare", "export", "report"}
    assert "left out" not in done.stderr
    lock = YAML(typ="safe").load(workspace / "dvc.lock")["stages"]
    assert not [name for name in lock if "moons_v0" in name]
    folders = {dep["path"]: dep["nfiles"] for dep in lock["compare"]["deps"] if "nfiles" in dep}
    assert folders == dict.fromkeys(("metrics/details", "metrics/rows"), len(PARAMS.variants) - 1)

    (workspace / "params.yaml").write_text(text)
    # the variant's own stages are in DVC's run cache
    assert set(stages_run(run(workspace, "dvc", "repro").stdout)) == {"check", "compare"}
    after = contents(workspace)
    assert YAML(typ="safe").load(before.pop("dvc.lock")) == YAML(typ="safe").load(after.pop("dvc.lock"))
    assert after == before


def test_bad_params_stop_the_run_before_anything_changes(workspace: Path) -> None:
    path = workspace / "params.yaml"
    path.write_text(path.read_text().replace("epochs: 300", "epoch: 300").replace("noise: 0.07", "noise: -1"))
    before = contents(workspace)
    done = run(workspace, "dvc", "repro", check=False)
    assert done.returncode != 0
    assert stages_run(done.stdout) == ["check"]
    assert "params.yaml: generators.moons.noise: found -1, expected a finite number from 0 to 1e+18" in done.stderr
    assert "params.yaml: variants.moons_v0.epoch: unknown, did you mean epochs?" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert contents(workspace) == before


def test_results_can_be_restored_from_the_cache(workspace: Path) -> None:
    before = contents(workspace)
    for name in ("data", "models", "plots"):
        for path in (workspace / name).rglob("*"):
            os.chmod(path, path.stat().st_mode | stat.S_IWUSR)
        shutil.rmtree(workspace / name)
    run(workspace, "dvc", "checkout", "--force")
    run(workspace, "git", "checkout", "data", "plots")
    assert contents(workspace) == before


def test_a_table_of_ones_own_needs_one_entry_and_no_code(tmp_path: Path) -> None:
    """A CSV with text labels under data/, one dataset, one variant, in a copy with nothing else."""
    folder = copy_of_repository(tmp_path)
    rows = [f"{k % 7},{k % 5 - 2.5},{'yes' if k % 7 > 3 else 'no'},{k}" for k in range(200)]
    (folder / "data/own.csv").write_text("\n".join(["width,height,answer,id", *rows]) + "\n")
    (folder / "params.yaml").write_text(
        """
seed: 0
replicates: 3
precision: exact
device: cpu
generators: {}
datasets:
  own:
    table: data/own.csv
    target: answer
    features: [width, height]
    split: {kind: stratified, test_size: 0.25, validation_size: 0.1, seed: 1}
variants:
  own_v0:
    {dataset: own, hidden_units: [8], activation: tanh, optimizer: adamw, lr: 0.05,
     epochs: 30, log_every: 10, batch_size: 32}
contrasts: {}
"""
    )
    done = run(folder, *SIDE_BY_SIDE)
    assert "own: binary of answer from 2 features, classes no, yes" in done.stdout
    assert "own: 130 train, 50 test, 20 validation rows" in done.stdout
    assert json.loads((folder / "metrics/own_v0.json").read_text())["accuracy"] == 1.0
    assert (folder / "data/split/own/validation.parquet").is_file()
    assert (folder / "plots/images/own_v0.png").is_file()
