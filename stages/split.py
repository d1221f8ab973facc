"""split: divide a table into train, test and perhaps validation rows, and write down what it holds."""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from boundary.artifacts import files, schema
from boundary.artifacts import splits as artefacts
from boundary.config import params
from boundary.data import cards, preprocessing, splitting, tables
from boundary.data import quality as notices
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
    settings = params.load(arguments.params)
    dataset = params.entry(arguments.params, "datasets", settings.datasets, arguments.name)
    table = files.read_table(arguments.table, dataset.categories or (), dataset.missing or ())
    try:
        described = tables.describe(table, dataset)
        if arguments.table.suffix == ".csv" and dataset.task != "regression":
            words = files.read_words(arguments.table, described.target)
            tables.check_labels(described.target, words, table[described.target], dataset.task)
        target = None if described.task == "regression" else table[described.target].to_numpy()
        parts = splitting.split(len(table), target, dataset.split)
        if dataset.preprocess:
            prepared, published, told = prepare(table, dataset, described, parts)
        else:
            prepared, published, told = described, {}, []
        published |= tables.publish(table, prepared)
        told = notices.suspicions(table, described) + told
        if unseen := notices.unseen(table, described, parts["train"]):
            told.append(f"no training row has the class {_shown(unseen)}: no network can learn it")
        for part, count in notices.repeated(table, described, parts).items():
            if count:
                told.append(f"{count} of {len(parts[part])} {part} rows stand among the training rows too")
    except schema.TableError as error:
        raise schema.TableError(f"{arguments.table}: {error}") from None
    except splitting.SplitError as error:
        raise splitting.SplitError(f"{arguments.params}: datasets.{arguments.name}.{error}") from None
    for part, rows in parts.items():
        files.write_columns(
            arguments.parts / f"{part}.parquet", {name: column[rows] for name, column in published.items()}
        )
    artefacts.write_schema(arguments.parts / "schema.json", prepared)
    content = cards.card(arguments.name, table, described, parts, told, PICTURE.format(arguments.name))
    files.write_text(arguments.card, content)
    params.must_still_say(arguments.params, settings, lambda now: now.datasets.get(arguments.name))
    used = f"{len(prepared.features)} feature{'s' if len(prepared.features) > 1 else ''}"
    if dataset.preprocess:
        used += f" made of {len(described.features)} column{'s' if len(described.features) > 1 else ''}"
    classes = f", classes {_shown(described.classes)}" if described.classes else ""
    print(f"{arguments.name}: {described.task} of {described.target} from {used}{classes}")
    print(f"{arguments.name}: {', '.join(f'{len(rows)} {part}' for part, rows in parts.items())} rows")
    for line in told:
        print(f"{arguments.name}: {line}")


def prepare(
    table: pd.DataFrame, dataset: params.Dataset, described: schema.Schema, parts: dict[str, np.ndarray]
) -> tuple[schema.Schema, dict[str, np.ndarray], list[str]]:
    """The schema of prepared features, those features, and what the user should know; fitted on the train part."""
    raw = tables.raw(table, described.features, dataset.categories or ())
    fitted = preprocessing.fit({name: column[parts["train"]] for name, column in raw.items()}, dataset.missing or ())
    features = preprocessing.apply(fitted, raw)
    told = []
    kept = {column.name for column in fitted.columns}
    if left_out := [name for name in described.features if name not in kept]:
        told.append(f"left out, with one value or none in all training rows: {', '.join(left_out)}")
    for name, words in preprocessing.unknown(fitted, raw).items():
        shown = _shown([word or "(missing)" for word in words])
        told.append(f"column {name!r}: {sum(words.values())} rows with words that no training row has: {shown}")
    return replace(described, features=fitted.features, preprocessing=fitted), features, told


def _shown(words: Sequence[object]) -> str:
    """The words in a row; of many, the first ten."""
    return ", ".join(map(str, words[:10])) + (f", ... ({len(words)})" if len(words) > 10 else "")


if __name__ == "__main__":
    _program.run(main, params.ParamsError, splitting.SplitError)
