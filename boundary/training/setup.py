"""From settings and the rows of a split to what a training takes: a job and its data.

Shapes: rows = examples; a part's columns are (rows,) each.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch

from boundary.artifacts.schema import Schema, arrays, class_indices
from boundary.config import constraints
from boundary.config.params import Params, Variant
from boundary.errors import SettingsError
from boundary.models import snapshots
from boundary.nn import losses
from boundary.nn.mlp import Network
from boundary.nn.optimizers import OPTIMIZERS
from boundary.training import memory
from boundary.training.job import TrainingData, TrainingJob
from boundary.training.loop import Examples, Objective, Schedule


def build_data(schema: Schema, parts: Mapping[str, Mapping[str, np.ndarray]]) -> TrainingData:
    """The examples of a split's parts: train, test and perhaps validation."""
    examples = {part: Examples.from_arrays(*arrays(columns, schema)) for part, columns in parts.items()}
    return TrainingData(examples["train"], examples["test"], examples.get("validation"))


def build_job(settings: Params, name: str, schema: Schema, training_rows: Mapping[str, np.ndarray]) -> TrainingJob:
    """All replicates of the variant of that name, to be trained; replicate r starts from, and shuffles with, seed + r.

    Raises SettingsError, "key: ...", where the variant does not fit the data, or the machine's memory.
    """
    variant, path = settings.variants[name], f"variants.{name}"
    rows, features = len(training_rows[schema.target]), len(schema.features)
    needed = memory.variant_memory(settings, variant, rows, features, schema.outputs)
    memory.must_fit(path, needed, memory.machine_memory())
    _check(variant, schema, path)
    network = Network((features, *variant.hidden_units, schema.outputs), variant.activation)
    generators = [torch.Generator().manual_seed(settings.seed + r) for r in range(settings.replicates)]
    initial_parameters = torch.stack([network.initialise(generator) for generator in generators])
    objective = Objective.for_task(schema.task, variant.loss)
    if variant.class_weight is not None:
        objective = with_balanced_classes(objective, schema, training_rows)
    if variant.initial_weights is not None:
        initial_parameters[0] = network.from_layers([(layer.weight, layer.bias) for layer in variant.initial_weights])
    return TrainingJob(
        network,
        objective,
        OPTIMIZERS[variant.optimizer](**variant.optimizer_options),
        settings.precision,
        settings.device,
        Schedule(variant.epochs, variant.burn_in_epochs, variant.batch_size, variant.log_every, variant.patience),
        initial_parameters,
        torch.stack([generator.get_state() for generator in generators]),
        snapshots.snapshot_count(network, variant.epochs // variant.log_every + 3, settings.replicates),
    )


def _check(variant: Variant, schema: Schema, path: str) -> None:
    """Raises SettingsError where a setting does not fit the data."""
    inputs, layers = len(schema.features), variant.initial_weights
    problems = [
        constraints.loss_problem(variant.loss, schema.task),
        constraints.class_weight_problem(variant.class_weight, schema.task),
    ]
    if layers is not None:
        problems += constraints.initial_weights_problems(layers, variant.hidden_units, inputs, schema.outputs)
    for problem in problems:
        if problem is not None:
            raise SettingsError(f"{path}.{problem}")


def with_balanced_classes(objective: Objective, schema: Schema, training_rows: Mapping[str, np.ndarray]) -> Objective:
    """The same objective, each class of the training rows weighing the same."""
    indices = class_indices(training_rows[schema.target], schema)
    counts = np.bincount(indices, minlength=len(schema.classes)).tolist()
    return replace(objective, loss=losses.weighted(objective.loss, losses.balanced(counts)))


def divergence_remedies(variant: Variant, schema: Schema) -> str:
    """What may help where every replicate diverged, the likeliest first."""
    found = [f"a smaller lr than {variant.lr}"]
    if variant.weight_decay:
        found.append(f"a smaller weight_decay than {variant.weight_decay}")
    if schema.preprocessing is None:
        found.append("smaller numbers in the table (preprocess: true scales them)")
    return ", or ".join(found)
