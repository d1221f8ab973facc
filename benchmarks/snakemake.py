"""The pipeline's stages run by Snakemake: the same programs, each a process of its own, from nothing.

`python -m benchmarks.snakemake SNAKEMAKE` prints the processor seconds and the seconds on the clock of `dvc repro` and
of Snakemake (the program of that path, in an environment of its own), in turn, each in a fresh temporary copy. Both run
one stage after the other; Snakemake hashes nothing, and keeps no results besides those in the workspace.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.times import WATCH, copy_of_project, environment

# Run in a copy: the resolved stages of dvc.yaml
STAGES = """import json
from dvc.repo import Repo
stages = [stage for stage in Repo().index.stages if stage.cmd]
print(json.dumps([[s.addressing, s.cmd, [d.fs_path for d in s.deps], [o.fs_path for o in s.outs]] for s in stages]))
"""
RULE = """rule {name}:
    input: {inputs}
    output: {outputs}
    shell: {command!r}
"""


def snakefile(stages: list[tuple[str, str, list[str], list[str]]], folder: Path) -> str:
    """The rules of the stages; a rule of all outputs comes first, which is what is made by default."""

    def path(name: str) -> str:
        return str(Path(name).relative_to(folder)) if Path(name).is_absolute() else name

    made = {path(out) for *_, outs in stages for out in outs}
    rules = [f"rule all:\n    input: {', '.join(repr(name) for name in sorted(made))}\n"]
    for number, (_, command, deps, outs) in enumerate(stages):
        # a folder of several stages' outputs is no file of any rule: those are named one by one
        inputs: list[str] = []
        for dep in map(path, deps):
            below = sorted(name for name in made if name.startswith(f"{dep}/"))
            inputs += below or [dep]
        outputs = [f"directory({out!r})" if "." not in Path(out).name else repr(out) for out in map(path, outs)]
        shell = command.replace("{", "{{").replace("}", "}}")
        named = ", ".join(map(repr, inputs)) or "[]"
        rules.append(RULE.format(name=f"s{number}", inputs=named, outputs=", ".join(outputs), command=shell))
    return "\n".join(rules)


def measure(command: list[str], folder: Path) -> tuple[float, float]:
    """Processor seconds of a command and all that it starts, and seconds on the clock. Ends the program if it fails."""
    start = time.perf_counter()
    watched = [sys.executable, "-S", "-c", WATCH, *command]
    done = subprocess.run(watched, cwd=folder, env=environment(folder), capture_output=True, text=True)
    clock = time.perf_counter() - start
    status, seconds = json.loads(done.stdout)
    if status:
        sys.exit(f"{done.stderr[-2000:]}\n{' '.join(command)}: failed")
    return seconds, clock


def main() -> None:
    """Print a row for each of the two."""
    if len(sys.argv) != 2:
        sys.exit("usage: python -m benchmarks.snakemake SNAKEMAKE, the path of the program")
    snakemake = str(Path(sys.argv[1]).absolute())
    print("| from nothing, one stage at a time | processor, s | clock, s |")
    print("| --------------------------------- | -----------: | -------: |", flush=True)
    for name in ("dvc repro", "snakemake"):
        with tempfile.TemporaryDirectory(prefix="peer-") as temporary:
            folder = Path(temporary).resolve() / "project"
            folder.mkdir()
            copy_of_project(Path.cwd(), folder)
            command = ["dvc", "repro", "-q"]
            if name == "snakemake":
                listed = subprocess.check_output(
                    [sys.executable, "-c", STAGES], cwd=folder, env=environment(folder), text=True
                )
                (folder / "Snakefile").write_text(snakefile(json.loads(listed), folder))
                command = [snakemake, "--cores", "1", "--quiet", "all"]
            seconds, clock = measure(command, folder)
            print(f"| {name:33} | {seconds:12.1f} | {clock:8.1f} |", flush=True)


if __name__ == "__main__":
    main()
