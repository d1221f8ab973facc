"""What of a training the page can carry."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from boundary.models.snapshots import Snapshots
from boundary.nn.mlp import Network
from boundary.report import playback
from tests.support.report_cases import SCHEMAS, divided


def snapshots(frames: int, replicates: int, hidden: int = 5) -> Snapshots:
    network = Network((2, hidden, 3), "relu")
    parameters = torch.zeros(frames, replicates, network.parameter_count)
    return Snapshots(network, SCHEMAS["three"], tuple(range(0, 10 * (frames - 1), 10)), parameters, 0)


@given(st.integers(2, 60), st.integers(1, 4), st.integers(0, 60_000))
def test_a_thinned_film_fits_and_starts_and_ends_as_the_training(frames: int, replicates: int, budget: int) -> None:
    whole = snapshots(frames, replicates)
    chosen, count = playback.thin_frames(whole, budget)
    if not chosen:
        assert budget < 16 / 3 * min(frames, playback.SHORTEST) * whole.network.parameter_count + 1
        return
    assert chosen == sorted(set(chosen))
    assert (chosen[:2], chosen[-1]) == ([0, 1], frames - 1)
    assert 1 <= count <= replicates
    assert 16 / 3 * len(chosen) * count * whole.network.parameter_count <= budget
    if count < replicates:  # only where frames would be too few
        assert len(chosen) < frames or 16 / 3 * frames * (count + 1) * whole.network.parameter_count > budget
    if 16 / 3 * frames * replicates * whole.network.parameter_count <= budget:
        assert (len(chosen), count) == (frames, replicates)


def test_a_budget_is_divided_by_need() -> None:
    films = {"small": snapshots(3, 1), "large": snapshots(50, 4, 40), "middle": snapshots(20, 2)}
    needs = {name: math.ceil(film.parameters.numel() * 16 / 3) for name, film in films.items()}
    assert playback.divide_budget(films, 10_000_000) == needs
    given_out = playback.divide_budget(films, 20_000)
    assert given_out == {
        "small": needs["small"],
        "middle": needs["middle"],
        "large": 20_000 - needs["small"] - needs["middle"],
    }


def test_where_there_is_too_little_the_largest_gives_way() -> None:
    films = {"huge": snapshots(50, 4, 1000), "small": snapshots(3, 1)}
    given_out = playback.divide_budget(films, 10_000)
    assert given_out["huge"] == 0
    assert given_out["small"] > 0
    assert playback.divide_budget(films, 10) == {"huge": 0, "small": 0}
    assert playback.playback(films["huge"], {}, 0) is None


def test_a_film_names_the_epoch_of_each_frame_and_what_was_logged_there() -> None:
    whole = snapshots(30, 2)
    history = {"test_loss": [[float(epoch) for epoch in whole.epochs], [math.nan] * 29]}
    film = playback.playback(whole, history, 9000)
    assert film is not None
    assert film["frames"][:2] == [-1, 0]
    assert film["frames"][-1] == 280
    assert film["history"]["test_loss"][0] == film["frames"][1:]
    assert set(film["history"]["test_loss"][1:][0] if film["replicates"] > 1 else [None]) == {None}


@pytest.mark.parametrize("rows", [30, 5000])
def test_a_scene_shows_rows_of_every_part(rows: int) -> None:
    data = divided("three", SCHEMAS["three"], rows)
    scene = playback.dataset_rows(data.schema, data.parts)
    for part, columns in data.parts.items():
        shown = scene["parts"][part]
        assert 0 < len(shown["y"]) <= playback.DRAWN
        step = -(-len(columns["y"]) // playback.DRAWN)
        assert np.allclose(shown["x"][1], columns["b"][::step], rtol=1e-5)
        assert shown["y"] == columns["y"][::step].tolist()
    assert scene["classes"] == ["0", "1", "2"]
