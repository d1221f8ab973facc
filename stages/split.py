"""split: divide a table into train, test and perhaps validation rows, and write down what it holds."""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from boundary.artifacts import files
from boundary.artifacts.schema import Schema
from boundary.artifacts.splits import write_schema
from boundary.config.load import entry_of, open_params
from boundary.config.params import Dataset
from boundary.data import cards, preprocessing, quality, splitting, tables
from boundary.data.reading import read_table, read_words
from boundary.errors import ParamsError, SettingsError, TableError
from stages import _program

PICTURE = "../../plots/data/{}.png"  # that of plot_data, seen from data/cards


def main() -> None:
    """Write train.parquet, test.parquet, perhaps validation.parquet, schema.json, and the card of a data set."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name")
    parser.add_argument("--params", type=Path, required=True)
    parser.add_argument("--table", type=_program.source, required=True)
    parser.add_argument("--parts", type=Path, required=True, help="folder to write to")
    parser.add_argument("--card", type=Path, required=True)
    arguments = parser.parse_args()
    name = arguments.name
    with open_params(arguments.params, f"datasets.{name}") as settings:
        dataset = entry_of(arguments.params, "datasets", settings.datasets, name)
        table = read_table(arguments.table, dataset.categories or (), dataset.missing or ())
        try:
            schema = tables.describe_table(table, dataset)
            check_labels(arguments.table, table, schema, dataset)
            target = None if schema.task == "regression" else table[schema.target].to_numpy()
            parts = splitting.split(len(table), target, dataset.split)
            prepared, features, warnings = prepare(table, dataset, schema, parts)
            columns = features | tables.published_columns(table, prepared)
            warnings = quality.data_warnings(table, schema) + warnings + part_warnings(table, schema, parts)
        except TableError as error:
            raise TableError(f"{arguments.table}: {error}") from None
        except SettingsError as error:
            raise ParamsError(f"{arguments.params}: datasets.{name}.{error}") from None
        for part, rows in parts.items():
            chosen = {column: values[rows] for column, values in columns.items()}
            files.write_columns(arguments.parts / f"{part}.parquet", chosen)
        write_schema(arguments.parts / "schema.json", prepared)
        files.write_text(arguments.card, cards.card(name, table, schema, parts, warnings, PICTURE.format(name)))
    show(name, schema, prepared, parts, warnings)


def check_labels(path: Path, table: pd.DataFrame, schema: Schema, dataset: Dataset) -> None:
    """Raises TableError where the labels of a CSV are read as other ones than they look like."""
    if path.suffix == ".csv" and dataset.task != "regression":
        tables.check_labels(schema.target, read_words(path, schema.target), table[schema.target], dataset.task)


def prepare(
    table: pd.DataFrame, dataset: Dataset, schema: Schema, parts: Mapping[str, np.ndarray]
) -> tuple[Schema, dict[str, np.ndarray], list[str]]:
    """The schema of the prepared features, those features, and what the user should know; fitted on the train part.

    Without `preprocess` nothing is prepared.
    """
    if not dataset.preprocess:
        return schema, {}, []
    raw = tables.raw_columns(table, schema.features, dataset.categories or ())
    fitted = preprocessing.fit({name: column[parts["train"]] for name, column in raw.items()}, dataset.missing or ())
    features = preprocessing.apply(fitted, raw)
    warnings = []
    kept = {column.name for column in fitted.columns}
    if left_out := [name for name in schema.features if name not in kept]:
        warnings.append(f"left out, with one value or none in all training rows: {', '.join(left_out)}")
    for name, words in preprocessing.unseen_words(fitted, raw).items():
        listed = _listed([word or "(missing)" for word in words])
        warnings.append(f"column {name!r}: {sum(words.values())} rows with words that no training row has: {listed}")
    return replace(schema, features=fitted.features, preprocessing=fitted), features, warnings


def part_warnings(table: pd.DataFrame, schema: Schema, parts: Mapping[str, np.ndarray]) -> list[str]:
    """What the user should know of the rows that each part has got."""
    warnings = []
    if unseen := quality.unseen_classes(table, schema, parts["train"]):
        warnings.append(f"no training row has the class {_listed(unseen)}: no network can learn it")
    for part, count in quality.repeated_rows(table, schema, parts).items():
        if count:
            warnings.append(f"{count} of {len(parts[part])} {part} rows stand among the training rows too")
    return warnings


def show(name: str, schema: Schema, prepared: Schema, parts: Mapping[str, np.ndarray], warnings: Sequence[str]) -> None:
    """Print what was made of the table."""
    used = _counted(len(prepared.features), "feature")
    if prepared.preprocessing is not None:
        used += f" made of {_counted(len(schema.features), 'column')}"
    classes = f", classes {_listed(schema.classes)}" if schema.classes else ""
    print(f"{name}: {schema.task} of {schema.target} from {used}{classes}")
    print(f"{name}: {', '.join(f'{len(rows)} {part}' for part, rows in parts.items())} rows")
    for line in warnings:
        print(f"{name}: {line}")


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'s' if count > 1 else ''}"


def _listed(words: Sequence[object]) -> str:
    """The words in a row; of many, the first ten."""
    return ", ".join(map(str, words[:10])) + (f", ... ({len(words)})" if len(words) > 10 else "")


if __name__ == "__main__":
    _program.run(main)
