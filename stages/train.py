"""train: train all replicates of a variant at once, and write what they have learned and what they now predict."""

import argparse
import os
import sys
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from boundary.artifacts import files
from boundary.artifacts.schema import Schema, arrays
from boundary.artifacts.splits import read_split
from boundary.config.load import entry_of, open_params
from boundary.config.params import Params
from boundary.errors import ParamsError, SettingsError
from boundary.models.model import PUBLISHED, Model, mark_diverged, save_model
from boundary.models.predict import iter_prediction_tables, predict_plane
from boundary.models.snapshots import Snapshots, save_snapshots
from boundary.training import checkpoints, dask_backend, memory
from boundary.training.history import History, format_log, to_table
from boundary.training.job import TrainingData, TrainingJob, TrainingResult
from boundary.training.setup import build_data, build_job, divergence_remedies
from stages import _program

CLUSTER = "DASK_SCHEDULER_ADDRESS"  # the variable by which Dask's own programs find their scheduler
Parts = Mapping[str, Mapping[str, np.ndarray]]


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
    name = arguments.name
    used = ("seed", "replicates", "precision", f"variants.{name}")
    with open_params(arguments.params, *used) as settings:
        variant = entry_of(arguments.params, "variants", settings.variants, name)
        schema, parts = read_split(arguments.data)
        saved = checkpoints_of(name, (settings.seed, settings.replicates, settings.precision, variant), arguments.data)
        try:
            job = build_job(settings, name, schema, parts["train"])
            parameters, history = train(job, build_data(schema, parts), name, saved)
            model = Model(job.network, schema, parameters.to(PUBLISHED), settings.seed)
            hint = f"every replicate diverged, expected {divergence_remedies(variant, schema)}"
            model = write_predictions(arguments.predictions, model, parts, history, f"variants.{name}: {hint}")
        except SettingsError as error:
            raise ParamsError(f"{arguments.params}: {error}") from None
        show(name, settings, model, history, saved)
        save_model(arguments.model, model)
        files.write_csv(arguments.history, *to_table(history))
        snapshots = Snapshots(model.network, schema, tuple(history.epochs), history.weights, settings.seed)
        save_snapshots(arguments.snapshots, snapshots)
        write_plane(arguments.predictions / "plane.parquet", model, schema, parts)
    if saved is not None:
        saved.remove()


def checkpoints_of(name: str, settings: Any, data: Path) -> checkpoints.Checkpoints | None:
    """Where dvc runs this stage, the checkpoints of a training with these settings and data."""
    if (scratch := _program.scratch()) is None:
        return None
    return checkpoints.Checkpoints(scratch / "checkpoints" / name, checkpoints.key_of(settings, data), _warn)


def train(job: TrainingJob, data: TrainingData, name: str, saved: checkpoints.Checkpoints | None) -> TrainingResult:
    """The job, run here or by a cluster, its progress shown.

    Raises SettingsError where the device is missing, or its memory is too small.
    """

    def progress(each: Iterable[Any] | None, total: int, unit: str) -> tqdm:
        return tqdm(each, desc=name, unit=unit, total=total, delay=2, disable=not sys.stderr.isatty())

    if address := os.environ.get(CLUSTER):
        print(f"{name}: trained by the cluster of {address}", flush=True)
        return dask_backend.train_on_cluster(job, data, address, lambda each, total: progress(each, total, "part"))
    plan = job.plan(data)
    if plan.compiled:
        print(
            f"{name}: long work, so its step is compiled first, half a minute at most for each size of a part",
            flush=True,
        )
    try:
        with progress(None, plan.parts * job.epochs, "epoch") as bar:
            return job.run(data, bar.update, saved.for_part if saved else lambda part: None, plan)
    except (torch.OutOfMemoryError, torch.AcceleratorError) as error:
        if "out of memory" not in str(error):
            raise
        found = "found more than the GPU's free memory has room for"
        raise SettingsError(f"variants.{name}: {found}, expected device: cpu, or {memory.REMEDY}") from None


def write_predictions(folder: Path, model: Model, parts: Parts, history: History, if_none_is_left: str) -> Model:
    """Write each replicate's predictions of each part's rows; returns the model with those marked that diverged.

    Where every replicate did, no file appears, and SettingsError is raised with the line that is given.
    """
    lost = []
    with ExitStack() as stack:
        write = {part: stack.enter_context(files.batch_writer(folder / f"{part}.parquet")) for part in parts}
        replicates = iter_prediction_tables(model, parts, history.nonfinite_test_loss)
        for replicate, (diverged, tables) in enumerate(replicates):
            lost += [replicate] if diverged else []
            for part, table in tables.items():
                write[part](table)
        if len(lost) == len(model.parameters):
            raise SettingsError(if_none_is_left)
    return mark_diverged(model, lost)


def write_plane(path: Path, model: Model, schema: Schema, parts: Parts) -> None:
    """Of a classifier of two features, write what it predicts around the rows of all parts."""
    if schema.classes and len(schema.features) == 2:
        everywhere = [arrays(columns, schema)[0] for columns in parts.values()]
        files.write_columns(path, predict_plane(model, torch.from_numpy(np.concatenate(everywhere, axis=1))))


def show(name: str, settings: Params, model: Model, history: History, saved: checkpoints.Checkpoints | None) -> None:
    """Print the log of the first replicate, and what to know of the others."""
    if saved is not None and saved.resumed is not None:
        print(f"{name}: went on from {saved.resumed}")
    print(f"{name}: replicate 0 of {settings.replicates}, seed {settings.seed}")
    print("\n".join(format_log(history)))
    if history.best is not None:
        first, last = int(history.best.min()), int(history.best.max())
        print(f"{name}: kept the weights of epochs {first} to {last}, the best on the validation rows")
    for replicate in sorted(model.diverged):
        _warn(f"{name}: replicate {replicate} (seed {settings.seed + replicate}) diverged, no metric counts it")
    worse = [loss for replicate, loss in history.ended_above_start.items() if replicate not in model.diverged]
    if worse:
        count = f"{len(worse)} of {settings.replicates} replicates ended worse than at their start"
        hint = f"the largest training loss {max(worse):.6g}: expected a smaller lr than {settings.variants[name].lr}"
        _warn(f"{name}: {count}, {hint}")


def _warn(line: str) -> None:
    print(line, file=sys.stderr)


if __name__ == "__main__":
    _program.run(main)
