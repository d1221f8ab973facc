"""plots_page: the template of the page that `dvc plots show` writes, with its scripts inside: it needs no network."""

import argparse
from pathlib import Path

import vl_convert

from boundary.artifacts import files
from boundary.errors import FileError
from stages import _program

VEGA_LITE = "6.4"
SNIPPET = """// DVC's page calls this; its templates say that they are of Vega-Lite 5, which 6 reads as well
window.vegaEmbed = (place, {$schema, ...spec}) => vegaEmbed(place, spec, {mode: "vega-lite"});"""
PLACE = "%(bundle)s"


def main() -> None:
    """Write the template with Vega, Vega-Lite and Vega-Embed in place of its mark; DVC fills in the rest."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--template", type=_program.source, required=True)
    parser.add_argument("--page", type=Path, required=True)
    arguments = parser.parse_args()
    before, place, after = files.read_text(arguments.template).partition(PLACE)
    if not place:
        raise FileError(f"{arguments.template}: found no {PLACE}, expected one, where the scripts go")
    files.write_text(arguments.page, before + vl_convert.javascript_bundle(SNIPPET, VEGA_LITE) + after)


if __name__ == "__main__":
    _program.run(main)
