"""The dvc that started this program, and that the program ends with it; quick to import, as every stage does first.

Left alone, a program could overwrite what the next run makes, and dvc.lock would record the old run's output under the
new run's parameters. Where the system offers no such bond, the stage's lock keeps the next run out.
"""

from __future__ import annotations

import os
import select
import sys

CAN_WATCH = sys.platform == "linux" and hasattr(os, "pidfd_open")  # handles of processes; a Python may lack them


def process() -> int | None:
    """The process that started this stage, None where it has ended or the system does not say; on Linux.

    It is the parent, or, where the shell that dvc starts did not become this program, the parent's parent. Once it has
    ended, another process is in its place, one that adopts orphans: no Python, or of another session.
    """
    found = os.getppid()
    try:
        if not _is_python(found):
            found = int(status(found)[1])
        return found if _is_python(found) and os.getsid(found) == os.getsid(0) else None
    except OSError:  # no such process, or another user's
        return None


def status(process: int) -> list[str]:
    """The fields of /proc/PROCESS/stat from its state on. Raises OSError where there is no such process."""
    with open(f"/proc/{process}/stat", "rb") as file:
        return file.read().rpartition(b")")[2].decode().split()


def command(process: int) -> list[str]:
    """The words of its command line, none where it has ended."""
    try:
        with open(f"/proc/{process}/cmdline", "rb") as file:
            return [os.fsdecode(word) for word in file.read().split(b"\0")]
    except OSError:
        return []


def _is_python(process: int) -> bool:
    """Also where dvc was installed as one file."""
    return os.path.basename(os.readlink(f"/proc/{process}/exe")).startswith(("python", "pypy", "dvc"))


def end_with_dvc() -> None:
    """On Linux, end this process the moment that dvc ends; with a line where it has ended already.

    In a fork it is the server that started this process, and that ends with dvc.
    """
    if not CAN_WATCH or "DVC_STAGE" not in os.environ:
        return
    dvc = process()
    try:
        handle = None if dvc is None else os.pidfd_open(dvc)
    except ProcessLookupError:
        handle = None
    except OSError:  # the system has none
        return
    if handle is None:
        sys.exit(f"{os.environ['DVC_STAGE']}: the dvc that started this stage has ended")
    import signal
    import threading

    def watch() -> None:
        select.select([handle], [], [])  # readable once dvc has ended
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()
