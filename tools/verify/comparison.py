"""Three hashes of each published file side by side: that in dvc.lock, that of the re-run, that of the workspace."""

import os
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.repro.lockfile import LOCK, NO_HASH, Output, hash_of, hash_of_list, outputs_of, parse
from tools.verify.cache import Cache, read_cache
from tools.verify.rerun import environment, is_made


@dataclass(frozen=True)
class Row:
    """What was found about a published file, or, with "/" at its end, about the list of a folder's members."""

    path: str
    stage: str = ""
    places: tuple[str, ...] = ()  # where it differs: dvc.lock, re-run, workspace, cache or cache (missing)
    md5: str = ""  # as recorded

    def __str__(self) -> str:
        if not self.places:
            return "same"
        owner = self.stage or f"no stage in {LOCK}"
        return f"differs: {', '.join(self.places)}" + (f" ({owner})" if self.path != LOCK else "")


@dataclass(frozen=True)
class Report:
    """All that was found."""

    rows: list[Row]
    workspace: Path
    cache: Cache
    in_workspace: int  # how many published files are there
    stale: list[str]  # what has changed since dvc.lock was written
    gone: list[str]  # stages that dvc.lock still names, and dvc.yaml does not

    @property
    def differing(self) -> list[Row]:
        """The rows that are not the same everywhere."""
        return [row for row in self.rows if row.places]


def expand(outputs: Iterable[Output], lists: Mapping[str, Mapping[str, str]]) -> dict[str, Output]:
    """Each output by its path: files; folders, with "/" at the end; and the folders' members where a list is known."""
    found = {}
    for out in outputs:
        found[f"{out.path}/" if out.md5.endswith(".dir") else out.path] = out
        for member, md5 in lists.get(out.md5, {}).items():
            path = f"{out.path}/{member}"
            found[path] = Output(path, md5, out.stage)
    return found


def paths_of(root: Path, outputs: Iterable[Output]) -> set[str]:
    """The paths of the outputs that are there, as `expand` writes them."""
    found = set()
    for path in {out.path for out in outputs}:
        if (root / path).is_dir():
            found |= {file.relative_to(root).as_posix() for file in (root / path).rglob("*") if not file.is_dir()}
            found.add(f"{path}/")
        elif os.path.lexists(root / path):  # even a link to an object that is not there
            found.add(path)
    return found


def hashes(root: Path, paths: Iterable[str]) -> dict[str, str]:
    """The hash of each path: of a file's content, of a folder's list."""
    paths = set(paths)
    found = {path: hash_of(root / path) for path in paths if not path.endswith("/")}
    for folder in paths - found.keys():
        found[folder] = hash_of_list({path[len(folder) :]: found[path] for path in found if path.startswith(folder)})
    return found


def places(recorded: str | None, remade: str | None, here: str | None) -> tuple[str, ...]:
    """Where a file differs, by its hashes, None where there is none: of three, the two that agree are right.

    The workspace need not have it.
    """
    if remade == recorded:
        return () if here in (None, recorded) else ("workspace",)
    if here is not None and here == remade:
        return (LOCK,)
    return ("re-run",) if here in (None, recorded) else ("re-run", "workspace")


def compare(
    recorded: Mapping[str, Output],
    remade: Mapping[str, str],
    here: Mapping[str, str],
    cache: Cache,
    lists: Mapping[str, Mapping[str, str]],
    in_git: Iterable[str] = (),
) -> list[Row]:
    """A row per path: what is recorded (see `expand`) against the hashes of what was remade, and of what is here.

    A folder has a row only where that says more than its members' rows.
    """
    in_git = frozenset(in_git)
    unlisted = tuple(path for path, out in recorded.items() if out.md5.endswith(".dir") and out.md5 not in lists)
    owners = {f"{out.path}/": out.stage for out in recorded.values()}
    rows = []
    for path in sorted({*recorded, *remade, *here}):
        folder, listed = path.endswith("/"), not path.startswith(unlisted)
        md5 = recorded[path].md5 if path in recorded else None
        told = folder and listed and md5 is not None  # by the rows of the members
        found = () if told else places(md5, remade.get(path), here.get(path))
        if md5 in cache.damaged:
            found += ("cache",)
        elif md5 and md5 == remade.get(path) and path in here and path not in in_git and md5 not in cache.good:
            found += ("cache (missing)",)
        if found if folder else listed:
            stage = next((owner for out, owner in owners.items() if f"{path}/".startswith(out)), "")
            rows.append(Row(path, stage, found, md5 or ""))
    return rows


def stale_inputs(lock: Mapping[str, Any], again: Mapping[str, Any]) -> list[str]:
    """What the re-run found otherwise than dvc.lock: files that no stage makes, keys of params.yaml, commands."""
    before, after = lock.get("stages") or {}, again.get("stages") or {}
    outs = {out.path for out in [*outputs_of(lock), *outputs_of(again)]}
    found = set()
    for stage, entry in after.items():
        old, new = (_inputs(stage, recorded, outs) for recorded in (before.get(stage, {}), entry))
        found |= {name for name in old.keys() | new.keys() if old.get(name) != new.get(name)}
    return sorted(found)


def _inputs(stage: str, entry: Mapping[str, Any], outs: set[str]) -> dict[str, Any]:
    """By name: the hashes of files that no stage makes, the values of parameters, the command."""
    files = {dep["path"]: dep.get("md5") for dep in entry.get("deps", []) if not is_made(dep["path"], outs)}
    params = {f"{file}: {key}": value for file, keys in entry.get("params", {}).items() for key, value in keys.items()}
    return {**files, **params, f"dvc.yaml: {stage}": entry.get("cmd")}


def examine(
    workspace: Path, cache: Cache, rerun: Path, in_git: Iterable[str] = (), tables: Iterable[Output] = ()
) -> Report:
    """Compare the workspace and its cache with the folder of a finished run from nothing; nothing is written.

    `in_git`: the files that git knows, which need not be in the cache. `tables`: users' tables that DVC keeps.
    """
    lock, again = (parse((folder / LOCK).read_bytes(), LOCK) for folder in (workspace, rerun))
    outputs, outputs_again = outputs_of(lock), outputs_of(again)
    in_rerun = paths_of(rerun, outputs_again)
    made = {out.stage for out in outputs_again if {out.path, f"{out.path}/"} & in_rerun}
    gone = dict.fromkeys(out.stage for out in outputs if out.stage not in made)  # dvc takes nothing out of dvc.lock
    outputs = [out for out in outputs if out.stage in made]

    lists = {**cache.lists, **read_cache(rerun / ".dvc" / "cache").lists}
    recorded, remade = expand(outputs, lists), hashes(rerun, in_rerun)
    in_workspace = paths_of(workspace, outputs)
    in_workspace -= _ignored(rerun, in_workspace - recorded.keys() - remade.keys())
    here = hashes(workspace, in_workspace)
    folders = tuple(path for path in here if path.endswith("/"))
    here |= {path: NO_HASH for path in recorded if path.startswith(folders) and path not in here}

    rows = [Row(LOCK, places=places(hash_of(workspace / LOCK), hash_of(rerun / LOCK), None))]
    rows += compare(recorded, remade, here, cache, lists, in_git)
    kept = expand(tables, lists)
    for path, out in kept.items():
        if out.md5 in cache.damaged:
            intact = path.endswith("/") or hash_of(workspace / path) == out.md5
            rows.append(Row(path, out.stage, ("cache",) if intact else ("workspace", "cache"), out.md5))
    for name in sorted(cache.damaged - {out.md5 for out in [*recorded.values(), *kept.values()]}):
        rows.append(Row(relative(cache.file(name), workspace), "", ("cache",), name))
    count = sum(not path.endswith("/") for path in in_workspace)
    return Report(rows, workspace, cache, count, stale_inputs(lock, again), list(gone))


def _ignored(root: Path, paths: Iterable[str]) -> set[str]:
    """Those of the paths that .dvcignore names."""
    asked = "\n".join(paths)
    if not asked:
        return set()
    command = ["dvc", "check-ignore", "--stdin"]  # its status is 1 where it names none
    done = subprocess.run(command, cwd=root, env=environment(root), input=asked, capture_output=True, text=True)
    return set(done.stdout.splitlines())


def relative(path: Path, root: Path) -> str:
    return str(path.relative_to(root) if path.is_relative_to(root) else path)
