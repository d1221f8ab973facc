"""The server of _forks.py, which describes it: a program of its own that imports libraries, and forks.

Started with handles of the socket where it listens, of dvc's process and of the socket's folder, and the socket's name.
"""

import atexit
import gc
import itertools
import os
import runpy
import select
import selectors
import signal
import socket
import struct
import sys
import threading
import traceback
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

# What takes time to import, by stage; what is not here, a fork imports itself
PARAMS = ("ruamel.yaml", "msgspec")
TABLES = ("numpy", "pyarrow.parquet")
DRAWING = ("matplotlib.figure", "matplotlib.backends.backend_agg")
LIBRARIES: dict[str, tuple[str, ...]] = {
    "check": (*PARAMS, "numpy", "psutil"),
    "generate": (*PARAMS, *TABLES, "sklearn.datasets"),
    "split": (*PARAMS, *TABLES, "pandas", "sklearn.model_selection"),
    "train": (*PARAMS, *TABLES, "psutil", "torch"),
    "evaluate": (*TABLES, "pandas", "sklearn.metrics", "scipy.special"),
    "baseline": (*PARAMS, *TABLES, "sklearn.ensemble", "sklearn.linear_model"),
    "compare": (*PARAMS, *TABLES, "scipy.special"),
    "export": (*PARAMS, "torch", "onnx"),
    "plot": (*TABLES, *DRAWING),
    "plot_data": (*TABLES, *DRAWING),
    "plot_contrast": (*TABLES, *DRAWING),
    "plot_animation": (*TABLES, *DRAWING, "torch"),
    "plot_activations": (*DRAWING, "torch"),
    "plots_page": ("numpy",),
    "report": (*PARAMS, *TABLES, "matplotlib.figure", "torch", "jinja2"),
}
OWN = ("DVC_STAGE", "_", "PWD", "OLDPWD", "SHLVL")  # variables in which stages, or their shells, differ without effect
ENVIRONMENT = {**os.environ}  # before a library that is imported changes it
LARGEST = 1 << 20  # bytes; a packet cannot be so long
PATIENCE = 5.0  # seconds that a client may take to say what it wants


class Request(NamedTuple):
    """What _forks.py sends."""

    words: list[str]
    folder: str
    path: list[str]
    environment: dict[str, str]
    umask: int
    group: int
    python: str

    @classmethod
    def parse(cls, message: bytes) -> "Request":
        """Raises ValueError where it is none."""
        fields = iter(os.fsdecode(message).split("\0"))
        words, path, variables, rest = (list(itertools.islice(fields, int(next(fields, "")))) for _ in range(4))
        folder, umask, group, python = rest
        environment = dict(variable.split("=", 1) for variable in variables)
        return cls(words, folder, path, environment, int(umask), int(group), python)


class Program(NamedTuple):
    """To be run in a fork."""

    request: Request
    handles: list[int]  # its stdin, stdout and stderr
    client: socket.socket


def main() -> None:
    """Serve until dvc ends; in a fork, run the program that is asked for."""
    listener, dvc, folder = map(int, sys.argv[1:4])
    for handle in (listener, dvc, folder):
        os.set_inheritable(handle, False)
    program = serve(socket.socket(fileno=listener), dvc)
    if program is not None:
        os.close(folder)
        leave(become(program))
    with suppress(OSError):
        os.unlink(sys.argv[4], dir_fd=folder)
    leave(0)


def serve(listener: socket.socket, dvc: int) -> Program | None:
    """Fork for each client, None once dvc has ended; returns in the forks too, with what they shall run."""
    at_work: dict[int, tuple[int, socket.socket]] = {}  # by a handle of the process: its number, its client
    with selectors.DefaultSelector() as selector:
        selector.register(listener, selectors.EVENT_READ)
        selector.register(dvc, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fd == dvc:
                    return None
                if key.fd in at_work:
                    selector.unregister(key.fd)
                    tell_of_end(key.fd, *at_work.pop(key.fd))
                elif program := accepted(listener):
                    prepare(program.request.words[0])
                    process = os.fork()
                    if process == 0:
                        for other in (listener.detach(), dvc, *at_work):
                            os.close(other)
                        return program
                    handle = os.pidfd_open(process)
                    at_work[handle] = process, program.client
                    selector.register(handle, selectors.EVENT_READ)
                    for other in program.handles:
                        os.close(other)
                    tell(program.client, "started")


def accepted(listener: socket.socket) -> Program | None:
    """What the next client wants; None where it wants nothing that a fork can be."""
    client, _ = listener.accept()
    handles: list[int] = []
    try:
        client.settimeout(PATIENCE)
        _, user, _ = struct.unpack("3i", client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        message, handles, _, _ = socket.recv_fds(client, LARGEST, 3)
        if user == os.getuid() and len(handles) == 3 and as_here(request := Request.parse(message)):
            return Program(request, handles, client)
    except (OSError, ValueError):
        pass
    for handle in handles:
        os.close(handle)
    client.close()
    return None


def as_here(request: Request) -> bool:
    """Whether the program would run by this Python, and with the variables that libraries may have read."""
    variables = (ENVIRONMENT.items(), request.environment.items())
    here, there = ({name: word for name, word in each if name not in OWN} for each in variables)
    return request.python == sys.executable and here == there


def prepare(module: str) -> None:
    """Import what a stage needs. Collecting garbage, a fork shall not touch it: it would have to be copied."""
    for name in LIBRARIES.get(module.removeprefix("stages."), ()):
        if name not in sys.modules:
            with suppress(Exception):  # which the program that needs it will see
                __import__(name)  # importlib's function is none that benchmarks/stopwatch can see
    gc.freeze()


def tell_of_end(handle: int, process: int, client: socket.socket) -> None:
    """Its exit status, negative for a signal, for the client."""
    os.close(handle)
    tell(client, str(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])))
    client.close()


def tell(client: socket.socket, word: str) -> None:
    """As long as it listens."""
    with suppress(OSError):
        client.send(word.encode())


def become(program: Program) -> int:
    """Run the program as its client would; returns its exit status."""
    request = program.request
    for number, handle in enumerate(program.handles):
        os.dup2(handle, number)
        os.close(handle)
    sys.stdout.reconfigure(line_buffering=sys.stdout.isatty())  # type: ignore[union-attr]
    with suppress(OSError):  # the client has ended
        os.setpgid(0, request.group)
    threading.Thread(target=end_with, args=[program.client], daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # no traceback: the client ends without one too
    with open("/proc/self/comm", "w") as name:
        name.write(request.words[0])  # what ps and top show, cut after 15 letters
    os.chdir(request.folder)
    os.umask(request.umask)
    os.environ.clear()
    os.environ.update(request.environment)
    sys.path[:] = request.path
    return run(request.words)


def end_with(client: socket.socket) -> None:
    """It says no more until it ends."""
    select.select([client], [], [])
    os.kill(os.getpid(), signal.SIGKILL)


def run(words: Sequence[str]) -> int:
    """Run a program in this process, as `python -m words` does; returns its exit status."""
    sys.argv = [*words]
    sys.orig_argv = [sys.executable, "-m", *words]
    try:
        runpy.run_module(words[0], run_name="__main__", alter_sys=True)
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        print(end.code, file=sys.stderr)
        return 1
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def leave(status: int) -> None:
    """End without taking the libraries apart: in memory that a fork must copy first, 0.25 s."""
    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):  # nobody reads, or the program closed it
        status = status or 120  # as Python does
    os._exit(status & 0xFF)


if __name__ == "__main__":
    main()
