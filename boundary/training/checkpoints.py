"""Long training survives a kill: its state, written now and then to a file that only the same training takes up again.

What comes out is bit for bit what an undisturbed training gives, wherever it was cut.
"""

import hashlib
import json
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import torch
from torch import Tensor

from boundary.artifacts.files import open_atomically
from boundary.errors import FileError
from boundary.numerics import matmul
from boundary.training.job import TrainingJob
from boundary.training.loop import State

DIGEST = 32  # bytes of the SHA-256 that a file starts with
SECONDS = 10.0  # between two checkpoints: what a kill may cost


def key_of(settings: Any, data: Path) -> str:
    """A hash of all that a training depends on: settings, the files of its data, this code and PyTorch's version."""
    code = [Path(module.__file__ or "") for name, module in sorted(sys.modules.items()) if name.startswith("boundary.")]
    digest = hashlib.sha256(f"{torch.__version__} {msgspec.json.encode(settings)!r}".encode())
    for path in [*code, matmul.SOURCE, *sorted(data.iterdir())]:
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


class Checkpoints:
    """The files of one training, told from others by `key`: one for each of its parts, in a folder of their own.

    A training does not need them: where one cannot be written, `warn` is told so, once.
    """

    def __init__(self, folder: Path, key: str, warn: Callable[[str], object]):
        self.folder, self.key, self.warn = folder, key, warn
        self.began = time.monotonic()
        self.parts: list[Checkpoint] = []
        self.failed = False

    def for_part(self, part: TrainingJob) -> "Checkpoint":
        """That of a part, told from others by the replicates that it trains."""
        replicates = part.initial_parameters.numpy().tobytes() + part.rng_states.numpy().tobytes()
        key = hashlib.sha256(self.key.encode() + replicates).hexdigest()
        self.parts.append(Checkpoint(self.folder / f"{key[:16]}.safetensors", key, self._failed, self.began))
        return self.parts[-1]

    @property
    def resumed(self) -> str | None:
        """In words, where the parts of an interrupted training were taken up, if any were."""
        if not (epochs := [part.resumed for part in self.parts if part.resumed is not None]):
            return None
        where = f"epoch {min(epochs)} of an interrupted training"
        return where if len(self.parts) == 1 else f"{where}, in {len(epochs)} of {len(self.parts)} parts"

    def remove(self) -> None:
        """Once the training's results are written. What cannot be removed is of no use to any other training."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _failed(self, line: str) -> None:
        if not self.failed:
            self.failed = True
            self.warn(line)


class Checkpoint:
    """The file of one part, told from others by `key`. `resumed` is the epoch from which `load` lets it go on.

    `warn` is told where it cannot be written. `began`: when the whole training did, by time.monotonic.
    """

    def __init__(self, path: Path, key: str, warn: Callable[[str], object], began: float):
        self.path, self.key, self.warn, self.began = path, key, warn, began
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
        return State(
            metadata["epoch"], tensors["parameters"], tensors["optimizer_state"], generators, log, group("best.")
        )

    def should_save(self, ended: bool) -> bool:
        """Whether it is time to save again; at the end, whether there is something that a kill should not cost."""
        return time.monotonic() - (self.began if ended else self.last) >= SECONDS

    def save(self, state: State) -> None:
        """Write the state in place of the one before."""
        from safetensors.torch import save

        tensors = {
            "parameters": state.parameters,
            "optimizer_state": state.optimizer_state,
            "generators": torch.stack(state.generators),
        }
        tensors |= {f"best.{name}": tensor for name, tensor in state.best.items()}
        for name in next(iter(state.log.values()), {}):
            tensors[f"log.{name}"] = torch.stack([entry[name] for entry in state.log.values()])
        metadata = json.dumps({"key": self.key, "epoch": state.epoch, "logged": list(state.log)})
        tensors["metadata"] = torch.tensor(list(metadata.encode()), dtype=torch.uint8)
        content = save({name: tensor.cpu().contiguous() for name, tensor in tensors.items()})
        try:
            with open_atomically(self.path) as file:
                file.write(hashlib.sha256(content).digest() + content)
        except FileError as error:
            self.warn(f"{error}: if this training is interrupted, it will start again")
        self.last = time.monotonic()
