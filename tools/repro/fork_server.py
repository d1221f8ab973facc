"""Starts the programs of stages without their imports: as forks of one process that has imported the libraries.

Importing PyTorch, scikit-learn or Matplotlib takes a second or two, longer than most stages then work. A fork has them
at once. The project's own modules are not among them: a program reads those itself, as it does without this server, so
that it runs the code of the moment.

The server, `python -m tools.repro.fork_server FD`, gets two handles for each program over the socket FD: one for
its output, and a socket over which the fork is told what to run, and the client the number of the process and how it
ended. The server ends with its client, and the programs end with the server (stages/_program.py).

Linux only: elsewhere a fork of a process with libraries loaded is not safe.
"""

import atexit
import gc
import json
import os
import re
import runpy
import selectors
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

# of a command that a shell would cut into words and change in no other way
PLAIN = re.compile(r"""python -m [\w@%+=:,./ "'-]+""")


def words(command: str, environment: Mapping[str, str]) -> list[str] | None:
    """Module and arguments of a command that this server can run as a shell would; None of any other command."""
    if sys.platform != "linux" or not PLAIN.fullmatch(command):
        return None
    python = shutil.which("python", path=environment.get("PATH"))
    if python is None or not Path(python).parent.samefile(Path(sys.executable).parent):
        return None  # another Python
    try:
        return shlex.split(command)[2:]
    except ValueError:  # a quote that does not end
        return None


class Program:
    """A program at work; what subprocess.Popen offers of one, as far as it is needed."""

    def __init__(self, output: int, channel: socket.socket) -> None:
        self._output, self._channel = os.fdopen(output, "rb"), channel.makefile("rb")
        self.returncode: int | None = None
        if not (number := self._channel.readline()):
            raise OSError("the fork server has ended")
        self.pid = int(number)

    def communicate(self) -> tuple[bytes, None]:
        """Wait for its end; returns what it wrote to stdout and stderr."""
        with self._output, self._channel:
            said = self._output.read()
            self.returncode = int(self._channel.readline() or -signal.SIGKILL)  # unless the server was killed
        return said, None


class ForkServer:
    """The server, as its client has it."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._socket, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tools.repro.fork_server", str(theirs.fileno())],
                env=environment,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                process_group=0,  # Ctrl-C is for the client, which then ends what it has started
            )

    def start(self, words: Sequence[str], folder: str, environment: Mapping[str, str]) -> Program:
        """`python -m words` in a folder, the leader of a process group of its own.

        Raises OSError where the server has ended.
        """
        (read, write), (ours, theirs) = os.pipe(), socket.socketpair()
        with ours:
            try:
                socket.send_fds(self._socket, [b"."], [write, theirs.fileno()])
            finally:
                os.close(write)
                theirs.close()
            ours.sendall(json.dumps([words, folder, dict(environment)]).encode())
            ours.shutdown(socket.SHUT_WR)
            return Program(read, ours)

    def close(self) -> None:
        """End the server, and with it whatever still runs."""
        self._socket.close()
        self._process.wait()


def serve(requests: socket.socket) -> socket.socket | None:
    """Fork for each request until the client has ended; returns in the forks, with the channel of the program."""
    channels: dict[int, socket.socket] = {}  # by process
    woken, wake = socket.socketpair()
    wake.setblocking(False)
    woken.setblocking(False)
    before = signal.set_wakeup_fd(wake.fileno()), signal.signal(signal.SIGCHLD, lambda *_: None)
    selector = selectors.DefaultSelector()
    selector.register(requests, selectors.EVENT_READ)
    selector.register(woken, selectors.EVENT_READ)
    while True:
        ready = [key.fileobj for key, _ in selector.select()]
        if woken in ready:
            woken.recv(4096)
            _tell_of_ended(channels)
        if requests in ready:
            message, handles, _, _ = socket.recv_fds(requests, 1, 2)
            if not message:
                return None
            output, channel = handles[0], socket.socket(fileno=handles[1])
            process = os.fork()
            if process == 0:
                signal.set_wakeup_fd(before[0])
                signal.signal(signal.SIGCHLD, before[1])
                selector.close()
                for other in (requests, woken, wake, *channels.values()):
                    other.close()
                os.setpgid(0, 0)
                os.dup2(output, 1)
                os.dup2(output, 2)
                os.close(output)
                return channel
            os.close(output)
            with suppress(OSError):  # the fork has done it, and may have ended
                os.setpgid(process, process)
            channels[process] = channel
            _tell(channel, process)


def _tell_of_ended(channels: dict[int, socket.socket]) -> None:
    with suppress(ChildProcessError):  # there are no more
        while (found := os.waitpid(-1, os.WNOHANG))[0]:
            with channels.pop(found[0]) as channel:
                _tell(channel, os.waitstatus_to_exitcode(found[1]))


def _tell(channel: socket.socket, number: int) -> None:
    with suppress(OSError):  # the client has ended, and the server is about to
        channel.sendall(b"%d\n" % number)


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


def main() -> None:
    """Serve, and in a fork run the program that is asked for."""
    import matplotlib.backends.backend_agg
    import matplotlib.figure  # noqa: F401
    import pandas  # noqa: F401
    import pyarrow.parquet  # noqa: F401
    import scipy.special  # noqa: F401
    import sklearn.metrics  # noqa: F401
    import torch  # noqa: F401

    gc.freeze()  # the forks share it all
    channel = serve(socket.socket(fileno=int(sys.argv[1])))
    if channel is None:
        return
    with channel, channel.makefile("rb") as request:
        words, folder, environment = json.loads(request.read())
    Path("/proc/self/comm").write_text(words[0])  # the name that ps and top show, cut after 15 letters
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.path[0] = folder
    status = run(words)
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)  # leaving, Python would take the libraries apart: in memory that a fork must copy first, 0.25 s


if __name__ == "__main__":
    main()
