"""What all stages share: how they end, and that no two runs write the same files.

A user's mistake ends a program with its line on stderr and status 1, never with a traceback. A program that dvc started
ends with dvc: left alone, it could overwrite what the next run makes, and dvc.lock would record the old run's output
under the new run's parameters. Where the system offers no such bond, the stage's lock keeps the next run out.
"""

import os
import select
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from boundary.files import FileError
from boundary.schema import TableError


def run(main: Callable[[], None], *mistakes: type[Exception]) -> None:
    """Run a stage's main; `mistakes` are errors of its own that carry a line for the user."""
    expected: tuple[type[Exception], ...] = (FileError, TableError, OSError, *mistakes)
    try:
        _end_with_dvc()
        with _lock():
            before = _code()
            main()
            after = _code()
            edited = [file for file in before if after[file] != before[file]]
            if edited:  # dvc hashes code only now: it would record the new one with results of the old
                raise FileError(f"{edited[0]}: changed while this stage ran, run it again")
    except expected as error:
        sys.exit(str(error))


def _code() -> dict[str, int]:
    """When each of the project's modules in use was last written."""
    ours = [module for name, module in sys.modules.items() if name.startswith(("__main__", "boundary.", "stages."))]
    files = [getattr(module, "__file__", None) for module in ours]
    return {file: os.stat(file).st_mtime_ns for file in sorted(filter(None, files))}


def scratch() -> Path | None:
    """dvc's own folder for what it does not track, where dvc runs this program.

    A queued experiment has a workspace of its own, below that folder of the repository, which DVC_ROOT still names.
    """
    root = os.environ.get("DVC_ROOT")
    if not root or "DVC_STAGE" not in os.environ:
        return None
    folder, here = Path(root, ".dvc", "tmp"), Path.cwd()
    return here / ".dvc" / "tmp" if folder.resolve() in here.parents else folder


def _end_with_dvc() -> None:
    """On Linux, end this process the moment that dvc ends.

    dvc is the parent, or, where the shell that dvc starts did not become this program, the parent's parent.
    """
    if sys.platform != "linux" or "DVC_STAGE" not in os.environ:
        return
    dvc = os.getppid()
    try:
        if b"stages." in Path(f"/proc/{dvc}/cmdline").read_bytes():  # a shell, with this program on its command line
            dvc = int(Path(f"/proc/{dvc}/stat").read_text().rpartition(")")[2].split()[1])
        handle = os.pidfd_open(dvc)
    except OSError:  # it has ended already, or the system has no such handles
        return

    def watch() -> None:
        select.select([handle], [], [])  # readable once dvc has ended
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()


@contextmanager
def _lock() -> Iterator[None]:
    """Hold the lock of the stage that dvc runs, in dvc's own folder; the system frees it when the process ends.

    Raises FileError where another process holds it.
    """
    folder = scratch()
    if folder is None or sys.platform == "win32":
        yield
        return
    import fcntl

    stage = os.environ["DVC_STAGE"]
    path = folder / "stages" / f"{quote(stage, safe='@')}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            raise FileError(f"{stage}: process {holder} of an earlier run still writes this stage's files") from None
        try:
            os.truncate(file.fileno(), 0)
            os.write(file.fileno(), f"{os.getpid()}\n".encode())
        except OSError as error:
            raise FileError(f"{path}: cannot be written ({error.strerror})") from None
        yield
