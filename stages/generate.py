"""generate: make a data set."""

import argparse
from pathlib import Path

from boundary.artifacts import files
from boundary.config import params
from boundary.data import generators
from stages import _program


def main() -> None:
    """Write the table of one entry of `generators`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name")
    parser.add_argument("--params", type=Path, required=True)
    parser.add_argument("--table", type=Path, required=True)
    arguments = parser.parse_args()
    settings = params.load(arguments.params)
    chosen = params.entry(arguments.params, "generators", settings.generators, arguments.name)
    files.write_columns(arguments.table, generators.generate(chosen))
    params.must_still_say(arguments.params, settings, lambda now: now.generators.get(arguments.name))


if __name__ == "__main__":
    _program.run(main, params.ParamsError)
