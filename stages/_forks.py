"""Saves the imports of a stage's program: a fork of a process that has imported the libraries runs in its place.

PyTorch, scikit-learn or Matplotlib take a second or two to import, longer than most stages then work. So the first
stage that a dvc starts (`dvc repro`, `dvc exp run`, or `make repro` in its place) starts a server, _fork_server.py, for
all stages of that dvc. It listens at a socket of packets in .dvc/tmp/forks, a folder that is its user's alone.

1. A stage connects, and sends one packet: its REQUEST below, with its stdin, stdout and stderr.
2. The server imports what the stage needs, unless it has, forks, and answers with a packet, "started". It hangs up
   instead where the program would run in another environment, or by another Python, than the server does.
3. The fork becomes the program, which reads the project's own modules itself: the code of the moment runs.
4. Once it has ended, the server sends a packet with its exit status, and the stage, its client, ends with that.

A fork ends at once when its client or the server ends, and these end when dvc ends. It is in the process group of its
client: Ctrl-C reaches both. Where anything fails before "started", the program runs as it would without all this.

Linux only: elsewhere a fork of a process with libraries loaded is not safe.
"""

from __future__ import annotations

import _socket  # to import socket, or json, would take a third of the client's time
import os
import select
import sys

from stages import _dvc

SERVER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "_fork_server.py")
RUNNERS = {"dvc", "tools.repro"}  # a program that only calls DVC may stay for days, a server with it
NO_STATUS = 1  # where the server cannot tell a fork's
NOBODY = (FileNotFoundError, ConnectionRefusedError)  # listens
INTERRUPTED = 130  # by Ctrl-C, without a traceback


def run_in_fork() -> None:
    """Be what a fork of the server is, and end as it ends; returns where this program must run by itself."""
    if not _dvc.CAN_WATCH or not {"DVC_STAGE", "DVC_ROOT"} <= os.environ.keys():
        return
    # "-m": Python is importing this package to find the program; in a fork the program's name stands there
    if sys.argv[0] != "-m" or sys.orig_argv[1] != "-m":
        return
    connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)
    try:
        dvc = _dvc.process()
        if dvc is not None and RUNNERS.intersection(map(os.path.basename, _dvc.command(dvc))):
            handle = os.pidfd_open(dvc)
            _connect(connection, f"{dvc}-{_dvc.status(dvc)[19]}", handle)  # with the time that it started at
            _send(connection)
            if _answer(connection, handle):
                _end(_status(connection, handle))
    except OSError:
        pass
    except KeyboardInterrupt:
        os._exit(INTERRUPTED)
    connection.close()


def _connect(connection: _socket.socket, name: str, dvc: int) -> None:
    """To the server of this dvc, which is started where there is none. Raises OSError."""
    path = os.path.join(os.environ["DVC_ROOT"], ".dvc", "tmp", "forks")
    os.makedirs(path, mode=0o700, exist_ok=True)
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    place = f"/proc/self/fd/{folder}/{name}"  # a socket's path may have 108 bytes, a project's has any number
    try:
        found = os.fstat(folder)
        if found.st_uid != os.getuid() or found.st_mode & 0o077:
            raise PermissionError(path)
        try:
            connection.connect(place)
        except NOBODY:
            _connect_to_new(connection, folder, name, dvc)
    finally:
        os.close(folder)
    peer = connection.getsockopt(_socket.SOL_SOCKET, _socket.SO_PEERCRED, 12)  # three numbers: process, user, group
    if int.from_bytes(peer[4:8], sys.byteorder) != os.getuid():
        raise PermissionError(path)


def _connect_to_new(connection: _socket.socket, folder: int, name: str, dvc: int) -> None:
    """As only one of several stages that begin at once shall start a server, they wait for each other."""
    import fcntl

    place = f"/proc/self/fd/{folder}/{name}"
    lock = os.open("lock", os.O_RDWR | os.O_CREAT, 0o600, dir_fd=folder)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            connection.connect(place)
        except NOBODY:
            _remove_stale(folder, name)
            _start(place, [dvc, folder], name)
            connection.connect(place)
    finally:
        os.close(lock)


def _remove_stale(folder: int, own: str) -> None:
    """Sockets of servers that were killed: of this dvc, or of one that has ended."""
    for name in os.listdir(folder):
        dvc, _, start = name.partition("-")
        try:
            stale = bool(start) and (name == own or _dvc.status(int(dvc))[19] != start)
        except OSError:
            stale = True
        if stale:
            os.unlink(name, dir_fd=folder)


def _start(place: str, handles: list[int], name: str) -> None:
    """The server, at a socket where clients can wait for it from now on. Raises OSError."""
    import subprocess

    listener = _socket.socket(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)
    try:
        listener.bind(place)
        listener.listen(64)
        passed = [listener.fileno(), *handles]
        subprocess.Popen(
            [sys.executable, "-P", SERVER, *map(str, passed), name],
            pass_fds=passed,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,  # nobody who reads what stages say shall wait for the server
            stderr=subprocess.DEVNULL,
            cwd="/",
            process_group=0,  # Ctrl-C is for stages
        )
    finally:
        listener.close()


def _send(connection: _socket.socket) -> None:
    """The request. Raises OSError, also where it is longer than a packet may be."""
    umask = os.umask(0o077)
    os.umask(umask)
    # REQUEST: four lists, each its length and its members: the program's words after -m; where it looks for modules;
    # its environment; and its working directory, umask, process group and Python. None of it can hold a zero byte
    variables = [f"{name}={value}" for name, value in os.environ.items()]
    rest = [os.getcwd(), str(umask), str(os.getpgrp()), sys.executable]
    request = [field for each in (sys.orig_argv[2:], sys.path, variables, rest) for field in (str(len(each)), *each)]
    handles = b"".join(number.to_bytes(4, sys.byteorder) for number in range(3))
    connection.sendmsg([os.fsencode("\0".join(request))], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, handles)])


def _answer(connection: _socket.socket, dvc: int) -> bytes:
    """What the server says next, nothing where it hangs up. Raises OSError."""
    ready, _, _ = select.select([connection.fileno(), dvc], [], [])
    if connection.fileno() not in ready:
        os._exit(NO_STATUS)  # dvc has ended
    return connection.recv(16)


def _status(connection: _socket.socket, dvc: int) -> int:
    """The exit status of the fork, once it has ended; negative: the signal that ended it."""
    try:
        if said := _answer(connection, dvc):
            return int(said)
    except KeyboardInterrupt:
        return INTERRUPTED
    except OSError:
        pass
    print(f"{os.environ['DVC_STAGE']}: the server that it was a fork of has ended", file=sys.stderr)
    return NO_STATUS


def _end(status: int) -> None:
    """As the fork did, also by a signal. At once: to take this process apart would cost a fifth of its time."""
    sys.stderr.flush()
    try:
        if status < 0:
            os.kill(os.getpid(), -status)
    except KeyboardInterrupt:
        pass
    os._exit(status if status >= 0 else 128 - status)  # a signal that Python ignores
