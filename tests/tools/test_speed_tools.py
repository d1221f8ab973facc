"""benchmarks/times.py and benchmarks/growth.py: what they count, and what they make of it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import growth, times
from tests.support.repository import ROOT


def note(command: str, seconds: float, importing: float) -> str:
    return json.dumps([command.split(), seconds, importing])


def test_shares_by_hand() -> None:
    notes = [
        note("python /bin/dvc repro", 5.0, 1.0),
        note("python -m stages.train circle_v2 --params params.yaml", 3.0, 0.9),
        note("python -m stages.plot circle_v2", 0.5, 0.4),
        note("python -m stages.plot_data circles", 0.7, 0.4),
        note("python -m stages.split circles", 0.6, 0.3),
        note("python -P /project/stages/_fork_server.py 3 4 5 1-2", 2.0, 1.8),
    ]
    expected = {"imports": 4.8, "DVC": 4.0, "training": 2.1, "drawing": 0.4, "rest": 0.5, "processes": 1.2}
    assert times.shares(notes, 13.0) == pytest.approx(expected)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing outlives its command")
def test_what_outlives_a_command_is_counted_and_what_the_stopwatch_does_not_see(tmp_path: Path) -> None:
    work = "import time\nend = time.process_time() + 0.3\nwhile time.process_time() < end: pass\n"
    (tmp_path / "project").mkdir()
    (tmp_path / "project/work.py").write_text(work)
    (tmp_path / "project/unseen.py").write_text(f"{work}import os\nos._exit(0)\n")
    start = "import subprocess, sys\nfor name in ('work', 'unseen'): subprocess.Popen([sys.executable, name + '.py'])"
    used = times.measure(tmp_path / "project", [sys.executable, "-c", start])
    assert 0.3 <= used.parts["DVC"] < 0.5
    assert 0.3 <= used.parts["processes"] < 0.5
    assert used.stages == 0
    assert used.clock >= 0.3


def test_a_stage_counts_once_whether_it_ran_in_a_fork_or_not(tmp_path: Path) -> None:
    """The libraries that the server imports are imports, what the fork does is the stage's."""
    project = tmp_path / "project"
    (project / "stages").mkdir(parents=True)
    for path in (ROOT / "stages").glob("_*.py"):
        if path.name != "_program.py":
            (project / "stages" / path.name).write_text(path.read_text())
    work = "import time\nend = time.process_time() + 0.3\nwhile time.process_time() < end: pass\n"
    (project / "stages/plots_page.py").write_text(f"{work}import numpy\n")
    stage = "[sys.executable, '-m', 'stages.plots_page', 'word']"
    variables = "{**os.environ, 'DVC_STAGE': 'plots_page', 'DVC_ROOT': os.getcwd()}"
    (project / "dvc").write_text(f"import os, subprocess, sys\nsubprocess.run({stage}, env={variables}, check=True)\n")
    used = times.measure(project, [sys.executable, "dvc"])
    assert used.stages == 1
    assert 0.3 <= used.parts["rest"] < 0.6
    assert 0.02 <= used.parts["imports"] < 0.5


def test_a_revision_is_copied_without_its_results(tmp_path: Path) -> None:
    times.copy_of_revision(ROOT, "HEAD", tmp_path)
    assert (tmp_path / "dvc.yaml").is_file()
    assert not (tmp_path / "dvc.lock").exists()
    times.commit(tmp_path)
    assert subprocess.check_output(["git", "status", "--porcelain"], cwd=tmp_path) == b""


def test_the_stopwatch_counts_imports_at_any_depth_once(tmp_path: Path) -> None:
    """A module that works for 0.2 s as it is imported, by another, within a function; and 0.1 s of other work."""
    work = "import time\nend = time.process_time() + {}\nwhile time.process_time() < end: pass\n"
    (tmp_path / "inner.py").write_text(work.format(0.2))
    (tmp_path / "outer.py").write_text("import inner\n")
    (tmp_path / "program.py").write_text("def main():\n    import outer\nmain()\n" + work.format(0.1))
    environment = {**os.environ, "PYTHONPATH": str(times.STOPWATCH), "STOPWATCH": str(tmp_path / "notes")}
    subprocess.run([sys.executable, "program.py"], cwd=tmp_path, env=environment, check=True)
    (line,) = (tmp_path / "notes").read_text().splitlines()
    command, seconds, importing = json.loads(line)
    assert command[-1] == "program.py"
    assert 0.2 <= importing < 0.28
    assert seconds - importing >= 0.1


def test_the_variant_that_is_changed_is_there(tmp_path: Path) -> None:
    text = (ROOT / "params.yaml").read_text()
    (tmp_path / "params.yaml").write_text(text)
    times.change_a_variant(tmp_path)
    changed = [line for line in (tmp_path / "params.yaml").read_text().splitlines() if line not in text.splitlines()]
    assert changed == ["    lr: 0.2"]


def test_exponents_and_tables_by_hand() -> None:
    assert growth.exponent([(1, 9.0), (10, 2.0), (1000, 200.0)]) == pytest.approx(1)
    assert growth.exponent([(10, 1.0), (100, 100.0)]) == pytest.approx(2)
    points = [(size, size / 10, 50.0) for size in growth.SIZES["variants"]]
    header, _, whole, part = growth.table("variants", {"side by side": points, "dvc repro": points[:2]}).splitlines()
    assert header.split("|")[2:-1] == [
        "              1 ",
        "             10 ",
        "             50 ",
        "            200 ",
        " exponent ",
    ]
    assert "20.0 s, 50 MiB" in whole
    assert whole.endswith("|     1.00 |")
    assert part.count("MiB") == 2


def test_programs_are_measured_as_dvc_yaml_runs_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    folder = tmp_path / "copy"
    folder.mkdir()
    growth.lay_out(folder, rows=50, epochs=2)
    found = [(name, command) for name, command in growth.commands(folder) if name in growth.PROGRAMS]
    assert sorted(name for name, _ in found) == sorted(growth.PROGRAMS)
    name, command = found[0]
    assert name == "generate"
    assert command[:3] == ["python", "-m", "stages.generate"]
    subprocess.run([sys.executable, *command[1:]], cwd=folder, check=True)
    seconds, mebibytes = growth.run(
        folder, [sys.executable, "-c", "x = b'x' * (200 << 20)\nfor _ in range(10**6): pass"]
    )
    assert 0 < seconds < 10
    assert 200 < mebibytes < 300


@pytest.mark.slow
def test_runs_of_programs_that_do_nothing_are_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setitem(growth.SIZES, "variants", (1, 2))
    measured = growth.of_runners()
    assert {name: [size for size, _, _ in points] for name, points in measured.items()} == {
        "dvc repro": [1, 2],
        "side by side": [1, 2],
    }
