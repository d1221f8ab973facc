"""What all stages share: how they end, and that what dvc records of a run is what the run has read.

A user's mistake ends a program with its line on stderr and status 1, never with a traceback. dvc notes the state of
what a stage reads when the stage has ended: a file that changed meanwhile ends the stage with a line too. So does a
stage that an earlier run still works on, where that did not end with its dvc (see _dvc.py).
"""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

from boundary.errors import FileError

State = dict[str, tuple[int, int, int]]  # by file: when it was last written, its size, its inode


def state(place: Path) -> State:
    """What tells whether a file, or any below a folder, was written, replaced, added or removed; none is read."""
    below = [os.path.join(folder, name) for folder, _, names in os.walk(place) for name in names]
    found = {}
    for file in below or [str(place)]:
        with suppress(OSError):  # it is not there, which the program that reads it will say
            status = os.stat(file)
            found[file] = (status.st_mtime_ns, status.st_size, status.st_ino)
    return found


FOLDERS = [Path(__file__).resolve().parents[1] / name for name in ("boundary", "stages")]
FILES = [path for folder in FOLDERS for path in [*folder.rglob("*.py"), *folder.rglob("*.cpp")]]
CODE = {path: state(path) for path in FILES}  # before it is imported
_sources: dict[Path, State] = {}


def source(word: str) -> Path:
    """A word of the command line that names a file or folder to read, as a path: the type of such an argument.

    Its state is noted here, before anything of it is read, and `run` looks again at the end.
    """
    path = Path(word)
    _sources[path] = state(path)
    return path


def run(main: Callable[[], None]) -> None:
    """Run a stage's main. A user's mistake, and a file that cannot be read or written, end it with a line."""
    from boundary.errors import FileError, UserError

    _sources.clear()
    try:
        with _lock():
            main()
            if changed := _changed():
                raise FileError(f"{changed}: changed while this stage ran, run it again")
    except (UserError, OSError) as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)  # DVC says that it was interrupted


def _changed() -> str | None:
    """The first of the sources, and of the files of code in use, that is not as it was before this program read it."""
    for place, before in [*_sources.items(), *((path, CODE.get(path, {})) for path in _code())]:
        after = state(place)
        for file in sorted({*before, *after}):
            if before.get(file) != after.get(file):
                return file
    return None


def _code() -> list[Path]:
    """The files of the project's modules that this program has imported so far, and its own."""
    own = {folder.name for folder in FOLDERS} | {"__main__"}  # to resolve the paths of all modules takes 0.2 s
    files = [getattr(module, "__file__", None) for name, module in sys.modules.items() if name.partition(".")[0] in own]
    paths = {Path(file).resolve() for file in files if file}
    paths |= {path.with_suffix(".cpp") for path in paths} & CODE.keys()  # what one compiles lies beside it
    return sorted(path for path in paths if any(path.is_relative_to(folder) for folder in FOLDERS))


def scratch() -> Path | None:
    """dvc's own folder for what it does not track, where dvc runs this program.

    A queued experiment has a workspace of its own, below that folder of the repository, which DVC_ROOT still names.
    """
    root = os.environ.get("DVC_ROOT")
    if not root or "DVC_STAGE" not in os.environ:
        return None
    folder, here = Path(root, ".dvc", "tmp"), Path.cwd()
    return here / ".dvc" / "tmp" if folder.resolve() in here.parents else folder


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
