"""One function per picture; each takes arrays and returns a matplotlib Figure, and knows nothing of files.

Of the picture that moves, it is the pixels of its frames.

Shapes: rows = examples. Classes are given by their index; `names` are their labels, in order.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.contour import ContourSet
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from boundary.artifacts.predictions import Plane
from boundary.plots.geometry import COLOURS, Points, decision_margins, disagreement

INK = "#222222"
MARKERS = ["o", "s", "^", "D", "v", "P", "X", "*"]
POINTS_DRAWN = 2000  # more would only cover each other
MOVING_DPI = 96  # of an animation, which is then as wide as GitHub shows it: 806 pixels for two panels
SHADES = 8  # of each class in an animation, from unsure to sure: few colours are few bytes
STYLE: dict[Any, Any] = {
    "figure.dpi": 120,
    "savefig.dpi": 120,
    "figure.facecolor": "white",
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.edgecolor": "#888888",
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.labelcolor": INK,
    "text.color": INK,
    "text.parse_math": False,  # names of columns and classes are not formulas
    "xtick.color": "#555555",
    "ytick.color": "#555555",
    "legend.frameon": False,
}
matplotlib.rcdefaults()  # not what the user's own matplotlibrc says
matplotlib.rcParams.update(STYLE)


@dataclass(frozen=True)
class Course:
    """What became of one network, for a picture that moves.

    accuracies: after each of `epochs` (-1: before training), nan where its weights are no numbers. states: for each
    frame, the place of what it shows among the epochs; planes: for each frame, what the network then says, as
    `probability`.
    """

    title: str
    epochs: Sequence[int]
    accuracies: Sequence[float]
    states: Sequence[int]
    planes: Sequence[Plane]


def data_by_class(title: str, points: Points, names: Sequence[object]) -> Figure:
    """A scatter of the features, coloured by class; a single feature is drawn class above class."""
    figure, (axes,) = _panels(1)
    _scatter(axes, points, names)
    axes.set_title(title)
    _class_legend(figure, names)
    return figure


def data_line(title: str, parts: Mapping[str, tuple[np.ndarray, np.ndarray]], labels: tuple[str, str]) -> Figure:
    """One feature against a numeric target, for each part of the split: name -> (x, y)."""
    figure, (axes,) = _panels(1)
    _draw_parts(axes, parts)
    axes.set(xlabel=labels[0], ylabel=labels[1])
    axes.set_title(title)
    axes.legend()
    return figure


def regression_line(
    title: str,
    parts: Mapping[str, tuple[np.ndarray, np.ndarray]],
    test_x: np.ndarray,
    predictions: np.ndarray,
    labels: tuple[str, str],
) -> Figure:
    """Train and test data, the first replicate's predictions of the test part, and the range of all replicates'.

    predictions (R, rows) belong to test_x (rows,).
    """
    figure, (axes,) = _panels(1)
    _draw_parts(axes, parts)
    order = np.argsort(test_x, kind="stable")
    low, high = _range(predictions[:, order])
    axes.fill_between(test_x[order], low, high, color=COLOURS[5], alpha=0.25, lw=0, label="range of all replicates")
    axes.scatter(test_x, predictions[0], s=16, color=COLOURS[5], marker="x", lw=1, label="predictions, replicate 0")
    axes.set(xlabel=labels[0], ylabel=labels[1])
    axes.set_title(title)
    axes.legend()
    return figure


def predicted_against_true(title: str, true: np.ndarray, predictions: np.ndarray, target: str) -> Figure:
    """A regression with several features: predicted (R, rows) against true (rows,) values of the test part."""
    figure, (axes,) = _panels(1)
    low, high = _range(predictions)
    axes.vlines(true, low, high, color=COLOURS[5], alpha=0.35, lw=1, label="range of all replicates")
    axes.scatter(true, predictions[0], s=14, color=COLOURS[5], marker="x", lw=1, label="replicate 0")
    span = [min(true.min(), low.min()), max(true.max(), high.max())]
    axes.plot(span, span, color=INK, lw=0.8, ls="--", label="perfect")
    axes.set(xlabel=f"true {target}", ylabel=f"predicted {target}")
    axes.set_title(title)
    axes.legend()
    return figure


def decision_boundaries(panels: Sequence[tuple[str, Plane, Points]], names: Sequence[object]) -> Figure:
    """Decision boundaries side by side, each with its title and points.

    The colour is the class that most replicates choose, the paler the more they disagree. The line is the boundary of
    the first replicate alone.
    """
    figure, all_axes = _panels(len(panels), share=True)
    for axes, (title, plane, points) in zip(all_axes, panels, strict=True):
        _draw_plane(axes, plane)
        _scatter(axes, points, names)
        axes.set_xlim(plane.first[0], plane.first[-1])
        axes.set_ylim(plane.second[0], plane.second[-1])
        axes.set_title(title)
    boundary = Line2D([], [], color=INK, lw=1.2, label="boundary of replicate 0")
    doubt = Patch(facecolor="#f4f4f4", edgecolor="#bbbbbb", lw=0.6, label="paler: replicates disagree")
    _class_legend(figure, names, boundary, doubt)
    return figure


def moving_boundaries(courses: Sequence[Course], points: Points, names: Sequence[object]) -> Iterator[np.ndarray]:
    """The frames of an animation, pixels (height, width, 3): decision boundaries side by side, as training goes on.

    The colour is the class that a network chooses, the paler the less sure it is. Below, over the epochs, its accuracy
    on the points. What never changes is drawn once: that takes most of the time.
    """
    layout = ConstrainedLayoutEngine(w_pad=0.08, h_pad=0.08)  # inches: pages need not be white beside it
    figure = Figure((4 * len(courses) + 0.4, 4.9), MOVING_DPI, layout=layout)
    canvas: Any = FigureCanvasAgg(figure)  # matplotlib gives no types for its methods
    above, below = figure.subplots(2, len(courses), squeeze=False, sharex="row", sharey="row", height_ratios=[8, 1])
    panels = [_Moving(*each, points, names) for each in zip(above, below, courses, strict=True)]
    for axes in above[1:]:
        axes.set_ylabel("")
    below[0].set(ylim=(0, 1), yticks=(0, 1))
    boundary = Line2D([], [], color=INK, lw=1.2, label="boundary of replicate 0")
    doubt = Patch(facecolor="#f4f4f4", edgecolor="#bbbbbb", lw=0.6, label="paler: less sure")
    _class_legend(figure, names, boundary, doubt)
    canvas.draw()
    still = canvas.copy_from_bbox(figure.bbox)
    for frame in range(len(courses[0].states)):
        canvas.restore_region(still)
        for panel in panels:
            panel.draw(frame)
        yield np.asarray(canvas.buffer_rgba())[..., :3].copy()


def confusion(title: str, counts: np.ndarray, names: Sequence[object]) -> Figure:
    """A confusion matrix (true, predicted) of counts; the colour is the share of each true class."""
    figure, (axes,) = _panels(1)
    share = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    if len(names) <= 12:
        for (row, column), count in np.ndenumerate(counts):
            colour = "white" if share[row, column] > 0.5 else INK
            axes.text(column, row, f"{count}", ha="center", va="center", color=colour, fontsize=9)
    axes.set_xticks(range(len(names)), [str(name) for name in names])
    axes.set_yticks(range(len(names)), [str(name) for name in names])
    axes.set(xlabel="predicted", ylabel="true")
    axes.set_title(title, wrap=True)  # it is longer than the square is wide
    return figure


def functions(x: np.ndarray, curves: Sequence[tuple[str, np.ndarray, np.ndarray | None]]) -> Figure:
    """Functions of x: per panel a title, our values as points and, where given, another's values as a line."""
    figure, all_axes = _panels(len(curves), width=2.6, height=2.7)
    for axes, (title, ours, reference) in zip(all_axes, curves, strict=True):
        if reference is not None:
            axes.plot(x, reference, color=COLOURS[1], lw=3, alpha=0.7, label="PyTorch's")
        axes.plot(x, ours, ".", color=COLOURS[0], ms=5, label="this project's")
        axes.set_title(title)
        axes.axhline(0, color="#cccccc", lw=0.6, zorder=0)
        axes.axvline(0, color="#cccccc", lw=0.6, zorder=0)
    figure.legend(*all_axes[-1].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure


def _range(predictions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The least and the largest over the replicates (R, rows) that did not diverge."""
    finite = predictions[np.isfinite(predictions).all(1)]
    return finite.min(0), finite.max(0)


def _panels(count: int, width: float = 4.2, height: float = 3.9, share: bool = False) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=(width * count + 0.4, height), layout="constrained")
    FigureCanvasAgg(figure)
    axes = list(figure.subplots(1, count, squeeze=False, sharex=share, sharey=share)[0])
    for each in axes:
        each.locator_params(nbins=6)
    return figure, axes


def _scatter(axes: Axes, points: Points, names: Sequence[object]) -> None:
    step = -(-points.x.shape[1] // POINTS_DRAWN)
    x, classes = points.x[:, ::step], points.classes[::step]
    across, up = x if len(x) == 2 else (x[0], classes)
    for k in range(len(names)):
        mine = classes == k
        axes.scatter(across[mine], up[mine], s=14, color=_colour(k), edgecolor="white", lw=0.4, marker=_marker(k))
    if len(x) == 2:
        axes.set(xlabel=points.features[0], ylabel=points.features[1])
    else:
        axes.set(xlabel=points.features[0], yticks=[])


def _draw_plane(axes: Axes, plane: Plane) -> None:
    _draw_tints(axes, plane, _tints(plane.votes, 0.42 * (1 - disagreement(plane.votes)) + 0.04))
    _draw_boundary(axes, plane)


def _tints(shares: np.ndarray, strength: np.ndarray) -> np.ndarray:
    """The colour (..., 3) of the class with the largest share; strength 0 is white, 1 the full colour."""
    colours = np.array([to_rgb(_colour(k)) for k in range(shares.shape[-1])])[shares.argmax(-1)]
    return 1 - strength * (1 - colours)


def _draw_tints(axes: Axes, plane: Plane, tints: np.ndarray) -> AxesImage:
    corners = (plane.first[0], plane.first[-1], plane.second[0], plane.second[-1])
    return axes.imshow(tints, origin="lower", extent=corners, aspect="auto", interpolation="nearest")


def _draw_boundary(axes: Axes, plane: Plane) -> list[ContourSet]:
    """Where the first replicate's answer changes: a line for each class, or one for two; none where it never does."""
    lines: list[ContourSet] = []
    for margin in decision_margins(plane.probability):
        if margin.min() < 0 < margin.max():
            lines.append(axes.contour(plane.first, plane.second, margin, levels=[0], colors=INK, linewidths=1.1))
    return lines


class _Moving:
    """A panel of an animation, and the strip below it: the figure draws what stays, `draw` what changes, or lies above.

    All frames show the same grid.
    """

    def __init__(self, axes: Axes, strip: Axes, course: Course, points: Points, names: Sequence[object]):
        self.axes, self.course = axes, course
        grid = course.planes[0]
        self.image = _draw_tints(axes, grid, self._tints(0))
        _scatter(axes, points, names)
        axes.set(xlim=(grid.first[0], grid.first[-1]), ylim=(grid.second[0], grid.second[-1]))
        axes.set_title(course.title)
        strip.plot(course.epochs, course.accuracies, color="#cccccc", lw=1.2)
        (self.line,) = strip.plot([], [], color=INK, lw=1.4)
        (self.dot,) = strip.plot([], [], "o", color=INK, ms=4, clip_on=False, in_layout=False)
        self.caption = strip.set_title("epoch", fontsize=10)
        strip.margins(x=0.02)
        for each in (axes, strip):
            each.locator_params("x", nbins=6)
        self.below = [self.image, *axes.collections]
        self.above = [*axes.spines.values(), *strip.spines.values(), self.line, self.dot, self.caption]
        for artist in (*self.below, *self.above):
            artist.set_animated(True)  # left out by the figure

    def draw(self, frame: int) -> None:
        """Draw a frame over what the figure has drawn."""
        place = self.course.states[frame]
        epoch, accuracy = self.course.epochs[place], self.course.accuracies[place]
        self.image.set_data(self._tints(frame))
        self.line.set_data(self.course.epochs[: place + 1], self.course.accuracies[: place + 1])
        self.dot.set_data([epoch], [accuracy])
        when = "before training" if epoch < 0 else f"epoch {epoch}"
        self.caption.set_text(f"{when}: accuracy {accuracy:.3f}" if math.isfinite(accuracy) else f"{when}: no numbers")
        boundary = _draw_boundary(self.axes, self.course.planes[frame])
        for artist in (*self.below, *boundary, *self.above):
            self.axes.draw_artist(artist)
        for line in boundary:
            line.remove()

    def _tints(self, frame: int) -> np.ndarray:
        """White where there are no numbers."""
        shares = self.course.planes[frame].probability
        sure = np.ceil((1 - disagreement(shares)) * SHADES) / SHADES
        return np.nan_to_num(_tints(shares, 0.14 + 0.36 * sure), nan=1.0)


def _draw_parts(axes: Axes, parts: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> None:
    for k, (name, (x, y)) in enumerate(parts.items()):
        step = -(-len(x) // POINTS_DRAWN)
        axes.scatter(x[::step], y[::step], s=12, color=_colour(k), marker=_marker(k), label=f"{name} data")


def _class_legend(figure: Figure, names: Sequence[object], *more: Artist) -> None:
    if len(names) <= 10:
        handles: list[Artist] = [
            Line2D([], [], ls="", marker=_marker(k), ms=5, color=_colour(k), label=str(name))
            for k, name in enumerate(names)
        ]
        handles += more
        figure.legend(handles=handles, loc="outside lower center", ncols=min(len(handles), 6), handletextpad=0.5)


def _colour(k: int) -> str:
    return COLOURS[k % len(COLOURS)]


def _marker(k: int) -> str:
    """The classes that begin the colours anew have other markers."""
    return MARKERS[(k + k // len(COLOURS)) % len(MARKERS)]
