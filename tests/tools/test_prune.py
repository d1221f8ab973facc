"""What removed entries of params.yaml have left is taken away, and nothing else.

A real run: tests/stages/test_pipeline.py.
"""

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tools.repro.lockfile import hash_of, hash_of_list
from tools.repro.prune import gone, prune

PIPELINE = """\
stages:
  check: {cmd: x}
  train:
    foreach: ${variants}
    do: {cmd: x}
  other:
    foreach: [a, b]
    do: {cmd: x}
"""
STAGES = YAML(typ="safe").load(PIPELINE)["stages"]


def test_gone_is_what_neither_file_names() -> None:
    recorded = dict.fromkeys(["check", "train@kept", "train@old", "other@c", "dropped", "dropped@x"])
    assert gone(STAGES, {"variants": {"kept": 1}}, recorded) == ["train@old", "dropped", "dropped@x"]


def test_what_is_not_understood_is_kept() -> None:
    assert gone(STAGES, {}, {"train@a": None}) == []


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A repository in which train@old wrote a file and a folder, and train@kept a file."""
    (tmp_path / ".dvc/tmp").mkdir(parents=True)
    (tmp_path / "dvc.yaml").write_text(PIPELINE)
    (tmp_path / "params.yaml").write_text("variants: {kept: 1}\n")
    (tmp_path / "old").mkdir()
    for name in ("old.txt", "kept.txt", "old/a", "old/b"):
        (tmp_path / name).write_text(name)
    members = {name: hash_of(tmp_path / "old" / name) for name in "ab"}
    outs = {
        "train@old": {"old.txt": hash_of(tmp_path / "old.txt"), "old": hash_of_list(members)},
        "train@kept": {"kept.txt": hash_of(tmp_path / "kept.txt")},
    }
    lock = {
        "schema": "2.0",
        "stages": {
            stage: {"cmd": "x", "outs": [{"path": path, "md5": md5} for path, md5 in own.items()]}
            for stage, own in outs.items()
        },
    }
    YAML().dump(lock, tmp_path / "dvc.lock")
    return tmp_path


def recorded(folder: Path) -> list[str]:
    return list(YAML(typ="safe").load(folder / "dvc.lock")["stages"])


def test_files_and_entries_are_removed(folder: Path) -> None:
    assert list(prune(folder)) == ["train@old: no longer in params.yaml or dvc.yaml, its files are removed"]
    assert not (folder / "old").exists()
    assert not (folder / "old.txt").exists()
    assert (folder / "kept.txt").read_text() == "kept.txt"
    assert recorded(folder) == ["train@kept"]
    assert list(prune(folder)) == []


def test_checkpoints_of_variants_that_are_gone_are_removed(folder: Path) -> None:
    """Also where the training never ended, so that dvc.lock does not know it."""
    checkpoints = folder / ".dvc/tmp/checkpoints"
    checkpoints.mkdir()
    for name in ("kept", "new", "old"):
        (checkpoints / name).mkdir()
        (checkpoints / name / "part.safetensors").write_text("")
    assert list(prune(folder))[1:] == [
        f"{name}: no longer in params.yaml, the checkpoints of its training are removed" for name in ("new", "old")
    ]
    assert [path.name for path in checkpoints.iterdir()] == ["kept"]


@pytest.mark.parametrize("content", ["{", "a: 1", "- x", ""])
def test_no_checkpoint_is_removed_where_params_are_damaged(folder: Path, content: str) -> None:
    (folder / ".dvc/tmp/checkpoints/old").mkdir(parents=True)
    (folder / "params.yaml").write_text(content)
    assert list(prune(folder)) == []
    assert (folder / ".dvc/tmp/checkpoints/old").exists()


def test_what_was_changed_since_stays(folder: Path) -> None:
    (folder / "old/c").write_text("mine")
    (folder / "old.txt").write_text("mine")
    (line,) = prune(folder)
    assert line.endswith("but for old.txt, old, changed since")
    assert (folder / "old/a").exists()
    assert (folder / "old.txt").read_text() == "mine"


def test_what_another_stage_writes_now_stays(folder: Path) -> None:
    text = (folder / "dvc.lock").read_text()
    (folder / "dvc.lock").write_text(text.replace("kept.txt", "old.txt"))
    list(prune(folder))
    assert (folder / "old.txt").exists()


@pytest.mark.parametrize("name", ["dvc.lock", "dvc.yaml", "params.yaml"])
@pytest.mark.parametrize("content", [None, "{", "a: 1", "- x", ""])
def test_nothing_is_touched_where_a_file_is_missing_or_damaged(folder: Path, name: str, content: str | None) -> None:
    (folder / name).unlink()
    if content is not None:
        (folder / name).write_text(content)
    assert list(prune(folder)) == []
    assert (folder / "old/a").exists()
    assert (folder / "old.txt").exists()


def test_nothing_is_touched_while_dvc_is_at_work(folder: Path) -> None:
    import zc.lockfile

    held = zc.lockfile.LockFile(str(folder / ".dvc/tmp/lock"))
    try:
        assert list(prune(folder)) == []
    finally:
        held.close()
    assert (folder / "old.txt").exists()
