"""train: train all replicates of a variant at once, and write what they have learned and what they now predict."""

import argparse
import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from boundary import (
    artefacts,
    checkpoints,
    clusters,
    files,
    history,
    losses,
    memory,
    models,
    params,
    predictions,
    schema,
    snapshots,
    training,
)
from boundary.networks import Network
from boundary.optimizers import OPTIMIZERS
from boundary.work import Data, Work
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
    settings = params.load(arguments.params)
    variant = params.entry(arguments.params, "variants", settings.variants, arguments.name)
    described, parts = artefacts.read_split(arguments.data)
    scratch = _program.scratch()
    saver = None
    if scratch is not None:
        key = checkpoints.key_of((settings.seed, settings.replicates, settings.precision, variant), arguments.data)
        saver = checkpoints.Checkpoint(scratch / "checkpoints" / f"{arguments.name}.safetensors", key)
    try:
        model, logged = train(settings, variant, arguments.name, described, parts, saver)
    except ValueError as error:
        raise params.ParamsError(f"{arguments.params}: {error}") from None
    if saver is not None and saver.resumed is not None:
        print(f"{arguments.name}: went on from epoch {saver.resumed} of an interrupted training")
    print(f"{arguments.name}: replicate 0 of {settings.replicates}, seed {settings.seed}")
    print("\n".join(history.lines(logged)))
    if logged.best is not None:
        first, last = int(logged.best.min()), int(logged.best.max())
        print(f"{arguments.name}: kept the weights of epochs {first} to {last}, the best on the validation rows")
    diverged = model.diverged | logged.diverged
    if len(diverged) == settings.replicates:
        hint = f"every replicate diverged, expected a smaller lr than {variant.lr}"
        raise params.ParamsError(f"{arguments.params}: variants.{arguments.name}: {hint}")
    for replicate in sorted(diverged):
        seed = settings.seed + replicate
        print(f"{arguments.name}: replicate {replicate} (seed {seed}) diverged, no metric counts it", file=sys.stderr)
    models.save(arguments.model, model)
    files.write_csv(arguments.history, *history.table(logged))
    replay = snapshots.Snapshots(model.network, described, tuple(logged.epochs), logged.weights, settings.seed)
    snapshots.save(arguments.snapshots, replay)
    for part, columns in parts.items():
        files.write_columns(arguments.predictions / f"{part}.parquet", predictions.table(model, columns))
    if described.classes and len(described.features) == 2:
        everywhere = [schema.arrays(columns, described)[0] for columns in parts.values()]
        plane = predictions.plane(model, torch.from_numpy(np.concatenate(everywhere, axis=1)))
        files.write_columns(arguments.predictions / "plane.parquet", plane)
    params.must_still_say(
        arguments.params,
        settings,
        lambda now: (now.seed, now.replicates, now.precision, now.variants.get(arguments.name)),
    )
    if saver is not None:
        saver.remove()


def train(
    settings: params.Params,
    variant: params.Variant,
    name: str,
    described: schema.Schema,
    parts: Mapping[str, Mapping[str, np.ndarray]],
    saver: training.Saver | None = None,
) -> tuple[models.Model, history.History]:
    """The trained model of the variant of that name, weights in float32, and its history.

    Raises ValueError, "key: ...", where the settings don't fit the data or the machine.
    """
    network = Network((len(described.features), *variant.hidden_units, described.outputs), variant.activation)
    rows, features = len(parts["train"][described.target]), len(described.features)
    needed = memory.of_variant(variant, settings.replicates, rows, features, described.outputs)
    memory.must_fit(f"variants.{name}", needed, memory.of_machine())
    generators = [torch.Generator().manual_seed(settings.seed + r) for r in range(settings.replicates)]
    start = torch.stack([network.initialise(generator) for generator in generators])
    try:
        goal = training.Goal.of(described.task, variant.loss)
        if variant.class_weight is not None:
            goal = balance(goal, described, parts["train"])
        if variant.initial_weights is not None:
            start[0] = network.from_layers([(layer.weight, layer.bias) for layer in variant.initial_weights])
    except ValueError as error:
        raise ValueError(f"variants.{name}.{error}") from None
    examples = {part: training.Examples.of(*schema.arrays(columns, described)) for part, columns in parts.items()}
    data = Data(examples["train"], examples["test"], examples.get("validation"))
    work = Work(
        network,
        goal,
        OPTIMIZERS[variant.optimizer](**variant.optimizer_options),
        settings.precision,
        settings.device,
        training.Schedule(
            variant.epochs, variant.burn_in_epochs, variant.batch_size, variant.log_every, variant.patience
        ),
        start,
        torch.stack([generator.get_state() for generator in generators]),
        snapshots.kept(network, variant.epochs // variant.log_every + 3, settings.replicates),
    )

    def shown(each: Iterable[Any], unit: str, total: int | None = None) -> Iterable[Any]:
        return tqdm(each, desc=name, unit=unit, total=total, delay=2, disable=not sys.stderr.isatty())

    if address := os.environ.get(CLUSTER):
        print(f"{name}: trained by the cluster of {address}", flush=True)
        parameters, logged = clusters.done(work, data, address, lambda each, total: shown(each, "part", total))
    else:
        if work.plan(rows).compiled:
            print(f"{name}: long work, so its step is compiled first, which takes about half a minute", flush=True)
        parameters, logged = work.done(data, lambda epochs: iter(shown(epochs, "epoch")), saver)
    return models.Model(network, described, parameters.to(models.PUBLISHED), settings.seed), logged


def balance(goal: training.Goal, described: schema.Schema, columns: Mapping[str, np.ndarray]) -> training.Goal:
    """The same goal, each class of the training rows weighing the same. Raises ValueError for a regression."""
    if not described.classes:
        raise ValueError("class_weight: found balanced, expected none for a regression target")
    indices = schema.class_indices(columns[described.target], described)
    counts = np.bincount(indices, minlength=len(described.classes)).tolist()
    return replace(goal, loss=losses.weighted(goal.loss, losses.balanced(counts)))


if __name__ == "__main__":
    _program.run(main, params.ParamsError, clusters.ClusterError)
