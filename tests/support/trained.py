"""Small models for the tests of what is done with them."""

import numpy as np
import pandas as pd
import torch

from boundary.artifacts.schema import Categories, Numbers, Preprocessing, Schema
from boundary.models.model import Model
from boundary.nn.mlp import Network

MIXED = Preprocessing(
    (
        Numbers("age", 40.0, 38.5, 12.25),
        Categories("town", ("Bonn", "Ulm", None)),
        Numbers("size", 1e6, 1e6, 0.125),
        Categories("kind", ("7", "8")),
    ),
    ("?",),
)
SCHEMAS = {
    "binary": Schema(("a", "b"), "y", "binary", (False, True)),
    "words": Schema(("a", "b"), "y", "binary", ("no", "yes")),
    "numbers": Schema(("a", "b"), "y", "multiclass", (1, 5, 9)),
    "regression": Schema(("a", "b"), "y", "regression", ()),
    "mixed": Schema(MIXED.features, "y", "multiclass", ("low", "middle", "high"), MIXED),
}


def model(schema: Schema, activation: str = "tanh", replicates: int = 3, hidden: tuple[int, ...] = (5, 4)) -> Model:
    """Weights as they are before training, larger, so that answers differ."""
    network = Network((len(schema.features), *hidden, schema.outputs), activation)
    starts = [network.initialise(torch.Generator().manual_seed(seed)) * 3 for seed in range(replicates)]
    return Model(network, schema, torch.stack(starts).float(), 0)


def table(rows: int) -> pd.DataFrame:
    """All columns that the models of these schemas know, and one that none does."""
    draw = np.random.default_rng(rows)
    return pd.DataFrame(
        {
            "a": draw.normal(size=rows),
            "b": draw.normal(size=rows) * 5,
            "age": np.where(draw.random(rows) < 0.2, np.nan, draw.normal(40, 12, rows)),
            "town": draw.choice(np.array(["Bonn", "Ulm", "Rome", None], dtype=object), rows),
            "size": 1e6 + draw.normal(size=rows) / 8,
            "kind": draw.choice(["7", "8", "9"], rows),
            "other": 1,
        }
    )


CLASSES = {"binary": ("no", "yes"), "multiclass": (0, 1, 2), "regression": ()}


def model_for(
    hidden: tuple[int, ...] = (5, 4), activation: str = "relu", task: str = "binary", replicates: int = 3
) -> Model:
    """An untrained model of two features."""
    schema = Schema(("x1", "ä, b"), "label", task, CLASSES[task])
    network = Network((2, *hidden, schema.outputs), activation)
    drawn = [network.initialise(torch.Generator().manual_seed(7 + r)) for r in range(replicates)]
    return Model(network, schema, torch.stack(drawn).float(), 7)
