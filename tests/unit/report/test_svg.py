"""The report's vector drawings: where things are drawn, worked by hand."""

import base64
import io
import math
import re
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.image import imread

from boundary.artifacts.predictions import Plane
from boundary.report import svg
from boundary.report.svg import Axis

finite = st.floats(-1e9, 1e9)


def test_an_axis_lays_values_along_a_length() -> None:
    axis = Axis.over([2.0, math.nan, 4.0, math.inf], 10, 110)
    assert [axis(value) for value in (2, 3, 4)] == [10, 60, 110]
    assert (Axis.over([3.0, 3.0], 0, 1).low, Axis.over([], 0, 1).high) == (2.5, 1.0)
    assert Axis.over([0.0, 10.0], 0, 1, margin=0.1).low == -1


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (0.05, 0.95, [0.2, 0.4, 0.6, 0.8]),
        (-1.1, 1.2, [-1, -0.5, 0, 0.5, 1]),
        (0.4, 0.8, [0.4, 0.5, 0.6, 0.7, 0.8]),
        (-1050, 930, [-1000, -500, 0, 500]),
        (0.69, 0.71, [0.69, 0.695, 0.7, 0.705, 0.71]),
    ],
)
def test_ticks_are_round_numbers(low: float, high: float, expected: list[float]) -> None:
    assert Axis(low, high, 0, 1).ticks() == pytest.approx(expected)


@given(finite, st.floats(1e-3, 1e9))
def test_ticks_lie_within_the_range_a_handful_evenly(low: float, span: float) -> None:
    axis = Axis(low, low + span, 0, 100)
    ticks = axis.ticks()
    assert 1 <= len(ticks) <= 6
    slack = span * 1e-3 + abs(low) * 1e-9
    assert all(axis.low - slack <= tick <= axis.high + slack for tick in ticks)
    steps = [b - a for a, b in pairwise(ticks)]
    assert not steps or max(steps) - min(steps) <= slack


def test_points_stand_where_they_belong_in_their_class() -> None:
    across, up = Axis(0, 1, 0, 100), Axis(0, 1, 100, 0)
    text = svg.scatter(np.array([[0.0, 0.5, 1.0], [0.0, 0.25, 1.0]]), np.array([1, 0, 1]), across, up)
    first, second = re.findall(r'<path class="dots (c\d)" d="([^"]*)"/>', text)
    assert first[0] == "c0"
    assert first[1].startswith("M50 75m")
    assert second == ("c1", f"M0 100{svg.GLYPHS[1]}M100 0{svg.GLYPHS[1]}")


def test_many_classes_have_marks_of_their_own() -> None:
    assert len({svg.mark(k) for k in range(24)}) == 24


def test_a_curve_is_broken_where_it_is_not_finite() -> None:
    axis = Axis(0, 4, 0, 4)
    text = svg.curve([0, 1, 2, 3, 4], [1, math.nan, 2, math.inf, 3], axis, axis, "test")
    assert text == '<path class="line test" d="M0 1M2 2M4 3"/>'
    text = svg.band([0, 1, 2], [0, math.nan, 1], [1, 2, 3], axis, axis, "test")
    assert text == '<path class="band test" d="M0 1L2 3L2 1L0 0Z"/>'
    assert svg.band([0], [math.nan], [1], axis, axis, "test") == ""


def test_an_interval_is_drawn_in_percent() -> None:
    text = svg.interval([0.5], 0.6, 0.4, 0.8, Axis(0, 1, 0, 100))
    assert re.findall(r'c?x\d?="([^"]*)"', text) == ["50%", "40%", "80%", "60%"]
    assert "<line" not in svg.interval([0.5], 0.6, math.nan, math.nan, Axis(0, 1, 0, 100))


@given(st.lists(finite, min_size=1, max_size=20))
def test_quartiles_are_numpys(values: list[float]) -> None:
    assert svg.quartiles(values) == pytest.approx(tuple(np.percentile(values, [25, 75])), rel=1e-9, abs=1e-6)


def test_a_plane_is_coloured_by_its_votes_and_outlined_where_the_first_is_undecided() -> None:
    steps = np.linspace(0, 1, 5, dtype=np.float32)
    right = np.repeat(steps[None], 5, axis=0)
    probability = np.stack([1 - right, right], axis=-1)
    votes = np.where(right[..., None] < 0.5, [1.0, 0.0], [0.25, 0.75])
    text = svg.decision_plane(Plane(steps, steps, votes, probability), Axis(0, 1, 0, 100), Axis(0, 1, 100, 0))
    (encoded,) = re.findall(r"base64,([^\"]*)", text)
    image = imread(io.BytesIO(base64.b64decode(encoded)))
    assert image.shape == (5, 5, 4)
    assert image[0, 0] == pytest.approx([0, 0x72 / 255, 0xB2 / 255, 0.54], abs=0.01)  # all agree
    assert image[0, 4] == pytest.approx([0xE6 / 255, 0x9F / 255, 0, 0.29], abs=0.01)  # half in doubt
    (line,) = re.findall(r'boundary" d="([^"]*)"', text)
    assert {part.split()[0] for part in re.split("[ML]", line)[1:]} == {"50"}


def test_text_is_escaped() -> None:
    frame = svg.frame(Axis(0, 1, 0, 1), Axis(0, 1, 1, 0), ("<b>", '"&'))
    assert "&lt;b&gt;" in frame
    assert "<b>" not in svg.drawing("<b>", frame)
