"""What times.py puts into every Python process, by having this folder on PYTHONPATH: it notes what imports cost.

At its end each process adds a line to the file that $STOPWATCH names: processor seconds in all, those of its imports,
and its command; of a stage that a fork runs, the fork does. Processor seconds, since what else the machine does hardly
changes them.
"""

import atexit
import builtins
import json
import os
import sys
import time

plain_import = builtins.__import__
depth, importing = 0, 0.0


def timed_import(*args, **kwargs):  # type: ignore[no-untyped-def]
    """As import does; what an import imports in turn is counted with it, once."""
    global depth, importing
    start = time.process_time() if depth == 0 else 0.0
    depth += 1
    try:
        return plain_import(*args, **kwargs)
    finally:
        depth -= 1
        if depth == 0:
            importing += time.process_time() - start


def begin_anew() -> None:
    """In a fork, whose processor seconds begin at 0 too."""
    global depth, importing
    depth, importing = 0, 0.0


def note() -> None:
    """Written in one piece: processes may end at the same time."""
    line = json.dumps([sys.orig_argv, time.process_time(), importing]) + "\n"
    handle = os.open(os.environ["STOPWATCH"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(handle, line.encode())
    os.close(handle)


if "STOPWATCH" in os.environ:
    builtins.__import__ = timed_import
    atexit.register(note)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=begin_anew)
