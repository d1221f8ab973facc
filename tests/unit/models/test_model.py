"""Models come back from their files bit for bit, and are plain PyTorch modules with the same weights."""

import json
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from boundary.errors import FileError
from boundary.models.model import METADATA_KEY, Metadata, Model, load_model, save_model, sequential
from boundary.nn.activations import ACTIVATIONS
from boundary.numerics.arithmetic import SAMPLE, Exact, Fast
from tests.support.trained import model_for


def inputs(rows: int = 50) -> Tensor:
    return torch.randn(rows, 2, generator=torch.Generator().manual_seed(1)) * 3


# --- files ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("replicates", [1, 3])
@pytest.mark.parametrize(
    ("hidden", "activation", "task"),
    [
        ((), "none", "regression"),
        ((), "none", "multiclass"),
        ((6,), "none", "binary"),
        ((5, 4), "relu", "binary"),
        ((5, 4), "tanh", "multiclass"),
    ],
)
def test_a_model_comes_back_bit_for_bit(
    tmp_path: Path, hidden: tuple[int, ...], activation: str, task: str, replicates: int
) -> None:
    path = tmp_path / "model.safetensors"
    model = model_for(hidden, activation, task, replicates)
    save_model(path, model)
    found = load_model(path)
    assert found.parameters.dtype == torch.float32
    assert torch.equal(found.parameters.view(torch.int32), model.parameters.view(torch.int32))
    assert replace(found, parameters=None) == replace(model, parameters=None)
    assert [type(label) for label in found.schema.classes] == [type(label) for label in model.schema.classes]


def test_a_model_that_has_diverged_comes_back_too(tmp_path: Path) -> None:
    model = model_for()
    model.parameters[1, 3:6] = torch.tensor([torch.nan, torch.inf, -0.0])
    save_model(tmp_path / "model", model)
    found = load_model(tmp_path / "model").parameters
    assert torch.equal(found.view(torch.int32), model.parameters.view(torch.int32))


def test_the_tensors_are_layer_by_layer(tmp_path: Path) -> None:
    """As nn.Linear holds them, replicates first: safetensors' own reader is all that others need."""
    path = tmp_path / "model.safetensors"
    model = model_for((3,), replicates=2)
    model = replace(model, parameters=torch.arange(26.0).view(2, 13))
    save_model(path, model)
    tensors = load_file(path)
    assert {name: tuple(tensor.shape) for name, tensor in tensors.items()} == {
        "0.weight": (2, 3, 2),
        "0.bias": (2, 3),
        "1.weight": (2, 1, 3),
        "1.bias": (2, 1),
    }
    assert tensors["0.weight"][0].tolist() == [[0, 1], [2, 3], [4, 5]]
    assert tensors["0.bias"][0].tolist() == [6, 7, 8]
    assert tensors["1.weight"][1].tolist() == [[22, 23, 24]]
    assert tensors["1.bias"].tolist() == [[12], [25]]


def test_the_metadata_is_one_key_of_json(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save_model(path, model_for())
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
    assert list(metadata) == [METADATA_KEY]
    found = json.loads(metadata[METADATA_KEY])
    assert len(found.pop("sha256")) == 64
    assert found == {
        "network": {"sizes": [2, 5, 4, 1], "activation": "relu"},
        "schema": {"features": ["x1", "ä, b"], "target": "label", "task": "binary", "classes": ["no", "yes"]},
        "seed": 7,
        "replicates": 3,
        "diverged": [],
        "dtype": "float32",
    }


def test_equal_models_are_equal_bytes(tmp_path: Path) -> None:
    """From float64 parameters too, where these are float32's numbers."""
    model = model_for()
    for name, parameters in [
        ("a", model.parameters),
        ("b", model.parameters.clone()),
        ("c", model.parameters.double()),
    ]:
        save_model(tmp_path / name, replace(model, parameters=parameters))
    contents = {(tmp_path / name).read_bytes() for name in "abc"}
    assert len(contents) == 1
    save_model(tmp_path / "d", replace(model, seed=8))
    assert (tmp_path / "d").read_bytes() not in contents


def refused(path: Path) -> str:
    """The line with which a file is refused."""
    with pytest.raises(FileError) as error:
        load_model(path)
    message = str(error.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message


@pytest.mark.parametrize("damage", ["empty", "garbage", "header only", "truncated", "longer", "other"])
def test_what_is_not_a_model_is_refused(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "model.safetensors"
    save_model(path, model_for())
    whole = path.read_bytes()
    header = 8 + struct.unpack("<Q", whole[:8])[0]
    contents = {
        "empty": b"",
        "garbage": b"PK\x03\x04 a zip, say, as torch.save makes them" * 10,
        "header only": whole[:header],
        "truncated": whole[:-1],
        "longer": whole + b"\0" * 4,
    }
    if damage == "other":
        save_file({"weight": torch.zeros(2, 2)}, path)
    else:
        path.write_bytes(contents[damage])
    assert "not a model of this project" in refused(path)


def rewrite(path: Path, tensors: dict[str, Tensor], **changes: object) -> None:
    """The model's file again with other tensors, or other metadata."""
    with safe_open(path, framework="pt") as file:
        metadata = json.loads(file.metadata()[METADATA_KEY])
    save_file(tensors, path, metadata={METADATA_KEY: json.dumps({**metadata, **changes})})


@pytest.mark.parametrize(
    "change",
    [
        lambda tensors: tensors.pop("1.bias"),
        lambda tensors: tensors.update({"3.weight": torch.zeros(1)}),
        lambda tensors: tensors.update({"0.weight": tensors["0.weight"].transpose(1, 2).contiguous()}),
        lambda tensors: tensors.update({"0.bias": tensors["0.bias"][:2].contiguous()}),
        lambda tensors: tensors.update({name: tensor.double() for name, tensor in tensors.items()}),
        lambda tensors: tensors.update({"0.bias": tensors["0.bias"].half()}),
    ],
    ids=["missing", "one more", "transposed", "fewer replicates", "float64", "float16"],
)
def test_tensors_other_than_the_metadata_says_are_refused(
    tmp_path: Path, change: Callable[[dict[str, Tensor]], object]
) -> None:
    path = tmp_path / "model.safetensors"
    save_model(path, model_for())
    tensors = load_file(path)
    change(tensors)
    rewrite(path, tensors)
    assert "in float32" in refused(path)


@pytest.mark.parametrize(
    "changes",
    [
        {"network": None},
        {"network": {"sizes": 3, "activation": "relu"}},
        {"network": {"sizes": [2, 5, 1], "activation": "relu"}},
        {"schema": {}},
        {"schema": None},
        {"replicates": 4},
        {"network": {"sizes": [2, 5, 4, 1], "activation": "reul"}},
    ],
    ids=lambda changes: str(*changes.values()),
)
def test_metadata_that_does_not_fit_is_refused(tmp_path: Path, changes: dict[str, object]) -> None:
    path = tmp_path / "model.safetensors"
    save_model(path, model_for())
    rewrite(path, load_file(path), **changes)
    refused(path)


def test_weights_that_are_not_finite_must_be_those_of_diverged_replicates(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Metadata, "with_digest", lambda metadata, tensors: metadata)
    path = tmp_path / "model.safetensors"
    model = model_for()
    model.parameters[1, 4] = float("nan")
    save_model(path, model)
    assert load_model(path).parameters.isfinite().all(dim=1).tolist() == [True, False, True]
    tensors = load_file(path)
    rewrite(path, tensors, diverged=[])
    assert "weights that are not finite in replicates [1], expected those of replicates [] alone" in refused(path)
    rewrite(path, {name: tensor.nan_to_num() for name, tensor in tensors.items()}, diverged=[1])
    assert "weights that are not finite in replicates [], expected those of replicates [1] alone" in refused(path)


def test_a_model_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=str(tmp_path / "model")):
        load_model(tmp_path / "model")


# --- plain PyTorch -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_sequential_says_what_the_network_says(activation: str) -> None:
    model = model_for((8, 6), activation, "multiclass")
    x = inputs()
    logits, _ = model.network.forward(Fast(), model.parameters, x.T.contiguous(), SAMPLE)
    for k in range(len(model.parameters)):
        torch.testing.assert_close(sequential(model, k)(x).T, logits[k], rtol=1e-5, atol=1e-6)


def test_the_sequential_by_hand() -> None:
    """max(2 a - b + 1, 0) and max(a + 3, 0), then 4 times the first minus 5 times the second, plus 6."""
    model = model_for((2,), replicates=1)
    model = replace(model, parameters=torch.tensor([[2.0, -1, 1, 0, 1, 3, 4, -5, 6]]))
    x = torch.tensor([[1.0, 1.0], [0.0, 5.0], [-4.0, 0.0]])
    assert sequential(model)(x).tolist() == [[4 * 2 - 5 * 4 + 6], [-5 * 3 + 6], [6]]


@pytest.mark.parametrize("replicate", [-1, 3])
def test_a_replicate_that_there_is_not(replicate: int) -> None:
    with pytest.raises(IndexError, match=f"replicate: found {replicate}, expected 0 to 2"):
        sequential(model_for(), replicate)


def test_the_sequential_has_an_activation_between_layers_only() -> None:
    assert [type(module) for module in sequential(model_for((5, 4), "tanh"))] == [
        nn.Linear,
        nn.Tanh,
        nn.Linear,
        nn.Tanh,
        nn.Linear,
    ]
    assert [type(module) for module in sequential(model_for((5, 4), "none"))] == [nn.Linear] * 3
    assert [type(module) for module in sequential(model_for((), "none"))] == [nn.Linear]


class CircleModel(nn.Module):
    """As the tutorial writes its first model."""

    def __init__(self) -> None:
        super().__init__()
        self.layer_1 = nn.Linear(in_features=2, out_features=5)
        self.layer_2 = nn.Linear(in_features=5, out_features=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer_2(self.layer_1(x))


def exact_logits(model: Model, x: Tensor) -> Tensor:
    """The project's own engine on rows x: (R, outputs, rows) in float64."""
    arithmetic = Exact(max(model.network.sizes))
    columns = arithmetic.operand(x.T.double(), SAMPLE)
    return model.network.forward(arithmetic, model.parameters.double(), columns, SAMPLE)[0]


def test_a_subclass_the_sequential_and_the_engine_say_the_same() -> None:
    """The three ways to write the tutorial's first model, with the same weights."""
    model, x = model_for((5,), "none"), inputs()
    plain, written = sequential(model, 1), CircleModel()
    written.load_state_dict(dict(zip(written.state_dict(), plain.state_dict().values(), strict=True)))
    expected = plain(x)
    assert torch.equal(written(x), expected)
    torch.testing.assert_close(exact_logits(model, x)[1].T.float(), expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_engine_keeps_as_many_digits_as_float32(activation: str) -> None:
    """Against the module in float64, to 1e-6 of the largest logit."""
    model, x = model_for((8, 6), activation, "multiclass"), inputs()
    found = exact_logits(model, x)
    for k in range(len(model.parameters)):
        expected = sequential(model, k).double()(x.double()).T
        assert (found[k] - expected).abs().max() <= 1e-6 * expected.abs().max()


def test_weights_load_into_a_fresh_sequential(tmp_path: Path) -> None:
    """From the published file, without any code of this project."""
    path, model = tmp_path / "model.safetensors", model_for((5, 4))
    save_model(path, model)
    fresh = nn.Sequential(nn.Linear(2, 5), nn.ReLU(), nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 1))
    fresh.load_state_dict(sequential(load_model(path), 2).state_dict())
    assert torch.equal(fresh(inputs()), sequential(model, 2)(inputs()))
    by_hand = nn.Sequential(nn.Linear(2, 5), nn.ReLU(), nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 1))
    tensors = load_file(path)
    by_hand.load_state_dict(
        {f"{2 * k}.{part}": tensors[f"{k}.{part}"][2] for k in range(3) for part in ("weight", "bias")}
    )
    assert torch.equal(by_hand(inputs()), fresh(inputs()))


def test_the_sequential_is_a_copy() -> None:
    """Training it on leaves the model as it was published."""
    model = model_for()
    before = model.parameters.clone()
    plain = sequential(model)
    with torch.no_grad():
        for parameter in plain.parameters():
            parameter.add_(1)
    assert torch.equal(model.parameters, before)
    assert all(parameter.requires_grad for parameter in plain.parameters())
