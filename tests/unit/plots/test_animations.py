"""An animation shows the states that it should, what they say is what was worked out by hand, and a GIF keeps it."""

import io
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image, ImageSequence

from boundary.artifacts.schema import Schema
from boundary.models.snapshots import Snapshots
from boundary.nn.mlp import Network
from boundary.plots import animations, figures
from boundary.plots.geometry import Points

SCHEMA = Schema(("a", "b"), "y", "binary", ("no", "yes"))
PARTS = {
    "train": {"a": np.array([-2, 2], np.float32), "b": np.array([-1, 1], np.float32), "y": np.array(["no", "yes"])},
    "test": {
        "a": np.array([-1.5, -0.5, 0.5, 1.5], np.float32),
        "b": np.zeros(4, np.float32),
        "y": np.array(["no", "no", "yes", "yes"]),
    },
}


def straight(*states: tuple[float, float, float], epochs: tuple[int, ...]) -> Snapshots:
    """One network (v, w, bias) without hidden layers: yes where v a + w b + bias > 0."""
    return Snapshots(Network((2, 1), "none"), SCHEMA, epochs, torch.tensor(states)[:, None], 0)


# --- which states --------------------------------------------------------------------------------------------------


def test_each_epoch_of_either_side_is_a_frame() -> None:
    """At epoch 20 the right side is still as it was after epoch 0; at 40, as after 30."""
    epochs = [(-1, 0, 20, 40), (-1, 0, 30)]
    answers = [np.zeros((4, 1)), np.zeros((3, 1))]
    assert animations.timetable(epochs, answers) == [(0, 0), (1, 1), (2, 1), (2, 2), (3, 2)]


@pytest.mark.parametrize(("epochs", "frames"), [(28, 29), (29, 30), (30, 30), (500, 30)])
def test_there_are_at_most_thirty_frames(epochs: int, frames: int) -> None:
    shown = animations.timetable([(-1, *range(epochs))], [np.zeros((epochs + 1, 3))])
    assert len(shown) == frames
    assert (shown[0], shown[-1]) == ((0,), (epochs,))
    assert sorted(set(shown)) == shown


def test_where_nothing_changes_frames_are_spread_evenly() -> None:
    shown = animations.timetable([(-1, *range(100))], [np.zeros((101, 3))], most=5)
    assert shown == [(0,), (25,), (50,), (75,), (100,)]


def test_where_answers_change_there_are_more_frames() -> None:
    """All answers change in each of the first four of a hundred steps, which take half of the time."""
    answers = np.minimum(np.arange(101), 4)[:, None] * np.ones((1, 3))
    shown = animations.timetable([(-1, *range(100))], [answers], most=9)
    assert shown == [(0,), (1,), (2,), (3,), (4,), (25,), (50,), (75,), (100,)]


# --- what they say -------------------------------------------------------------------------------------------------


def test_courses_are_of_the_first_replicate_on_the_test_rows() -> None:
    """Boundaries at a = 0, a = 1 and a = 0 the wrong way round: 4, 3 and 0 of the four rows are right."""
    left = straight((1, 0, 0), (1, 0, -1), (-1, 0, 0), epochs=(0, 5))
    other = torch.rand(left.parameters.shape, generator=torch.Generator().manual_seed(0))
    left = replace(left, parameters=torch.cat([left.parameters, other], dim=1))
    right = straight((0, 1, 1), (0, 1, 0.25), epochs=(0,))
    first, second = animations.courses([("left", left), ("right", right)], PARTS)
    assert (first.title, first.epochs, first.accuracies, first.states) == ("left", (-1, 0, 5), [1, 0.75, 0], [0, 1, 2])
    assert (second.title, second.epochs, second.accuracies) == ("right", (-1, 0), [0.5, 0.5])
    assert second.states == [0, 1, 1]
    for plane, expected in zip(first.planes, (lambda a: a > 0, lambda a: a > 1, lambda a: a < 0), strict=True):
        off = np.abs(plane.first) > 1e-6  # the middle column is on the boundary itself
        said = plane.probability[:, off, 1] > 0.5
        np.testing.assert_array_equal(said, np.tile(expected(plane.first[off]), (len(said), 1)))
    assert second.planes[1] is second.planes[2]


def test_the_grid_is_around_all_rows() -> None:
    """Those of training too: a from -2 to 2, b from -1 to 1, and a twentieth more on either side."""
    (course,) = animations.courses([("net", straight((1, 0, 0), epochs=()))], PARTS)
    (plane,) = course.planes
    np.testing.assert_allclose(plane.first[[0, -1]], [-2.2, 2.2], rtol=1e-6)
    np.testing.assert_allclose(plane.second[[0, -1]], [-1.1, 1.1], rtol=1e-6)


def test_what_has_diverged_has_no_accuracy() -> None:
    """It is drawn all the same."""
    net = straight((1, 0, 0), (torch.nan, 0, 0), epochs=(0,))
    (course,) = animations.courses([("net", net)], PARTS)
    np.testing.assert_array_equal(course.accuracies, [1, np.nan])
    assert np.isnan(course.planes[1].probability).all()
    points = Points.from_columns(PARTS["test"], SCHEMA)
    assert len(list(figures.moving_boundaries([course], points, SCHEMA.classes))) == 2


def test_a_network_too_large_for_snapshots_has_no_numbers() -> None:
    net = straight((1, 0, 0), (1, 0, 0), epochs=(0,))
    (course,) = animations.courses([("net", replace(net, parameters=net.parameters[:, :0]))], PARTS)
    np.testing.assert_array_equal(course.accuracies, [np.nan, np.nan])


# --- the file ------------------------------------------------------------------------------------------------------


def frames_of(content: bytes) -> list[tuple[int, np.ndarray]]:
    """How long each frame of a GIF stays, in milliseconds, and its pixels."""
    with Image.open(io.BytesIO(content)) as film:
        assert (film.format, film.info["loop"]) == ("GIF", 0)
        return [(each.info["duration"], np.asarray(each.convert("RGB"))) for each in ImageSequence.Iterator(film)]


def painted(colours: int, seed: int) -> np.ndarray:
    """Pixels of so many colours."""
    chance = np.random.RandomState(seed)
    palette = np.random.RandomState(0).permutation(1 << 24)[:colours]
    return np.stack([palette >> 16, palette >> 8 & 255, palette & 255], axis=-1)[chance.randint(colours, size=(20, 30))]


@pytest.mark.parametrize(
    ("count", "durations"), [(1, [2500]), (2, [800, 2500]), (3, [800, 160, 2500]), (4, [800, 160, 160, 2500])]
)
def test_frames_come_back_as_they_are(count: int, durations: list[int]) -> None:
    frames = [painted(255, seed).astype(np.uint8) for seed in range(count)]
    found = frames_of(animations.gif(frames))
    assert [duration for duration, _ in found] == durations
    for (_, shown), given in zip(found, frames, strict=True):
        np.testing.assert_array_equal(shown, given)


def test_common_colours_stay_and_rare_ones_take_the_nearest() -> None:
    """Black and white, and 300 greens that stand there once: 253 of these stay, the others move to a neighbour."""
    frame = np.full((40, 40, 3), 255, dtype=np.uint8)
    frame[:20] = 0
    greens = np.array([(10 * (k // 250), 2 + k % 250, 0) for k in range(300)])
    frame[0, :], frame[39, :] = 0, 255
    frame[1:9].reshape(-1, 3)[:300] = greens
    ((_, shown),) = frames_of(animations.gif([frame]))
    rest = np.ones((40, 40), dtype=bool)
    rest[1:9].reshape(-1)[:300] = False
    np.testing.assert_array_equal(shown[rest], frame[rest])
    far = np.abs(shown[~rest].astype(int) - frame[~rest]).sum(-1)
    assert (far == 0).sum() == 253
    assert far.max() <= 11
    assert len(np.unique(shown.reshape(-1, 3), axis=0)) == 255
