"""The whole pipeline run again from nothing, in a temporary copy."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from boundary.errors import UserError


class VerifyError(UserError):
    """Why nothing can be verified, in words for the user."""


def is_made(path: str, outs: set[str]) -> bool:
    """Whether a path is an output, lies in one, or holds one."""
    return any(f"{path}/".startswith(f"{out}/") or out.startswith(f"{path}/") for out in outs)


def copy_inputs(workspace: Path, folder: Path, in_git: Iterable[str], inputs: Iterable[str], outs: set[str]) -> None:
    """Copy what git knows, and what else stages read, but nothing that they make."""
    inputs = set(inputs)
    for path in {*in_git, *inputs}:
        if is_made(path, outs) or PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts:
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
    done = subprocess.run(command, cwd=folder, env=environment(folder), capture_output=True, text=True)
    if done.returncode:
        raise VerifyError(f"{done.stderr.rstrip() or done.stdout.rstrip()}\nThe run from nothing failed")


def environment(copy: Path | None = None) -> dict[str, str]:
    """This Python's programs first; for a copy, a place in it for what dvc notes about a folder, or that would stay."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    own = {"DVC_SITE_CACHE_DIR": str(copy / ".dvc" / "tmp" / "site")} if copy else {}
    return {**os.environ, "PATH": path, "DVC_NO_ANALYTICS": "1", **own}


def output_of(folder: Path, *command: str) -> str:
    """What a command prints. Raises VerifyError, with the last line of what it complains of."""
    try:
        return subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True, check=True).stdout
    except FileNotFoundError:
        raise VerifyError(f"{command[0]}: not found; `make setup` installs what is needed in .venv") from None
    except subprocess.CalledProcessError as error:
        raise VerifyError(f"{' '.join(command[:2])}: {(error.stderr.splitlines() or ['failed'])[-1]}") from None
