"""Data, optimizers and savers for trainings that take no time."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import make_blobs, make_circles
from sklearn.model_selection import train_test_split

from boundary.training.checkpoints import Checkpoint
from boundary.training.loop import Examples, Objective, State

OPTIONS: dict[str, dict[str, Any]] = {
    "sgd": {"lr": 0.1, "momentum": 0.9, "nesterov": True},
    "adam": {"lr": 0.01},
    "adamw": {"lr": 0.01, "weight_decay": 0.01},
}
BINARY = Objective.for_task("binary", None)
Data = tuple[Examples, Examples]


def split(x: np.ndarray, y: np.ndarray) -> Data:
    """From x (rows, features) and y (rows, outputs), four fifths to train on."""
    parts = train_test_split(x, y, test_size=0.2, random_state=42)
    x_train, x_test, y_train, y_test = (np.ascontiguousarray(part.T, dtype=np.float32) for part in parts)
    return Examples.from_arrays(x_train, y_train), Examples.from_arrays(x_test, y_test)


def circles(rows: int = 100) -> Data:
    x, y = make_circles(rows, noise=0.03, random_state=42)
    return split(x, y[:, None])


def blobs(rows: int = 100) -> Data:
    x, y = make_blobs(rows, n_features=2, centers=4, cluster_std=1.5, random_state=42)
    return split(x, np.eye(4)[y])


def line(rows: int = 50) -> Data:
    x = np.linspace(0, 1, rows)[:, None]
    return split(x, 0.7 * x + 0.3)


class Interrupted(Exception):
    pass


class Saver(Checkpoint):
    """Saves after every epoch, and interrupts the training before `stop`."""

    def __init__(self, path: Path, stop: int | None = None):
        super().__init__(path, "key", pytest.fail, 0.0)
        self.stop = stop

    def should_save(self, ended: bool) -> bool:
        return True

    def save(self, state: State) -> None:
        super().save(state)
        if state.epoch == self.stop:
            raise Interrupted


def warnings_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "boundary.training.step"]
