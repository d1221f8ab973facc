"""Run the whole pipeline of this folder again from nothing, and compare every byte of what it publishes."""

import argparse
from pathlib import Path

from tools.verify.report import explain, table
from tools.verify.verification import verify


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """It has none."""


def run(arguments: argparse.Namespace) -> int:
    """Print a row for each file; 0 only where all is the same. Raises UserError where it cannot be told."""
    report = verify(Path.cwd())
    print(table(report.rows), *explain(report), sep="\n\n")
    return int(bool(report.differing))
