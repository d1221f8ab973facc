"""Trained networks as files: weights in safetensors, all else that their use needs beside them as JSON."""

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

import msgspec
import torch
from torch import Tensor, nn

from boundary.artifacts.files import write_bytes
from boundary.artifacts.schema import Schema
from boundary.errors import FileError
from boundary.nn.activations import ACTIVATIONS
from boundary.nn.mlp import Network

METADATA_KEY = "model"  # one key only: safetensors writes several in any order
PUBLISHED = torch.float32
M = TypeVar("M", bound="Metadata")


@dataclass(frozen=True)
class Model:
    """All replicates of a trained variant: parameters (R, P) in float32; replicate r was trained with seed + r."""

    network: Network
    schema: Schema
    parameters: Tensor
    seed: int

    @property
    def diverged(self) -> frozenset[int]:
        """The replicates with weights that are not finite: of all that is published, the one sign of divergence.

        All else follows from it: what such a replicate predicts is nan, and so no score counts it.
        """
        return nonfinite_replicates(self.parameters)


@dataclass(frozen=True)
class Metadata:
    """What stands beside the tensors, as JSON. `diverged` replicates have weights that are not finite."""

    network: Network
    schema: dict[str, Any]
    seed: int
    replicates: int
    diverged: tuple[int, ...]
    dtype: Literal["float32"] = "float32"
    sha256: str = ""  # of all of the above and the tensors: a flipped bit may give another valid name

    @property
    def leading(self) -> tuple[int, ...]:
        """The axes that come before a layer's own."""
        return (self.replicates,)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of every tensor, by name."""
        shapes: dict[str, tuple[int, ...]] = {}
        for k, (o, i) in enumerate(self.network.shapes):
            shapes |= {f"{k}.weight": (*self.leading, o, i), f"{k}.bias": (*self.leading, o)}
        return shapes

    def text(self) -> str:
        """As JSON."""
        return json.dumps(asdict(self), sort_keys=True)

    def with_digest(self, tensors: Mapping[str, Tensor]) -> Self:
        """With the digest that goes with the tensors."""
        digest = hashlib.sha256(replace(self, sha256="").text().encode())
        for name in self.shapes:
            digest.update(tensors[name].numpy().tobytes())
        return replace(self, sha256=digest.hexdigest())


def save_model(path: Path, model: Model) -> None:
    """Write tensors "<layer>.weight" (R, out, in) and "<layer>.bias" (R, out), and the rest as JSON in the metadata."""
    replicates, diverged = len(model.parameters), tuple(sorted(model.diverged))
    metadata = Metadata(model.network, model.schema.plain(), model.seed, replicates, diverged)
    write_tensors(path, metadata, model.parameters)


def write_tensors(path: Path, metadata: Metadata, parameters: Tensor) -> None:
    """Write parameters (*metadata.leading, P) as one weight and one bias per layer, with a digest."""
    from safetensors.torch import save as to_bytes

    tensors: dict[str, Tensor] = {}
    flat = parameters.to("cpu", PUBLISHED).reshape(-1, metadata.network.parameter_count)
    for k, layer in enumerate(metadata.network.layers(flat)):
        for name, tensor in zip((f"{k}.weight", f"{k}.bias"), layer, strict=True):
            tensors[name] = tensor.reshape(metadata.shapes[name]).contiguous()
    write_bytes(path, to_bytes(tensors, metadata={METADATA_KEY: metadata.with_digest(tensors).text()}))


def load_model(path: Path) -> Model:
    """Read a model. Raises FileError where the file is not one, or its tensors are not what its metadata says.

    Nothing in it is ever run: safetensors holds numbers, and the metadata is JSON, read by type.
    """
    metadata, schema, parameters = read_tensors(path, Metadata)
    return Model(metadata.network, schema, parameters, metadata.seed)


def read_tensors(path: Path, kind: type[M]) -> tuple[M, Schema, Tensor]:
    """Read what `write_tensors` wrote: metadata of that kind, their schema, and the parameters. Raises FileError."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            metadata = msgspec.json.decode((file.metadata() or {}).get(METADATA_KEY, ""), type=kind)
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
        schema, network = Schema.from_plain(metadata.schema), metadata.network
        if (network.sizes[:1], network.sizes[-1:]) != ((len(schema.features),), (schema.outputs,)):
            raise ValueError(f"layers of sizes {network.sizes} for {len(schema.features)} features of the schema")
        if network.activation not in ACTIVATIONS or len(network.sizes) < 2 or min(network.sizes) < 1:
            raise ValueError(f"layers of sizes {network.sizes} with activation {network.activation!r}")
    except FileNotFoundError:
        raise
    except (SafetensorError, OSError, ValueError) as error:
        raise FileError(f"{path}: not a model of this project ({type(error).__name__}: {error})") from None
    found = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    if found != metadata.shapes or any(tensor.dtype != PUBLISHED for tensor in tensors.values()):
        raise FileError(f"{path}: found float tensors {found}, expected {metadata.shapes} in float32")
    if metadata.with_digest(tensors) != metadata:
        raise FileError(f"{path}: damaged, its digest is not that of its content")
    axes = len(metadata.leading)
    parameters = torch.cat([tensors[name].flatten(axes) for name in metadata.shapes], dim=axes)
    diverged = nonfinite_replicates(parameters)
    if diverged != frozenset(metadata.diverged):
        said = f"expected those of replicates {list(metadata.diverged)} alone"
        raise FileError(f"{path}: weights that are not finite in replicates {sorted(diverged)}, {said}")
    return metadata, schema, parameters


def nonfinite_replicates(parameters: Tensor) -> frozenset[int]:
    """The replicates (last axis but one) with a weight that is not finite."""
    finite = parameters.isfinite().all(-1)
    while finite.dim() > 1:
        finite = finite.all(0)
    return frozenset(torch.nonzero(~finite).flatten().tolist())


def mark_diverged(model: Model, diverged: Collection[int]) -> Model:
    """The same where each replicate that `diverged`, or has a weight that is not finite, has nan for all weights."""
    parameters = model.parameters.clone()
    parameters[sorted({*diverged, *model.diverged})] = torch.nan
    return replace(model, parameters=parameters)


def without_diverged(model: Model) -> Model:
    """The same without the replicates that diverged. Raises ValueError where that leaves none."""
    kept = [r for r in range(len(model.parameters)) if r not in model.diverged]
    if not kept:
        raise ValueError("every replicate diverged")
    return replace(model, parameters=model.parameters[kept])


def sequential(model: Model, replicate: int = 0) -> nn.Sequential:
    """One replicate as a plain torch.nn.Sequential, float32: rows (rows, features) in, logits (rows, outputs) out.

    Raises IndexError where there is no such replicate.
    """
    if not 0 <= replicate < len(model.parameters):
        raise IndexError(f"replicate: found {replicate}, expected 0 to {len(model.parameters) - 1}")
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
