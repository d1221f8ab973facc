"""Long training survives a kill: its state, written now and then to a file that only the same training takes up again.

What comes out is bit for bit what an undisturbed training gives, wherever it was cut.
"""

import hashlib
import json
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import torch
from torch import Tensor

from boundary.files import FileError, write
from boundary.training import State

DIGEST = 32  # bytes of the SHA-256 that a file starts with
SECONDS = 10.0  # between two checkpoints: what a kill may cost


def key_of(settings: Any, data: Path) -> str:
    """A hash of all that a training depends on: settings, the files of its data, this code and PyTorch's version."""
    code = [Path(module.__file__ or "") for name, module in sorted(sys.modules.items()) if name.startswith("boundary.")]
    digest = hashlib.sha256(f"{torch.__version__} {msgspec.json.encode(settings)!r}".encode())
    for path in [*code, *sorted(data.iterdir())]:
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


class Checkpoint:
    """The file of one training, told from others by `key`. `resumed` is the epoch from which `load` lets it go on.

    A training does not need it: where it cannot be written, `warn` is told so, once.
    """

    def __init__(self, path: Path, key: str, warn: Callable[[str], object] = lambda line: None):
        self.path, self.key, self.warn = path, key, warn
        self.failed = False
        self.last = time.monotonic()
        self.resumed: int | None = None

    def load(self) -> State | None:
        """The state to go on from; None where there is no file, or a damaged one, or one of another training."""
        from safetensors.torch import load

        try:
            content = self.path.read_bytes()
        except OSError:
            return None
        digest, content = content[:DIGEST], content[DIGEST:]
        if hashlib.sha256(content).digest() != digest:
            return None
        tensors = load(content)
        metadata = json.loads(bytes(tensors["metadata"].tolist()))
        if metadata["key"] != self.key:
            return None

        def group(prefix: str) -> dict[str, Tensor]:
            return {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}

        values = group("log.")
        log = {e: {name: value[k] for name, value in values.items()} for k, e in enumerate(metadata["logged"])}
        generators = [state.clone() for state in tensors["generators"]]
        self.resumed = metadata["epoch"]
        return State(metadata["epoch"], tensors["parameters"], tensors["memory"], generators, log, group("best."))

    def due(self) -> bool:
        """Whether it is time to save again."""
        return time.monotonic() - self.last >= SECONDS

    def save(self, state: State) -> None:
        """Write the state in place of the one before."""
        from safetensors.torch import save

        tensors = {"parameters": state.parameters, "memory": state.memory, "generators": torch.stack(state.generators)}
        tensors |= {f"best.{name}": tensor for name, tensor in state.best.items()}
        for name in next(iter(state.log.values()), {}):
            tensors[f"log.{name}"] = torch.stack([entry[name] for entry in state.log.values()])
        metadata = json.dumps({"key": self.key, "epoch": state.epoch, "logged": list(state.log)})
        tensors["metadata"] = torch.tensor(list(metadata.encode()), dtype=torch.uint8)
        content = save({name: tensor.cpu().contiguous() for name, tensor in tensors.items()})
        try:
            write(self.path, lambda file: file.write(hashlib.sha256(content).digest() + content))
        except FileError as error:
            if not self.failed:
                self.warn(f"{error}: if this training is interrupted, it will start again")
            self.failed = True
        self.last = time.monotonic()

    def remove(self) -> None:
        """Once the training's results are written. One that cannot be removed is of no use to any other training."""
        with suppress(OSError):
            self.path.unlink()
