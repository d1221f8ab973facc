"""check: refuse a bad params.yaml before any other stage has started."""

import argparse
from pathlib import Path

from boundary.artifacts import files
from boundary.errors import ParamsError
from boundary.training.memory import machine_memory
from boundary.validation.check import check
from boundary.validation.sizes import memory_problems
from stages import _program


def main() -> None:
    """Check the file whole, that users' tables are there, and that the machine has the memory.

    What is written is always the same, so that other stages depend on its success alone.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("params", type=_program.source)
    parser.add_argument("checked", type=Path)
    arguments = parser.parse_args()
    params = check(arguments.params)
    missing = [
        f"datasets.{name}.table: no such file {dataset.table}"
        for name, dataset in params.datasets.items()
        if not dataset.table.startswith("data/raw/") and not (arguments.params.parent / dataset.table).is_file()
    ]
    problems = [*missing, *memory_problems(params, machine_memory())]
    if problems:
        raise ParamsError("\n".join(f"{arguments.params}: {problem}" for problem in problems))
    files.write_text(arguments.checked, "params.yaml is what its types and rules ask for\n")
    print(f"{len(params.variants)} variants of {len(params.datasets)} datasets, {params.replicates} replicates each")


if __name__ == "__main__":
    _program.run(main)
