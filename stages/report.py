"""report: one page that shows it all, with nothing to load from anywhere, and its summary in Markdown."""

import argparse
import hashlib
from pathlib import Path

import msgspec
import numpy as np

from boundary.artifacts import files
from boundary.artifacts.predictions import read_plane, read_predictions
from boundary.artifacts.splits import part_paths, read_split
from boundary.comparison.results import read_ranking
from boundary.config.load import open_params
from boundary.config.params import Params, Variant
from boundary.errors import FileError
from boundary.evaluation import results
from boundary.models.snapshots import load_snapshots
from boundary.report import render
from boundary.report.dataset_section import RankingRows
from boundary.report.dataset_summary import DatasetResults
from boundary.report.variant_summary import VariantResults
from stages import _program

USED = ("seed", "replicates", "precision", "generators", "datasets", "variants", "contrasts")  # all but the device
TEMPLATES = ("page.html", "page.css", "page.js", "summary.md")


def main() -> None:
    """Write the page and the summary of all variants that params.yaml names; files of others are left out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--params", type=Path, required=True)
    for folder in ("templates", "data", "snapshots", "history", "predictions", "details", "comparison"):
        parser.add_argument(f"--{folder}", type=_program.source, required=True, help="folder to read from")
    parser.add_argument("--page", type=Path, required=True)
    parser.add_argument("--summary", type=Path, required=True)
    arguments = parser.parse_args()
    templates = {name: files.read_text(arguments.templates / name) for name in TEMPLATES}
    with open_params(arguments.params, *USED) as settings:
        datasets = {name: read_dataset(arguments, settings, name) for name in settings.datasets}
        variants = {
            name: read_variant(arguments, settings, name, variant, datasets[variant.dataset])
            for name, variant in settings.variants.items()
        }
        ranking = RankingRows(*read_ranking(arguments.comparison, settings.variants))
        content = render.contents(settings, datasets, variants, ranking, hashes(arguments, settings))
        files.write_text(arguments.page, render.page(templates, content))
        files.write_text(arguments.summary, render.markdown(templates["summary.md"], content))


def read_dataset(arguments: argparse.Namespace, settings: Params, name: str) -> DatasetResults:
    """What the split stage left."""
    entry = settings.datasets[name]
    schema, parts = read_split(arguments.data / name)
    return DatasetResults(name, entry, schema, parts, settings.generator_of(entry))


def read_variant(
    arguments: argparse.Namespace, settings: Params, name: str, variant: Variant, dataset: DatasetResults
) -> VariantResults:
    """What the train and evaluate stages left."""
    classes, predictions = len(dataset.schema.classes), arguments.predictions / name
    plane, predicted = None, None
    if classes and len(dataset.schema.features) == 2:
        plane = read_plane(predictions / "plane.parquet", classes)
    if not classes:
        columns = read_predictions(predictions / "test.parquet", dataset.schema, dataset.parts["test"])
        predicted = columns["predicted"].reshape(int(np.max(columns["replicate"])) + 1, -1)
    details = results.read_details(arguments.details / f"{name}.json", classes)
    path = arguments.snapshots / f"{name}.safetensors"
    snapshots = load_snapshots(path)
    if snapshots.schema != dataset.schema:
        raise FileError(f"{path}: not trained on what {arguments.data / dataset.name} holds, run train@{name} again")
    log = arguments.history / f"{name}.csv"
    epochs, history = results.read_history(log, settings.replicates, classes)
    if epochs != list(snapshots.epochs):
        raise FileError(f"{log}: not the epochs of {path}, run train@{name} again")
    return VariantResults(name, variant, details, history, snapshots, plane, predicted)


def hashes(arguments: argparse.Namespace, settings: Params) -> list[tuple[str, str]]:
    """SHA-256 of what the results are made from: the settings, and every part of every data set."""
    used = {key: getattr(settings, key) for key in USED}
    canonical = msgspec.json.encode(msgspec.to_builtins(used), order="sorted")
    found = [("params.yaml, all but device, as JSON with sorted keys", hashlib.sha256(canonical).hexdigest())]
    for name in settings.datasets:
        for path in part_paths(arguments.data / name).values():
            found.append((f"data/split/{name}/{path.name}", hashlib.sha256(path.read_bytes()).hexdigest()))
    return found


if __name__ == "__main__":
    _program.run(main)
