"""report: one page that shows it all, with nothing to load from anywhere, and its summary in Markdown."""

import argparse
import hashlib
from collections.abc import Mapping
from pathlib import Path

import msgspec
import numpy as np

from boundary.artifacts import files
from boundary.artifacts import splits as artefacts
from boundary.config import params
from boundary.evaluation import results
from boundary.models import snapshots
from boundary.plots import figures
from boundary.report import render as page
from boundary.report.dataset_section import Ranking
from boundary.report.dataset_summary import Divided
from boundary.report.variant_summary import Trained
from stages import _program

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
    settings = params.load(arguments.params)
    templates = {name: files.read_text(arguments.templates / name) for name in TEMPLATES}
    datasets = {name: read_dataset(arguments, settings, name) for name in settings.datasets}
    variants = {
        name: read_variant(arguments, settings, name, variant, datasets[variant.dataset])
        for name, variant in settings.variants.items()
    }
    ranking = results.read_ranking(arguments.comparison, settings.variants)
    content = page.contents(settings, datasets, variants, Ranking(*ranking), hashes(arguments, settings))
    files.write_text(arguments.page, page.page(templates, content))
    files.write_text(arguments.summary, page.markdown(templates["summary.md"], content))
    params.must_still_say(arguments.params, settings, used)


def used(settings: params.Params) -> Mapping[str, object]:
    """What of params.yaml the report depends on: all but the device."""
    return {
        "seed": settings.seed,
        "replicates": settings.replicates,
        "precision": settings.precision,
        "generators": settings.generators,
        "datasets": settings.datasets,
        "variants": settings.variants,
        "contrasts": settings.contrasts,
    }


def read_dataset(arguments: argparse.Namespace, settings: params.Params, name: str) -> Divided:
    """What the split stage left."""
    entry = settings.datasets[name]
    schema, parts = artefacts.read_split(arguments.data / name)
    return Divided(name, entry, schema, parts, settings.generator_of(entry))


def read_variant(
    arguments: argparse.Namespace, settings: params.Params, name: str, variant: params.Variant, divided: Divided
) -> Trained:
    """What the train and evaluate stages left."""
    classes, predictions = len(divided.schema.classes), arguments.predictions / name
    plane, said = None, None
    if classes and len(divided.schema.features) == 2:
        plane = figures.Plane.of(artefacts.read_plane(predictions / "plane.parquet", classes), classes)
    if not classes:
        columns = artefacts.read_predictions(predictions / "test.parquet", divided.schema, divided.parts["test"])
        said = columns["predicted"].reshape(int(np.max(columns["replicate"])) + 1, -1)
    details = results.read_details(arguments.details / f"{name}.json", classes)
    path = arguments.snapshots / f"{name}.safetensors"
    replay = snapshots.load(path)
    if replay.schema != divided.schema:
        raise files.FileError(
            f"{path}: not trained on what {arguments.data / divided.name} holds, run train@{name} again"
        )
    log = arguments.history / f"{name}.csv"
    epochs, history = results.read_history(log, settings.replicates, classes)
    if epochs != list(replay.epochs):
        raise files.FileError(f"{log}: not the epochs of {path}, run train@{name} again")
    return Trained(name, variant, details, history, replay, plane, said)


def hashes(arguments: argparse.Namespace, settings: params.Params) -> list[tuple[str, str]]:
    """SHA-256 of what the results are made from: the settings, and every part of every data set."""
    canonical = msgspec.json.encode(msgspec.to_builtins(used(settings)), order="sorted")
    found = [("params.yaml, all but device, as JSON with sorted keys", hashlib.sha256(canonical).hexdigest())]
    for name in settings.datasets:
        for path in artefacts.part_paths(arguments.data / name).values():
            found.append((f"data/split/{name}/{path.name}", hashlib.sha256(path.read_bytes()).hexdigest()))
    return found


if __name__ == "__main__":
    _program.run(main, params.ParamsError)
