"""Early stopping: by hand, replicate by replicate, and wherever a training was cut off."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from boundary.nn.mlp import Network
from boundary.nn.optimizers import Adam
from boundary.numerics.arithmetic import Exact
from boundary.training.early_stopping import Best
from boundary.training.history import History, to_table
from boundary.training.loop import Examples, Objective, Schedule, fit
from tests.support.trainings import Interrupted, Saver

NETWORK, EPOCHS = Network((2, 8, 1), "tanh"), 90
BINARY = Objective.for_task("binary", None)


def noise(seed: int, rows: int = 24) -> Examples:
    """Points of which every other says its class: all that is learned beyond that is chance."""
    random = np.random.RandomState(seed)
    x = random.randn(2, rows).astype(np.float32)
    y = np.where(np.arange(rows) % 2, x[0] > 0, random.rand(rows) > 0.5).astype(np.float32)
    return Examples.from_arrays(x, y[None])


TRAIN, TEST, VALIDATION = noise(1), noise(2), noise(3)


def train(
    seeds: list[int],
    patience: int | None,
    epochs: int = EPOCHS,
    batch_size: int | None = None,
    saver: Saver | None = None,
    test: Examples = TEST,
) -> tuple[Tensor, History]:
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    start = torch.stack([NETWORK.initialise(generator) for generator in generators])
    schedule = Schedule(epochs, 0, batch_size, 2, patience)
    data = (TRAIN, test)
    return fit(
        *(NETWORK, BINARY, Adam(0.05), Exact, data, start, generators, schedule),
        saver=saver,
        snapshot_count=len(seeds),
        validation=VALIDATION,
    )


def test_by_hand() -> None:
    """Patience 4: the first replicate stops at epoch 6, the second goes on; a later better loss comes too late."""
    losses = {
        0: [3.0, 3.0, float("nan")],
        2: [2.0, 4.0, 1.0],
        4: [2.5, 2.0, 0.5],
        6: [2.0, 2.5, float("nan")],
        8: [1.0, 1.0, 0.5],
    }
    best = None
    for epoch, loss in losses.items():
        weights, values = torch.full((3, 2), float(epoch)), torch.tensor(loss)
        best = best or Best.first(epoch, weights, values)
        best = best.after(epoch, weights, values, 4)
    assert best is not None
    assert best.epoch.tolist() == [2, 8, 0]
    assert best.stopped.tolist() == [True, False, True]
    assert best.loss.tolist()[:2] == [2.0, 1.0]
    assert best.parameters.tolist() == [[2.0, 2.0], [8.0, 8.0], [0.0, 0.0]]


@pytest.mark.parametrize("batch_size", [None, 10])
def test_each_replicate_keeps_its_best_whatever_the_others_do(batch_size: int | None) -> None:
    """To the bit as alone, and as trained to just that epoch; they differ in when that is."""
    seeds = [42, 43, 44, 45]
    together, log = train(seeds, 10, batch_size=batch_size)
    assert log.best is not None
    epochs = log.best.tolist()
    assert len(set(epochs)) > 1
    assert max(epochs) < log.epochs[-1] < EPOCHS - 1
    for k, seed in enumerate(seeds):
        alone, log_alone = train([seed], 10, batch_size=batch_size)
        assert log_alone.epochs[-1] == min(epochs[k] + 10, EPOCHS - 1)
        assert torch.equal(alone[0], together[k])
        assert [row[1:] for row in to_table(log)[1] if row[0] == str(k)] == [row[1:] for row in to_table(log_alone)[1]]
        frames = 1 + len(log_alone.epochs)
        assert torch.equal(log.weights[:frames, k], log_alone.weights[:, 0])
        assert torch.equal(log.weights[frames:, k], log.weights[frames - 1, k].expand_as(log.weights[frames:, k]))
        to_there, _ = train([seed], None, epochs[k] + 1, batch_size)
        assert torch.equal(to_there[0], together[k])


def test_the_best_is_the_least_loss_of_the_validation_rows() -> None:
    """Their loss is what the history says of test rows, where these are the same."""
    _, log = train([42, 43], 10, test=VALIDATION)
    assert log.best is not None
    least = log.values["test_loss"].argmin(0)
    assert [log.epochs[entry] for entry in least.tolist()] == log.best.tolist()


def test_wherever_it_was_cut_off_it_ends_the_same(tmp_path: Path) -> None:
    whole, log = train([42, 43], 10)
    for stop in (1, 2, 9, log.epochs[-1], EPOCHS):
        with pytest.raises(Interrupted):
            train([42, 43], 10, saver=Saver(tmp_path / str(stop), stop))
        again, log_again = train([42, 43], 10, saver=Saver(tmp_path / str(stop)))
        assert torch.equal(again, whole)
        assert log_again.epochs == log.epochs
        assert all(torch.equal(log_again.values[name], log.values[name]) for name in log.columns)


def test_a_replicate_that_diverged_after_its_best_epoch_has_not_diverged() -> None:
    losses = torch.tensor([[1.0, float("nan")], [float("nan"), 1.0]]).double()
    assert History([0, 5], {"test_loss": losses}, best=torch.tensor([0, 0])).nonfinite_test_loss == {1}
    assert History([0, 5], {"test_loss": losses}).nonfinite_test_loss == {0}
