"""generate: make a data set."""

import argparse
from pathlib import Path

from boundary.artifacts import files
from boundary.config.load import entry_of, open_params
from boundary.data.generators import generate
from stages import _program


def main() -> None:
    """Write the table of one entry of `generators`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name")
    parser.add_argument("--params", type=Path, required=True)
    parser.add_argument("--table", type=Path, required=True)
    arguments = parser.parse_args()
    with open_params(arguments.params, f"generators.{arguments.name}") as settings:
        generator = entry_of(arguments.params, "generators", settings.generators, arguments.name)
        files.write_columns(arguments.table, generate(generator))


if __name__ == "__main__":
    _program.run(main)
