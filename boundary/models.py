"""Trained networks as files: weights in safetensors, all else that their use needs beside them as JSON."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from boundary.activations import ACTIVATIONS
from boundary.files import FileError, write
from boundary.networks import Network
from boundary.schema import Schema

METADATA_KEY = "model"  # one key only: safetensors writes several in any order
PUBLISHED = torch.float32


@dataclass(frozen=True)
class Model:
    """All replicates of a trained variant: parameters (R, P) in float32; replicate r was trained with seed + r."""

    network: Network
    schema: Schema
    parameters: Tensor
    seed: int


def save(path: Path, model: Model) -> None:
    """Write tensors "<layer>.weight" (R, out, in) and "<layer>.bias" (R, out), and the rest as JSON in the metadata."""
    from safetensors.torch import save as to_bytes

    tensors: dict[str, Tensor] = {}
    for k, (weight, bias) in enumerate(model.network.layers(model.parameters.to("cpu", PUBLISHED))):
        tensors |= {f"{k}.weight": weight.contiguous(), f"{k}.bias": bias.squeeze(-1).contiguous()}
    metadata = {
        "network": asdict(model.network),
        "schema": asdict(model.schema),
        "seed": model.seed,
        "replicates": len(model.parameters),
        "dtype": "float32",
    }
    content = to_bytes(tensors, metadata={METADATA_KEY: json.dumps(metadata, sort_keys=True)})
    write(path, lambda file: file.write(content))


def load(path: Path) -> Model:
    """Read a model. Raises FileError where the file is not one, or its tensors are not what its metadata says."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            metadata = json.loads((file.metadata() or {})[METADATA_KEY])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
        network = Network(tuple(metadata["network"]["sizes"]), metadata["network"]["activation"])
        schema, replicates, seed = Schema.of(metadata["schema"]), metadata["replicates"], metadata["seed"]
        expected: dict[str, tuple[int, ...]] = {}
        for k, (o, i) in enumerate(network.shapes):
            expected |= {f"{k}.weight": (replicates, o, i), f"{k}.bias": (replicates, o)}
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise FileError(f"{path}: not a model of this project ({type(error).__name__}: {error})") from None
    found = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    if found != expected or any(tensor.dtype != PUBLISHED for tensor in tensors.values()):
        raise FileError(f"{path}: found float tensors {found}, expected {expected} in float32")
    flat = [tensors[f"{k}.{part}"].flatten(1) for k in range(len(network.shapes)) for part in ("weight", "bias")]
    return Model(network, schema, torch.cat(flat, dim=1), seed)


def sequential(model: Model, replicate: int = 0) -> nn.Sequential:
    """One replicate as a plain torch.nn.Sequential, float32: rows (rows, features) in, logits (rows, outputs) out."""
    modules: list[nn.Module] = []
    layers = model.network.layers(model.parameters[replicate : replicate + 1])
    for weight, bias in layers:
        if modules and model.network.activation != "none":
            modules.append(ACTIVATIONS[model.network.activation].module())
        linear = nn.Linear(weight.shape[2], weight.shape[1])
        with torch.no_grad():
            linear.weight.copy_(weight[0])
            linear.bias.copy_(bias[0, :, 0])
        modules.append(linear)
    return nn.Sequential(*modules)
