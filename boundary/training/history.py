"""What training logs, and the two forms in which it is shown: rows of a table, and the tutorial's lines."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

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
    were asked for: before training, then after each logged epoch. With early stopping, best (R,) and stopped (R,): the
    logged epochs whose weights each replicate keeps, and with which it ended; otherwise both are the last. After its
    end a replicate's values and weights stand still.
    """

    epochs: list[int]
    values: dict[str, Tensor]
    weights: Tensor = field(default_factory=lambda: torch.empty(0, 0, 0))
    best: Tensor | None = None
    stopped: Tensor | None = None

    @property
    def nonfinite_test_loss(self) -> frozenset[int]:
        """The replicates whose test loss is not a finite number in the epoch whose weights they keep.

        A sign that they have diverged: models/predict.py says what it is.
        """
        return frozenset((~self._kept("test_loss").isfinite()).nonzero().flatten().tolist())

    @property
    def ended_above_start(self) -> dict[int, float]:
        """The training loss of the replicates for which it is above the first one logged, in the epoch that they keep.

        Not the test loss, which rises above its start wherever there is nothing to learn.
        """
        kept, first = self._kept("train_loss").tolist(), self.values["train_loss"][0].tolist()
        return {replicate: loss for replicate, loss in enumerate(kept) if loss > first[replicate]}

    def entries(self, replicate: int) -> int:
        """How many epochs were logged of a replicate, to its end."""
        return len(self.epochs) if self.stopped is None else self.epochs.index(int(self.stopped[replicate])) + 1

    def _kept(self, name: str) -> Tensor:
        """A value of each replicate (R,) in the epoch whose weights it keeps."""
        values = self.values[name]
        if self.best is None:
            return values[-1]
        return values[[self.epochs.index(epoch) for epoch in self.best.tolist()], torch.arange(values.shape[1])]

    @property
    def columns(self) -> list[str]:
        """The names of the values there are, in order."""
        return [name for name in COLUMNS if name in self.values]


def truncate_at_stop(history: History, best: Tensor, patience: int) -> History:
    """The same of a training with early stopping, by the epochs (R,) whose weights the replicates keep.

    Each ended with the first logged epoch that came `patience` epochs after its best, or with the last. All stands
    still from there on, so that nothing of a replicate tells how long the others went on.
    """
    ended = [min((e for e in history.epochs if e - b >= patience), default=history.epochs[-1]) for b in best.tolist()]
    values = {name: tensor.clone() for name, tensor in history.values.items()}
    weights = history.weights.clone()
    for replicate, entry in enumerate(map(history.epochs.index, ended)):
        for tensor in values.values():
            tensor[entry + 1 :, replicate] = tensor[entry, replicate]
        if replicate < weights.shape[1]:  # the first frame is the start
            weights[entry + 2 :, replicate] = weights[entry + 1, replicate]
    return replace(history, values=values, weights=weights, best=best, stopped=torch.tensor(ended))


def concatenate(parts: Sequence[History]) -> History:
    """The history of replicates that were trained apart; where all of a part stopped early, it stands still."""
    epochs = max((part.epochs for part in parts), key=len)

    def whole(t: Tensor, entries: int) -> Tensor:
        return torch.cat([t, t[-1:].expand(entries - len(t), *t.shape[1:])])

    values = {
        name: torch.cat([whole(part.values[name], len(epochs)) for part in parts], dim=1) for name in parts[0].values
    }
    weights = torch.cat([whole(part.weights, 1 + len(epochs)) for part in parts], dim=1)
    best = [part.best for part in parts if part.best is not None]
    stopped = [part.stopped for part in parts if part.stopped is not None]
    return History(epochs, values, weights, torch.cat(best) if best else None, torch.cat(stopped) if stopped else None)


def to_table(history: History) -> tuple[list[str], Iterator[list[str]]]:
    """A header and rows, one per replicate and epoch that was logged of it: replicate, epoch, then the values."""
    columns = [history.values[name].T.tolist() for name in history.columns]  # [name][replicate][entry]
    rows = (
        [str(replicate), str(epoch), *(f"{column[replicate][entry]:.{DECIMALS}f}" for column in columns)]
        for replicate in range(len(columns[0]))
        for entry, epoch in enumerate(history.epochs[: history.entries(replicate)])
    )
    return ["replicate", "epoch", *history.columns], rows


def format_log(history: History, replicate: int = 0) -> Iterator[str]:
    """One replicate's log in the tutorial's words."""
    for entry, epoch in enumerate(history.epochs[: history.entries(replicate)]):
        value = {name: tensor[entry, replicate].item() for name, tensor in history.values.items()}
        if "train_accuracy" in value:
            yield (
                f"Epoch: {epoch} | Loss: {value['train_loss']:.5f}, Acc: {value['train_accuracy'] * 100:.2f}%"
                f" | Test loss: {value['test_loss']:.5f}, Test acc: {value['test_accuracy'] * 100:.2f}%"
            )
        else:
            yield f"Epoch: {epoch} | Loss: {value['train_loss']:.5f} | Test loss: {value['test_loss']:.5f}"
