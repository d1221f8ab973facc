"""A training to look at again: the weights of its first replicates, before it and after each logged epoch."""

from dataclasses import dataclass, field
from pathlib import Path

from torch import Tensor

from boundary.artifacts.schema import Schema
from boundary.errors import FileError
from boundary.models.model import Metadata, Model, nonfinite_replicates, read_tensors, write_tensors
from boundary.nn.mlp import Network

REPLICATES = 4  # enough to see that they differ, at a quarter of the bytes of the default sixteen
NUMBERS = 1 << 22  # in a file, at most: 16 MiB


@dataclass(frozen=True)
class Snapshots:
    """Parameters (1 + logged epochs, K, P) in float32: before training, then after each of `epochs`.

    Replicate r was trained with seed + r. What the last epoch left is what is published as the model, but for early
    stopping: a replicate that has stopped stands still while others go on.
    """

    network: Network
    schema: Schema
    epochs: tuple[int, ...]
    parameters: Tensor
    seed: int

    def at(self, frame: int) -> Model:
        """The replicates as they were before training (0) or after the frame-th logged epoch (from 1)."""
        return Model(self.network, self.schema, self.parameters[frame], self.seed)


@dataclass(frozen=True)
class _Metadata(Metadata):
    epochs: tuple[int, ...] = field(kw_only=True)

    @property
    def leading(self) -> tuple[int, ...]:
        return (1 + len(self.epochs), self.replicates)


def snapshot_count(network: Network, frames: int, replicates: int) -> int:
    """How many replicates to keep of a network: REPLICATES, fewer of a large or long one, none of one too large."""
    return min(REPLICATES, replicates, NUMBERS // (frames * network.parameter_count))


def save_snapshots(path: Path, snapshots: Snapshots) -> None:
    """Write tensors as models.save does, with the frames as a first axis."""
    diverged = tuple(sorted(nonfinite_replicates(snapshots.parameters)))
    schema, replicates = snapshots.schema.plain(), snapshots.parameters.shape[1]
    metadata = _Metadata(snapshots.network, schema, snapshots.seed, replicates, diverged, epochs=snapshots.epochs)
    write_tensors(path, metadata, snapshots.parameters)


def load_snapshots(path: Path) -> Snapshots:
    """Read snapshots. Raises FileError where the file holds none, or its tensors are not what its metadata says."""
    metadata, schema, parameters = read_tensors(path, _Metadata)
    epochs = metadata.epochs
    if list(epochs) != sorted({epoch for epoch in epochs if epoch >= 0}):
        raise FileError(f"{path}: found epochs {list(epochs)}, expected numbers from 0 in rising order")
    return Snapshots(metadata.network, schema, epochs, parameters, metadata.seed)
