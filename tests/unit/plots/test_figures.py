"""Pictures show what they are given: all points, in their class's colour, the right way up, with their words."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.text import Text

from boundary.artifacts.predictions import Plane
from boundary.artifacts.schema import Schema
from boundary.errors import TableError
from boundary.plots import figures
from boundary.plots.figures import MARKERS, POINTS_DRAWN
from boundary.plots.geometry import COLOURS, Points
from boundary.plots.png import write_png

STEPS = 5


def points(rows: int = 30, classes: int = 2) -> Points:
    x = np.random.RandomState(0).randn(2, rows).astype(np.float32)
    return Points(x, np.arange(rows) % classes, ("width", "height"))


def plane(votes: np.ndarray, probability: np.ndarray | None = None) -> Plane:
    """Votes (rows, columns, classes), the bottom row first, on a grid from (0, 10) to (1, 20)."""
    first, second = np.linspace(0, 1, votes.shape[1]), np.linspace(10, 20, votes.shape[0])
    return Plane(first, second, votes, votes if probability is None else probability)


def left_and_right(share: float = 1.0) -> Plane:
    """Class 0 on the left, class 1 on the right, each with that share of the votes."""
    votes = np.full((STEPS, STEPS, 2), 1 - share)
    votes[:, :3, 0] = votes[:, 3:, 1] = share
    return plane(votes)


def drawn_points(axes: Axes) -> np.ndarray:
    """All points of scatters (rows, 2)."""
    return np.concatenate([np.asarray(collection.get_offsets()) for collection in axes.collections])


def texts(legend_of: Figure | Axes) -> list[str]:
    """A legend's words."""
    (legend,) = legend_of.legends if isinstance(legend_of, Figure) else [legend_of.get_legend()]
    return [text.get_text() for text in legend.get_texts()]


def ordered(pairs: np.ndarray) -> list[tuple[float, ...]]:
    return sorted(map(tuple, np.asarray(pairs, dtype=np.float64)))


def colour(k: int) -> tuple[float, float, float]:
    return to_rgb(COLOURS[k])


# --- data ----------------------------------------------------------------------------------------------------------


def test_data_by_class_draws_every_point_in_its_class() -> None:
    shown = points(30, classes=3)
    figure = figures.data_by_class("blobs", shown, ("a", "b", "c"))
    (axes,) = figure.axes
    assert (axes.get_title(loc="left"), axes.get_xlabel(), axes.get_ylabel()) == ("blobs", "width", "height")
    assert texts(figure) == ["a", "b", "c"]
    assert len(axes.collections) == 3
    for k, collection in enumerate(axes.collections):
        assert ordered(collection.get_offsets()) == ordered(shown.x[:, shown.classes == k].T)
        assert tuple(collection.get_facecolor()[0][:3]) == colour(k)


@pytest.mark.parametrize(
    ("rows", "shown"), [(POINTS_DRAWN, POINTS_DRAWN), (POINTS_DRAWN + 1, 1001), (5 * POINTS_DRAWN, POINTS_DRAWN)]
)
def test_of_many_points_every_nth_is_drawn(rows: int, shown: int) -> None:
    many = points(rows)
    axes = figures.data_by_class("many", many, ("no", "yes")).axes[0]
    drawn = drawn_points(axes)
    assert len(drawn) == shown
    assert set(ordered(drawn)) <= set(ordered(many.x.T))
    line = figures.data_line("many", {"train": (many.x[0], many.x[1])}, ("x", "y")).axes[0]
    assert len(drawn_points(line)) == shown


def test_classes_are_told_apart_by_colour_and_marker() -> None:
    """Also where there are more than there are colours; more than ten are not listed."""
    assert len(set(COLOURS)) == len(set(MARKERS)) == 8
    figure = figures.data_by_class("many", points(60, classes=12), range(12))
    looks = [
        (tuple(each.get_facecolor()[0]), each.get_paths()[0].vertices.tobytes()) for each in figure.axes[0].collections
    ]
    assert len(set(looks)) == 12
    assert figure.legends == []
    assert texts(figures.data_by_class("ten", points(60, classes=10), range(10))) == [str(k) for k in range(10)]


def test_a_single_feature_can_be_drawn_by_class() -> None:
    """A data set may have one feature only; all its rows are shown."""
    columns = {"width": np.linspace(0, 1, 6), "label": np.array([0, 1, 0, 1, 0, 1])}
    shown = Points.from_columns(columns, Schema(("width",), "label", "binary", (0, 1)))
    drawn = drawn_points(figures.data_by_class("one", shown, (0, 1)).axes[0])
    assert sorted(drawn[:, 0]) == pytest.approx(np.linspace(0, 1, 6))


def test_data_line_draws_each_part() -> None:
    parts = {"train": (np.arange(4.0), np.arange(4.0) * 2), "test": (np.arange(4.0, 6), np.array([9.0, 7.0]))}
    figure = figures.data_line("line", parts, ("x", "y"))
    (axes,) = figure.axes
    assert (axes.get_title(loc="left"), axes.get_xlabel(), axes.get_ylabel()) == ("line", "x", "y")
    assert texts(axes) == ["train data", "test data"]
    for collection, (x, y) in zip(axes.collections, parts.values(), strict=True):
        assert ordered(collection.get_offsets()) == ordered(np.stack([x, y], axis=1))


def test_points_of_a_table() -> None:
    """The first two features, and labels as their index."""
    columns = {
        "a": np.array([1, 2], np.float32),
        "b": np.array([3, 4], np.float32),
        "c": np.array([5, 6], np.float32),
        "answer": np.array(["yes", "no"]),
    }
    schema = Schema(("a", "b", "c"), "answer", "binary", ("no", "yes"))
    found = Points.from_columns(columns, schema)
    assert found.x.tolist() == [[1, 2], [3, 4]]
    assert found.classes.tolist() == [1, 0]
    assert found.features == ("a", "b")
    with pytest.raises(TableError, match="found 'yes'"):
        Points.from_columns(columns, Schema(("a", "b"), "answer", "binary", (0, 1)))


# --- regressions ---------------------------------------------------------------------------------------------------


def test_a_regression_line_shows_replicate_zero_and_the_range_of_all() -> None:
    """Test rows may come in any order; the band runs from left to right."""
    test_x = np.array([3.0, 1.0, 2.0])
    said = np.array([[30.0, 10.0, 20.0], [33.0, 9.0, 20.0], [29.0, 14.0, 21.0]])
    parts = {"train": (np.zeros(2), np.ones(2)), "test": (test_x, test_x * 10)}
    figure = figures.regression_line("fit", parts, test_x, said, ("x", "y"))
    (axes,) = figure.axes
    assert texts(axes) == ["train data", "test data", "range of all replicates", "predictions, replicate 0"]
    assert (axes.get_title(loc="left"), axes.get_xlabel(), axes.get_ylabel()) == ("fit", "x", "y")
    by_label = {collection.get_label(): collection for collection in axes.collections}
    predictions = by_label["predictions, replicate 0"].get_offsets()
    assert ordered(predictions) == [(1.0, 10.0), (2.0, 20.0), (3.0, 30.0)]
    band = by_label["range of all replicates"].get_paths()[0].vertices
    for x, low, high in [(1, 9, 14), (2, 20, 21), (3, 29, 33)]:
        assert set(band[band[:, 0] == x][:, 1]) >= {low, high}
    assert (band[:, 1].min(), band[:, 1].max()) == (9, 33)


def test_predicted_against_true_shows_replicate_zero_the_range_and_the_diagonal() -> None:
    true, said = np.array([1.0, 4.0]), np.array([[1.5, 3.0], [0.5, 5.0]])
    figure = figures.predicted_against_true("many features", true, said, "price")
    (axes,) = figure.axes
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("true price", "predicted price")
    assert texts(axes) == ["range of all replicates", "replicate 0", "perfect"]
    by_label = {collection.get_label(): collection for collection in axes.collections}
    assert ordered(by_label["replicate 0"].get_offsets()) == [(1.0, 1.5), (4.0, 3.0)]
    segments = [segment.tolist() for segment in by_label["range of all replicates"].get_segments()]
    assert segments == [[[1.0, 0.5], [1.0, 1.5]], [[4.0, 3.0], [4.0, 5.0]]]
    (diagonal,) = axes.lines
    assert diagonal.get_xydata().tolist() == [[0.5, 0.5], [5.0, 5.0]]


# --- planes --------------------------------------------------------------------------------------------------------


def plane_columns(first: np.ndarray, second: np.ndarray) -> dict[str, np.ndarray]:
    """As predictions.plane lays them out, with numbers that tell where they stand."""
    rows = np.arange(len(first) * len(second), dtype=np.float32)
    return {
        "first": np.tile(first, len(second)),
        "second": np.repeat(second, len(first)),
        **{f"probability_{k}": rows * 10 + k for k in range(3)},
        **{f"votes_{k}": rows * 100 + k for k in range(3)},
    }


def test_a_plane_of_columns() -> None:
    """The second feature varies along the first axis, from the bottom."""
    first, second = np.linspace(-1, 1, 4, dtype=np.float32), np.linspace(5, 8, 4, dtype=np.float32)
    found = Plane.from_columns(plane_columns(first, second), 3)
    assert found.first.tolist() == first.tolist()
    assert found.second.tolist() == second.tolist()
    assert found.votes.shape == found.probability.shape == (4, 4, 3)
    assert found.votes[0, :, 0].tolist() == [0, 100, 200, 300]
    assert found.votes[1, 0].tolist() == [400, 401, 402]
    assert found.probability[3, 2].tolist() == [140, 141, 142]


def test_a_plane_whose_steps_are_finer_than_float32() -> None:
    """A feature may vary by a little around a large number: some of the grid's columns then share a coordinate."""
    fine = np.float32(1e6) + np.linspace(0, 0.1, 4).astype(np.float32)
    assert len(set(fine.tolist())) < 4
    found = Plane.from_columns(plane_columns(fine, np.linspace(0, 1, 4, dtype=np.float32)), 3)
    assert found.votes.shape == found.probability.shape == (4, 4, 3)
    assert (found.first.min(), found.first.max()) == (fine[0], fine[-1])


def image(figure: Figure, panel: int = 0) -> np.ndarray:
    """The colours behind a panel's points, the bottom row first."""
    (found,) = figure.axes[panel].images
    assert found.origin == "lower"
    return np.asarray(found.get_array())


def test_the_colour_is_that_of_most_votes_and_paler_in_doubt() -> None:
    surely, barely = (
        image(figures.decision_boundaries([("", left_and_right(share), points())], ("no", "yes")))
        for share in (1.0, 0.6)
    )
    for k, column in [(0, 0), (1, STEPS - 1)]:
        for colours in (surely, barely):
            tint = 1 - colours[0, column]  # what white lacks is in proportion to what the class's colour lacks
            np.testing.assert_allclose(tint / tint.max(), (1 - np.array(colour(k))) / (1 - np.array(colour(k))).max())
        assert (1 - surely[0, column]).max() > 3 * (1 - barely[0, column]).max() > 0


def test_votes_spread_evenly_are_palest() -> None:
    thirds = plane(np.full((STEPS, STEPS, 3), 1 / 3))
    assert image(figures.decision_boundaries([("", thirds, points())], "abc")).min() > 0.95


def test_planes_are_the_right_way_up() -> None:
    """Class 1 at the bottom left only, class 2 at the top left."""
    votes = np.zeros((STEPS, STEPS, 3))
    votes[..., 0] = 1
    votes[0, 0] = [0, 1, 0]
    votes[-1, 0] = [0, 0, 1]
    figure = figures.decision_boundaries([("", plane(votes), points())], "abc")
    colours = image(figure)
    (drawn,) = figure.axes[0].images
    assert drawn.get_extent() == [0, 1, 10, 20]
    corners = {"bottom left": colours[0, 0], "top left": colours[-1, 0], "bottom right": colours[0, -1]}
    for corner, k in [("bottom left", 1), ("top left", 2), ("bottom right", 0)]:
        tint = (1 - corners[corner]) / (1 - corners[corner]).max()
        np.testing.assert_allclose(tint, (1 - np.array(colour(k))) / (1 - np.array(colour(k))).max())


def contours(axes: Axes) -> np.ndarray:
    """The vertices of all boundary lines (n, 2)."""
    sets = [collection for collection in axes.collections if hasattr(collection, "levels")]
    return np.concatenate([path.vertices for drawn in sets for path in drawn.get_paths()])


def test_the_line_is_the_first_replicates_boundary() -> None:
    """Its probabilities cross between 0.5 and 0.75, whatever the others vote."""
    probability = np.zeros((STEPS, STEPS, 2))
    probability[..., 1] = [0.1, 0.2, 0.3, 0.7, 0.9]
    probability[..., 0] = 1 - probability[..., 1]
    everywhere_one = np.zeros((STEPS, STEPS, 2))
    everywhere_one[..., 1] = 1
    figure = figures.decision_boundaries([("", plane(everywhere_one, probability), points())], ("no", "yes"))
    line = contours(figure.axes[0])
    np.testing.assert_allclose(line[:, 0], 0.625)
    assert (line[:, 1].min(), line[:, 1].max()) == (10, 20)


def test_no_line_where_there_is_no_boundary() -> None:
    """The same answer everywhere, or none (nan, after training has diverged)."""
    for probability in (np.full((STEPS, STEPS, 2), [0.9, 0.1]), np.full((STEPS, STEPS, 2), np.nan)):
        figure = figures.decision_boundaries([("", plane(left_and_right().votes, probability), points())], "ab")
        assert not any(hasattr(collection, "levels") for collection in figure.axes[0].collections)


def test_decision_boundaries_stand_side_by_side_with_their_points() -> None:
    train, test = points(30), points(10)
    shown = left_and_right()
    figure = figures.decision_boundaries([("v: train", shown, train), ("v: test", shown, test)], ("no", "yes"))
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["v: train", "v: test"]
    assert texts(figure) == ["no", "yes", "boundary of replicate 0", "paler: replicates disagree"]
    for axes, given in zip(figure.axes, (train, test), strict=True):
        scatters = [collection for collection in axes.collections if not hasattr(collection, "levels")]
        drawn = np.concatenate([collection.get_offsets() for collection in scatters])
        assert ordered(drawn) == ordered(given.x.T)
        assert axes.get_xlim() == (0, 1)
        assert axes.get_ylim() == (10, 20)
        assert (axes.get_xlabel(), axes.get_ylabel()) == ("width", "height")


# --- moving pictures -----------------------------------------------------------------------------------------------


def course(title: str = "net", states: tuple[int, ...] = (0, 1, 2), last: float = 0.75) -> figures.Course:
    """Before training and after epochs 0 and 20: surely class 0 everywhere, left and right, surely class 1."""
    shares = [np.full((STEPS, STEPS, 2), [first, 1 - first]) for first in (1.0, 0.0)]
    planes = [plane(shares[0]), left_and_right(0.6), plane(shares[1])]
    return figures.Course(title, (-1, 0, 20), (0.5, 0.625, last), states, [planes[state] for state in states])


def pixels(frame: np.ndarray) -> set[tuple[int, ...]]:
    """The colours of a frame that fill more than a twentieth of it."""
    found, counts = np.unique(frame.reshape(-1, 3), axis=0, return_counts=True)
    return {tuple(each) for each in found[counts > frame.size / 60].tolist()}


def tint(k: int, strength: float) -> tuple[int, ...]:
    return tuple(int(255 * (1 - strength * (1 - channel))) for channel in colour(k))


def test_the_frames_of_an_animation_show_what_the_network_says() -> None:
    """Strong colours where it is sure, pale ones where it is not: of 0.6, a fifth is sure, two steps of eight."""
    frames = list(figures.moving_boundaries([course()] * 2, points(), ("no", "yes")))
    assert [frame.shape for frame in frames] == [(470, 806, 3)] * 3
    assert all(frame.dtype == np.uint8 for frame in frames)
    white = (255, 255, 255)
    assert pixels(frames[0]) == {white, tint(0, 0.5)}
    assert pixels(frames[1]) == {white, tint(0, 0.14 + 0.36 / 4), tint(1, 0.14 + 0.36 / 4)}
    assert pixels(frames[2]) == {white, tint(1, 0.5)}


def test_a_panel_of_an_animation_goes_at_its_own_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each says its epoch and accuracy, draws its curve up to there, and its boundary where there is one."""
    seen = []
    draw = figures._Moving.draw

    def look(panel: figures._Moving, frame: int) -> None:
        draw(panel, frame)
        boundaries = [each for each in panel.axes.collections if hasattr(each, "levels")]
        assert boundaries == []  # none of an earlier frame
        curve = np.asarray(panel.line.get_xydata()).tolist()
        seen.append((panel.axes.get_title(loc="left"), panel.caption.get_text(), curve))

    monkeypatch.setattr(figures._Moving, "draw", look)
    list(figures.moving_boundaries([course("a"), course("b", (0, 0, 1))], points(), ("no", "yes")))
    start, later, end = [-1, 0.5], [0, 0.625], [20, 0.75]
    assert seen == [
        ("a", "before training: accuracy 0.500", [start]),
        ("b", "before training: accuracy 0.500", [start]),
        ("a", "epoch 0: accuracy 0.625", [start, later]),
        ("b", "before training: accuracy 0.500", [start]),
        ("a", "epoch 20: accuracy 0.750", [start, later, end]),
        ("b", "epoch 0: accuracy 0.625", [start, later]),
    ]


def test_a_frame_does_not_show_what_the_one_before_showed() -> None:
    """Frames drawn alone are those of the whole animation."""
    together = figures.moving_boundaries([course()], points(), ("no", "yes"))
    for state, frame in enumerate(together):
        (alone,) = figures.moving_boundaries([course(states=(state,))], points(), ("no", "yes"))
        np.testing.assert_array_equal(frame, alone)


def test_a_network_without_numbers_is_white() -> None:
    nothing = plane(np.full((STEPS, STEPS, 2), np.nan))
    shown = figures.Course("a", (-1, 0), (0.5, np.nan), (1,), [nothing])
    (frame,) = figures.moving_boundaries([shown], points(), ("no", "yes"))
    assert pixels(frame) == {(255, 255, 255)}


# --- matrices and functions ----------------------------------------------------------------------------------------


def test_a_confusion_matrix_says_its_counts() -> None:
    counts = np.array([[8, 2, 0], [0, 0, 0], [1, 1, 2]])
    figure = figures.confusion("v: test", counts, ("a", "b", "c"))
    (axes,) = figure.axes
    said = {text.get_position(): text.get_text() for text in axes.texts}
    assert said == {(column, row): str(counts[row, column]) for row in range(3) for column in range(3)}
    assert (axes.get_xlabel(), axes.get_ylabel(), axes.get_title(loc="left")) == ("predicted", "true", "v: test")
    assert [label.get_text() for label in axes.get_xticklabels()] == ["a", "b", "c"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b", "c"]
    (drawn,) = axes.images
    assert np.asarray(drawn.get_array()).tolist() == [[0.8, 0.2, 0], [0, 0, 0], [0.25, 0.25, 0.5]]
    top, bottom = axes.get_ylim()[::-1]
    assert top < bottom  # the first class on top


@pytest.mark.parametrize("count", [12345, 1234567])
def test_a_confusion_matrix_says_large_counts_in_full(count: int) -> None:
    """All replicates' rows come together in one cell."""
    figure = figures.confusion("many", np.array([[count, 0], [0, 1]]), ("a", "b"))
    assert str(count) in [text.get_text() for text in figure.axes[0].texts]


def test_a_long_title_is_not_cut_off() -> None:
    title = "a_variant_with_a_name: test data, 16 replicates together"
    figure = figures.confusion(title, np.eye(2, dtype=int), ("benign", "malignant"))
    figure.draw_without_rendering()
    (shown,) = figure.findobj(lambda artist: isinstance(artist, Text) and artist.get_text() == title)
    box = shown.get_window_extent()
    assert box.x1 <= figure.bbox.x1
    assert box.y1 <= figure.bbox.y1


def test_functions_stand_beside_a_reference() -> None:
    x = np.arange(-3.0, 3)
    figure = figures.functions(x, [("A", x, None), ("B", x**2, x**2 + 1)])
    first, second = figure.axes
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["A", "B"]
    ours = {line.get_label(): line for axes in figure.axes for line in axes.lines}
    assert texts(figure) == ["PyTorch's", "this project's"]
    assert first.get_legend() is second.get_legend() is None
    np.testing.assert_array_equal(ours["this project's"].get_xydata(), np.stack([x, x**2], axis=1))
    np.testing.assert_array_equal(ours["PyTorch's"].get_xydata(), np.stack([x, x**2 + 1], axis=1))


# --- every picture -------------------------------------------------------------------------------------------------

LABELS = ("no", "yes")
PICTURES: dict[str, Callable[[], Figure]] = {
    "data_by_class": lambda: figures.data_by_class("a", points(), LABELS),
    "data_line": lambda: figures.data_line("a", {"train": (np.arange(3), np.arange(3))}, ("x", "y")),
    "regression_line": lambda: figures.regression_line(
        "a", {"test": (np.arange(3), np.arange(3))}, np.arange(3), np.arange(6.0).reshape(2, 3), ("x", "y")
    ),
    "predicted_against_true": lambda: figures.predicted_against_true(
        "a", np.arange(3.0), np.arange(6.0).reshape(2, 3), "y"
    ),
    "decision_boundaries": lambda: figures.decision_boundaries([("a", left_and_right(0.8), points())] * 2, LABELS),
    "confusion": lambda: figures.confusion("a", np.eye(2, dtype=int), LABELS),
    "functions": lambda: figures.functions(np.arange(3.0), [("a", np.arange(3.0), np.arange(3.0))]),
}


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_twice_is_the_same_bytes(tmp_path: Path, name: str) -> None:
    for path in (tmp_path / "a.png", tmp_path / "b.png"):
        write_png(path, PICTURES[name]())
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


@pytest.mark.parametrize("label", ["$\\x$", "$_$ and $^$", "_hidden", "a_b^c", "50% & more", "{}", "\\alpha"])
def test_a_users_words_are_drawn_as_they_stand(tmp_path: Path, label: str) -> None:
    """Labels and features come from tables: they are not formulas, nor orders to matplotlib."""
    shown = Points(points().x, points().classes, (label, "b"))
    for figure in (
        figures.data_by_class("a", shown, (label, "b")),
        figures.data_line("a", {"train": (np.arange(3), np.arange(3))}, (label, "y")),
        figures.predicted_against_true("a", np.arange(3.0), np.arange(3.0)[None], label),
        figures.confusion("a", np.eye(2, dtype=int), (label, "b")),
    ):
        write_png(tmp_path / "a.png", figure)
    assert texts(figures.data_by_class("a", shown, (label, "b")))[0] == label
