"""Run the whole pipeline again from nothing, in a temporary copy, and compare every byte of what it publishes.

For each published file three are compared: the hash in dvc.lock, the file that the re-run makes, and the file in the
workspace where it is there (a fresh clone has few of them). And every object of DVC's cache is read again, because DVC
itself believes the name of a read-only file. Nothing in the workspace is changed.
"""

import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

LOCK = "dvc.lock"
UNREADABLE = ""  # in place of the hash of a file that should be there, and is not or cannot be read


class VerifyError(Exception):
    """Why nothing can be verified, in words for the user."""


@dataclass(frozen=True)
class Output:
    """One output as dvc.lock records it, or a user's table as its .dvc file does."""

    path: str
    md5: str  # of a folder: of the list of its members, and .dir
    stage: str  # or the .dvc file


@dataclass(frozen=True)
class Cache:
    """What a DVC cache holds. Its objects are named by their hash."""

    folder: Path
    good: frozenset[str] = frozenset()
    damaged: frozenset[str] = frozenset()
    lists: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # by folder's hash: member -> hash

    def file(self, name: str) -> Path:
        """Where an object lies."""
        return self.folder / "files" / "md5" / name[:2] / name[2:]


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


def hash_of(path: Path) -> str:
    """The md5 of a file; UNREADABLE where there is no such file."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "md5").hexdigest()
    except OSError:
        return UNREADABLE


def hash_of_list(members: Mapping[str, str]) -> str:
    """What DVC records of a folder with these members, relative path -> hash."""
    entries = [{"md5": members[path], "relpath": path} for path in sorted(members)]
    return hashlib.md5(json.dumps(entries).encode()).hexdigest() + ".dir"


def read_cache(folder: Path) -> Cache:
    """Read every object: its content must be what its name says."""
    good, damaged, lists = set(), set(), {}
    for path in folder.glob("files/md5/[0-9a-f][0-9a-f]/*"):
        name = path.parent.name + path.name
        if not re.fullmatch(r"[0-9a-f]{32}(\.dir)?", name):  # a copy that was cut off
            continue
        if hash_of(path) != name.removesuffix(".dir"):
            damaged.add(name)
            continue
        good.add(name)
        if name.endswith(".dir"):
            lists[name] = {member["relpath"]: member["md5"] for member in json.loads(path.read_bytes())}
    return Cache(folder, frozenset(good), frozenset(damaged), lists)


def parse(content: bytes, name: str) -> dict[str, Any]:
    """A file of DVC's as plain data. Raises VerifyError."""
    try:
        found = YAML(typ="safe").load(content)
    except (YAMLError, ValueError) as error:
        raise VerifyError(f"{name}: not readable as YAML ({str(error).splitlines()[0]})") from None
    if not isinstance(found, dict):
        raise VerifyError(f"{name}: not what DVC writes")
    return found


def outputs_of(lock: Mapping[str, Any]) -> list[Output]:
    """Every output that dvc.lock records. Raises VerifyError."""
    try:
        found = [
            Output(out["path"], out["md5"], stage)
            for stage, entry in (lock.get("stages") or {}).items()
            for out in entry.get("outs", [])
        ]
    except (AttributeError, KeyError, TypeError):
        raise VerifyError(f"{LOCK}: not what DVC writes") from None
    for out in found:
        if not isinstance(out.path, str) or not isinstance(out.md5, str):
            raise VerifyError(f"{LOCK}: not what DVC writes, at {out.stage}: {out.path}: md5: {out.md5}")
        if PurePosixPath(out.path).is_absolute() or ".." in PurePosixPath(out.path).parts:
            raise VerifyError(f"{out.path}: outside of the project, so a run in a copy would overwrite it")
    return found


def inputs_of(lock: Mapping[str, Any]) -> list[str]:
    """The path of every dependency that dvc.lock records. Raises VerifyError."""
    try:
        return [str(dep["path"]) for entry in (lock.get("stages") or {}).values() for dep in entry.get("deps", [])]
    except (AttributeError, KeyError, TypeError):
        raise VerifyError(f"{LOCK}: not what DVC writes") from None


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
    files = {dep["path"]: dep.get("md5") for dep in entry.get("deps", []) if not _made(dep["path"], outs)}
    params = {f"{file}: {key}": value for file, keys in entry.get("params", {}).items() for key, value in keys.items()}
    return {**files, **params, f"dvc.yaml: {stage}": entry.get("cmd")}


def _made(path: str, outs: set[str]) -> bool:
    """Whether a path is an output, lies in one, or holds one."""
    return any(f"{path}/".startswith(f"{out}/") or out.startswith(f"{path}/") for out in outs)


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
    here |= {path: UNREADABLE for path in recorded if path.startswith(folders) and path not in here}

    rows = [Row(LOCK, places=places(hash_of(workspace / LOCK), hash_of(rerun / LOCK), None))]
    rows += compare(recorded, remade, here, cache, lists, in_git)
    kept = expand(tables, lists)
    for path, out in kept.items():
        if out.md5 in cache.damaged:
            intact = path.endswith("/") or hash_of(workspace / path) == out.md5
            rows.append(Row(path, out.stage, ("cache",) if intact else ("workspace", "cache"), out.md5))
    for name in sorted(cache.damaged - {out.md5 for out in [*recorded.values(), *kept.values()]}):
        rows.append(Row(_shown(cache.file(name), workspace), "", ("cache",), name))
    count = sum(not path.endswith("/") for path in in_workspace)
    return Report(rows, workspace, cache, count, stale_inputs(lock, again), list(gone))


def _ignored(root: Path, paths: Iterable[str]) -> set[str]:
    """Those of the paths that .dvcignore names."""
    asked = "\n".join(paths)
    if not asked:
        return set()
    command = ["dvc", "check-ignore", "--stdin"]  # its status is 1 where it names none
    done = subprocess.run(command, cwd=root, env=_environment(root), input=asked, capture_output=True, text=True)
    return set(done.stdout.splitlines())


def _shown(path: Path, root: Path) -> str:
    return str(path.relative_to(root) if path.is_relative_to(root) else path)


def repairs(report: Report) -> list[str]:
    """Commands that make again what is damaged in the workspace, in its cache or in dvc.lock."""
    if [row.path for row in report.differing] == [LOCK] and not report.stale:  # in what dvc does not compare
        return ["dvc repro --force"]
    removals, makers = [], set()
    for row in report.differing:
        table = row.stage.endswith(".dvc")
        if "workspace" in row.places and not table:
            removals.append(f"rm {'-rf' if row.path.endswith('/') else '-f'} {shlex.quote(row.path)}")
        if "cache" in row.places:
            removals.append(f"rm -f {shlex.quote(_shown(report.cache.file(row.md5), report.workspace))}")
        if table:
            intact = "workspace" not in row.places
            makers.add(f"dvc {'commit --force' if intact else 'pull --force'} {shlex.quote(row.stage)}")
        elif row.stage and row.places != ("re-run",):
            makers.add("dvc repro")
    return [*dict.fromkeys(removals), *sorted(makers)]  # objects may have several owners


def explain(report: Report) -> list[str]:
    """Paragraphs for below the table, the verdict last."""
    differing, found = report.differing, []
    if report.gone:
        found.append(f"Not compared: {LOCK} still names what dvc.yaml has no longer, {', '.join(report.gone)}.")
    if report.stale:
        found.append(f"Changed since {LOCK} was written (`dvc repro` writes it anew):\n  " + "\n  ".join(report.stale))
    elif any("re-run" in row.places for row in differing if row.path != LOCK):
        found.append(
            f"The same code and parameters made other bytes, or {LOCK} was changed by hand.\n"
            "Are the libraries those that requirements.txt and constraints.txt pin? Is precision exact?"
        )
    commands = repairs(report)
    if commands:
        found.append("To make again what is damaged here:\n  " + "\n  ".join(commands))
    if differing:
        found.append(f"{len(differing)} of {len(report.rows)} differ.")
    else:
        found.append(
            f"All {len(report.rows)} are the same, byte for byte: in {LOCK} and in a run from nothing,\n"
            f"in the workspace ({report.in_workspace} are there) and in the cache ({len(report.cache.good)} objects)."
        )
    return found


def table(rows: Iterable[Row]) -> str:
    """The rows under a header, aligned."""
    rows = list(rows)
    width = max(len(row.path) for row in rows)
    return "\n".join([f"{'file':{width}}  result", *(f"{row.path:{width}}  {row}" for row in rows)])


def copy_inputs(workspace: Path, folder: Path, in_git: Iterable[str], inputs: Iterable[str], outs: set[str]) -> None:
    """Copy what git knows, and what else stages read, but nothing that they make."""
    inputs = set(inputs)
    for path in {*in_git, *inputs}:
        if _made(path, outs) or PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts:
            continue
        source, target = workspace / path, folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, dirs_exist_ok=True)
        elif source.is_file() and (path in inputs or not source.is_symlink()):
            shutil.copy(source, target)


def run_again(folder: Path) -> None:
    """Run the whole pipeline in a copy that has no outputs. Raises VerifyError where that fails."""
    # A cache of its own, wherever the project's may be; and no git, which the pipeline does not need
    (folder / ".dvc").mkdir(exist_ok=True)
    (folder / ".dvc" / "config.local").write_text("[core]\n    no_scm = true\n[cache]\n    dir = cache\n")
    command = [sys.executable, "-m", "tools.repro", str(os.cpu_count())]
    done = subprocess.run(command, cwd=folder, env=_environment(folder), capture_output=True, text=True)
    if done.returncode:
        raise VerifyError(f"{done.stderr.rstrip() or done.stdout.rstrip()}\nThe run from nothing failed")


def _environment(copy: Path | None = None) -> dict[str, str]:
    """This Python's programs first; for a copy, a place in it for what dvc notes about a folder, or that would stay."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    own = {"DVC_SITE_CACHE_DIR": str(copy / ".dvc" / "tmp" / "site")} if copy else {}
    return {**os.environ, "PATH": path, "DVC_NO_ANALYTICS": "1", **own}


def _output_of(folder: Path, *command: str) -> str:
    """What a command prints. Raises VerifyError, with the last line of what it complains of."""
    try:
        return subprocess.run(
            command, cwd=folder, env=_environment(), capture_output=True, text=True, check=True
        ).stdout
    except FileNotFoundError:
        raise VerifyError(f"{command[0]}: not found; `make setup` installs what is needed in .venv") from None
    except subprocess.CalledProcessError as error:
        raise VerifyError(f"{' '.join(command[:2])}: {(error.stderr.splitlines() or ['failed'])[-1]}") from None


def read_tables(workspace: Path, in_git: Iterable[str]) -> list[Output]:
    """The users' tables that .dvc files name. Raises VerifyError where one is not there."""
    found = []
    for name in in_git:
        if not name.endswith(".dvc") or not (workspace / name).is_file():
            continue
        try:
            outs = parse((workspace / name).read_bytes(), name)["outs"]
            tables = [Output((PurePosixPath(name).parent / out["path"]).as_posix(), out["md5"], name) for out in outs]
        except (KeyError, TypeError):
            raise VerifyError(f"{name}: not what DVC writes") from None
        for out in tables:
            if not (workspace / out.path).exists():
                raise VerifyError(f"{out.path}: not here, {name} tracks it: `dvc pull` or `dvc checkout`")
        found += tables
    return found


def verify(workspace: Path) -> Report:
    """Run everything again and compare. Raises VerifyError."""
    if not (workspace / ".dvc").is_dir():
        raise VerifyError("not a DVC project: no folder .dvc here")
    if not (workspace / LOCK).is_file():
        raise VerifyError(f"{LOCK}: no such file; `dvc repro` writes it")
    lock = parse((workspace / LOCK).read_bytes(), LOCK)
    outs, inputs = {out.path for out in outputs_of(lock)}, inputs_of(lock)
    cache = Path(_output_of(workspace, "dvc", "cache", "dir").strip())
    listed = _output_of(workspace, "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    in_git = sorted(filter(None, listed.split("\0")))
    tables = read_tables(workspace, in_git)
    with tempfile.TemporaryDirectory(prefix="verify-") as temporary:
        rerun = Path(temporary).resolve()
        print(f"Running everything again from nothing, in {rerun}: a minute or two ...", flush=True)
        copy_inputs(workspace, rerun, in_git, [*inputs, *(out.path for out in tables)], outs)
        run_again(rerun)
        return examine(workspace, read_cache(cache), rerun, in_git, tables)


def main() -> None:
    """Verify the project in the current folder; exit status 0 only where all is the same."""
    try:
        report = verify(Path.cwd())
    except (VerifyError, OSError) as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit("interrupted")
    print(table(report.rows), *explain(report), sep="\n\n")
    sys.exit(bool(report.differing))


if __name__ == "__main__":
    main()
