"""Put aside what a killed run left half written: DVC writes two of its own files in place, not as a whole.

Without them DVC starts afresh: `dvc repro` takes the results that dvc.lock knew from DVC's cache. With one of them
damaged it refuses to do anything. A dvc.lock in which Git left both sides of a merge is not for this program to mend.
The files of the stages need no such care (see boundary/artifacts/files.py).
"""

import sys
from collections.abc import Callable
from pathlib import Path

from tools.repro import dvc_adapter
from tools.repro.lockfile import LOCK

SUFFIX = ".damaged"
READERS: dict[str, Callable[[str], bool]] = {
    LOCK: dvc_adapter.can_read_lock,
    ".dvc/tmp/rwlock": dvc_adapter.can_read_holders,
}


def damaged(folder: Path) -> list[str]:
    """Which of the files that DVC writes in place are there and DVC cannot read."""
    found = []
    for name, can_read in READERS.items():
        try:
            readable = can_read((folder / name).read_text(encoding="utf-8"))
        except FileNotFoundError:
            continue
        except UnicodeDecodeError:
            readable = False
        found += [] if readable else [name]
    return found


def in_conflict(folder: Path) -> bool:
    """Whether dvc.lock is damaged because it holds both sides of a merge, as Git marks them."""
    return LOCK in damaged(folder) and any(
        line.startswith(b"<<<<<<< ") for line in (folder / LOCK).read_bytes().splitlines()
    )


def mend(folder: Path) -> list[str]:
    """Rename the damaged files of a repository, `.damaged` at the end, and return their names.

    Where a dvc is at work, it may be writing them just now: then nothing is touched. Nor is a dvc.lock in conflict.
    """
    if not damaged(folder):
        return []
    with dvc_adapter.lock(folder) as held:
        names = [name for name in damaged(folder) if name != LOCK or not in_conflict(folder)] if held else []
        for name in names:
            (folder / name).replace(folder / (name + SUFFIX))
    return names


if __name__ == "__main__":
    try:
        for name in mend(Path()):
            print(f"{name}: a run was killed while DVC wrote it, now {name}{SUFFIX}; DVC's cache has the results")
        if in_conflict(Path()):
            sys.exit(f"{LOCK}: holds a merge conflict; take one side, `git checkout --ours {LOCK}`, then make repro")
    except OSError as error:
        sys.exit(f"{error.filename}: cannot be renamed ({error.strerror})")
