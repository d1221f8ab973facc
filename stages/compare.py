"""compare: which variants of each data set are better than which, beyond luck."""

import argparse
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, fields
from pathlib import Path

import numpy as np

from boundary.artifacts import files
from boundary.comparison import pairwise
from boundary.comparison.pairwise import Pair, Scores
from boundary.comparison.tables import Ranking, baselines_table, comparison_table
from boundary.config.load import open_params
from boundary.config.params import Variant
from boundary.errors import FileError
from boundary.evaluation import results
from stages import _program

DECIMALS = 6


def main() -> None:
    """Write the tables, and their numbers as rows, of all variants that params.yaml names.

    Files of others in the folders are left out.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--params", type=Path, required=True)
    parser.add_argument("--details", type=_program.source, required=True, help="folder of what evaluate wrote")
    parser.add_argument("--rows", type=_program.source, required=True, help="folder of the test rows' scores")
    parser.add_argument("--baselines", type=_program.source, required=True, help="what baseline wrote")
    parser.add_argument("--table", type=Path, required=True)
    parser.add_argument("--plots", type=Path, required=True, help="folder to write to")
    arguments = parser.parse_args()
    with open_params(arguments.params, "variants") as settings:
        rankings = rank_all(settings.variants, arguments.details, arguments.rows)
        baselines = files.read_json(arguments.baselines)
        if missing := [dataset for dataset in rankings if dataset not in baselines]:
            raise FileError(f"{arguments.baselines}: holds nothing of {missing[0]}, run baseline again")
        tables = comparison_table(rankings), baselines_table(rankings, baselines)
        files.write_text(arguments.table, "\n".join(tables))
        write_rows(arguments.plots, rankings)
    strays = sorted(path.stem for path in arguments.rows.glob("*.parquet") if path.stem not in settings.variants)
    if strays:
        print(f"left out, since {arguments.params} has no such variants: {', '.join(strays)}", file=sys.stderr)


def rank_all(variants: Mapping[str, Variant], details: Path, rows: Path) -> dict[str, Ranking]:
    """The variants of each data set. Raises FileError."""
    names: dict[str, list[str]] = {}
    for name, variant in variants.items():
        names.setdefault(variant.dataset, []).append(name)
    return {dataset: rank(own, details, rows) for dataset, own in names.items()}


def rank(names: Sequence[str], details: Path, rows: Path) -> Ranking:
    """The variants of one data set, from the files that evaluate wrote. Raises FileError."""
    variants, summaries, ensembles, seen = {}, {}, {}, set()
    for name in names:
        path = details / f"{name}.json"
        found = files.read_json(path)
        score, values = results.read_scores(rows / f"{name}.parquet")
        try:
            summaries[name], ensembles[name] = found["test"]["summary"], found["test"]["ensemble"][score]
        except (KeyError, TypeError):
            raise FileError(f"{path}: holds no summary of the test rows, run evaluate@{name} again") from None
        variants[name] = Scores(tuple(values), np.stack(list(values.values())))
        seen.add((score, variants[name].values.shape[1]))
        if len(seen) > 1:
            raise FileError(f"{rows / name}.parquet: not of the same rows as {names[0]}, run evaluate@{name} again")
    ((score, _),) = seen
    ranked, pairs = pairwise.rank_variants(score, variants), pairwise.compare_pairs(score, variants)
    return Ranking(score, ranked, pairs, summaries, variants, ensembles)


def write_rows(folder: Path, rankings: Mapping[str, Ranking]) -> None:
    """Write leaderboard.csv, pairs.csv and seeds.csv, the mean of each replicate."""
    ranked = [(dataset, each.score, variant) for dataset, each in rankings.items() for variant in each.ranked]
    rows = [(dataset, each.variant, score, each.mean, each.low, each.high) for dataset, score, each in ranked]
    write_table(folder / "leaderboard.csv", ("dataset", "variant", "score", "mean", "low", "high"), rows)
    names = [field.name for field in fields(Pair)]
    pairs = [(dataset, each.score, *astuple(pair)) for dataset, each in rankings.items() for pair in each.pairs]
    write_table(folder / "pairs.csv", ("dataset", "score", *names), pairs)
    seeds = [
        (dataset, each.variant, score, replicate, mean)
        for dataset, score, each in ranked
        for replicate, mean in rankings[dataset].variants[each.variant].means()
    ]
    write_table(folder / "seeds.csv", ("dataset", "variant", "score", "replicate", "mean"), seeds)


def write_table(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a CSV, floats rounded, nothing where there is None."""
    files.write_csv(path, header, ([f"{x:.{DECIMALS}f}" if isinstance(x, float) else x for x in row] for row in rows))


if __name__ == "__main__":
    _program.run(main)
