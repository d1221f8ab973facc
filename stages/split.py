"""split: divide a table into train, test and perhaps validation rows, and write down what its columns mean."""

import argparse
from pathlib import Path

from boundary import artefacts, files, params, schema, splitting, tables
from stages import _program


def main() -> None:
    """Write train.parquet, test.parquet, perhaps validation.parquet, and schema.json of one entry of `datasets`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name")
    parser.add_argument("--params", type=Path, required=True)
    parser.add_argument("--table", type=Path, required=True)
    parser.add_argument("--parts", type=Path, required=True, help="folder to write to")
    arguments = parser.parse_args()
    settings = params.load(arguments.params)
    dataset = params.entry(arguments.params, "datasets", settings.datasets, arguments.name)
    table = files.read_table(arguments.table)
    try:
        described = tables.describe(table, dataset)
        if arguments.table.suffix == ".csv" and dataset.task != "regression":
            words = files.read_words(arguments.table, described.target)
            tables.check_labels(described.target, words, table[described.target], dataset.task)
    except schema.TableError as error:
        raise schema.TableError(f"{arguments.table}: {error}") from None
    target = None if described.task == "regression" else table[described.target].to_numpy()
    try:
        parts = splitting.split(len(table), target, dataset.split)
    except splitting.SplitError as error:
        raise splitting.SplitError(f"{arguments.params}: datasets.{arguments.name}.{error}") from None
    published = tables.publish(table, described)
    for part, rows in parts.items():
        files.write_columns(
            arguments.parts / f"{part}.parquet", {name: column[rows] for name, column in published.items()}
        )
    artefacts.write_schema(arguments.parts / "schema.json", described)
    params.must_still_say(arguments.params, settings, lambda now: now.datasets.get(arguments.name))
    count = len(described.features)
    features = f"{count} feature{'s' if count > 1 else ''}"
    classes = f", classes {', '.join(map(str, described.classes))}" if described.classes else ""
    print(f"{arguments.name}: {described.task} of {described.target} from {features}{classes}")
    print(f"{arguments.name}: {', '.join(f'{len(rows)} {part}' for part, rows in parts.items())} rows")


if __name__ == "__main__":
    _program.run(main, params.ParamsError, splitting.SplitError)
