"""What pictures and the page's vector drawings both compute: colours of classes, margins between them, disagreement."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from boundary.artifacts.schema import Schema, class_indices

# Okabe and Ito's palette: told apart with any kind of colour vision
COLOURS = ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#999999"]


@dataclass(frozen=True)
class Points:
    """Examples with one or two features: x (features, rows), classes (rows,), and the features' names."""

    x: np.ndarray
    classes: np.ndarray
    features: Sequence[str]

    @classmethod
    def from_columns(cls, columns: Mapping[str, np.ndarray], schema: Schema) -> "Points":
        """From a split's columns; of more than two features the first two."""
        x = np.stack([columns[name] for name in schema.features[:2]])
        return cls(x, class_indices(columns[schema.target], schema), schema.features[:2])


def disagreement(shares: np.ndarray) -> np.ndarray:
    """Of shares (..., classes), 0 where one class has all, 1 where they are spread evenly; one axis is kept."""
    return np.clip((1 - shares.max(-1, keepdims=True)) / (1 - 1 / shares.shape[-1]), 0, 1)


def decision_margins(probability: np.ndarray) -> Iterator[np.ndarray]:
    """For each class, of two classes for one, its probability minus the largest other's; 0 on its boundary.

    probability (..., classes); margins (...).
    """
    classes = probability.shape[-1]
    for k in range(classes if classes > 2 else 1):
        yield probability[..., k] - np.delete(probability, k, axis=-1).max(-1)
