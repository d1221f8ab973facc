"""dvc.lock, read: what each stage made, and of what. It is DVC's own file, and may be damaged, or edited by hand."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from boundary.errors import UserError

LOCK = "dvc.lock"
NO_HASH = ""  # in place of the hash of a file that should be there, and is not or cannot be read


class LockError(UserError):
    """Why a file of DVC's is not what DVC writes."""


@dataclass(frozen=True)
class Output:
    """One output as dvc.lock records it, or a user's table as its .dvc file does."""

    path: str
    md5: str  # of a folder: of the list of its members, and .dir
    stage: str  # or the .dvc file


def parse(content: bytes, name: str) -> dict[str, Any]:
    """A file of DVC's as plain data. Raises LockError."""
    try:
        found = YAML(typ="safe").load(content)
    except (YAMLError, ValueError) as error:
        raise LockError(f"{name}: not readable as YAML ({str(error).splitlines()[0]})") from None
    if not isinstance(found, dict):
        raise LockError(f"{name}: not what DVC writes")
    return found


def outputs_of(lock: Mapping[str, Any]) -> list[Output]:
    """Every output that dvc.lock records. Raises LockError."""
    try:
        found = [
            Output(out["path"], out["md5"], stage)
            for stage, entry in (lock.get("stages") or {}).items()
            for out in entry.get("outs", [])
        ]
    except (AttributeError, KeyError, TypeError):
        raise LockError(f"{LOCK}: not what DVC writes") from None
    for out in found:
        if not isinstance(out.path, str) or not isinstance(out.md5, str):
            raise LockError(f"{LOCK}: not what DVC writes, at {out.stage}: {out.path}: md5: {out.md5}")
        if PurePosixPath(out.path).is_absolute() or ".." in PurePosixPath(out.path).parts:
            raise LockError(f"{out.path}: outside of the project, so a run in a copy would overwrite it")
    return found


def inputs_of(lock: Mapping[str, Any]) -> list[str]:
    """The path of every dependency that dvc.lock records. Raises LockError."""
    try:
        return [str(dep["path"]) for entry in (lock.get("stages") or {}).values() for dep in entry.get("deps", [])]
    except (AttributeError, KeyError, TypeError):
        raise LockError(f"{LOCK}: not what DVC writes") from None


def hash_of(path: Path) -> str:
    """The md5 of a file; NO_HASH where there is no such file."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "md5").hexdigest()
    except OSError:
        return NO_HASH


def hash_of_list(members: Mapping[str, str]) -> str:
    """What DVC records of a folder with these members, relative path -> hash."""
    entries = [{"md5": members[path], "relpath": path} for path in sorted(members)]
    return hashlib.md5(json.dumps(entries).encode()).hexdigest() + ".dir"
