"""Take away what removed entries of params.yaml have left: dvc keeps their files, and their results in dvc.lock.

A stage that looks at a whole folder would hash them, and dvc would draw them. What a stage wrote stands in dvc.lock, so
nothing else is touched, and nothing that was changed since; only checkpoints of trainings go with their variants. What
comes back into params.yaml, comes back from DVC's cache.
"""

import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from boundary.artifacts import files
from tools.repro import dvc_adapter
from tools.repro.lockfile import LOCK, LockError, Output, hash_of, hash_of_list, outputs_of


def gone(stages: Mapping[str, Any], params: Mapping[str, Any], recorded: Mapping[str, Any]) -> list[str]:
    """The recorded stages that neither dvc.yaml nor, under its `foreach: ${section}`, params.yaml names any more."""
    return [name for name in recorded if not _known(name, stages, params)]


def _known(name: str, stages: Mapping[str, Any], params: Mapping[str, Any]) -> bool:
    group, _, key = name.partition("@")
    if group not in stages:
        return False
    section = stages[group].get("foreach") if isinstance(stages[group], Mapping) else None
    if not key or not isinstance(section, str) or not isinstance(params.get(section.strip("${} ")), Mapping):
        return True
    return key in params[section.strip("${} ")]


def prune(folder: Path) -> Iterator[str]:
    """Remove the files of stages that are gone, their entries in dvc.lock and checkpoints; a line for each.

    Where dvc is at work, or cannot read one of the files itself, nothing is touched.
    """
    with dvc_adapter.lock(folder) as held:
        if held:
            yield from _prune(folder)
            yield from _prune_checkpoints(folder)


def _prune(folder: Path) -> Iterator[str]:
    try:
        read = [YAML(typ="safe").load((folder / name).read_bytes()) for name in ("dvc.yaml", "params.yaml", LOCK)]
        pipeline, params, recorded = read
        removed = gone(pipeline["stages"], params, recorded["stages"])
        outputs = outputs_of(recorded)
    except (OSError, YAMLError, LockError, ValueError, KeyError, TypeError, AttributeError):
        return
    if not removed:
        return
    kept = {PurePosixPath(out.path) for out in outputs if out.stage not in removed}
    for stage in removed:
        own = [out for out in outputs if out.stage == stage and PurePosixPath(out.path) not in kept]
        changed = [out.path for out in own if not _remove(folder, out)]
        yield f"{stage}: no longer in params.yaml or dvc.yaml, its files are removed" + (
            f", but for {', '.join(changed)}, changed since" if changed else ""
        )
    recorded["stages"] = {name: entry for name, entry in recorded["stages"].items() if name not in removed}
    files.write_text(folder / LOCK, dvc_adapter.yaml_text(recorded))


def _prune_checkpoints(folder: Path) -> Iterator[str]:
    """Of trainings that were killed, and whose variants are gone: dvc.lock need not know them."""
    try:
        variants = YAML(typ="safe").load((folder / "params.yaml").read_bytes())["variants"].keys()
    except (OSError, YAMLError, ValueError, KeyError, TypeError, AttributeError):
        return
    for path in sorted((folder / ".dvc" / "tmp" / "checkpoints").glob("*/")):
        if path.name not in variants:
            shutil.rmtree(path)
            yield f"{path.name}: no longer in params.yaml, the checkpoints of its training are removed"


def _remove(folder: Path, out: Output) -> bool:
    """False where something else lies there than what the stage wrote."""
    path = folder / out.path
    if path.is_dir() and not path.is_symlink():
        members = {item.relative_to(path).as_posix(): hash_of(item) for item in path.rglob("*") if item.is_file()}
        if hash_of_list(members) != out.md5:
            return False
        shutil.rmtree(path)
    elif path.exists():
        if hash_of(path) != out.md5:
            return False
        path.unlink()
    return True


if __name__ == "__main__":
    try:
        for line in prune(Path()):
            print(line)
    except OSError as error:
        sys.exit(f"{error.filename}: cannot be removed ({error.strerror})")
