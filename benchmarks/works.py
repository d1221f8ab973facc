"""What is trained: data, layers and learning rate, the same for every contender.

Shapes: rows = examples, P parameters in the order of boundary.nn.mlp.
"""

from dataclasses import dataclass

import numpy as np
from sklearn.datasets import make_blobs, make_circles

from boundary.nn.mlp import Network


@dataclass(frozen=True)
class Work:
    """Full-batch or mini-batch gradient descent of a ReLU network; x (rows, features) float32, y (rows,) int64.

    Two classes: one logit and binary cross-entropy; more: softmax. `epochs` for each number of replicates.
    """

    name: str
    description: str
    x: np.ndarray
    y: np.ndarray
    hidden: tuple[int, ...]
    lr: float
    batch_rows: int
    epochs: dict[int, int]

    @property
    def classes(self) -> int:
        """How many."""
        return int(self.y.max()) + 1

    @property
    def network(self) -> Network:
        """Its layers."""
        return Network((self.x.shape[1], *self.hidden, 1 if self.classes == 2 else self.classes), "relu")

    @property
    def shuffled(self) -> bool:
        """Whether an epoch has several steps, on rows in an order of each contender's own."""
        return self.batch_rows < len(self.x)

    def loss(self, parameters: np.ndarray) -> np.ndarray:
        """The mean loss of each row of parameters (R, P) over all examples, in float64: the judge of all contenders."""
        losses = []
        for replicate in parameters.astype(np.float64):
            h, start = self.x.T.astype(np.float64), 0
            for n, (o, i) in enumerate(self.network.shapes):
                weight, bias = replicate[start : start + o * i].reshape(o, i), replicate[start + o * i :][:o, None]
                h, start = weight @ (np.maximum(h, 0) if n else h) + bias, start + o * i + o
            z = np.concatenate([np.zeros_like(h), h]) if self.classes == 2 else h
            losses.append((np.logaddexp.reduce(z, axis=0) - z[self.y, np.arange(len(self.y))]).mean())
        return np.array(losses)


def works() -> list[Work]:
    """circle_v2 and blob_v1 of params.yaml, and wider layers on more rows."""
    x, y = make_circles(800, noise=0.03, random_state=42)
    circles = Work(
        "circle_v2", "2-10-10-1, 800 rows at once", x.astype(np.float32), y, (10, 10), 0.1, 800,
        {1: 300, 16: 300, 128: 200, 1024: 40},
    )  # fmt: skip
    x, y = make_blobs(800, n_features=2, centers=4, cluster_std=1.5, random_state=42)
    blobs = Work(
        "blob_v1", "2-8-8-4, 800 rows at once", x.astype(np.float32), y, (8, 8), 0.1, 800,
        {1: 200, 16: 200, 128: 50, 1024: 40},
    )  # fmt: skip
    x, y = make_circles(10_000, noise=0.03, random_state=42)
    wide = Work(
        "wide", "2-64-64-1, 10,000 rows in mini-batches of 250", x.astype(np.float32), y, (64, 64), 0.1, 250,
        {1: 5, 16: 5},
    )  # fmt: skip
    return [circles, blobs, wide]
