"""tools/repro/fork_server.py: a program runs in a fork as `python -m` runs it, and ends with the server."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import ENVIRONMENT
from hypothesis import given
from hypothesis import strategies as st

from tools.repro.fork_server import ForkServer, words

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="a fork with libraries loaded is safe on Linux only")
ROOT = Path(__file__).parents[2]
TELL = """
import json, os, sys
print(json.dumps([sys.argv[1:], os.getcwd(), sys.path[0], os.environ["WORD"], os.getpgrp() == os.getpid(), __name__]))
print("said on stderr", file=sys.stderr)
"""
ENDS = {
    "pass": 0,
    "sys.exit()": 0,
    "sys.exit(3)": 3,
    "sys.exit('a line')": 1,
    "1 / 0": 1,
    "os.kill(os.getpid(), 9)": -9,
    "atexit.register(print, 'at the end')": 0,
}


@pytest.fixture(scope="module")
def server() -> Iterator[ForkServer]:
    found = ForkServer({**ENVIRONMENT, "PYTHONPATH": str(ROOT)})
    yield found
    found.close()


def ran(server: ForkServer, folder: Path, *arguments: str, **environment: str) -> tuple[int | None, str]:
    program = server.start(["program", *arguments], str(folder), {**ENVIRONMENT, **environment})
    said, _ = program.communicate()
    return program.returncode, said.decode()


def plainly_ran(folder: Path, *arguments: str, **environment: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "program", *arguments]
    how = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "stdin": subprocess.DEVNULL}
    process = subprocess.run(command, cwd=folder, env={**ENVIRONMENT, **environment}, process_group=0, **how)
    return process.returncode, process.stdout.decode()


def test_a_program_finds_what_it_finds_without_the_server(server: ForkServer, tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(TELL)
    arguments = ["plain", "two words", "", "Größe"]
    status, said = ran(server, tmp_path, *arguments, WORD="one")
    assert (status, said) == plainly_ran(tmp_path, *arguments, WORD="one")
    assert json.loads(said.splitlines()[0]) == [arguments, str(tmp_path), str(tmp_path), "one", True, "__main__"]


@pytest.mark.parametrize(("end", "status"), ENDS.items())
def test_it_ends_as_it_ends_without_the_server(server: ForkServer, tmp_path: Path, end: str, status: int) -> None:
    (tmp_path / "program.py").write_text(f"import atexit, os, sys\nprint('begun', flush=True)\n{end}\n")
    found, said = ran(server, tmp_path)
    expected, plainly_said = plainly_ran(tmp_path)
    assert found == expected == status
    assert said.splitlines()[0] == "begun"
    assert said.splitlines()[-1] == plainly_said.splitlines()[-1]


def test_the_code_of_the_moment_runs(server: ForkServer, tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text("import part\nprint(part.WORD)")
    for word in ("before", "after"):
        (tmp_path / "part.py").write_text(f"WORD = {word!r}  # {'x' * len(word)}")
        assert ran(server, tmp_path) == (0, f"{word}\n")


def test_the_libraries_are_there_already(server: ForkServer, tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text("import sys\nprint({'torch', 'sklearn', 'matplotlib'} <= set(sys.modules))")
    assert ran(server, tmp_path) == (0, "True\n")


def test_several_run_side_by_side(server: ForkServer, tmp_path: Path) -> None:
    wait = "import os, sys, time\nopen(sys.argv[1], 'w')\nwhile not os.path.exists(sys.argv[2]): time.sleep(0.01)"
    (tmp_path / "program.py").write_text(wait)
    pairs = [("a", "b"), ("b", "a")]  # each waits for the other
    programs = [server.start(["program", *pair], str(tmp_path), ENVIRONMENT) for pair in pairs]
    assert [program.communicate() for program in programs] == [(b"", None), (b"", None)]
    assert [program.returncode for program in programs] == [0, 0]


@pytest.mark.parametrize("how", ["server", "client"])
def test_programs_of_the_project_end_with_the_server_and_that_with_its_client(tmp_path: Path, how: str) -> None:
    folder = tmp_path / "stages"
    folder.mkdir()
    for name in ("__init__.py", "_program.py"):
        (folder / name).write_text((ROOT / "stages" / name).read_text())
    (folder / "wait.py").write_text("import time\ntime.sleep(600)")
    environment = {**ENVIRONMENT, "DVC_STAGE": "wait"}
    client = f"""
import sys
from tools.repro.fork_server import ForkServer
server = ForkServer({ENVIRONMENT | {"PYTHONPATH": str(ROOT)}!r})
program = server.start(["stages.wait"], {str(tmp_path)!r}, {environment!r})
print(server._process.pid, program.pid, flush=True)
print(program.communicate(), program.returncode)
"""
    with subprocess.Popen([sys.executable, "-c", client], cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        server, program = map(int, process.stdout.readline().split())
        time.sleep(0.5)
        assert alive(program)
        os.kill(server if how == "server" else process.pid, signal.SIGKILL)
        for _ in range(200):
            if not alive(server) and not alive(program):
                break
            time.sleep(0.05)
        assert not alive(server)
        assert not alive(program)
        assert process.stdout.read() == ("(b'', None) -9\n" if how == "server" else "")


def alive(process: int) -> bool:
    """Whether it is there, and no zombie."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_without_a_server_starting_a_program_says_so(tmp_path: Path) -> None:
    server = ForkServer({**ENVIRONMENT, "PYTHONPATH": str(ROOT)})
    server._process.kill()
    server._process.wait()
    with pytest.raises(OSError, match=r"Broken pipe|has ended|reset"):
        server.start(["program"], str(tmp_path), ENVIRONMENT)
    server.close()


@pytest.mark.parametrize(
    "command",
    [
        "python -m stages.check $HOME",
        "python -m stages.check `id`",
        "python -m stages.check *",
        "python -m stages.check a > b",
        "python -m stages.check a; id",
        "python -m stages.check a && id",
        "python -m stages.check a\nid",
        "python -m stages.check ~/a",
        "python -m stages.check a\\ b",
        "python -m stages.check 'a",
        "python -m stages.check # a",
        "python -m stages.check {a,b}",
        "WORD=a python -m stages.check",
        "python stages/check.py",
        "python3 -m stages.check",
        "echo seed",
    ],
)
def test_any_other_command_is_left_to_a_shell(command: str) -> None:
    assert words(command, ENVIRONMENT) is None


def test_another_python_is_left_to_a_shell(tmp_path: Path) -> None:
    (tmp_path / "python").symlink_to(sys.executable)
    assert words("python -m stages.check", {"PATH": str(tmp_path)}) is None
    assert words("python -m stages.check", {"PATH": str(tmp_path / "nowhere")}) is None


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=40))
def test_words_are_what_a_shell_makes_of_them(text: str) -> None:
    found = words(f"python -m {text}", ENVIRONMENT)
    if found is not None:
        script = f"python() {{ shift; for word; do printf '%s\\0' \"$word\"; done; }}; python -m {text}"
        said = subprocess.run(["sh", "-c", script], capture_output=True, check=True).stdout
        assert [word.decode() for word in said.split(b"\0")[:-1]] == found


@given(st.lists(st.text(st.sampled_from("ab1 \"'=_-./ü"), max_size=5), min_size=1, max_size=4))
def test_quoted_words_come_out_as_they_were(wanted: list[str]) -> None:
    assert words(f"python -m {shlex.join(wanted)}", ENVIRONMENT) == wanted
