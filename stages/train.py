"""train: train all replicates of a variant at once, and write what they have learned and what they now predict."""

import argparse
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from boundary.artifacts import files, schema
from boundary.artifacts import splits as artefacts
from boundary.config import params
from boundary.errors import SettingsError
from boundary.models import model as models
from boundary.models import predict as predictions
from boundary.models import snapshots
from boundary.training import checkpoints, history, memory
from boundary.training import dask_backend as clusters
from boundary.training import setup as assembly
from boundary.training.job import Data, Trained, Work
from stages import _program

CLUSTER = "DASK_SCHEDULER_ADDRESS"  # the variable by which Dask's own programs find their scheduler


def main() -> None:
    """Write the model, the history and snapshots of the logged epochs, and the predictions of one of `variants`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name")
    parser.add_argument("--params", type=Path, required=True)
    parser.add_argument("--data", type=_program.source, required=True, help="folder of the split")
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--history", type=Path, required=True)
    parser.add_argument("--snapshots", type=Path, required=True)
    parser.add_argument("--predictions", type=Path, required=True, help="folder to write to")
    arguments = parser.parse_args()
    name, settings = arguments.name, params.load(arguments.params)
    variant = params.entry(arguments.params, "variants", settings.variants, name)
    described, parts = artefacts.read_split(arguments.data)
    saved = None
    if (scratch := _program.scratch()) is not None:
        key = checkpoints.key_of((settings.seed, settings.replicates, settings.precision, variant), arguments.data)
        saved = checkpoints.Checkpoints(scratch / "checkpoints" / name, key, _warn)
    try:
        work = assembly.work_of(settings, name, described, parts["train"])
        parameters, logged = train(work, assembly.data_of(described, parts), name, saved)
    except SettingsError as error:
        raise params.ParamsError(f"{arguments.params}: {error}") from None
    except (torch.OutOfMemoryError, torch.AcceleratorError) as error:
        if "out of memory" not in str(error):
            raise
        found = f"variants.{name}: found more than the GPU's free memory has room for"
        raise params.ParamsError(f"{arguments.params}: {found}, expected device: cpu, or {memory.REMEDY}") from None
    model = models.Model(work.network, described, parameters.to(models.PUBLISHED), settings.seed)
    if saved is not None and saved.resumed is not None:
        print(f"{name}: went on from {saved.resumed}")
    print(f"{name}: replicate 0 of {settings.replicates}, seed {settings.seed}")
    print("\n".join(history.lines(logged)))
    if logged.best is not None:
        first, last = int(logged.best.min()), int(logged.best.max())
        print(f"{name}: kept the weights of epochs {first} to {last}, the best on the validation rows")
    hint = f"every replicate diverged, expected {assembly.remedies(variant, described)}"
    none_left = params.ParamsError(f"{arguments.params}: variants.{name}: {hint}")
    model = models.marked(model, logged.diverged)
    if len(model.diverged) == settings.replicates:
        raise none_left
    lost = write_predictions(arguments.predictions, model, parts)
    if lost - model.diverged:  # by what they say of some row, with weights that are finite
        model = models.marked(model, lost)
        if len(model.diverged) == settings.replicates:
            raise none_left
        write_predictions(arguments.predictions, model, parts)
    for replicate in sorted(model.diverged):
        _warn(f"{name}: replicate {replicate} (seed {settings.seed + replicate}) diverged, no metric counts it")
    if worse := {replicate: loss for replicate, loss in logged.worse.items() if replicate not in model.diverged}:
        count = f"{len(worse)} of {settings.replicates} replicates ended worse than at their start"
        hint = f"the largest training loss {max(worse.values()):.6g}: expected a smaller lr than {variant.lr}"
        _warn(f"{name}: {count}, {hint}")
    models.save(arguments.model, model)
    files.write_csv(arguments.history, *history.table(logged))
    replay = snapshots.Snapshots(model.network, described, tuple(logged.epochs), logged.weights, settings.seed)
    snapshots.save(arguments.snapshots, replay)
    if described.classes and len(described.features) == 2:
        everywhere = [schema.arrays(columns, described)[0] for columns in parts.values()]
        plane = predictions.plane(model, torch.from_numpy(np.concatenate(everywhere, axis=1)))
        files.write_columns(arguments.predictions / "plane.parquet", plane)
    params.must_still_say(
        arguments.params,
        settings,
        lambda now: (now.seed, now.replicates, now.precision, now.variants.get(name)),
    )
    if saved is not None:
        saved.remove()


def train(work: Work, data: Data, name: str, saved: checkpoints.Checkpoints | None) -> Trained:
    """The work, done here or by a cluster, its progress shown. Raises SettingsError where the device is missing."""

    def shown(each: Iterable[Any] | None, total: int, unit: str) -> tqdm:
        return tqdm(each, desc=name, unit=unit, total=total, delay=2, disable=not sys.stderr.isatty())

    if address := os.environ.get(CLUSTER):
        print(f"{name}: trained by the cluster of {address}", flush=True)
        return clusters.done(work, data, address, lambda each, total: shown(each, total, "part"))
    plan = work.plan(data)
    if plan.compiled:
        print(
            f"{name}: long work, so its step is compiled first, half a minute at most for each size of a part",
            flush=True,
        )
    with shown(None, plan.parts * work.epochs, "epoch") as progress:
        return work.done(data, progress.update, saved.of if saved else lambda part: None, plan)


def write_predictions(folder: Path, model: models.Model, parts: Mapping[str, Mapping[str, np.ndarray]]) -> set[int]:
    """Write what each replicate says of each part's rows; returns the replicates that say nan of some row."""
    lost: set[int] = set()

    def noted(tables: Iterable[Mapping[str, np.ndarray]]) -> Iterator[Mapping[str, np.ndarray]]:
        for table in tables:
            lost.update(artefacts.diverged(table))
            yield table

    for part, columns in parts.items():
        files.write_pieces(folder / f"{part}.parquet", noted(predictions.tables(model, columns)))
    return lost


def _warn(line: str) -> None:
    print(line, file=sys.stderr)


if __name__ == "__main__":
    _program.run(main, params.ParamsError, clusters.ClusterError)
