"""The habits of the ecosystem: hooks, workflows, experiments, one version; each tried, not only read."""

import json
import re
import shlex
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from boundary.cli import changes
from stages import _program
from tests.support.repository import ENVIRONMENT, ROOT, copy_of_repository, run

MAKEFILE = (ROOT / "Makefile").read_text()
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
TINY = """\
# yaml-language-server: $schema=params.schema.json
seed: 0
replicates: 2
precision: exact
device: cpu
generators:
  bows: {kind: moons, n_samples: 40, noise: 0.1, seed: 1}
datasets:
  bows: {table: data/raw/bows.parquet, target: label, split: {kind: random, test_size: 0.25, seed: 1}}
variants:
  net: {dataset: bows, hidden_units: [3], activation: relu, optimizer: adam, lr: 0.1, epochs: 5, log_every: 1}
contrasts: {}
"""


def yaml(path: Path) -> Any:
    return YAML(typ="safe").load(path)


def make(folder: Path, *words: str, check: bool = True) -> Any:
    return run(
        folder, "make", "--no-print-directory", "-o", ".venv/run", *words, check=check
    )  # the tools are there already


def test_the_version_stands_in_pyproject_and_is_repeated_rightly() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert yaml(ROOT / "CITATION.cff")["version"] == version
    assert f"\n## {version}\n" in (ROOT / "CHANGELOG.md").read_text()


def test_the_container_offers_what_the_files_need() -> None:
    container = json.loads((ROOT / ".devcontainer/devcontainer.json").read_text())
    assert {"Iterative.dvc", "redhat.vscode-yaml"} <= set(container["customizations"]["vscode"]["extensions"])
    assert re.fullmatch(r"make \w+", container["postCreateCommand"])
    python = re.fullmatch(r"python:(3\.\d+)-\w+", container["image"])
    assert python is not None
    assert python[1] in tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]


def steps() -> Iterator[tuple[str, dict[str, Any]]]:
    for path in WORKFLOWS:
        for name, job in yaml(path)["jobs"].items():
            for step in job["steps"]:
                yield f"{path.name}: {name}", step


def test_actions_are_pinned_to_a_version() -> None:
    used = [step["uses"] for _, step in steps() if "uses" in step]
    assert used
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@v\d+\.\d+\.\d+", action) for action in used), used


def test_workflows_call_make_targets_that_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", MAKEFILE, flags=re.MULTILINE))
    called = {word for _, step in steps() for word in re.findall(r"\bmake ([a-z-]+)", step.get("run", ""))}
    assert {"test", "fresh", "changes", "repro"} <= called <= targets


def test_a_pull_request_can_do_no_more_than_comment() -> None:
    for path in WORKFLOWS:
        workflow = yaml(path)
        assert workflow["permissions"] == {"contents": "read"}
        asked = {name for job in workflow["jobs"].values() for name in job.get("permissions", {})}
        assert asked <= {"contents", "pull-requests"}
        assert "pull_request_target" not in workflow["on"]


def test_the_hooks_run_and_repair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a fresh clone all pass; code out of shape is put into shape, and what the types give is kept current."""
    monkeypatch.setitem(ENVIRONMENT, "PRE_COMMIT_HOME", str(tmp_path / "home"))
    folder = copy_of_repository(tmp_path / "clone")
    output = run(folder, "pre-commit", "run", "--all-files").stdout
    assert output.count("Passed") == 4
    assert "check:" in output  # of dvc status: nothing has been run here
    program = folder / "boundary/config/params.py"
    program.write_text(program.read_text().replace("    seed: Seed\n", "    seed :Seed\n", 1))
    meanings = folder / "boundary/cli/params_reference.py"
    meanings.write_text(meanings.read_text().replace("of the random numbers that", "of the numbers that"))
    changed = ["boundary/config/params.py", "boundary/cli/params_reference.py"]
    done = run(folder, "pre-commit", "run", "--files", *changed, check=False)
    assert done.returncode == 1
    assert done.stdout.count("files were modified by this hook") == 2
    assert "    seed: Seed\n" in program.read_text()
    for name in ("params.schema.json", "docs/params.md"):
        assert "of the numbers that the table is drawn from" in (folder / name).read_text()


def test_hooks_are_the_tools_that_are_pinned() -> None:
    hooks = [hook for repo in yaml(ROOT / ".pre-commit-config.yaml")["repos"] for hook in repo["hooks"]]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pinned = "\n".join([*project["dependencies"], *project["optional-dependencies"]["dev"]])
    assert {hook["language"] for hook in hooks} == {"system"}
    assert all(re.search(rf"^{name}==", pinned, flags=re.MULTILINE) for name in ("dvc", "ruff", "pre-commit"))
    assert {shlex.split(hook["entry"])[0] for hook in hooks} == {"dvc", "python", "ruff"}


def test_the_freshness_check_needs_no_results(workspace: Path, tmp_path: Path) -> None:
    """On a clone with dvc.lock alone it passes, and after a change it names what dvc.lock does not know."""
    run(workspace, "git", "commit", "-qam", "results", "--allow-empty")
    run(workspace, "git", "clone", "-q", str(workspace), str(tmp_path / "clone"))
    assert make(tmp_path / "clone", "fresh").returncode == 0
    path = tmp_path / "clone/params.yaml"
    path.write_text(path.read_text().replace("noise: 0.07", "noise: 0.08"))
    done = make(tmp_path / "clone", "fresh", check=False)
    assert done.returncode != 0
    assert "generate@moons" in done.stdout + done.stderr
    (tmp_path / "clone/dvc.yaml").write_text("stages: 1\n")
    assert make(tmp_path / "clone", "fresh", check=False).returncode != 0


def test_the_report_of_a_pull_request(workspace: Path) -> None:
    """Made by dvc from real results, one metric and one picture of which are changed by hand."""
    run(workspace, "git", "commit", "-qam", "results", "--allow-empty")
    assert "No metric changed.\n" in report(workspace)
    path = workspace / "metrics/blob_v0.json"
    before = json.loads(path.read_text())["accuracy"]
    path.write_text(path.read_text().replace(f'"accuracy": {before}', '"accuracy": 0.5'))
    picture = workspace / "plots/images/blob_v0.png"
    picture.unlink()
    picture.write_bytes((workspace / "plots/images/blob_v1.png").read_bytes())
    text = report(workspace)
    assert (workspace / "metrics/comparison.md").read_text().strip() in text
    assert re.search(rf"\| metrics/blob_v0.json \| accuracy +\| {before} +\| 0.5 ", text)
    images = re.findall(r"!\[(\w+)\]\((.*?)\)", text)
    assert [kind for kind, _ in images] == ["before", "after"]
    assert all(image.endswith("_plots_images_blob_v0.png") for _, image in images)
    assert (workspace / "dvc_plots" / images[1][1]).read_bytes() == picture.read_bytes()
    assert run(workspace, "git", "status", "--porcelain").stdout == " M metrics/blob_v0.json\n"


def report(folder: Path) -> str:
    make(folder, "changes", "REV=HEAD")
    return (folder / "dvc_plots/changes.md").read_text()


def test_changes_since_no_revision_are_refused() -> None:
    done = make(ROOT, "changes", check=False)
    assert done.returncode != 0
    assert "REV: is missing, expected a commit, branch or tag" in done.stderr
    assert done.stdout == ""
    done = run(ROOT, sys.executable, "-m", "boundary.cli", "changes", check=False)
    assert done.returncode == 2
    assert "the following arguments are required: revision" in done.stderr


def test_a_picture_may_be_new_or_gone(tmp_path: Path) -> None:
    (tmp_path / "static").mkdir()
    for name in ("abc_plots_images_old", "abc_plots_same", "workspace_plots_same", "workspace_plots_new"):
        (tmp_path / "static" / f"{name}.png").write_bytes(b"x")
    for name in ("abc_plots_moving", "workspace_plots_moving"):
        (tmp_path / "static" / f"{name}.gif").write_bytes(name.encode())
    pairs = changes.pictures(tmp_path)
    assert pairs == [
        ("static/abc_plots_images_old.png", None),
        ("static/abc_plots_moving.gif", "static/workspace_plots_moving.gif"),
        (None, "static/workspace_plots_new.png"),
    ]
    text = changes.markdown("| a |", "| Path | Metric |\n| --- | --- |\n", pairs)
    assert text.startswith("## Results\n\n| a |\n\n## Changes\n\nNo metric changed.\n")
    assert "|  | ![after](static/workspace_plots_new.png) |" in text


def test_an_experiment_keeps_the_schema_and_reads_well(workspace: Path) -> None:
    run(workspace, "git", "commit", "-qam", "results", "--allow-empty")
    run(workspace, "dvc", "exp", "run", "--name", "tried", "-S", "contrasts.activation.left=circle_v0")
    text = (workspace / "params.yaml").read_text()
    assert text.startswith("# yaml-language-server: $schema=params.schema.json\n")
    assert "left: circle_v0" in text
    table = make(workspace, "experiments").stdout
    assert "contrasts.activation.left" in table
    assert "tried" in table
    assert max(map(len, table.splitlines())) <= 120


def test_each_queued_experiment_has_locks_and_checkpoints_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two workers run the same stage at once, each in a workspace that DVC made below the repository's."""
    monkeypatch.setenv("DVC_STAGE", "train@net")
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    assert _program.scratch() == tmp_path / ".dvc/tmp"
    own = tmp_path / ".dvc/tmp/exps/tmp123"
    own.mkdir(parents=True)
    monkeypatch.chdir(own)
    assert _program.scratch() == own.resolve() / ".dvc/tmp"
    monkeypatch.delenv("DVC_STAGE")
    assert _program.scratch() is None


@pytest.mark.slow
def test_queued_experiments_run_side_by_side(tmp_path: Path) -> None:
    """Two workers; each experiment has results of its own, and the workspace stays as it was."""
    folder = copy_of_repository(tmp_path)
    (folder / "params.yaml").write_text(TINY)
    (folder / "metrics/comparison.md").unlink()
    run(folder, "dvc", "repro")
    run(folder, "git", "add", "-A")
    run(folder, "git", "commit", "-qm", "tiny")
    before = (folder / "metrics/net.json").read_text()
    for epochs in (20, 30):
        run(folder, "dvc", "exp", "run", "--queue", "--name", f"long-{epochs}", "-S", f"variants.net.epochs={epochs}")
    try:
        run(folder, "dvc", "queue", "start", "-j", "2")
        for epochs in (20, 30):
            run(folder, "dvc", "queue", "logs", "--follow", f"long-{epochs}")
    finally:
        run(folder, "dvc", "queue", "stop", "--kill", check=False)
    status = run(folder, "dvc", "queue", "status").stdout
    assert status.count("Success") == 2, status + run(folder, "dvc", "queue", "logs", "long-30", check=False).stdout
    found = json.loads(run(folder, "dvc", "exp", "show", "--json").stdout)
    tried = {one["revs"][0]["name"]: one["revs"][0]["data"] for one in found[1]["experiments"]}
    losses = {name: data["metrics"]["metrics/net.json"]["data"]["loss"] for name, data in tried.items()}
    assert losses.keys() == {"long-20", "long-30"}
    assert len({*losses.values(), json.loads(before)["loss"]}) == 3
    table = make(folder, "experiments").stdout
    assert re.search(r"long-20\] .* 20 ", table)
    assert max(map(len, table.splitlines())) <= 120
    assert run(folder, "git", "status", "--porcelain").stdout == ""
    assert (folder / "metrics/net.json").read_text() == before
