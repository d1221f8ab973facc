"""From settings and the rows of a split to what their training takes: the work to be done, and its data.

Shapes: rows = examples; a part's columns are (rows,) each.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch

from boundary.artifacts import schema
from boundary.artifacts.schema import Schema
from boundary.config.params import Params, Variant
from boundary.errors import SettingsError
from boundary.models import snapshots
from boundary.nn import losses
from boundary.nn.mlp import Network
from boundary.nn.optimizers import OPTIMIZERS
from boundary.training import memory
from boundary.training.job import Data, Work
from boundary.training.loop import Examples, Goal, Schedule


def data_of(described: Schema, parts: Mapping[str, Mapping[str, np.ndarray]]) -> Data:
    """The examples of a split's parts: train, test and perhaps validation."""
    examples = {part: Examples.of(*schema.arrays(columns, described)) for part, columns in parts.items()}
    return Data(examples["train"], examples["test"], examples.get("validation"))


def work_of(settings: Params, name: str, described: Schema, training_rows: Mapping[str, np.ndarray]) -> Work:
    """All replicates of the variant of that name, to be trained; replicate r starts from, and shuffles with, seed + r.

    Raises SettingsError, "key: ...", where the variant does not fit the data, or the machine's memory.
    """
    variant, path = settings.variants[name], f"variants.{name}"
    rows, features = len(training_rows[described.target]), len(described.features)
    needed = memory.of_variant(settings, variant, rows, features, described.outputs)
    memory.must_fit(path, needed, memory.of_machine())
    network = Network((features, *variant.hidden_units, described.outputs), variant.activation)
    generators = [torch.Generator().manual_seed(settings.seed + r) for r in range(settings.replicates)]
    start = torch.stack([network.initialise(generator) for generator in generators])
    try:
        goal = Goal.of(described.task, variant.loss)
        if variant.class_weight is not None:
            goal = balance(goal, described, training_rows)
        if variant.initial_weights is not None:
            start[0] = network.from_layers([(layer.weight, layer.bias) for layer in variant.initial_weights])
    except SettingsError as error:
        raise SettingsError(f"{path}.{error}") from None
    return Work(
        network,
        goal,
        OPTIMIZERS[variant.optimizer](**variant.optimizer_options),
        settings.precision,
        settings.device,
        Schedule(variant.epochs, variant.burn_in_epochs, variant.batch_size, variant.log_every, variant.patience),
        start,
        torch.stack([generator.get_state() for generator in generators]),
        snapshots.kept(network, variant.epochs // variant.log_every + 3, settings.replicates),
    )


def balance(goal: Goal, described: Schema, training_rows: Mapping[str, np.ndarray]) -> Goal:
    """The same goal, each class of the training rows weighing the same. Raises SettingsError for a regression."""
    if not described.classes:
        raise SettingsError("class_weight: found balanced, expected none for a regression target")
    indices = schema.class_indices(training_rows[described.target], described)
    counts = np.bincount(indices, minlength=len(described.classes)).tolist()
    return replace(goal, loss=losses.weighted(goal.loss, losses.balanced(counts)))


def remedies(variant: Variant, described: Schema) -> str:
    """What may help where every replicate diverged, the likeliest first."""
    found = [f"a smaller lr than {variant.lr}"]
    if variant.weight_decay:
        found.append(f"a smaller weight_decay than {variant.weight_decay}")
    if described.preprocessing is None:
        found.append("smaller numbers in the table (preprocess: true scales them)")
    return ", or ".join(found)
