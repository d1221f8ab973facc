"""stages/_forks.py and _fork_server.py: a program runs in a fork as it does without, and ends with what started it."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import chain
from pathlib import Path

import pytest

from stages import _fork_server, _forks
from tests.support.repository import ENVIRONMENT, ROOT

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="a fork with libraries loaded is safe on Linux only")
PARTS = ("__init__", "_dvc", "_forks", "_fork_server", "_python")
# Stands for dvc: each argument is a list of commands, in JSON, that run at once. It says how they ended, and lives on
DVC = """
import json, os, signal, subprocess, sys
signal.signal(signal.SIGINT, lambda *_: None)
how = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "stdin": subprocess.PIPE, "text": True}
environment = {**os.environ, "DVC_STAGE": "program", "DVC_ROOT": os.getcwd()}
for commands in map(json.loads, sys.argv[1:]):
    running = [subprocess.Popen(command, env=environment, **how) for command in commands]
    said = [process.communicate("a line\\n")[0] for process in running]
    print(json.dumps([[process.returncode, text] for process, text in zip(running, said)]), flush=True)
"""
IN_FORK = "def in_fork(): return '_fork_server' in open(f'/proc/{os.getppid()}/cmdline').read()\n"
TELL = """
import json, os, sys
mask = os.umask(0)
print(json.dumps([sys.argv[1:], os.getcwd(), sys.path, mask, os.environ["WORD"], input(), __name__, sys.orig_argv[1:]]))
print("said on stderr", file=sys.stderr)
"""
ENDS = {
    "pass": 0,
    "sys.exit()": 0,
    "sys.exit(3)": 3,
    "sys.exit('a line')": 1,
    "1 / 0": 1,
    "os.kill(os.getpid(), 9)": -9,
    "os.kill(os.getpid(), 15)": -15,
    "atexit.register(print, 'at the end')": 0,
    "os._exit(7)": 7,
}
Command = list[str]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """With a program that says whether it runs in a fork."""
    (tmp_path / "stages").mkdir()
    for name in PARTS:
        shutil.copy(ROOT / f"stages/{name}.py", tmp_path / "stages")
    (tmp_path / "dvc").write_text(DVC)
    write(tmp_path, f"import os\n{IN_FORK}print(in_fork())")
    return tmp_path


def write(project: Path, text: str, name: str = "program") -> None:
    (project / f"stages/{name}.py").write_text(text)


def program(*words: str, name: str = "program") -> Command:
    return [sys.executable, "-m", f"stages.{name}", *words]


def dvc(project: Path, *steps: list[Command], **environment: str) -> list[list[tuple[int, str]]]:
    """The status of each command, and what it said."""
    words = [sys.executable, "dvc", *map(json.dumps, steps)]
    done = subprocess.run(words, cwd=project, env={**ENVIRONMENT, **environment}, stdout=subprocess.PIPE, check=True)
    return [[(status, said) for status, said in json.loads(line)] for line in done.stdout.splitlines()]


def plainly(project: Path, *words: str, **environment: str) -> tuple[int, str]:
    environment = {**ENVIRONMENT, **environment}
    how = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "input": "a line\n", "text": True}
    done = subprocess.run(program(*words), cwd=project, env=environment, **how)
    return done.returncode, done.stdout


def test_a_program_finds_what_it_finds_without_the_server(project: Path) -> None:
    write(project, TELL)
    words = ["plain", "two words", "", "Größe"]
    write(project, f"import os\n{IN_FORK}assert in_fork()\n{TELL}", "other")
    found, other = dvc(project, [program(*words)], [program(*words, name="other")], WORD="one")
    assert found == [plainly(project, *words, WORD="one")]
    told = json.loads(found[0][1].splitlines()[0])
    assert told[:3] == [words, str(project), [str(project), *told[2][1:]]]
    assert other[0][0] == 0, other


def test_it_ends_as_it_ends_without_the_server(project: Path) -> None:
    for number, end in enumerate(ENDS):
        write(project, f"import atexit, os, sys\nprint('begun', flush=True)\n{end}\n", f"end{number}")
    found = dvc(project, *[[program(name=f"end{number}")] for number in range(len(ENDS))])
    for number, ((status, said), expected) in enumerate(zip(chain(*found), ENDS.values(), strict=True)):
        done = subprocess.run(
            program(name=f"end{number}"), cwd=project, env=ENVIRONMENT, capture_output=True, text=True
        )
        assert status == done.returncode == expected
        assert said.splitlines()[0] == "begun"
        assert said.splitlines()[-1] == (done.stdout + done.stderr).splitlines()[-1]


def test_the_code_of_the_moment_runs(project: Path) -> None:
    write(project, f"import os\nfrom stages import part\n{IN_FORK}print(in_fork(), part.WORD)")
    write(project, "WORD = 'before'", "part")
    write(project, "WORD = 'after it'", "new")
    edit = ["mv", "stages/new.py", "stages/part.py"]
    found = dvc(project, [program()], [edit], [program()])
    assert found == [[(0, "True before\n")], [(0, "")], [(0, "True after it\n")]]


def test_the_libraries_of_a_stage_are_there_already_and_no_others(project: Path) -> None:
    write(project, "import sys\nprint(sorted({'numpy', 'torch', 'pandas'} & sys.modules.keys()))", "plots_page")
    assert dvc(project, [program(name="plots_page")]) == [[(0, "['numpy']\n")]]


def test_several_run_side_by_side_in_forks_of_one_server(project: Path) -> None:
    wait = "while not os.path.exists(sys.argv[2]): time.sleep(0.01)"
    write(project, f"import os, sys, time\nopen(sys.argv[1], 'w')\n{wait}\nprint(os.getppid())")
    (one, other), (third,) = dvc(project, [program("a", "b"), program("b", "a")], [program("a", "b")])
    assert one == other == third
    until(lambda: gone(int(one[1])) and not list((project / ".dvc/tmp/forks").glob("*-*")))


@pytest.mark.parametrize(
    ("prepare", "environment"),
    [
        (lambda project: (project / "stages/_fork_server.py").write_text("1 / 0"), {}),
        (lambda project: (project / ".dvc/tmp").mkdir(parents=True) or (project / ".dvc/tmp/forks").write_text(""), {}),
        (lambda project: (project / ".dvc/tmp/forks").mkdir(parents=True, mode=0o755), {}),
        (lambda project: None, {"WORD": "x" * 1_000_00, "MORE": "x" * 1_200_00}),
    ],
    ids=["no server", "no folder", "a folder for others", "a request that is too long"],
)
def test_where_anything_fails_the_program_runs_by_itself(
    project: Path, prepare: Callable[[Path], object], environment: dict[str, str]
) -> None:
    prepare(project)
    assert dvc(project, [program()], [program()], **environment) == [[(0, "False\n")]] * 2


@pytest.mark.parametrize("words", [["env", "OMP_NUM_THREADS=1"], [sys.executable, "-B"], [shutil.which("python3")]])
def test_what_shall_run_in_another_way_than_the_server_runs_by_itself(project: Path, words: Command) -> None:
    command = [*words, *program()] if words[0] == "env" else [*words, *program()[1:]]
    if words[0] in (None, sys.executable) and len(words) == 1:
        pytest.skip("no other Python")
    assert dvc(project, [program()], [command], [program()])[::2] == [[(0, "True\n")]] * 2
    assert dvc(project, [program()], [command])[1][0][1] != "True\n"


def test_a_path_may_be_long(project: Path) -> None:
    deep = shutil.copytree(project, project / ("x" * 120) / "project")
    assert dvc(deep, [program()]) == [[(0, "True\n")]]


def test_another_user_s_folder_socket_or_request_is_refused(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DVC_ROOT", str(project))
    user = os.getuid()
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        place = project / ".dvc/tmp/forks"
        place.mkdir(parents=True, mode=0o700)
        listener.bind(str(place / "1-1"))
        listener.listen()
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        _forks._connect(connection, "1-1", 0)
        monkeypatch.setattr(os, "getuid", lambda: user + 1)
        _forks._send(connection)
        assert _fork_server.accepted(listener) is None
        assert connection.recv(16) == b""
        connection.close()
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with pytest.raises(PermissionError):  # the folder's
            _forks._connect(connection, "1-1", 0)
        status = os.stat(place)
        fields = [*status[:4], user + 1, *status[5:]]
        monkeypatch.setattr(os, "fstat", lambda handle: os.stat_result(fields))
        with connection, pytest.raises(PermissionError):  # the listener's
            _forks._connect(connection, "1-1", 0)


WAIT = "import os, time\nopen('pids', 'w').write(f'{os.getpid()} {os.getppid()}\\n')\ntime.sleep(600)"


@pytest.mark.parametrize("killed", ["dvc", "client", "server", "interrupt"])
def test_a_fork_ends_with_dvc_with_its_client_and_with_the_server(project: Path, killed: str) -> None:
    write(project, WAIT)
    words = [sys.executable, "dvc", json.dumps([program()])]
    how = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "start_new_session": True}
    with subprocess.Popen(words, cwd=project, env=ENVIRONMENT, **how) as process:
        place = project / "pids"
        fork, server = map(int, until(lambda: place.exists() and place.read_text()).split())
        client = next(number for number in children(process.pid))
        assert os.getpgid(fork) == os.getpgid(client) != os.getpgid(server)
        if killed == "interrupt":
            os.killpg(process.pid, signal.SIGINT)
        else:
            os.kill({"dvc": process.pid, "client": client, "server": server}[killed], signal.SIGKILL)
        until(lambda: gone(fork))
        said, errors = process.communicate()
        until(lambda: gone(server))
        until(lambda: gone(client))
    expected = {
        "client": [[-9, ""]],
        "server": [[1, "program: the server that it was a fork of has ended\n"]],
        "interrupt": [[130, ""]],
    }
    assert (json.loads(said) if said else None) == expected.get(killed)
    assert errors == ""
    assert killed == "server" or not list((project / ".dvc/tmp/forks").glob("*-*"))


def test_a_server_that_was_killed_is_replaced_and_its_socket_removed(project: Path) -> None:
    write(project, "import os\nos.kill(os.getppid(), 9)\nimport time\ntime.sleep(60)", "murder")
    write(project, "import os\nprint(sorted(os.listdir('.dvc/tmp/forks')))")
    first, second = dvc(project, [program(name="murder")], [program()])
    assert first[0][0] == 1
    (name, lock) = json.loads(second[0][1].replace("'", '"'))
    assert lock == "lock"
    (stale,) = (project / ".dvc/tmp/forks").glob("*-*") if (project / ".dvc/tmp/forks" / name).exists() else (None,)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as other:
        other.bind(str(project / ".dvc/tmp/forks/999999999-1"))
    ((_, said),) = dvc(project, [program()])[0]
    assert "999999999-1" not in said
    assert stale is None or stale.name not in said


def until(what: Callable[[], object]) -> str:
    """What it says, as soon as it says something."""
    end = time.monotonic() + 20
    while not (said := what()):
        assert time.monotonic() < end
        time.sleep(0.01)
    return str(said)


def gone(process: int) -> bool:
    """Or a zombie."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def children(process: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder for PATH whose `python` has no libraries."""
    place = tmp_path_factory.mktemp("bare")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", place], check=True)
    return f"{place}/bin:{os.environ['PATH']}"


def test_another_python_on_the_path_hands_over_to_that_of_dvc(project: Path, bare: str) -> None:
    write(project, f"import os, sys\n{IN_FORK}print(in_fork(), sys.executable, sys.argv[1:])")
    command = ["python", "-m", "stages.program", "two words"]
    assert dvc(project, [command], PATH=bare) == [[(0, f"True {sys.executable} ['two words']\n")]]


@pytest.mark.parametrize("installed", [True, False])
def test_another_python_without_dvc_finds_what_make_installs_or_says_so(
    project: Path, bare: str, installed: bool
) -> None:
    if installed:
        (project / ".venv").symlink_to(sys.prefix)
    else:
        (project / ".venv/bin").mkdir(parents=True)
        (project / ".venv/bin/python").symlink_to(Path(bare.split(":")[0]) / "python")
    write(project, "print('runs')")
    how = {"cwd": project, "env": {**ENVIRONMENT, "PATH": bare}, "capture_output": True, "text": True}
    done = subprocess.run(["python", "-m", "stages.program"], **how)
    if installed:
        assert (done.returncode, done.stdout, done.stderr) == (0, "runs\n", "")
    else:
        assert done.returncode == 1
        line = "lacks the project's libraries; source .venv/bin/activate, or make repro\n"
        assert done.stderr.endswith(f"/python: {line}")
        assert done.stderr.count("\n") == 1
