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
    parser.add_argument("--baselines", type=Path, required=True, help="what baseline wrote")
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
    baselines = files.read_json(arguments.baselines)
    missing = [dataset for dataset, _ in summaries.values() if dataset not in baselines]
    if missing:
        raise files.FileError(f"{arguments.baselines}: holds nothing of {missing[0]}, run baseline again")
    tables = comparison.markdown(summaries), comparison.beside_baselines(summaries, baselines)
    files.write_text(arguments.table, "\n".join(tables))
    params.must_still_say(arguments.params, settings, lambda now: now.variants)


if __name__ == "__main__":
    _program.run(main, params.ParamsError)
