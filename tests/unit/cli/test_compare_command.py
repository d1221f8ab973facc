"""The gate, in real runs: what improved and what regressed against a commit, and what it says where it cannot tell."""

import shutil
import sys
from pathlib import Path

import pytest

from boundary.cli.compare import Side
from boundary.config.load import load_params
from boundary.errors import FileError
from tests.support.repository import ROOT, copy_of_repository, run

VARIANTS = len(load_params(ROOT / "params.yaml").variants)


def compare(folder: Path, revision: str = "HEAD") -> tuple[int, str, str]:
    """Status, output, and errors."""
    done = run(folder, sys.executable, "-m", "boundary.cli", "compare", revision, check=False)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout, done.stderr.strip()


def edit(folder: Path, *changes: tuple[str, str]) -> None:
    text = (folder / "params.yaml").read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    (folder / "params.yaml").write_text(text)


def rows(output: str) -> dict[str, list[str]]:
    """The cells after the variant's name, by variant."""
    table = [[cell.strip() for cell in line.split("|")[1:-1]] for line in output.splitlines() if line.startswith("|")]
    return {row[1]: row[2:] for row in table[2:]}


@pytest.fixture
def committed(workspace: Path) -> Path:
    """With the results committed, which a copy of a work in progress need not have."""
    run(workspace, "git", "add", "-A")
    run(workspace, "git", "commit", "-q", "--allow-empty", "-m", "results")
    return workspace


def test_nothing_changed(committed: Path) -> None:
    status, output, _ = compare(committed)
    assert status == 0
    assert f"Against HEAD: nothing changed beyond luck, {VARIANTS} variants compared." in output
    assert set(map(len, rows(output).values())) == {8}
    assert {cells[3] for cells in rows(output).values()} == {"unchanged"}


@pytest.mark.slow
def test_what_changed(committed: Path) -> None:
    """One better, one worse, one on other rows, one with another name."""
    edit(
        committed,
        ("lr: 0.1\n    epochs: 1000\n    burn_in", "lr: 0.2\n    epochs: 1000\n    burn_in"),  # circle_v2
        (
            "lr: 0.1\n    epochs: 100\n    log_every: 10\n\n  blob_v1",
            "lr: 0.0001\n    epochs: 100\n    log_every: 10\n\n  blob_v1",
        ),
        (
            "table: data/raw/moons.parquet, target: label, split: {kind: random, test_size: 0.2, seed: 42}",
            "table: data/raw/moons.parquet, target: label, split: {kind: random, test_size: 0.2, seed: 7}",
        ),
        ("  spirals_v0:", "  spirals_v1:"),
    )
    status, _, error = compare(committed)
    assert status == 2
    assert error.startswith("the results here are not up to date (")
    assert error.endswith("run make repro first")
    run(committed, "dvc", "repro", *(f"evaluate@{name}" for name in ("circle_v2", "blob_v0", "moons_v0", "spirals_v1")))
    status, output, _ = compare(committed)
    assert status == 1
    found = rows(output)
    assert {name: cells[3] for name, cells in found.items() if cells[3] != "unchanged"} == {
        "circle_v2": "improved",
        "blob_v0": "regressed",
    }
    assert found["circle_v2"][-1] == "16 seeds, rows"
    assert found["moons_v0"][-1] == "neither seeds nor rows"
    assert "new, so not compared: spirals_v1" in output
    assert "gone, so not compared: spirals_v0" in output
    assert output.endswith(f"Against HEAD: 1 improved, 1 regressed, {VARIANTS - 1} variants compared.\n")


def test_a_revision_that_does_not_exist(committed: Path) -> None:
    assert compare(committed, "nowhere") == (2, "", "nowhere: unknown Git revision 'nowhere'")


def test_results_that_are_nowhere(committed: Path) -> None:
    shutil.rmtree(committed / ".dvc/cache")
    status, _, error = compare(committed)
    assert status == 2
    assert error == (
        "HEAD:metrics/rows/circle_v0.parquet: neither in DVC's cache nor in its remote, try dvc fetch --all-commits, "
        "or dvc repro there"
    )


def test_a_revision_whose_results_are_not_those_of_its_params(committed: Path) -> None:
    edit(committed, ("lr: 0.1\n", "lr: 0.3\n"))
    run(committed, "git", "commit", "-qam", "forgot to run")
    status, _, error = compare(committed)
    assert status == 2
    assert error == ("HEAD: params.yaml was committed with another variants.circle_v0 than circle_v0 was trained with")


@pytest.mark.parametrize(
    ("missing", "said"),
    [("dvc.lock", "HEAD:dvc.lock: HEAD has no such file"), ("params.yaml", "HEAD: failed to parse 'stages")],
)
def test_a_revision_without_a_pipeline(committed: Path, missing: str, said: str) -> None:
    run(committed, "git", "rm", "-q", "--cached", missing)
    run(committed, "git", "commit", "-qm", "less")
    status, _, error = compare(committed)
    assert status == 2
    assert error.startswith(said)
    assert "\n" not in error


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{}\n", "HEAD: dvc.lock has no scores of "),
        ("schema: '2.0'\n", "HEAD: dvc.lock has no scores of "),
        ("stages: []\n", "HEAD: dvc.lock has no scores of "),
        ("stages: [a]\n", "HEAD:dvc.lock: not what DVC writes"),
        ("- a\n", "HEAD:dvc.lock: not what DVC writes"),
        ("stages:\n<<<<<<< HEAD\n  a: {}\n=======\n>>>>>>> b\n", "HEAD:dvc.lock: not readable as YAML ("),
    ],
)
def test_a_revision_whose_lock_is_none(tmp_path: Path, content: str, said: str) -> None:
    folder = copy_of_repository(tmp_path / "copy")
    (folder / "dvc.lock").write_text(content)
    run(folder, "git", "commit", "-qam", "damaged")
    status, _, error = compare(folder)
    assert status == 2
    assert error.startswith(said)
    assert "\n" not in error


def test_a_side_names_its_own_files_alone() -> None:
    here = Side(ROOT, "main:")
    said = here.named(FileError(f"{ROOT}/a.csv: bad\nb{ROOT}/a.csv: bad"))
    assert said == f"main:a.csv: bad\nb{ROOT}/a.csv: bad"
    here.folder, here.name = Path(), ""
    assert here.named(FileError("../a/./b.csv: bad")) == "../a/./b.csv: bad"


def test_a_revision_that_was_never_run(committed: Path) -> None:
    (committed / "dvc.lock").write_text("schema: '2.0'\nstages: {}\n")
    run(committed, "git", "commit", "-qam", "never run")
    status, _, error = compare(committed)
    assert status == 2
    assert error == "HEAD: dvc.lock has no scores of circle_v0, run make repro there and commit dvc.lock"
