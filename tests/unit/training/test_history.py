"""The two forms of a training log."""

import torch

from boundary.training.history import History, concatenate, format_log, to_table, truncate_at_stop


def history(**values: list[list[float]]) -> History:
    """Epochs 0 and 20; a value by logged epoch, then by replicate."""
    return History([0, 20], {name: torch.tensor(rows, dtype=torch.float64) for name, rows in values.items()})


CLASSES = history(
    test_accuracy=[[0.5, 0.25], [1.0, 0.875]],  # named out of order
    train_loss=[[0.693471, 0.7], [1 / 3, 2 / 3]],
    test_loss=[[0.693159, 0.8], [1e-12, 123456.0]],
    train_accuracy=[[0.51875, 0.5], [0.99999, 0.0]],
)
REGRESSION = history(train_loss=[[0.555145], [0.008585]], test_loss=[[0.57484], [0.0023]])


def test_a_table_has_a_row_per_replicate_and_epoch() -> None:
    header, rows = to_table(CLASSES)
    assert header == ["replicate", "epoch", "train_loss", "test_loss", "train_accuracy", "test_accuracy"]
    assert list(rows) == [
        ["0", "0", "0.693471000", "0.693159000", "0.518750000", "0.500000000"],
        ["0", "20", "0.333333333", "0.000000000", "0.999990000", "1.000000000"],
        ["1", "0", "0.700000000", "0.800000000", "0.500000000", "0.250000000"],
        ["1", "20", "0.666666667", "123456.000000000", "0.000000000", "0.875000000"],
    ]


def test_a_regression_has_no_accuracies() -> None:
    header, rows = to_table(REGRESSION)
    assert header == ["replicate", "epoch", "train_loss", "test_loss"]
    assert list(rows) == [
        ["0", "0", "0.555145000", "0.574840000"],
        ["0", "20", "0.008585000", "0.002300000"],
    ]


def test_lines_are_the_tutorials() -> None:
    assert list(format_log(CLASSES)) == [
        "Epoch: 0 | Loss: 0.69347, Acc: 51.88% | Test loss: 0.69316, Test acc: 50.00%",
        "Epoch: 20 | Loss: 0.33333, Acc: 100.00% | Test loss: 0.00000, Test acc: 100.00%",
    ]
    assert list(format_log(REGRESSION)) == [
        "Epoch: 0 | Loss: 0.55514 | Test loss: 0.57484",
        "Epoch: 20 | Loss: 0.00859 | Test loss: 0.00230",
    ]


def test_lines_of_another_replicate() -> None:
    assert list(format_log(CLASSES, replicate=1)) == [
        "Epoch: 0 | Loss: 0.70000, Acc: 50.00% | Test loss: 0.80000, Test acc: 25.00%",
        "Epoch: 20 | Loss: 0.66667, Acc: 0.00% | Test loss: 123456.00000, Test acc: 87.50%",
    ]


def test_each_replicate_ends_at_its_own_stop() -> None:
    """Patience 20: the first one's best epoch is 0, so 20 is its end, the second one's is 20, so it ends with the last.

    What was logged of the first after that is nowhere, and its weights stand still.
    """
    losses = torch.tensor([[1.0, 4.0], [2.0, 3.0], [9.0, 5.0]]).double()
    weights = torch.arange(8.0).reshape(4, 2, 1)
    logged = History([0, 20, 30], {"train_loss": losses, "test_loss": losses}, weights)
    ended = truncate_at_stop(logged, torch.tensor([0, 20]), 20)
    assert ended.best is not None
    assert ended.stopped is not None
    assert (ended.best.tolist(), ended.stopped.tolist()) == ([0, 20], [20, 30])
    assert [row[:3] for row in to_table(ended)[1]] == [
        ["0", "0", "1.000000000"],
        ["0", "20", "2.000000000"],
        ["1", "0", "4.000000000"],
        ["1", "20", "3.000000000"],
        ["1", "30", "5.000000000"],
    ]
    assert [len(list(format_log(ended, replicate))) for replicate in (0, 1)] == [2, 3]
    assert ended.weights.flatten().tolist() == [0, 1, 2, 3, 4, 5, 4, 7]
    assert logged.weights.flatten().tolist() == list(range(8))
    twice = concatenate([ended, ended])
    assert list(to_table(twice)[1])[:5] == list(to_table(ended)[1])
    assert twice.entries(2) == 2


def test_what_ended_above_its_first_training_loss() -> None:
    """In the epoch that is kept; what is not a number is not above."""
    losses = torch.tensor([[1.0, 1.0, 1.0, 1.0], [3.0, 0.5, float("nan"), 1.0]]).double()
    logged = History([0, 20], {"train_loss": losses, "test_loss": losses})
    assert logged.ended_above_start == {0: 3.0}
    assert truncate_at_stop(logged, torch.tensor([0, 0, 0, 0]), 5).ended_above_start == {}
