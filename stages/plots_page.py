"""plots_page: the template of the page that `dvc plots show` writes, with its scripts inside: it needs no network."""

import argparse
from pathlib import Path

import vl_convert

from boundary import files
from stages import _program

VEGA_LITE = "5.20"  # what DVC's own plots and .dvc/plots are written for is version 5
SNIPPET = "window.vegaEmbed = vegaEmbed;"  # what DVC's page calls
PLACE = "%(bundle)s"


def main() -> None:
    """Write the template with Vega, Vega-Lite and Vega-Embed in place of its mark; DVC fills in the rest."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--template", type=Path, required=True)
    parser.add_argument("--page", type=Path, required=True)
    arguments = parser.parse_args()
    before, place, after = files.read_text(arguments.template).partition(PLACE)
    if not place:
        raise files.FileError(f"{arguments.template}: found no {PLACE}, expected one, where the scripts go")
    files.write_text(arguments.page, before + vl_convert.javascript_bundle(SNIPPET, VEGA_LITE) + after)


if __name__ == "__main__":
    _program.run(main)
