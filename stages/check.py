"""check: refuse a bad params.yaml before any other stage has started."""

import argparse
from pathlib import Path

from boundary.artifacts import files
from boundary.config import params
from boundary.training import memory
from stages import _program


def main() -> None:
    """Check the file whole, that users' tables are there, and that the machine has the memory.

    What is written is always the same, so that other stages depend on its success alone.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("params", type=_program.source)
    parser.add_argument("checked", type=Path)
    arguments = parser.parse_args()
    found = params.load(arguments.params)
    missing = [
        f"{arguments.params}: datasets.{name}.table: no such file {dataset.table}"
        for name, dataset in found.datasets.items()
        if not dataset.table.startswith("data/raw/") and not (arguments.params.parent / dataset.table).is_file()
    ]
    too_large = [f"{arguments.params}: {problem}" for problem in memory.problems(found, memory.of_machine())]
    if missing or too_large:
        raise params.ParamsError("\n".join([*missing, *too_large]))
    files.write_text(arguments.checked, "params.yaml keeps to its schema, boundary/params.py\n")
    print(f"{len(found.variants)} variants of {len(found.datasets)} datasets, {found.replicates} replicates each")


if __name__ == "__main__":
    _program.run(main, params.ParamsError)
