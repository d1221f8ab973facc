"""A training as an animation: which of its states are shown, what replicate 0 says in them, and a GIF of fixed bytes.

GIF, because every page shows it, and because its compression is Pillow's own code, the same on every machine.
"""

import io
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from boundary.artifacts.predictions import Plane
from boundary.artifacts.schema import arrays, class_indices
from boundary.models.model import Model
from boundary.models.predict import predict, predict_plane
from boundary.models.snapshots import Snapshots
from boundary.nn.heads import labels
from boundary.plots.figures import Course

FRAMES = 30  # at most
BEFORE = -1  # the epoch of the state before training
FIRST, EACH, LAST = 800, 160, 2500  # milliseconds that a frame stays
COLOURS = 255  # and the one that Pillow writes where a pixel stays as it was: a fifth of the bytes less


def courses(sides: Sequence[tuple[str, Snapshots]], parts: Mapping[str, Mapping[str, np.ndarray]]) -> list[Course]:
    """What became of each side's replicate 0, with titles, on the rows of a split, scored on those for testing."""
    schema = sides[0][1].schema
    inputs = {part: torch.from_numpy(arrays(columns, schema)[0]) for part, columns in parts.items()}
    everywhere = torch.cat([*inputs.values()], dim=1)
    true = class_indices(parts["test"][schema.target], schema)
    models = [states(replay) for _, replay in sides]
    epochs = [(BEFORE, *replay.epochs) for _, replay in sides]
    predicted = [predicted_labels(model, inputs["test"]) for model in models]
    shown = timetable(epochs, predicted)
    result = []
    for k, (title, _) in enumerate(sides):
        right = np.where((predicted[k] < 0).any(1), np.nan, (predicted[k] == true).mean(1)).tolist()
        places = [frame[k] for frame in shown]
        planes = {place: plane(models[k], place, everywhere) for place in sorted({*places})}
        result.append(Course(title, epochs[k], right, places, [planes[place] for place in places]))
    return result


def states(snapshots: Snapshots) -> Model:
    """Replicate 0 before training and after each logged epoch, as if these were the replicates of one model.

    Of a network so large that no replicate was kept: weights that are no numbers, as if it had diverged.
    """
    parameters = snapshots.parameters
    if not parameters.shape[1]:
        parameters = torch.full((len(parameters), 1, parameters.shape[2]), torch.nan)
    return Model(snapshots.network, snapshots.schema, parameters[:, 0], snapshots.seed)


def predicted_labels(model: Model, inputs: Tensor) -> np.ndarray:
    """The class that each state chooses for each of inputs (features, rows): (states, rows), -1 where it diverged."""
    predicted = predict(model, inputs)
    return torch.where(predicted.isfinite().all(1), labels(predicted), -1).numpy()


def plane(model: Model, state: int, inputs: Tensor) -> Plane:
    """What one of the states says of a grid around inputs (2, rows)."""
    alone = replace(model, parameters=model.parameters[state : state + 1])
    return Plane.from_columns(predict_plane(alone, inputs), len(model.schema.classes))


def timetable(
    epochs: Sequence[Sequence[int]], predicted: Sequence[np.ndarray], most: int = FRAMES
) -> list[tuple[int, ...]]:
    """For each frame, the state of each side, whose epochs and predicted classes (states, rows) are given.

    A frame is a moment, and shows of each side the state that it had reached. There is one for each epoch of any side;
    where these are too many, for some, the first and the last among them: half of the frames are spread evenly over
    the moments, half over the predictions that change, so that no change is too fast to be seen.
    """
    moments = sorted({epoch for own in epochs for epoch in own})
    reached = np.array([[bisect_right(own, moment) - 1 for moment in moments] for own in epochs])
    chosen = [*range(len(moments))]
    if len(moments) > most:
        shown = np.concatenate([own[places] for own, places in zip(predicted, reached, strict=True)], axis=1)
        changed = np.count_nonzero(shown[1:] != shown[:-1], axis=1)
        pace = np.cumsum([0, *(changed / max(1, changed.sum()) + 1 / len(changed))])
        chosen = sorted({int(np.abs(pace - at).argmin()) for at in np.linspace(0, pace[-1], most)})
    return [tuple(reached[:, moment].tolist()) for moment in chosen]


def gif(frames: Iterable[np.ndarray]) -> bytes:
    """Frames of pixels (height, width, 3) as a GIF that starts again at its end.

    All frames share their colours: the most common ones, which stay as they are; each other pixel takes the nearest.
    """
    pixels = np.stack([_numbers(frame) for frame in frames])
    found, counts = np.unique(pixels, return_counts=True)
    kept = found[np.argsort(-counts, kind="stable")[:COLOURS]]
    nearest = np.zeros(1 << 24, dtype=np.uint8)
    nearest[found] = np.square(_channels(found)[:, None] - _channels(kept)).sum(-1).argmin(-1)
    images = [Image.fromarray(nearest[each]) for each in pixels]
    for image in images:
        image.putpalette(_channels(kept).astype(np.uint8).tobytes())
    durations = [FIRST, *[EACH] * (len(images) - 2), LAST][-len(images) :]
    file = io.BytesIO()
    images[0].save(file, "GIF", save_all=True, append_images=images[1:], duration=durations, loop=0)
    return file.getvalue()


def _numbers(pixels: np.ndarray) -> np.ndarray:
    """Colours as numbers 0xrrggbb, of red, green and blue along the last axis."""
    red, green, blue = np.moveaxis(pixels.astype(np.int32), -1, 0)
    return red << 16 | green << 8 | blue


def _channels(numbers: np.ndarray) -> np.ndarray:
    """The opposite."""
    return np.stack([numbers >> 16, numbers >> 8 & 255, numbers & 255], axis=-1)
