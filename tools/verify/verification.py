"""Run the whole pipeline again from nothing, in a temporary copy, and compare every byte of what it publishes.

For each published file three are compared: the hash in dvc.lock, the file that the re-run makes, and the file in the
workspace where it is there (a fresh clone has few of them). And every object of DVC's cache is read again, because DVC
itself believes the name of a read-only file. Nothing in the workspace is changed.
"""

import tempfile
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from tools.repro.lockfile import LOCK, Output, inputs_of, outputs_of, parse
from tools.verify.cache import read_cache
from tools.verify.comparison import Report, examine
from tools.verify.rerun import VerifyError, copy_inputs, output_of, run_again


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
    cache = Path(output_of(workspace, "dvc", "cache", "dir").strip())
    listed = output_of(workspace, "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    in_git = sorted(filter(None, listed.split("\0")))
    tables = read_tables(workspace, in_git)
    with tempfile.TemporaryDirectory(prefix="verify-") as temporary:
        rerun = Path(temporary).resolve()
        print(f"Running everything again from nothing, in {rerun}: a minute or two ...", flush=True)
        copy_inputs(workspace, rerun, in_git, [*inputs, *(out.path for out in tables)], outs)
        run_again(rerun)
        return examine(workspace, read_cache(cache), rerun, in_git, tables)
