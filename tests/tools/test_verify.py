"""tools/verify/: every damage is found, named and mended, nothing else is, and the workspace stays as it is."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.support.repository import ENVIRONMENT, ROOT, SIDE_BY_SIDE, copy_of_repository, run
from tools.repro import lockfile
from tools.repro.lockfile import LockError, Output, hash_of, outputs_of
from tools.verify import verification
from tools.verify.cache import Cache, read_cache
from tools.verify.comparison import Report, compare, expand, places
from tools.verify.comparison import examine as examined
from tools.verify.report import explain, repairs
from tools.verify.rerun import VerifyError

PARAMS = """
seed: 1
replicates: 2
precision: exact
device: cpu
generators: {}
datasets:
  own: {table: data/own.csv, target: y, split: {kind: ordered, test_size: 0.2}}
variants:
  own: {dataset: own, hidden_units: [3], activation: tanh, optimizer: adam, lr: 0.01, epochs: 20, log_every: 10}
contrasts: {}
"""
KINDS = {  # a published file of each kind, and its stage
    "models/own.safetensors": "train@own",
    "models/snapshots/own.safetensors": "train@own",
    "data/split/own/test.parquet": "split@own",
    "data/predictions/own/train.parquet": "train@own",
    "metrics/own.json": "evaluate@own",
    "metrics/comparison.md": "compare",
    "plots/images/own.png": "plot@own",
    "plots/history/own.csv": "train@own",
    "exports/own.onnx": "export",
    "report/index.html": "report",
}
CACHED = [path for path in KINDS if path != "metrics/comparison.md"]  # and metrics, for runs that need no repeating
# a regression has none of these; the empty lists are one object
EMPTY = [f"plots/{kind}/own/" for kind in ("calibration", "confusion", "precision_recall", "roc")]

Examine = Callable[[Path], Report]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small workspace, run from nothing, with a table that DVC keeps. Read only."""
    folder = copy_of_repository(tmp_path_factory.mktemp("made"))
    for name in ("metrics", "plots", "dvc.lock"):
        run(folder, "git", "rm", "-rq", name)
    (folder / "params.yaml").write_text(PARAMS)
    rows = [f"{k / 50},{0.7 * k / 50 + 0.3}" for k in range(50)]
    (folder / "data/own.csv").write_text("\n".join(["x,y", *rows]) + "\n")
    run(folder, "dvc", "add", "data/own.csv")
    run(folder, *SIDE_BY_SIDE)
    run(folder, "git", "add", "-A")
    run(folder, "git", "commit", "-qm", "results")
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A copy of it, to damage."""
    return shutil.copytree(made, tmp_path / "folder", symlinks=True)


@pytest.fixture
def examine(made: Path) -> Examine:
    """The comparison with a run from nothing: one that has been made already."""
    in_git = run(made, "git", "ls-files").stdout.splitlines()

    def examine(folder: Path) -> Report:
        tables = verification.read_tables(folder, in_git)
        return examined(folder, read_cache(folder / ".dvc/cache"), made, in_git, tables)

    return examine


def program(folder: Path) -> subprocess.CompletedProcess[str]:
    return run(folder, sys.executable, "-m", "boundary.cli", "verify", check=False)


def flip(path: Path) -> None:
    """Change one bit, and nothing that dvc looks at to notice a change."""
    before = path.stat()
    path.chmod(0o644)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    path.chmod(before.st_mode)


def object_of(folder: Path, path: str) -> Path:
    """Where the cache holds an output of the small workspace."""
    recorded = outputs_of(lockfile.parse((folder / "dvc.lock").read_bytes(), "dvc.lock"))
    cache = read_cache(folder / ".dvc/cache")
    return cache.file(expand(recorded, cache.lists)[path].md5)


def edit(folder: Path, old: str, new: str) -> None:
    """Replace text in dvc.lock that stands there, once."""
    text = (folder / "dvc.lock").read_text()
    assert old in text
    (folder / "dvc.lock").write_text(text.replace(old, new, 1))


def found(report: Report) -> dict[str, str]:
    """What differs, as the table shows it."""
    return {row.path: str(row).removeprefix("differs: ") for row in report.differing}


def contents(folder: Path) -> dict[str, bytes]:
    """Every file, git's and DVC's own too, but for what Python keeps."""
    paths = [path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def published(folder: Path) -> int:
    """How many files there are to compare: dvc.lock, and those that it records."""
    stages = YAML(typ="safe").load(folder / "dvc.lock")["stages"].values()
    return 1 + sum(out.get("nfiles", 1) for stage in stages for out in stage["outs"])


def same(folder: Path) -> str:
    return f"\nAll {published(folder)} are the same, byte for byte: "


def mend(folder: Path, commands: list[str]) -> None:
    for command in commands:
        run(folder, "sh", "-c", command)


@pytest.mark.slow
def test_all_is_the_same_and_the_workspace_stays_as_it_is(folder: Path) -> None:
    before = contents(folder)
    done = program(folder)
    assert done.returncode == 0, done.stdout + done.stderr
    first, header, *rest = done.stdout.partition("\n\nAll ")[0].splitlines()
    assert first.startswith("Running everything again from nothing, in ")
    assert header.split() == ["file", "result"]
    assert all(line.split()[1:] == ["same"] for line in rest)
    assert {"dvc.lock", "data/split/own/schema.json", *KINDS} <= {line.split()[0] for line in rest}
    assert same(folder) in done.stdout
    assert max(map(len, done.stdout.splitlines()[1:])) <= 80
    assert not Path(first.split()[6].rstrip(":")).exists()
    assert contents(folder) == before


@pytest.mark.slow
def test_so_it_is_of_the_default_pipeline(workspace: Path) -> None:
    done = program(workspace)
    assert done.returncode == 0, done.stdout + done.stderr
    assert same(workspace) in done.stdout


@pytest.mark.slow
def test_a_fresh_clone_needs_no_cache_but_users_tables(made: Path, tmp_path: Path) -> None:
    run(tmp_path, "git", "clone", "-q", str(made), "clone")
    done = program(tmp_path / "clone")
    assert done.returncode == 1
    assert done.stderr == "data/own.csv: not here, data/own.csv.dvc tracks it: `dvc pull` or `dvc checkout`\n"
    shutil.copy(made / "data/own.csv", tmp_path / "clone/data")
    done = program(tmp_path / "clone")
    assert done.returncode == 0, done.stdout + done.stderr
    assert same(made) in done.stdout
    assert "(2 are there)" in done.stdout
    assert "(0 objects)" in done.stdout


def test_what_differs_is_named_and_its_repair_mends_it(made: Path, folder: Path, examine: Examine) -> None:
    """All kinds of files, objects and lists at once, with a cache elsewhere."""
    damaged, missing = "plots/activations.png", "metrics/details/own.json"
    for path in KINDS:
        flip(folder / path)
    for path in (damaged, "models/own.safetensors", "data/split/own/", EMPTY[0]):
        flip(folder / object_of(made, path).relative_to(made))
    (folder / object_of(made, missing).relative_to(made)).unlink()
    (folder / "data/predictions/own/test.parquet").unlink()
    edit(folder, hash_of(made / "metrics/comparison.md"), "f" * 32)
    shutil.move(folder / ".dvc/cache", folder.parent / "a cache")
    run(folder, "dvc", "cache", "dir", "--local", "../a cache")
    before = contents(folder)

    done = program(folder)
    assert done.returncode == 1
    assert contents(folder) == before
    rows = published(folder) + 1 + len(EMPTY)  # and the damaged lists
    lines = dict(line.split(maxsplit=1) for line in done.stdout.splitlines()[2 : 2 + rows])
    expected = {path: f"differs: workspace ({stage})" for path, stage in KINDS.items()}
    expected["models/own.safetensors"] = "differs: workspace, cache (train@own)"
    expected["data/predictions/own/test.parquet"] = "differs: workspace (train@own)"
    expected["data/split/own/"] = "differs: cache (split@own)"
    expected |= dict.fromkeys(EMPTY, "differs: cache (evaluate@own)")
    expected[damaged] = "differs: cache (plot_activations)"
    expected[missing] = "differs: cache (missing) (evaluate@own)"
    expected["dvc.lock"] = "differs: re-run"
    expected["metrics/comparison.md"] = "differs: re-run, workspace (compare)"
    assert {path: line for path, line in lines.items() if line != "same"} == expected
    assert len(lines) == rows
    assert done.stdout.endswith(f"\n{len(expected)} of {rows} differ.\n")

    commands = done.stdout.partition("To make again what is damaged here:\n")[2].partition("\n\n")[0].splitlines()
    mend(folder, commands)
    shutil.move(folder.parent / "a cache", folder / ".dvc/cache")
    assert found(examine(folder)) == {}
    assert (folder / "dvc.lock").read_bytes() == (made / "dvc.lock").read_bytes()


@pytest.mark.parametrize(("path", "stage"), KINDS.items())
def test_one_bit_of_a_file_is_found(folder: Path, examine: Examine, path: str, stage: str) -> None:
    flip(folder / path)
    report = examine(folder)
    assert found(report) == {path: f"workspace ({stage})"}
    assert len(report.rows) == published(folder)
    assert repairs(report) == [f"rm -f {path}", "dvc repro"]
    assert explain(report)[-1] == f"1 of {published(folder)} differ."


@pytest.mark.parametrize("path", [*CACHED, "data/split/own/", EMPTY[0]])
def test_one_bit_of_an_object_is_found(folder: Path, examine: Examine, path: str) -> None:
    stage = {**KINDS, "data/split/own/": "split@own", EMPTY[0]: "evaluate@own"}[path]
    damaged = object_of(folder, path)
    flip(damaged)
    report = examine(folder)
    assert found(report) == dict.fromkeys(EMPTY if path in EMPTY else [path], f"cache ({stage})")
    assert repairs(report) == [f"rm -f {damaged.relative_to(folder)}", "dvc repro"]


@pytest.mark.parametrize("path", [*CACHED, "data/split/own/"])
def test_a_missing_object_is_found_where_git_has_no_copy(folder: Path, examine: Examine, path: str) -> None:
    object_of(folder, path).unlink()
    in_git = path == "metrics/own.json"
    stage = {**KINDS, "data/split/own/": "split@own"}[path]
    report = examine(folder)
    assert found(report) == ({} if in_git else {path: f"cache (missing) ({stage})"})
    assert repairs(report) == ([] if in_git else ["dvc repro"])


def test_an_output_that_is_neither_here_nor_in_the_cache_is_no_fault(folder: Path, examine: Examine) -> None:
    object_of(folder, "models/own.safetensors").unlink()
    (folder / "models/own.safetensors").unlink()
    assert found(examine(folder)) == {}


def test_a_link_to_an_object_that_is_not_there_is_found(folder: Path, examine: Examine) -> None:
    model, linked = folder / "models/own.safetensors", object_of(folder, "models/own.safetensors")
    model.unlink()
    model.symlink_to(linked)
    assert found(examine(folder)) == {}
    linked.unlink()
    assert found(examine(folder)) == {"models/own.safetensors": "workspace, cache (missing) (train@own)"}


def test_folders_have_no_more_and_no_fewer_members(folder: Path, examine: Examine) -> None:
    (folder / "data/split/own/.train.parquet.x.tmp").touch()  # .dvcignore names it
    (folder / "data/split/own/a b").touch()
    (folder / "data/split/own/schema.json").unlink()
    report = examine(folder)
    assert found(report) == {f"data/split/own/{name}": "workspace (split@own)" for name in ("a b", "schema.json")}
    assert "rm -f 'data/split/own/a b'" in repairs(report)


def test_a_folder_in_place_of_a_file_is_found_and_the_other_way_round(folder: Path, examine: Examine) -> None:
    (folder / "models/own.safetensors").unlink()
    (folder / "models/own.safetensors").mkdir()
    shutil.rmtree(folder / "data/split/own")
    (folder / "data/split/own").touch()
    report = examine(folder)
    expected = {"models/own.safetensors/": "workspace (train@own)", "data/split/own": "workspace (split@own)"}
    assert found(report) == expected
    assert repairs(report) == ["rm -f data/split/own", "rm -rf models/own.safetensors/", "dvc repro"]


@pytest.mark.parametrize("path", ["models/own.safetensors", "metrics/own.json", "data/split/own/"])
def test_an_edited_hash_is_found(folder: Path, examine: Examine, path: str) -> None:
    found_object = object_of(folder, path)
    md5 = found_object.parent.name + found_object.name
    output = f"{path.rstrip('/')}\n      hash: md5\n      md5: "
    edit(folder, output + md5, f"{output}0000{md5[4:]}")
    report = examine(folder)
    stage = {**KINDS, "data/split/own/": "split@own"}[path]
    assert found(report) == {"dvc.lock": "re-run", path: f"dvc.lock ({stage})"}
    assert repairs(report) == ["dvc repro"]
    assert report.stale == []


def test_what_else_is_edited_in_dvc_lock_is_written_anew(folder: Path, examine: Examine) -> None:
    edit(folder, "size: ", "size: 9")
    report = examine(folder)
    assert found(report) == {"dvc.lock": "re-run"}
    assert repairs(report) == ["dvc repro --force"]


def test_an_edited_input_is_called_a_change_not_a_fault_of_the_run(folder: Path, examine: Examine) -> None:
    edit(folder, "epochs: 20", "epochs: 21")
    edit(folder, "python -m stages.train own", "python -m stages.train other")
    report = examine(folder)
    assert found(report) == {"dvc.lock": "re-run"}
    assert report.stale == ["dvc.yaml: train@own", "params.yaml: variants.own"]
    assert "params.yaml: variants.own" in "\n".join(explain(report))


def test_an_object_of_an_earlier_run_is_found(folder: Path, examine: Examine) -> None:
    stray = folder / ".dvc/cache/files/md5/12" / f"{'3' * 30}"
    stray.parent.mkdir(exist_ok=True)
    stray.write_text("not what its name says")
    stray.with_suffix(".tmp").write_text("no object")
    report = examine(folder)
    name = str(stray.relative_to(folder))
    assert found(report) == {name: "cache (no stage in dvc.lock)"}
    assert repairs(report) == [f"rm -f {name}"]


def test_a_damaged_object_of_a_users_table_is_found_and_mended(folder: Path, examine: Examine) -> None:
    cache = Cache(folder / ".dvc/cache")
    flip(cache.file(hash_of(folder / "data/own.csv")))
    report = examine(folder)
    assert found(report) == {"data/own.csv": "cache (data/own.csv.dvc)"}
    mend(folder, repairs(report))
    assert found(examine(folder)) == {}
    flip(cache.file(hash_of(folder / "data/own.csv")))
    flip(folder / "data/own.csv")
    report = examine(folder)
    assert found(report) == {"data/own.csv": "workspace, cache (data/own.csv.dvc)"}
    assert repairs(report)[1:] == ["dvc pull --force data/own.csv.dvc"]


def test_stages_that_dvc_yaml_has_no_longer_are_left_out(made: Path, folder: Path) -> None:
    old = "  train@old:\n    cmd: x\n    outs:\n    - path: models/old.safetensors\n      hash: md5\n      md5: f00\n"
    rerun = shutil.copytree(made, folder.parent / "rerun", symlinks=True)
    for copy in (folder, rerun):
        with (copy / "dvc.lock").open("a") as file:
            file.write(old)
    report = examined(folder, read_cache(folder / ".dvc/cache"), rerun, ["metrics/own.json", "metrics/comparison.md"])
    assert found(report) == {}
    assert report.gone == ["train@old"]
    assert "Not compared: dvc.lock still names what dvc.yaml has no longer, train@old." in explain(report)


@pytest.mark.parametrize(
    ("recorded", "remade", "here", "expected"),
    [
        ("a", "a", "a", ()),
        ("a", "a", None, ()),
        ("a", "a", "b", ("workspace",)),
        ("a", "a", lockfile.NO_HASH, ("workspace",)),
        ("a", "b", "a", ("re-run",)),
        ("a", "b", None, ("re-run",)),
        ("a", None, None, ("re-run",)),
        (None, "a", None, ("re-run",)),
        ("a", "b", "b", ("dvc.lock",)),
        (None, "a", "a", ("dvc.lock",)),
        (None, None, "a", ("workspace",)),
        ("a", "b", "c", ("re-run", "workspace")),
    ],
)
def test_two_that_agree_are_right(
    recorded: str | None, remade: str | None, here: str | None, expected: tuple[str, ...]
) -> None:
    assert places(recorded, remade, here) == expected


def test_a_run_that_makes_other_bytes_is_not_called_a_damage() -> None:
    md5 = "0" * 32
    recorded = {"a": Output("a", md5, "train")}
    cache = Cache(Path(".dvc/cache"), good=frozenset({md5}))
    rows = compare(recorded, {"a": "1" * 32}, {"a": md5}, cache, {})
    report = Report(rows, Path(), cache, 1, [], [])
    assert [str(row) for row in rows] == ["differs: re-run (train)"]
    assert repairs(report) == []
    assert explain(report)[0].startswith("The same code and parameters made other bytes")


def test_an_object_of_two_outputs_is_removed_once() -> None:
    md5 = "0" * 32
    recorded = {name: Output(name, md5, name) for name in "ab"}
    cache = Cache(Path("/cache"), damaged=frozenset({md5}))
    rows = compare(recorded, dict.fromkeys("ab", md5), {"b": md5}, cache, {})
    assert [str(row) for row in rows] == ["differs: cache (a)", "differs: cache (b)"]
    commands = repairs(Report(rows, Path("/project"), cache, 1, [], []))
    assert commands == [f"rm -f /cache/files/md5/00/{'0' * 30}", "dvc repro"]


@pytest.mark.parametrize(
    ("path", "mistake"),
    [("/tmp/a", "outside of the project"), ("../a", "outside of the project"), ("a/../../b", "outside of the project")],
)
def test_a_run_in_a_copy_must_stay_there(path: str, mistake: str) -> None:
    with pytest.raises(LockError, match=mistake):
        outputs_of({"stages": {"train": {"outs": [{"path": path, "md5": "0"}]}}})


@pytest.mark.parametrize(
    ("lock", "line"),
    [
        (None, "dvc.lock: no such file; `dvc repro` writes it"),
        ("a: [", "dvc.lock: not readable as YAML (while parsing a flow node)"),
        ("\0", "dvc.lock: not readable as YAML"),
        ("", "dvc.lock: not what DVC writes"),
        ("stages: [1]", "dvc.lock: not what DVC writes"),
        ("stages: {a: {outs: [{path: b}]}}", "dvc.lock: not what DVC writes"),
        ("stages: {a: {deps: [b]}}", "dvc.lock: not what DVC writes"),
        ("stages: {a: {outs: [{path: b, md5: 000}]}}", "dvc.lock: not what DVC writes, at a: b: md5: 0"),
        ("stages: {}", "git ls-files: fatal: not a git repository (or any of the parent directories): .git"),
    ],
)
def test_a_mistake_ends_in_one_line(tmp_path: Path, lock: str | None, line: str) -> None:
    (tmp_path / ".dvc").mkdir()
    if lock is not None:
        (tmp_path / "dvc.lock").write_text(lock)
    with pytest.raises((LockError, VerifyError)) as error:
        verification.verify(tmp_path)
    assert str(error.value).startswith(line)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("content", ["", "outs: 1", "outs: [{path: a}]", "deps: []"])
def test_a_damaged_dvc_file_ends_in_one_line(tmp_path: Path, content: str) -> None:
    (tmp_path / "own.csv.dvc").write_text(content)
    with pytest.raises((LockError, VerifyError), match=r"^own\.csv\.dvc: not what DVC writes$"):
        verification.read_tables(tmp_path, ["own.csv.dvc"])


def test_outside_of_a_project_it_ends_in_one_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "boundary.cli", "verify"]
    environment = {**ENVIRONMENT, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "not a DVC project: no folder .dvc here\n"


def test_without_dvc_it_ends_in_one_line(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(VerifyError, match=r"^dvc: not found; "):
        verification.verify(made)


def test_a_run_that_fails_shows_why(folder: Path) -> None:
    path = folder / "params.yaml"
    path.write_text(path.read_text().replace("epochs: 20", "epochs: -1"))
    before = contents(folder)
    done = program(folder)
    assert done.returncode == 1
    assert "params.yaml: variants.own.epochs: found -1" in done.stderr
    assert done.stderr.endswith("\nThe run from nothing failed\n")
    assert "Traceback" not in done.stderr
    assert contents(folder) == before
