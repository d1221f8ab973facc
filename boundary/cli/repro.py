"""Run the pipeline of this folder: tidy up after a killed run, check params.yaml, reproduce, show the results.

It ends with the same bytes as `dvc repro`, which runs one stage after the other.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

TABLE = Path("metrics/comparison.md")
STEPS = (
    ("tools.repro.mend",),
    ("stages.check", "params.yaml", "data/params_checked.txt"),
    ("tools.repro.prune",),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Its options."""
    parser.add_argument(
        "--jobs", default=str(os.cpu_count()), help="how many stages may run at once; 1: plain dvc repro"
    )


def run(arguments: argparse.Namespace) -> int:
    """Each step in a process of its own, until one fails; returns its status."""
    runner = ["dvc", "repro"] if arguments.jobs == "1" else [sys.executable, "-m", "tools.repro", arguments.jobs]
    for command in [*([sys.executable, "-m", *step] for step in STEPS), runner]:
        if status := subprocess.call(command):
            return status
    print(f"\n{TABLE.read_text(encoding='utf-8')}")
    print("All in one page: report/index.html   Pictures: plots/   Interactive plots: make plots")
    print("After a change of params.yaml: make repro, then make compare or dvc metrics diff")
    return 0
