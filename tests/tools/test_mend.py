"""tools/repro/mend.py: of dvc.lock and DVC's list of holders, cut anywhere, DVC reads what is left, if anything."""

import sys
from pathlib import Path

import pytest
import zc.lockfile
from dvc.dvcfile import Lockfile
from dvc.exceptions import DvcException
from dvc.repo import Repo

from tests.support.repository import ROOT, run
from tools.repro import mend

MEND = ("env", f"PYTHONPATH={ROOT}", sys.executable, "-m", "tools.repro.mend")

HOLDERS = '{"write": {"/a/b": {"pid": 12, "cmd": "dvc repro"}}, "read": {"/c": [{"pid": 12, "cmd": "dvc repro"}]}}'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    run(tmp_path, "git", "init", "-q")
    run(tmp_path, "dvc", "init", "-q")
    return tmp_path


def test_after_a_cut_at_any_byte_dvc_reads_what_is_there(folder: Path) -> None:
    lock = folder / "dvc.lock"
    whole = b"".join((ROOT / "dvc.lock").read_bytes().splitlines(keepends=True)[:21])
    verdicts = set()
    repository = Repo(str(folder))
    for size in range(len(whole) + 1):
        lock.write_bytes(whole[:size])
        try:
            Lockfile(repository, str(lock)).load()
            readable = True
        except DvcException:
            readable = False
        assert mend.damaged(folder) == ([] if readable else ["dvc.lock"]), whole[:size]
        verdicts.add(readable)
    assert verdicts == {True, False}
    lock.write_bytes(whole + b"\xff")
    assert mend.damaged(folder) == ["dvc.lock"]


def test_so_in_the_list_of_holders(folder: Path) -> None:
    holders = folder / ".dvc/tmp/rwlock"
    for size in range(len(HOLDERS)):
        holders.write_text(HOLDERS[:size])
        assert mend.damaged(folder) == [".dvc/tmp/rwlock"]
    holders.write_text(HOLDERS)
    assert mend.damaged(folder) == []


def test_the_damaged_are_put_aside(folder: Path) -> None:
    (folder / "dvc.lock").write_text("schema: '2.0'\nstages:\n  one:\n    cm")
    (folder / ".dvc/tmp/rwlock").write_text("{")
    (folder / "dvc.yaml").write_text("stages: {one: {cmd: 'echo 1 > a', outs: [a]}}")
    assert run(folder, "dvc", "repro", check=False).returncode != 0
    done = run(folder, *MEND)
    assert done.stdout.splitlines() == [
        f"{name}: a run was killed while DVC wrote it, now {name}.damaged; DVC's cache has the results"
        for name in ("dvc.lock", ".dvc/tmp/rwlock")
    ]
    assert (folder / "dvc.lock.damaged").read_text().endswith("cm")
    run(folder, "dvc", "repro")
    assert (folder / "a").read_text() == "1\n"
    assert run(folder, *MEND).stdout == ""


def test_both_sides_of_a_merge_are_left(folder: Path) -> None:
    text = "schema: '2.0'\nstages:\n<<<<<<< HEAD\n  one: {cmd: a}\n=======\n  one: {cmd: b}\n>>>>>>> other\n"
    (folder / "dvc.lock").write_text(text)
    (folder / ".dvc/tmp/rwlock").write_text("{")
    done = run(folder, *MEND, check=False)
    assert done.returncode == 1
    assert done.stdout.startswith(".dvc/tmp/rwlock: a run was killed")
    assert done.stderr == (
        "dvc.lock: holds a merge conflict; take one side, `git checkout --ours dvc.lock`, then make repro\n"
    )
    assert (folder / "dvc.lock").read_text() == text
    (folder / "dvc.lock").write_text("schema: '2.0'\nstages:\n  one: {cmd: a}\n")
    assert run(folder, *MEND).stdout == ""


def test_nothing_is_touched_while_a_dvc_works(folder: Path) -> None:
    (folder / "dvc.lock").write_text("")
    lock = zc.lockfile.LockFile(str(folder / ".dvc/tmp/lock"))
    assert mend.mend(folder) == []
    assert (folder / "dvc.lock").exists()
    lock.close()
    assert mend.mend(folder) == ["dvc.lock"]
    assert not (folder / "dvc.lock").exists()
