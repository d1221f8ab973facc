"""Compare the results here with those of a Git revision: what improved, and what regressed, beyond luck?

Each variant that both have is compared replicate by replicate, paired by seed, and row by row of the test part; where
the rows are not the same, as two samples. All comparisons are corrected together (boundary/comparison/pairwise.py). The
results of the revision come from DVC's cache or its default remote. Ends with 0 where nothing regressed, with 1 where
something did, and with 2 where they cannot be compared.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from ruamel.yaml import YAML

from boundary import markdown
from boundary.artifacts import files
from boundary.comparison import pairwise
from boundary.comparison.pairwise import BETTER, WORSE, ComparisonInput, Pair, Scores
from boundary.comparison.tables import describe_pair
from boundary.config.load import load_params, value_at
from boundary.errors import FileError, ParamsError, UserError
from boundary.evaluation import results
from tools.repro import dvc_adapter
from tools.repro.lockfile import LOCK, LockError, outputs_of, parse

PARAMS = "params.yaml"
ROWS, TEST = "metrics/rows/{}.parquet", "data/split/{}/test.parquet"
MADE_BY = ("generate", "split", "train", "evaluate")  # the stages that make a variant's scores
WORDS = {BETTER: "improved", WORSE: "regressed"}


class CompareError(UserError):
    """Why nothing can be compared."""


class Side:
    """The results of a revision, or of the workspace, as files in a folder."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.name = folder, name
        try:
            self.params = load_params(folder / PARAMS)
        except (ParamsError, OSError) as error:
            raise CompareError(self.named(error)) from None

    def named(self, error: Exception) -> str:
        """What an error says, with the side's own name for the file that a line begins with."""
        folder = f"{self.folder}/"
        lines = str(error).splitlines()
        return "\n".join(self.name + line.removeprefix(folder) if line.startswith(folder) else line for line in lines)

    def scores(self, variant: str) -> tuple[str, Scores]:
        """The score's name, and its values with the replicates' seeds. Raises CompareError."""
        try:
            score, values = results.read_scores(self.folder / ROWS.format(variant))
        except FileError as error:
            raise CompareError(f"{self.named(error)}, run make repro") from None
        seeds = tuple(self.params.seed + replicate for replicate in values)
        return score, Scores(seeds, np.stack(list(values.values())))

    def test_rows(self, variant: str) -> dict[str, list[Any]]:
        """The test part that a variant is scored on. Raises CompareError."""
        try:
            columns = files.read_columns(self.folder / TEST.format(self.params.variants[variant].dataset))
        except FileError as error:
            raise CompareError(f"{self.named(error)}, run make repro") from None
        return {name: column.tolist() for name, column in columns.items()}


def comparison_inputs(here: Side, there: Side) -> list[ComparisonInput]:
    """A comparison for each variant that both sides have; left is here. Raises CompareError."""
    found = []
    for variant in common(here, there):
        (score, ours), (their_score, theirs) = here.scores(variant), there.scores(variant)
        if score != their_score:
            raise CompareError(f"{variant}: scored by {score} here, by {their_score} in {there.name}, not comparable")
        same_rows = here.test_rows(variant) == there.test_rows(variant)
        found.append(ComparisonInput(score, variant, there.name, ours, theirs, same_rows))
    return found


def common(here: Side, there: Side) -> list[str]:
    """The variants that both sides have. Raises CompareError where there are none."""
    names = [name for name in here.params.variants if name in there.params.variants]
    if not names:
        raise CompareError(f"no variant of {here.name}{PARAMS} is in {there.name}{PARAMS}")
    return names


def fetch(revision: str, folder: Path) -> None:
    """Lay out a revision's params.yaml and, of the variants that are here too, the scores and the test rows.

    Raises CompareError.
    """
    try:
        for name in (PARAMS, LOCK):
            _get(revision, name, folder)
    except dvc_adapter.DvcError as error:
        raise CompareError(f"{revision}: {error}") from None
    there, here = Side(folder, f"{revision}:"), Side(Path(), "")
    try:
        lock = parse((folder / LOCK).read_bytes(), LOCK)
        outputs = {(out.stage, out.path) for out in outputs_of(lock)}
    except LockError as error:
        raise CompareError(f"{revision}:{error}") from None
    settings = YAML(typ="safe").load(folder / PARAMS)
    for variant in common(here, there):
        if (f"evaluate@{variant}", ROWS.format(variant)) not in outputs:
            raise CompareError(f"{revision}: {LOCK} has no scores of {variant}, run make repro there and commit {LOCK}")
        _must_be_of(settings, lock["stages"].get(f"train@{variant}", {}), variant, revision)
        for name in (ROWS.format(variant), TEST.format(there.params.variants[variant].dataset)):
            if not (folder / name).exists():
                _get(revision, name, folder)


def _get(revision: str, name: str, folder: Path) -> None:
    """Raises CompareError."""
    if not dvc_adapter.get_file(revision, name, folder / name):
        hint = f"{revision} has no such file"
        if name not in (PARAMS, LOCK):
            hint = "neither in DVC's cache nor in its remote, try dvc fetch --all-commits, or dvc repro there"
        raise CompareError(f"{revision}:{name}: {hint}")


def _must_be_of(settings: Mapping[str, Any], entry: Mapping[str, Any], variant: str, revision: str) -> None:
    """Raises CompareError where what dvc.lock records of a training is not what params.yaml says."""
    try:
        trained_with = dict(entry.get("params", {}).get(PARAMS, {}))
    except (AttributeError, TypeError, ValueError):
        raise CompareError(f"{revision}:{LOCK}: not what DVC writes, at train@{variant}") from None
    for key, recorded in trained_with.items():
        if value_at(settings, key) != recorded:
            raise CompareError(f"{revision}: {PARAMS} was committed with another {key} than {variant} was trained with")


def must_be_current() -> None:
    """Raises CompareError where the results here are not what params.yaml, the code and the tables would make."""
    done = subprocess.run(["dvc", "status", "--json"], capture_output=True, text=True, check=False)
    if done.returncode:
        raise CompareError((done.stderr.strip().splitlines() or ["dvc status failed"])[-1])
    stale = [stage for stage in json.loads(done.stdout) if stage.split("@")[0] in MADE_BY]
    if stale:
        more = f" and {len(stale) - 1} more stages" if len(stale) > 1 else ""
        raise CompareError(f"the results here are not up to date ({stale[0]}{more}), run make repro first")


def text(found: list[tuple[ComparisonInput, Pair]], here: Side, there: Side) -> str:
    """A Markdown table of all variants, and what is on one side only."""
    header = ["dataset", "variant", "score", "before", "now", "verdict", "difference", "interval", "p", "compared by"]
    rows = []
    for match, pair in found:
        means = (f"{scores.values.mean():.4f}" for scores in (match.of_right, match.of_left))
        by = f"{pair.seeds} seeds, rows" if pair.seeds else "rows" if match.same_rows else "neither seeds nor rows"
        cells = [here.params.variants[pair.left].dataset, pair.left, match.score, *means]
        rows.append([*cells, WORDS.get(pair.verdict, "unchanged"), *describe_pair(pair)[:3], by])
    lines = [markdown.table(header, rows)]
    for side, other, word in ((here, there, "new"), (there, here, "gone")):
        names = [name for name in side.params.variants if name not in other.params.variants]
        lines += [f"{word}, so not compared: {', '.join(names)}"] if names else []
    return "\n\n".join(lines)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Its argument."""
    parser.add_argument("revision", nargs="?", default="HEAD", help="a commit, branch or tag (HEAD)")


def run(arguments: argparse.Namespace) -> int:
    """Print the comparison, or why there is none; returns the status that the module's first lines promise."""
    try:
        return compare(arguments.revision)
    except CompareError as error:
        print(error, file=sys.stderr)
        return 2


def compare(revision: str) -> int:
    """Print the comparison; 1 where something regressed. Raises CompareError."""
    with tempfile.TemporaryDirectory() as folder:
        fetch(revision, Path(folder))
        must_be_current()
        here, there = Side(Path(), ""), Side(Path(folder), f"{revision}:")
        inputs = comparison_inputs(here, there)
    compared = list(zip(inputs, pairwise.compare(inputs), strict=True))
    print(text(compared, here, there))
    verdicts = [pair.verdict for _, pair in compared]
    counts = {word: verdicts.count(verdict) for verdict, word in WORDS.items()}
    counted = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
    print(f"\nAgainst {revision}: {counted or 'nothing changed beyond luck'}, {len(compared)} variants compared.")
    return int(WORSE in verdicts)
