"""compare: rank the variants of each data set."""

import argparse
from pathlib import Path

from boundary import comparison, files, params
from stages import _program


def main() -> None:
    """Write the table of all variants that params.yaml names; files of others in the folder are left out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--params", type=Path, required=True)
    parser.add_argument("--details", type=Path, required=True, help="folder of what evaluate wrote")
    parser.add_argument("--table", type=Path, required=True)
    arguments = parser.parse_args()
    settings = params.load(arguments.params)
    summaries = {}
    for name, variant in settings.variants.items():
        path = arguments.details / f"{name}.json"
        try:
            summaries[name] = (variant.dataset, files.read_json(path)["test"]["summary"])
        except (KeyError, TypeError):
            raise files.FileError(f"{path}: holds no summary of the test rows, run evaluate@{name} again") from None
    files.write_text(arguments.table, comparison.markdown(summaries))
    params.must_still_say(arguments.params, settings, lambda now: now.variants)


if __name__ == "__main__":
    _program.run(main, params.ParamsError)
