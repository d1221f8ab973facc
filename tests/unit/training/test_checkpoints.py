"""A training that was cut off anywhere and taken up again ends with the same bits as one that was not."""

import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from boundary.nn.mlp import Network
from boundary.nn.optimizers import OPTIMIZERS, Adam
from boundary.numerics.arithmetic import Exact
from boundary.training import checkpoints
from boundary.training.checkpoints import Checkpoint, Checkpoints, key_of
from boundary.training.job import TrainingData, TrainingJob
from boundary.training.loop import Schedule, State, fit
from boundary.training.placement import ExecutionPlan
from tests.support.repository import ENVIRONMENT, ROOT, run
from tests.support.trainings import BINARY, OPTIONS, Interrupted, Saver, circles

NETWORK = Network((2, 4, 1), "relu")


def train(optimizer: str, batch_size: int | None, saver: Checkpoint | None) -> tuple[torch.Tensor, ...]:
    """Weights, all logged values with their epochs, and the weights kept of the first replicate."""
    generators = [torch.Generator().manual_seed(seed) for seed in (42, 43)]
    start = torch.stack([NETWORK.initialise(generator) for generator in generators])
    made = OPTIMIZERS[optimizer](**OPTIONS[optimizer])
    schedule = Schedule(7, burn_in_epochs=2, batch_size=batch_size, log_every=3)
    parameters, log = fit(
        NETWORK, BINARY, made, Exact, circles(), start, generators, schedule, saver=saver, snapshot_count=1
    )
    epochs = torch.tensor(log.epochs)[:, None].expand(-1, 2).double()
    return parameters, torch.stack([*(log.values[name] for name in log.columns), epochs]), log.weights.double()


def same_bits(a: tuple[torch.Tensor, ...], b: tuple[torch.Tensor, ...]) -> bool:
    return all(torch.equal(x.view(torch.int64), y.view(torch.int64)) for x, y in zip(a, b, strict=True))


@pytest.mark.parametrize("batch_size", [None, 32])
@pytest.mark.parametrize("optimizer", OPTIONS)
def test_wherever_it_was_cut_off_it_ends_the_same(tmp_path: Path, optimizer: str, batch_size: int | None) -> None:
    whole = train(optimizer, batch_size, None)
    assert same_bits(train(optimizer, batch_size, Saver(tmp_path / "kept")), whole)
    for stop in range(-1, 8):
        path = tmp_path / str(stop)
        with pytest.raises(Interrupted):
            train(optimizer, batch_size, Saver(path, stop))
        saver = Saver(path)
        assert same_bits(train(optimizer, batch_size, saver), whole)
        assert saver.resumed == stop


def checkpoint(path: Path, key: str = "key") -> Checkpoint:
    return Checkpoint(path, key, pytest.fail, 0.0)


def test_only_the_same_training_takes_a_state_up(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint"
    assert checkpoint(path).load() is None
    state = State(3, torch.ones(2, 5), torch.ones(2, 1, 5), [torch.Generator().get_state()], {})
    checkpoint(path).save(state)
    assert checkpoint(path, "other").load() is None
    found = checkpoint(path).load()
    assert found is not None
    assert (found.epoch, found.optimizer_state.shape, found.log) == (3, (2, 1, 5), {})
    assert torch.equal(found.parameters, state.parameters)


@settings(deadline=None)
@given(st.integers(0, 1000), st.integers(1, 255))
def test_a_damaged_file_is_no_state(position: int, change: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "checkpoint")
        checkpoint(path).save(State(3, torch.ones(2, 5), torch.ones(2, 1, 5), [torch.zeros(8, dtype=torch.uint8)], {}))
        content = bytearray(path.read_bytes())
        path.write_bytes(content[: position % len(content)])
        assert checkpoint(path).load() is None
        content[position % len(content)] ^= change
        path.write_bytes(content)
        assert checkpoint(path).load() is None


def work(schedule: Schedule) -> TrainingJob:
    """Five replicates."""
    generators = [torch.Generator().manual_seed(seed) for seed in range(5)]
    start = torch.stack([NETWORK.initialise(generator) for generator in generators])
    drawn = torch.stack([generator.get_state() for generator in generators])
    return TrainingJob(NETWORK, BINARY, Adam(0.05), "exact", "cpu", schedule, start, drawn, 3)


@pytest.mark.parametrize("schedule", [Schedule(30, batch_size=32, log_every=3), Schedule(200, patience=20)], ids=str)
def test_parts_that_were_cut_off_end_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, schedule: Schedule
) -> None:
    """One had ended, one had begun, one had not; with early stopping they end at epochs of their own."""
    monkeypatch.setattr(checkpoints, "SECONDS", 0.0)
    data = TrainingData(*circles(), circles()[1])
    whole, log = work(schedule).run(data)
    advanced: list[None] = []
    work(schedule).parts(3)[0].run(data, lambda: advanced.append(None))
    epochs = len(advanced)

    def interrupt() -> None:
        advanced.append(None)
        if len(advanced) == 2 * epochs + 5:
            raise Interrupted

    saved = Checkpoints(tmp_path / "parts", "key", pytest.fail)
    with pytest.raises(Interrupted):
        work(schedule).run(data, interrupt, saved.for_part, ExecutionPlan(3))
    assert saved.resumed is None
    saved = Checkpoints(tmp_path / "parts", "key", pytest.fail)
    found, found_log = work(schedule).run(data, saver_of=saved.for_part, plan=ExecutionPlan(3))
    assert saved.resumed == "epoch 5 of an interrupted training, in 2 of 3 parts"
    assert same_bits((found, found_log.weights.double()), (whole, log.weights.double()))
    assert found_log.epochs == log.epochs
    assert all(torch.equal(found_log.values[name], log.values[name]) for name in log.columns)
    other = Checkpoints(tmp_path / "parts", "other", pytest.fail)
    work(schedule).run(data, saver_of=other.for_part, plan=ExecutionPlan(3))
    assert other.resumed is None
    saved.remove()
    assert not (tmp_path / "parts").exists()


def test_what_cannot_be_written_is_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "SECONDS", 0.0)
    told: list[str] = []
    (tmp_path / "parts").write_text("")
    saved = Checkpoints(tmp_path / "parts", "key", told.append)
    found, found_log = work(Schedule(3)).run(TrainingData(*circles()), saver_of=saved.for_part, plan=ExecutionPlan(3))
    whole, log = work(Schedule(3)).run(TrainingData(*circles()))
    assert same_bits((found, found_log.weights.double()), (whole, log.weights.double()))
    saved.remove()
    assert (tmp_path / "parts").read_text() == ""
    start_again = "if this training is interrupted, it will start again"
    assert told == [f"{saved.parts[0].path}: cannot be written (File exists): {start_again}"]


def test_the_key_is_of_settings_and_data(tmp_path: Path) -> None:
    (tmp_path / "train").write_text("1")
    key = key_of((1, "exact"), tmp_path)
    assert key == key_of((1, "exact"), tmp_path)
    assert key != key_of((2, "exact"), tmp_path)
    (tmp_path / "train").write_text("2")
    assert key != key_of((1, "exact"), tmp_path)


PARAMS = """
seed: 1
replicates: 2
precision: exact
device: cpu
generators: {spirals: {kind: spirals, points_per_class: 50, classes: 3, noise: 0.2, seed: 1}}
datasets: {spirals: {table: data/raw/spirals.parquet, target: label, split: {kind: ordered, test_size: 0.2}}}
variants:
  spirals:
    {dataset: spirals, hidden_units: [8], activation: relu, optimizer: adam, lr: 0.01, epochs: 1500, log_every: 100,
     batch_size: 50}
contrasts: {}
"""
OFTEN = """
import runpy, sys
from boundary.training import checkpoints
checkpoints.SECONDS = 0.2
runpy.run_module("stages.train", run_name="__main__")
"""


def test_a_killed_stage_goes_on_where_it_was(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text(PARAMS)
    table, data = tmp_path / "spirals.parquet", tmp_path / "split"
    settings = ["--params", tmp_path / "params.yaml"]
    run(ROOT, *map(str, [sys.executable, "-m", "stages.generate", "spirals", *settings, "--table", table]))
    to = ["--parts", data, "--card", tmp_path / "card.md"]
    run(ROOT, *map(str, [sys.executable, "-m", "stages.split", "spirals", *settings, "--table", table, *to]))

    def arguments(name: str) -> list[str]:
        folder = tmp_path / name
        outputs = ["--model", folder / "model", "--history", folder / "history", "--predictions", folder / "said"]
        outputs += ["--snapshots", folder / "snapshots"]
        return list(map(str, ["spirals", *settings, "--data", data, *outputs]))

    run(ROOT, sys.executable, "-m", "stages.train", *arguments("whole"))
    environment = {**ENVIRONMENT, "DVC_ROOT": str(tmp_path), "DVC_STAGE": "train@spirals"}
    folder = tmp_path / ".dvc/tmp/checkpoints/spirals"
    stage = subprocess.Popen([sys.executable, "-c", OFTEN, *arguments("cut")], cwd=ROOT, env=environment)
    while not list(folder.glob("*.safetensors")):
        assert stage.poll() is None
        time.sleep(0.01)
    stage.send_signal(signal.SIGKILL)
    stage.wait()
    assert not (tmp_path / "cut").exists()
    again = [sys.executable, "-m", "stages.train", *arguments("cut")]
    done = subprocess.run(again, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert "spirals: went on from epoch" in done.stdout
    assert not folder.exists()
    for path in ("model", "history", "snapshots", "said/train.parquet", "said/test.parquet", "said/plane.parquet"):
        assert (tmp_path / "cut" / path).read_bytes() == (tmp_path / "whole" / path).read_bytes(), path
