"""The training loop: all at once is one at a time, the log by hand, plain PyTorch's weights, exact operations only."""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torchmetrics
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from boundary.models.predict import predict
from boundary.nn.activations import ACTIVATIONS
from boundary.nn.losses import LOSSES, weighted
from boundary.nn.mlp import Network
from boundary.nn.optimizers import OPTIMIZERS, SGD, Adam
from boundary.numerics.arithmetic import BLOCK, SAMPLE, Exact, Fast, product_bits
from boundary.training import loop as training
from boundary.training.history import History
from boundary.training.loop import COEFFICIENTS_AT_ONCE, Examples, Objective, Schedule, _step_coefficients, fit
from tests.support.trained import model_for
from tests.support.trainings import BINARY, OPTIONS, Data, blobs, circles, line

pytestmark = pytest.mark.usefixtures("one_thread")


def train(
    network: Network,
    goal: Objective,
    optimizer: SGD | Adam,
    data: Data,
    seeds: list[int],
    schedule: Schedule,
    arithmetic: type[Exact] | type[Fast] = Exact,
    spoil: Callable[[Tensor], None] = lambda start: None,
) -> tuple[Tensor, History]:
    """As the train stage does it: a generator per replicate draws first its weights, then its batches."""
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    start = torch.stack([network.initialise(generator) for generator in generators])
    spoil(start)
    return fit(network, goal, optimizer, arithmetic, data, start, generators, schedule)


def same_bits(a: Tensor, b: Tensor) -> bool:
    return torch.equal(a.contiguous().view(torch.int64), b.contiguous().view(torch.int64))


# --- all at once is one at a time ----------------------------------------------------------------------------------


@pytest.mark.parametrize("batch_size", [None, 32])
@pytest.mark.parametrize("optimizer", OPTIONS)
@pytest.mark.parametrize(("data", "task", "outputs"), [(circles(), "binary", 1), (blobs(), "multiclass", 4)])
def test_replicates_together_are_replicates_alone(
    data: Data, task: str, outputs: int, optimizer: str, batch_size: int | None
) -> None:
    """Bit for bit: weights and log, whether rows are shared or shuffled into mini-batches, in any company."""
    network, goal, schedule = (
        Network((2, 8, outputs), "tanh"),
        Objective.for_task(task, None),
        Schedule(10, 2, batch_size, 3),
    )

    def run(seeds: list[int]) -> tuple[Tensor, History]:
        return train(network, goal, OPTIMIZERS[optimizer](**OPTIONS[optimizer]), data, seeds, schedule)

    together, log = run([42, 43, 44, 45])
    for k in range(4):
        alone, log_alone = run([42 + k])
        assert same_bits(alone[0], together[k])
        for name, values in log_alone.values.items():
            assert same_bits(values[:, 0], log.values[name][:, k])
    order = [3, 0, 2, 1]
    shuffled, log_shuffled = run([42 + k for k in order])
    assert same_bits(shuffled, together[order])
    for name, values in log_shuffled.values.items():
        assert same_bits(values, log.values[name][:, order])


@pytest.mark.parametrize("goal", ["bce_with_logits", "cross_entropy", "mse", "l1"])
def test_a_diverging_replicate_is_logged_as_nan_and_the_others_do_not_notice(goal: str) -> None:
    data = {"bce_with_logits": circles(), "cross_entropy": blobs()}.get(goal, line())
    task = {"bce_with_logits": "binary", "cross_entropy": "multiclass"}.get(goal, "regression")
    network = Network((data[0].x.shape[0], 8, data[0].y.shape[0]), "relu")

    schedule = Schedule(5, batch_size=32)

    def run(spoil: Callable[[Tensor], None]) -> tuple[Tensor, History]:
        return train(network, Objective.for_task(task, goal), Adam(0.01), data, [42, 43, 44], schedule, Exact, spoil)

    def spoil(start: Tensor) -> None:
        start[1] = 1e200

    healthy, log = run(lambda start: None)
    parameters, spoilt_log = run(spoil)
    assert same_bits(parameters[[0, 2]], healthy[[0, 2]])
    for name, values in spoilt_log.values.items():
        assert same_bits(values[:, [0, 2]], log.values[name][:, [0, 2]])
        assert "accuracy" in name or values[:, 1].isnan().all()


def test_a_diverged_replicate_has_weights_of_nan() -> None:
    """A step length beyond all bounds: finite at first, nan once numbers pass the largest."""
    parameters, log = train(Network((2, 8, 1), "relu"), BINARY, SGD(1e200), circles(), [42, 43], Schedule(5))
    assert log.values["train_loss"][0].isfinite().all()
    assert log.values["train_loss"][-1].isnan().all()
    assert parameters.isnan().all()


def test_a_batch_of_all_rows_is_no_batch() -> None:
    network, data = Network((2, 8, 1), "relu"), circles()
    whole, _ = train(network, BINARY, SGD(0.1), data, [42, 43], Schedule(5))
    for batch_size in (len(data[0]), 10_000):
        parameters, _ = train(network, BINARY, SGD(0.1), data, [42, 43], Schedule(5, batch_size=batch_size))
        assert same_bits(parameters, whole)


def test_more_rows_than_a_block_of_exact_terms() -> None:
    network, data = Network((2, 4, 1), "tanh"), circles(int(BLOCK * 1.5))
    together, _ = train(network, BINARY, Adam(0.01), data, [42, 43], Schedule(3))
    alone, _ = train(network, BINARY, Adam(0.01), data, [43], Schedule(3))
    assert len(data[0]) > BLOCK
    assert same_bits(together[1], alone[0])


def test_the_order_of_the_rows_does_not_matter() -> None:
    """Sums over the rows are exact, with as few bits as so many rows leave."""
    network, (examples, test) = Network((2, 8, 1), "tanh"), circles(1000)
    turned = Examples(examples.x.flip(1), examples.y.flip(1))
    parameters, log = train(network, BINARY, Adam(0.01), (examples, test), [42, 43], Schedule(20))
    again, log_again = train(network, BINARY, Adam(0.01), (turned, test), [42, 43], Schedule(20))
    assert same_bits(parameters, again)
    assert all(same_bits(values, log_again.values[name]) for name, values in log.values.items())


# --- what a log entry means ----------------------------------------------------------------------------------------

X, Y = [0.0, 0.25, 0.5, 0.75, 1.0], [0.5, 0.25, 1.0, 1.5, 1.0]
X_TEST, Y_TEST = [2.0, 3.0], [1.5, 2.5]
W, B, LR = 0.5, 0.25, 0.125


def mean_square(w: float, b: float, x: list[float], y: list[float]) -> float:
    return sum((w * xi + b - yi) ** 2 for xi, yi in zip(x, y, strict=True)) / len(x)


def by_hand(epochs: int, batches: Callable[[], list[list[int]]]) -> tuple[list[float], list[float]]:
    """Train and test losses of y = w x + b under plain gradient descent, in Python floats."""
    w, b, train_losses, test_losses = W, B, [], []
    for _ in range(epochs):
        total = 0.0
        for rows in batches():
            x, y = [X[k] for k in rows], [Y[k] for k in rows]
            total += mean_square(w, b, x, y) * len(rows)
            errors = [w * xi + b - yi for xi, yi in zip(x, y, strict=True)]
            by_w = 2 * sum(e * xi for e, xi in zip(errors, x, strict=True)) / len(rows)
            by_b = 2 * sum(errors) / len(rows)
            w, b = w - LR * by_w, b - LR * by_b
        train_losses.append(total / len(X))
        test_losses.append(mean_square(w, b, X_TEST, Y_TEST))
    return train_losses, test_losses


def by_fit(schedule: Schedule, seed: int = 7) -> History:
    data = [Examples(torch.tensor([x]), torch.tensor([y])) for x, y in [(X, Y), (X_TEST, Y_TEST)]]
    start = torch.tensor([[W, B]], dtype=torch.float64)
    goal, generators = Objective.for_task("regression", "mse"), [torch.Generator().manual_seed(seed)]
    _, log = fit(Network((1, 1), "none"), goal, SGD(LR), Exact, (data[0], data[1]), start, generators, schedule)
    return log


def test_the_log_holds_train_loss_before_the_step_and_test_loss_after_it() -> None:
    log = by_fit(Schedule(4))
    train_losses, test_losses = by_hand(4, lambda: [[0, 1, 2, 3, 4]])
    assert train_losses[0] == mean_square(W, B, X, Y)
    assert log.values["train_loss"].flatten().tolist() == pytest.approx(train_losses, rel=1e-6)
    assert log.values["test_loss"].flatten().tolist() == pytest.approx(test_losses, rel=1e-6)
    assert log.columns == ["train_loss", "test_loss"]


def test_with_mini_batches_the_train_loss_is_that_of_each_batch_before_its_step() -> None:
    """Batches of 2, 2 and 1 rows in the generator's order; each row counts the same."""
    generator = torch.Generator().manual_seed(7)

    def batches() -> list[list[int]]:
        order = torch.randperm(5, generator=generator).tolist()
        return [order[:2], order[2:4], order[4:]]

    log = by_fit(Schedule(4, batch_size=2))
    train_losses, test_losses = by_hand(4, batches)
    assert log.values["train_loss"].flatten().tolist() == pytest.approx(train_losses, rel=1e-6)
    assert log.values["test_loss"].flatten().tolist() == pytest.approx(test_losses, rel=1e-6)


@pytest.mark.parametrize(
    ("epochs", "log_every", "logged"),
    [(1, 1, [0]), (3, 1, [0, 1, 2]), (7, 3, [0, 3, 6]), (8, 3, [0, 3, 6, 7]), (5, 10, [0, 4])],
)
def test_every_nth_epoch_is_logged_and_the_last(epochs: int, log_every: int, logged: list[int]) -> None:
    log, full = by_fit(Schedule(epochs, log_every=log_every)), by_fit(Schedule(epochs))
    assert log.epochs == logged
    for name, values in log.values.items():
        assert same_bits(values, full.values[name][logged])


@pytest.mark.parametrize("batch_size", [None, 2])
def test_burn_in_epochs_are_trained_but_not_logged(batch_size: int | None) -> None:
    log, full = by_fit(Schedule(4, 3, batch_size)), by_fit(Schedule(7, 0, batch_size))
    assert log.epochs == [0, 1, 2, 3]
    for name, values in log.values.items():
        assert same_bits(values, full.values[name][3:])


def test_progress_is_told_of_every_epoch() -> None:
    told: list[None] = []
    network, (train_part, test_part) = Network((2, 1), "none"), circles()
    start = torch.zeros(1, network.parameter_count, dtype=torch.float64)
    schedule = Schedule(4, 3)
    fit(network, BINARY, SGD(0.1), Exact, (train_part, test_part), start, [], schedule, lambda: told.append(None))
    assert len(told) == 7


def test_the_log_is_one_value_per_entry_and_replicate() -> None:
    _, log = train(Network((2, 4, 1), "relu"), BINARY, SGD(0.1), circles(), [42, 43, 44], Schedule(5, log_every=2))
    assert log.columns == ["train_loss", "test_loss", "train_accuracy", "test_accuracy"]
    for values in log.values.values():
        assert (values.shape, values.dtype, values.device.type) == ((3, 3), torch.float64, "cpu")


@pytest.mark.parametrize("batch_size", [None, 32])
def test_kept_weights_are_those_that_a_training_of_so_many_epochs_gives(batch_size: int | None) -> None:
    def weights(epochs: int, keep: int) -> tuple[Tensor, Tensor]:
        generators = [torch.Generator().manual_seed(seed) for seed in (42, 43, 44)]
        start = torch.stack([network.initialise(generator) for generator in generators])
        schedule = Schedule(epochs, burn_in_epochs=1, batch_size=batch_size, log_every=3)
        found, log = fit(
            network, BINARY, Adam(0.01), Exact, circles(), start, generators, schedule, snapshot_count=keep
        )
        return torch.stack([start[:keep].float(), found[:keep].float()]), log.weights

    network = Network((2, 4, 1), "relu")
    kept = weights(8, 2)[1]
    assert (kept.shape, kept.dtype) == ((5, 2, network.parameter_count), torch.float32)  # before, then 0, 3, 6, 7
    for frame, epoch in enumerate((0, 3, 6, 7), start=1):
        assert torch.equal(weights(epoch + 1, 2)[0], kept[[0, frame]])
    assert weights(8, 0)[1].shape == (5, 0, network.parameter_count)
    assert torch.equal(weights(8, 9)[1][:, :2], kept)


@pytest.mark.parametrize(("task", "outputs", "data"), [("binary", 1, circles(500)), ("multiclass", 4, blobs(500))])
def test_the_logged_test_accuracy_is_that_of_torchmetrics(task: str, outputs: int, data: Data) -> None:
    network = Network((2, 8, outputs), "tanh")
    parameters, log = train(network, Objective.for_task(task, None), Adam(0.02), data, [42, 43, 44], Schedule(5))
    arithmetic = Exact(8)
    x = arithmetic.operand(data[1].x.double(), SAMPLE)
    logits, _ = network.forward(arithmetic, parameters, x, SAMPLE)
    for k in range(3):
        metric = torchmetrics.Accuracy(task=task, num_classes=outputs)
        if task == "binary":
            expected = metric(logits[k, 0].sigmoid(), data[1].y[0].int())
        else:
            expected = metric(logits[k].T.softmax(1), data[1].y.argmax(0))
        found = log.values["test_accuracy"][-1, k].item()
        assert found == pytest.approx(expected.item(), abs=1e-6)
        assert 0 < found < 1


# --- the weights of plain PyTorch ----------------------------------------------------------------------------------


def plain_loop(data: Data, seed: int, epochs: int) -> Tensor:
    """The weights (P,) that anyone's own float64 loop ends with."""
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(2, 10), nn.ReLU(), nn.Linear(10, 10), nn.ReLU(), nn.Linear(10, 1)).double()
    loss, optimizer = nn.BCEWithLogitsLoss(), torch.optim.SGD(model.parameters(), lr=0.1)
    x, y = data[0].x.T.double(), data[0].y.T.double()
    for _ in range(epochs):
        optimizer.zero_grad()
        loss(model(x), y).backward()
        optimizer.step()
    return nn.utils.parameters_to_vector(model.parameters()).detach()


@pytest.mark.parametrize(("seed", "bound"), [(42, 2.0**-21), (44, 2.0**-21), (51, 2e-5)])
def test_weights_agree_with_a_plain_float64_loop(seed: int, bound: float) -> None:
    """After 200 epochs, to the 21 bits that products of 800 terms keep.

    The weights start 4e-8 apart (nn.Linear rounds its own to float32), and the products' relative errors of 2^-21 hit
    steps that together move a weight by less than 1. With seed 51, a few rows cross a ReLU's kink an epoch earlier in
    one loop than in the other: each shifts the weights by a fraction of lr / rows = 1e-4.
    """
    data, network = circles(1000), Network((2, 10, 10, 1), "relu")
    assert product_bits(len(data[0])) == 21
    parameters, _ = train(network, BINARY, SGD(0.1), data, [seed], Schedule(200, log_every=200))
    assert (parameters[0] - plain_loop(data, seed, 200)).abs().max() < bound


def test_fast_training_is_that_of_exact_in_float32() -> None:
    network, data, schedule = Network((2, 10, 10, 1), "tanh"), circles(), Schedule(20)
    exact, exact_log = train(network, BINARY, Adam(0.01), data, [42, 43], schedule)
    fast, fast_log = train(network, BINARY, Adam(0.01), data, [42, 43], schedule, Fast)
    assert fast.dtype == torch.float32
    torch.testing.assert_close(fast, exact.float(), rtol=0, atol=1e-4)
    torch.testing.assert_close(fast_log.values["train_loss"], exact_log.values["train_loss"], rtol=1e-4, atol=0)


# --- goals and examples --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("task", "default"), [("binary", "bce_with_logits"), ("multiclass", "cross_entropy"), ("regression", "l1")]
)
def test_a_task_has_a_default_loss(task: str, default: str) -> None:
    assert Objective.for_task(task, None) == Objective.for_task(task, default) == Objective(task, LOSSES[default])


def test_examples_know_their_number_and_leave_the_originals_alone() -> None:
    examples = Examples.from_arrays(np.zeros((2, 5), dtype=np.float32), np.ones((1, 5), dtype=np.float32))
    moved = examples.to(torch.device("cpu"), torch.float64)
    assert len(examples) == len(moved) == 5
    assert (examples.x.dtype, moved.x.dtype, moved.y.dtype) == (torch.float32, torch.float64, torch.float64)


# --- nothing but exact operations ----------------------------------------------------------------------------------

ROUNDED_AS_IEEE_SAYS = {"add", "add_", "sub", "sub_", "rsub", "mul", "mul_", "div"}
WITHOUT_ROUNDING = {"abs", "amax", "argmax", "clamp", "copysign", "eq", "gt", "lt", "neg", "round", "sign", "where"}
WITHOUT_ROUNDING |= {"all", "bitwise_not", "clamp_", "ge", "threshold_backward"}
ON_INTEGERS = {"__lshift__", "__rshift__", "bitwise_and", "bitwise_or"}
EXACT_ON_OPERANDS = {"bmm", "mm", "sum"}  # sums of numbers on a grid: tests/unit/numerics/test_arithmetic.py
MOVING_DATA = {
    "_local_scalar_dense",
    "_to_copy",
    "_unsafe_view",
    "cat",
    "clone",
    "detach",
    "detach_",
    "expand",
    "fill_",
    "full_like",
    "index",
    "lift_fresh",
    "new_zeros",
    "ones_like",
    "scalar_tensor",
    "slice",
} | {"select", "split", "squeeze", "stack", "transpose", "unbind", "unsqueeze", "view", "zeros_like"}
DRAWN_ON_THE_CPU = {"rand", "randperm"}
ALLOWED = ROUNDED_AS_IEEE_SAYS | WITHOUT_ROUNDING | ON_INTEGERS | EXACT_ON_OPERANDS | MOVING_DATA | DRAWN_ON_THE_CPU


class Recorder(TorchDispatchMode):
    """Notes every operation that PyTorch really runs, and what is wrong with it."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.problems: set[str] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name, kwargs = func.overloadpacket.__name__, kwargs or {}
        with self:  # in inference mode, compound operations such as matmul arrive here whole
            parts = func.decompose(*args, **kwargs)
        if parts is not NotImplemented:
            return parts
        self.names.add(name)
        if name not in ALLOWED:
            self.problems.add(f"{func}: not known to be the same everywhere")
        if name == "div" and not (isinstance(args[1], Tensor) and args[1].dim()):
            self.problems.add(f"{func}: divides by a number, which a GPU replaces by its rounded reciprocal")
        alpha = kwargs.get("alpha", args[2] if name in {"add", "add_", "sub", "sub_", "rsub"} and len(args) > 2 else 1)
        if alpha != 1:
            self.problems.add(f"{func}: alpha={alpha}, a product and a sum that may be rounded once or twice")
        return func(*args, **kwargs)


def recorded(run: Callable[[], Any]) -> Recorder:
    with Recorder() as recorder:
        run()
    return recorder


@pytest.mark.parametrize("batch_size", [None, 32])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_exact_training_runs_only_operations_that_are_the_same_everywhere(
    activation: str, batch_size: int | None
) -> None:
    network, data = Network((2, 5, 5, 1), activation), circles()
    schedule = Schedule(2, 1, batch_size)
    recorder = recorded(lambda: train(network, BINARY, Adam(0.01), data, [42, 43], schedule))
    assert {"mul", "amax", "div"} <= recorder.names
    assert not recorder.problems


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("optimizer", OPTIONS)
def test_so_do_all_losses_and_optimizers(loss: str, optimizer: str) -> None:
    data = {"bce_with_logits": circles(), "cross_entropy": blobs()}.get(loss, line())
    task = {"bce_with_logits": "binary", "cross_entropy": "multiclass"}.get(loss, "regression")
    network = Network((data[0].x.shape[0], 5, data[0].y.shape[0]), "relu")
    make = OPTIMIZERS[optimizer]
    options = {**OPTIONS[optimizer], "weight_decay": 0.1}
    recorder = recorded(
        lambda: train(network, Objective.for_task(task, loss), make(**options), data, [42], Schedule(2))
    )
    assert not recorder.problems


@pytest.mark.parametrize(
    ("data", "task", "weights"), [(circles(), "binary", [0.5, 3.0]), (blobs(), "multiclass", [0.1, 1.0, 2.0, 3.0])]
)
def test_so_do_weights_of_classes_and_early_stopping(data: Data, task: str, weights: list[float]) -> None:
    goal = Objective(task, weighted(Objective.for_task(task, None).loss, weights))
    network, generator = Network((2, 5, len(data[0].y)), "relu"), torch.Generator().manual_seed(42)
    start = network.initialise(generator)[None]
    arguments = (network, goal, Adam(0.01), Exact, data, start, [generator], Schedule(6, patience=2))
    assert not recorded(lambda: fit(*arguments, validation=data[1])).problems


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_so_does_prediction(task: str) -> None:
    model, inputs = model_for(task=task), torch.ones(2, 5)
    assert not recorded(lambda: predict(model, inputs)).problems


def test_so_do_products_longer_than_a_block() -> None:
    network, data = Network((2, 4, 1), "relu"), circles(int(BLOCK * 1.5))
    assert not recorded(lambda: train(network, BINARY, SGD(0.1), data, [42], Schedule(1))).problems


@pytest.mark.parametrize(
    ("run", "problem"),
    [
        (lambda t: t / 3.0, "divides by a number"),
        (lambda t: t / torch.tensor(3.0), "divides by a number"),
        (lambda t: torch.add(t, t, alpha=2), "alpha=2"),
        (lambda t: torch.sub(t, t, alpha=0.5), "alpha=0.5"),
        (lambda t: torch.addcmul(t, t, t), "addcmul"),
        (lambda t: t.lerp(t, 0.5), "lerp"),
        (lambda t: t.exp(), "exp"),
        (lambda t: t.sqrt(), "sqrt"),
        (lambda t: t**0.5, "pow"),
        (lambda t: 1 / t, "reciprocal"),
        (lambda t: t.mean(), "mean"),
        (lambda t: torch.baddbmm(t, t, t), "baddbmm"),
    ],
)
def test_the_recorder_sees_what_differs_between_machines(run: Callable[[Tensor], Tensor], problem: str) -> None:
    problems = recorded(lambda: run(torch.ones(2, 2, 2))).problems
    assert any(problem in found for found in problems)


def test_a_test_row_is_told_apart_from_those_beside_it() -> None:
    """As at prediction: a row so large that with grids in common the others would be rounded to nothing, and right."""
    (train_on, few), network = circles(), Network((2, 3, 1), "relu")
    few = Examples(few.x[:, :5], few.y[:, :5])

    def totals(test: Examples) -> tuple[float, float]:
        _, log = train(network, BINARY, SGD(0.1), (train_on, test), [42], Schedule(1))
        return (log.values["test_loss"] * len(test)).item(), (log.values["test_accuracy"] * len(test)).item()

    huge = torch.full((2, 1), 2.0**40)
    beside = [Examples(torch.cat([few.x, huge], 1), torch.cat([few.y, torch.full((1, 1), y)], 1)) for y in (0.0, 1.0)]
    loss, right = min(map(totals, beside))
    assert (loss, right - 1) == pytest.approx(totals(few), rel=1e-15)


def test_rates_are_of_the_step_and_of_the_kind_of_what_they_are_for() -> None:
    """On a device, too; more than are copied there at once."""
    optimizer, like = Adam(0.01), torch.empty(0, dtype=torch.float64)
    found = list(itertools.islice(_step_coefficients(optimizer, 5, like), COEFFICIENTS_AT_ONCE + 3))
    expected = list(itertools.islice(optimizer.step_coefficients(), 5, COEFFICIENTS_AT_ONCE + 8))
    assert torch.equal(torch.stack(found), torch.tensor(expected, dtype=torch.float64))
    assert next(_step_coefficients(optimizer, 0, like.to("meta"))).device.type == "meta"


def test_a_long_test_part_goes_through_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    network, data = Network((2, 3, 4), "relu"), blobs()
    _, whole = train(network, Objective.for_task("multiclass", None), SGD(0.1), data, [42, 43], Schedule(3))
    monkeypatch.setattr(training, "ROWS_AT_ONCE", 7)  # of 20 rows
    _, pieces = train(network, Objective.for_task("multiclass", None), SGD(0.1), data, [42, 43], Schedule(3))
    assert torch.equal(whole.values["test_accuracy"], pieces.values["test_accuracy"])
    torch.testing.assert_close(pieces.values["test_loss"], whole.values["test_loss"], rtol=1e-12, atol=0)


def test_examples_move_as_a_whole() -> None:
    moved = circles()[0].to(torch.device("meta"), torch.float64)
    assert [(part.device.type, part.dtype) for part in (moved.x, moved.y)] == [("meta", torch.float64)] * 2
