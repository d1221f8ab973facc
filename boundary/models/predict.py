"""What a trained model says of new rows, and the tables in which that is published.

Shapes: R replicates, rows = examples.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from boundary.artifacts.schema import arrays, class_indices
from boundary.models.model import Model
from boundary.nn.heads import labels, probabilities
from boundary.numerics.arithmetic import SAMPLE, Exact

GRID_STEPS = 151
GRID_MARGIN = 0.05  # of the range of each feature, on either side
CELLS = 1 << 18  # numbers that a layer may hold while predicting: 2 MiB in float64, which a processor's cache holds


def predict(model: Model, inputs: Tensor) -> Tensor:
    """What every replicate says of inputs (features, rows), exactly, on the device of the model's parameters.

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


def tables(model: Model, columns: Mapping[str, np.ndarray]) -> Iterator[dict[str, np.ndarray]]:
    """Predictions for the rows of a table that holds the target, as columns, for each replicate in turn.

    replicate, row, true, predicted; for classes these are their indices, and probability_0, probability_1, ... follow.
    """
    schema = model.schema
    x, _ = arrays(columns, schema)
    inputs, target = torch.from_numpy(x), columns[schema.target]
    true = target if schema.task == "regression" else class_indices(target, schema)
    for replicate, said in enumerate(_by_replicate(model, inputs)):
        result = {
            "replicate": np.full(len(true), replicate, dtype=np.int32),
            "row": np.arange(len(true), dtype=np.int32),
            "true": true,
        }
        if schema.task == "regression":
            yield {**result, "predicted": said[0].numpy()}
        else:
            shares = {f"probability_{k}": of_class.numpy() for k, of_class in enumerate(said)}
            yield {**result, "predicted": labels(said[None])[0].numpy(), **shares}


def plane(model: Model, inputs: Tensor) -> dict[str, np.ndarray]:
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
    for replicate, said in enumerate(_by_replicate(model, grid)):
        if replicate == 0:
            columns |= {f"probability_{k}": of_class.float().numpy() for k, of_class in enumerate(said)}
        if said.isfinite().all():
            votes += labels(said[None]) == classes
            voters += 1
    return columns | {f"votes_{k}": of_class.float().numpy() for k, of_class in enumerate(votes / voters)}


def _by_replicate(model: Model, inputs: Tensor) -> Iterator[Tensor]:
    """`predict` of each replicate in turn, (classes, rows): that of all may be more than the memory holds."""
    for parameters in torch.split(model.parameters, 1):
        yield predict(replace(model, parameters=parameters), inputs)[0]
