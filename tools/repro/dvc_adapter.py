"""All that this project uses of DVC's own code: parts that DVC does not document, and may change in any release.

The release that is pinned is the one that is tested. Errors of DVC's come out as DvcError.
"""

import copy
import json
import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import zc.lockfile
from dvc.dvcfile import PROJECT_FILE
from dvc.exceptions import DvcException as DvcError
from dvc.repo import Repo, lock_repo
from dvc.repo.reproduce import collect_stages, get_active_graph, plan_repro
from dvc.stage import Stage
from dvc.stage.cache import RunCacheNotFoundError
from dvc.stage.run import get_executable, prepare_kwargs
from dvc.utils.serialize import LOADERS
from dvc_data.hashfile.hash_info import HashInfo
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

__all__ = ["DvcError", "HashInfo", "Stage"]


@contextmanager
def project() -> Iterator[Repo]:
    """The DVC project of this folder, under DVC's lock, so that no other dvc can interfere. Raises DvcError."""
    logging.getLogger("dvc").setLevel(logging.WARNING)
    with Repo() as repo, lock_repo(repo), repo.scm_context(quiet=True), _params_parsed_once():
        yield repo


@contextmanager
def _params_parsed_once() -> Iterator[None]:
    """DVC parses params.yaml for every stage anew; here only where it has changed. Others get a copy each."""
    load: Callable[..., object] = LOADERS[".yaml"]
    parsed: dict[str, tuple[tuple[int, ...], object]] = {}

    def remembered(path: str, **how: object) -> object:
        status = os.stat(path)
        state = status.st_mtime_ns, status.st_size, status.st_ino
        if path not in parsed or parsed[path][0] != state:
            parsed[path] = state, load(path, **how)
        return copy.deepcopy(parsed[path][1])

    LOADERS[".yaml"] = remembered
    try:
        yield
    finally:
        LOADERS[".yaml"] = load


def plan(repo: Repo) -> dict[Stage, list[Stage]]:
    """All stages in the order in which dvc repro runs them, each with those that it depends on."""
    graph = get_active_graph(repo.index.graph)
    return {stage: list(graph.successors(stage)) for stage in plan_repro(graph, collect_stages(repo, [PROJECT_FILE]))}


def is_up_to_date(stage: Stage) -> bool:
    """Whether there is nothing to run: nothing changed, or it is a user's table, which DVC keeps in its own file."""
    if stage.frozen or not stage.cmd:
        if stage.reproduce():
            stage.dump(update_pipeline=False)
        return True
    return not stage.changed()


def restored(stage: Stage) -> bool:
    """Take the outputs from DVC's run cache, if it has them; what was there is removed, and dependencies are hashed."""
    stage.remove_outs(ignore_remove=False, force=False)
    try:
        stage.repo.stage_cache.restore(stage)
    except RunCacheNotFoundError:
        stage.save_deps()
        return False
    return True


def shell_command(stage: Stage, environment: Mapping[str, str]) -> tuple[list[str], dict[str, Any]]:
    """The words and the keywords for subprocess.Popen by which DVC runs a stage, with more variables."""
    command = stage.cmd if isinstance(stage.cmd, str) else " && ".join(stage.cmd)
    return [get_executable(), "-c", command], {**prepare_kwargs(stage, dict(environment)), "shell": False}


def input_hashes(stage: Stage) -> list[HashInfo]:
    """Of the dependencies, as DVC last looked at them."""
    return [dep.hash_info for dep in stage.deps]


def save(stage: Stage, before: list[HashInfo]) -> str | None:
    """What DVC does after a stage's command: hash and keep its outputs. Raises DvcError.

    Returns a dependency that no longer has the hash of `before`; then nothing is kept.
    """
    stage.save(run_cache=False)
    for dep, was in zip(stage.deps, before, strict=True):
        if dep.hash_info != was:
            return str(dep)
    if all(out.use_cache or out.is_metric or out.is_plot for out in stage.outs):
        stage.repo.stage_cache.save(stage)
    stage.commit()
    return None


def record(stages: Sequence[Stage]) -> None:
    """Write the entries of these stages into dvc.lock."""
    stages[0].dvcfile.dump_stages(stages, update_pipeline=False)


@contextmanager
def lock(folder: Path) -> Iterator[bool]:
    """Hold DVC's lock of a project; False where another process holds it, or it cannot be made."""
    try:
        held = zc.lockfile.LockFile(str(folder / ".dvc" / "tmp" / "lock"))
    except (zc.lockfile.LockError, OSError):
        yield False
        return
    try:
        yield True
    finally:
        held.close()


def can_read_lock(text: str) -> bool:
    """Whether DVC can read this dvc.lock."""
    from dvc.schema import COMPILED_LOCKFILE_SCHEMA
    from voluptuous import Invalid

    try:
        COMPILED_LOCKFILE_SCHEMA(YAML(typ="safe").load(text))
    except (ValueError, YAMLError, Invalid):
        return False
    return True


def can_read_holders(text: str) -> bool:
    """Whether DVC can read this list of who holds which file."""
    from dvc.rwlock import SCHEMA
    from voluptuous import Invalid

    try:
        SCHEMA(json.loads(text))
    except (ValueError, Invalid):
        return False
    return True


def yaml_text(content: Any) -> str:
    """As DVC writes its own files."""
    from dvc.utils.serialize import dumps_yaml

    return str(dumps_yaml(content))


@cache
def _files_of(revision: str) -> Any:
    from dvc.api import DVCFileSystem

    return DVCFileSystem(".", rev=revision)


def get_file(revision: str, name: str, target: Path) -> bool:
    """Write a tracked file of a Git revision, from DVC's cache or its default remote; False where neither has it.

    Raises DvcError where there is no such revision.
    """
    from dvc_data.index import DataIndexError

    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        _files_of(revision).get_file(name, str(target))
    except (FileNotFoundError, DataIndexError):
        return False
    return True
