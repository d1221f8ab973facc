"""What a trained model predicts for new rows, and the tables in which that is published.

Shapes: R replicates, rows = examples.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from boundary.artifacts.predictions import has_diverged
from boundary.artifacts.schema import Schema, arrays, class_indices
from boundary.models.model import Model, mark_diverged
from boundary.nn.heads import labels, probabilities
from boundary.numerics.arithmetic import SAMPLE, Exact

GRID_STEPS = 151
GRID_MARGIN = 0.05  # of the range of each feature, on either side
CELLS = 1 << 18  # numbers that a layer may hold while predicting: 2 MiB in float64, which a processor's cache holds

Columns = Mapping[str, np.ndarray]


def predict(model: Model, inputs: Tensor) -> Tensor:
    """What every replicate predicts for inputs (features, rows), exactly, on the device of the model's parameters.

    Returns, on the CPU in float64, probabilities (R, classes, rows), or for a regression values (R, 1, rows). Every
    row has grids of its own, so its numbers don't depend on the rows beside it: work is cut into pieces that fit in
    memory, and the result does not show where.
    """
    network, task = model.network, model.schema.task
    arithmetic = Exact(max(network.sizes))
    parameters = model.parameters.to(arithmetic.dtype)
    rows_at_once = max(1, CELLS // (len(parameters) * max(network.sizes)))
    pieces = []
    for piece in torch.split(inputs, rows_at_once, dim=1):
        x = arithmetic.operand(piece.to(parameters.device, arithmetic.dtype), SAMPLE)
        logits, _ = network.forward(arithmetic, parameters, x, SAMPLE)
        pieces.append((logits if task == "regression" else probabilities(arithmetic, task, logits)).cpu())
    return torch.cat(pieces, dim=2)


def iter_prediction_tables(
    model: Model, parts: Mapping[str, Columns], suspected: Collection[int] = ()
) -> Iterator[tuple[bool, dict[str, dict[str, np.ndarray]]]]:
    """For each replicate in turn, whether it has diverged, and its predictions for the rows of each part of a split.

    What it is to have diverged is defined here alone: that a weight, or a prediction for any row, is not a number; or
    that training says so, by `suspected`, where the test loss was none. All weights of such a replicate count as nan,
    and so does all that it predicts. Tables: see artifacts/predictions.py.
    """
    targets = {part: columns[model.schema.target] for part, columns in parts.items()}
    inputs = {part: torch.from_numpy(arrays(columns, model.schema)[0]) for part, columns in parts.items()}
    truth = {part: _truth(target, model.schema) for part, target in targets.items()}
    for r, alone in enumerate(_each_alone(model)):
        diverged = r in suspected or bool(alone.diverged)
        tables = {} if diverged else {part: _table(alone, r, inputs[part], truth[part]) for part in parts}
        if diverged or any(map(has_diverged, tables.values())):
            diverged, lost = True, mark_diverged(alone, {0})
            tables = {part: _table(lost, r, inputs[part], truth[part]) for part in parts}
        yield diverged, tables


def _truth(target: np.ndarray, schema: Schema) -> np.ndarray:
    return target if schema.task == "regression" else class_indices(target, schema)


def _table(alone: Model, replicate: int, inputs: Tensor, true: np.ndarray) -> dict[str, np.ndarray]:
    """The predictions of a model of one replicate, which has that number among others."""
    predicted = predict(alone, inputs)[0]
    rows = {
        "replicate": np.full(len(true), replicate, dtype=np.int32),
        "row": np.arange(len(true), dtype=np.int32),
        "true": true,
    }
    if alone.schema.task == "regression":
        return {**rows, "predicted": predicted[0].numpy()}
    by_class = {f"probability_{k}": probability.numpy() for k, probability in enumerate(predicted)}
    return {**rows, "predicted": labels(predicted[None])[0].numpy(), **by_class}


def predict_plane(model: Model, inputs: Tensor) -> dict[str, np.ndarray]:
    """What a classifier of two features says of a square grid around inputs (2, rows), as columns.

    GRID_STEPS^2 rows from the bottom left, the second feature slowest: the features as first and second, replicate
    0's probability of class k as probability_k, and the share of the replicates that choose class k, of those that
    did not diverge, as votes_k; all float32.
    """
    low, high = inputs.double().amin(1), inputs.double().amax(1)
    margin = torch.where(high > low, high - low, 1.0) * GRID_MARGIN
    low, high = low - margin, high + margin
    steps = torch.arange(GRID_STEPS, dtype=torch.float64) * (1 / (GRID_STEPS - 1))
    first, second = ((low[k] + (high[k] - low[k]) * steps).float() for k in (0, 1))
    grid = torch.stack([first.repeat(GRID_STEPS), second.repeat_interleave(GRID_STEPS)])
    columns = {"first": grid[0].numpy(), "second": grid[1].numpy()}
    classes = torch.arange(len(model.schema.classes))[:, None]
    votes, voters = torch.zeros(len(classes), grid.shape[1], dtype=torch.float64), 0
    for replicate, alone in enumerate(_each_alone(model)):
        predicted = predict(alone, grid)[0]
        if replicate == 0:
            columns |= {f"probability_{k}": of_class.float().numpy() for k, of_class in enumerate(predicted)}
        if predicted.isfinite().all():
            votes += labels(predicted[None]) == classes
            voters += 1
    return columns | {f"votes_{k}": of_class.float().numpy() for k, of_class in enumerate(votes / voters)}


def _each_alone(model: Model) -> Iterator[Model]:
    """A model of each replicate: what all of them predict may be more than the memory holds."""
    for parameters in torch.split(model.parameters, 1):
        yield replace(model, parameters=parameters)
