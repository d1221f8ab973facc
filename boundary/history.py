"""What training logs, and the two forms in which it is shown: rows of a table, and the tutorial's lines."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

COLUMNS = ("train_loss", "test_loss", "train_accuracy", "test_accuracy")
DECIMALS = 9


@dataclass(frozen=True)
class History:
    """The logged epochs, and by name (of COLUMNS) a tensor (logged epochs, R), on the CPU in float64.

    train_loss and train_accuracy are those of the forward pass before the epoch's step (with mini-batches: of each
    batch before its step); test_loss and test_accuracy are those after the epoch. Accuracies are fractions;
    regressions have none. weights (1 + logged epochs, K, P) in float32 are those of the first K replicates, as many as
    were asked for: before training, then after each logged epoch. best (R,): with early stopping, the logged epoch
    whose weights each replicate keeps; otherwise that is the last.
    """

    epochs: list[int]
    values: dict[str, Tensor]
    weights: Tensor = field(default_factory=lambda: torch.empty(0, 0, 0))
    best: Tensor | None = None

    @property
    def diverged(self) -> frozenset[int]:
        """The replicates whose test loss is not a finite number in the epoch whose weights they keep."""
        losses = self.values["test_loss"]
        kept = losses[-1] if self.best is None else losses[self._entries(self.best), torch.arange(losses.shape[1])]
        return frozenset((~kept.isfinite()).nonzero().flatten().tolist())

    def _entries(self, epochs: Tensor) -> list[int]:
        return [self.epochs.index(epoch) for epoch in epochs.tolist()]

    @property
    def columns(self) -> list[str]:
        """The names of the values there are, in order."""
        return [name for name in COLUMNS if name in self.values]


def joined(parts: Sequence[History]) -> History:
    """The history of replicates that were trained apart, for the same epochs."""
    first = parts[0]
    values = {name: torch.cat([part.values[name] for part in parts], dim=1) for name in first.values}
    weights = torch.cat([part.weights for part in parts], dim=1)
    best = None if first.best is None else torch.cat([part.best for part in parts if part.best is not None])
    return History(first.epochs, values, weights, best)


def table(history: History) -> tuple[list[str], Iterator[list[str]]]:
    """A header and rows, one per replicate and logged epoch: replicate, epoch, then the values."""
    columns = [history.values[name].T.tolist() for name in history.columns]  # [name][replicate][entry]
    rows = (
        [str(replicate), str(epoch), *(f"{column[replicate][entry]:.{DECIMALS}f}" for column in columns)]
        for replicate in range(len(columns[0]))
        for entry, epoch in enumerate(history.epochs)
    )
    return ["replicate", "epoch", *history.columns], rows


def lines(history: History, replicate: int = 0) -> Iterator[str]:
    """One replicate's log in the tutorial's words."""
    for entry, epoch in enumerate(history.epochs):
        value = {name: tensor[entry, replicate].item() for name, tensor in history.values.items()}
        if "train_accuracy" in value:
            yield (
                f"Epoch: {epoch} | Loss: {value['train_loss']:.5f}, Acc: {value['train_accuracy'] * 100:.2f}%"
                f" | Test loss: {value['test_loss']:.5f}, Test acc: {value['test_accuracy'] * 100:.2f}%"
            )
        else:
            yield f"Epoch: {epoch} | Loss: {value['train_loss']:.5f} | Test loss: {value['test_loss']:.5f}"
