"""Snapshots come back bit for bit, and nothing else is taken for one."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from boundary.errors import FileError
from boundary.models import snapshots
from boundary.models.model import METADATA_KEY, load_model, save_model, sequential
from boundary.models.snapshots import Snapshots
from boundary.nn.mlp import Network
from tests.support.trained import model_for


def snapshots_for(replicates: int = 3, task: str = "binary") -> Snapshots:
    """Of an untrained model; three frames."""
    model = model_for(task=task, replicates=replicates)
    parameters = torch.stack([model.parameters, model.parameters + 1, model.parameters * 2])
    return Snapshots(model.network, model.schema, (0, 20), parameters, model.seed)


@pytest.mark.parametrize("replicates", [0, 1, 3])
@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_they_come_back_bit_for_bit(tmp_path: Path, task: str, replicates: int) -> None:
    saved = snapshots_for(task=task)
    saved = replace(saved, parameters=saved.parameters[:, :replicates])
    snapshots.save_snapshots(tmp_path / "a", saved)
    found = snapshots.load_snapshots(tmp_path / "a")
    assert found.parameters.dtype == torch.float32
    assert torch.equal(found.parameters, saved.parameters)
    assert replace(found, parameters=None) == replace(saved, parameters=None)
    snapshots.save_snapshots(tmp_path / "b", saved)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_the_tensors_are_layer_by_layer_frames_first(tmp_path: Path) -> None:
    saved = snapshots_for()
    snapshots.save_snapshots(tmp_path / "file", saved)
    tensors = load_file(tmp_path / "file")
    assert {name: tuple(tensor.shape) for name, tensor in tensors.items()} == {
        "0.weight": (3, 3, 5, 2),
        "0.bias": (3, 3, 5),
        "1.weight": (3, 3, 4, 5),
        "1.bias": (3, 3, 4),
        "2.weight": (3, 3, 1, 4),
        "2.bias": (3, 3, 1),
    }
    assert torch.equal(tensors["0.weight"][2, 1].flatten(), saved.parameters[2, 1, :10])
    assert torch.equal(tensors["0.bias"][2, 1], saved.parameters[2, 1, 10:15])


def test_a_frame_is_a_model() -> None:
    saved = snapshots_for()
    rows = torch.rand(5, 2, generator=torch.Generator().manual_seed(1))
    weight, bias = saved.parameters[1, 2, :10].view(5, 2), saved.parameters[1, 2, 10:15]
    first = sequential(saved.at(1), replicate=2)[0](rows)
    torch.testing.assert_close(first, rows @ weight.T + bias)


def test_what_diverged_on_the_way_is_noted_and_comes_back(tmp_path: Path) -> None:
    saved = snapshots_for()
    saved.parameters[2, 1, 3] = torch.nan
    snapshots.save_snapshots(tmp_path / "file", saved)
    found = snapshots.load_snapshots(tmp_path / "file")
    assert torch.equal(found.parameters.view(torch.int32), saved.parameters.view(torch.int32))
    with safe_open(tmp_path / "file", framework="pt") as file:
        assert json.loads(file.metadata()[METADATA_KEY])["diverged"] == [1]


def test_only_snapshots_are_taken_for_some(tmp_path: Path) -> None:
    save_model(tmp_path / "model", model_for())
    with pytest.raises(FileError, match=r"model: not a model of this project .*`epochs`"):
        snapshots.load_snapshots(tmp_path / "model")
    snapshots.save_snapshots(tmp_path / "snapshots", snapshots_for())
    with pytest.raises(FileError, match="snapshots: found float tensors"):
        load_model(tmp_path / "snapshots")
    with pytest.raises(FileNotFoundError):
        snapshots.load_snapshots(tmp_path / "none")


@pytest.mark.parametrize("epochs", [(20, 0), (0, 0), (-1, 0)])
def test_epochs_rise_from_zero(tmp_path: Path, epochs: tuple[int, int]) -> None:
    snapshots.save_snapshots(tmp_path / "file", replace(snapshots_for(), epochs=epochs))
    with pytest.raises(FileError, match=r"file: found epochs .*, expected numbers from 0 in rising order"):
        snapshots.load_snapshots(tmp_path / "file")


def test_a_changed_weight_is_found(tmp_path: Path) -> None:
    path = tmp_path / "file"
    snapshots.save_snapshots(path, snapshots_for())
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
    tensors = load_file(path)
    tensors["1.bias"][0, 0, 0] += 1
    save_file(tensors, path, metadata=metadata)
    with pytest.raises(FileError, match="damaged"):
        snapshots.load_snapshots(path)


@pytest.mark.parametrize(
    ("sizes", "frames", "replicates", "expected"),
    [
        ((2, 10, 10, 1), 52, 16, 4),
        ((2, 10, 10, 1), 52, 3, 3),
        ((2, 256, 256, 1), 40, 16, 1),  # 66,817 numbers each
        ((2, 1000, 1000, 1), 40, 16, 0),
    ],
)
def test_large_networks_are_kept_less_often(
    sizes: tuple[int, ...], frames: int, replicates: int, expected: int
) -> None:
    assert snapshots.snapshot_count(Network(sizes, "relu"), frames, replicates) == expected
