"""Small models for the tests of what is done with them."""

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
