"""Small vector drawings for a page, as SVG text: they take the page's colours, light or dark, through its style sheet.

Each function takes numbers and returns Markup; text in it is escaped. Classes of the style sheet: c0, c1, ... are the
palette's colours, `line`, `band`, `dots`, `grid` say how a shape is drawn. Coordinates are rounded to tenths of a unit.
"""

import base64
import io
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup, escape

from boundary.artifacts.predictions import Plane
from boundary.plots.geometry import COLOURS, decision_margins, disagreement

WIDTH, HEIGHT = 360.0, 240.0
LEFT, RIGHT, TOP, BOTTOM = 44.0, 8.0, 8.0, 34.0  # margins, for the axes' labels
GLYPHS = (  # a class's mark, drawn around the point: disc, square, triangle, diamond
    "m-2.2 0a2.2 2.2 0 1 0 4.4 0a2.2 2.2 0 1 0-4.4 0",
    "m-2-2h4v4h-4z",
    "m0-2.6l2.5 4.4h-5z",
    "m0-2.8l2.6 2.8l-2.6 2.8l-2.6-2.8z",
)
NAMELESS: Any = {"Software": None}  # matplotlib's version would be in the bytes of a PNG
DRAWN = 600  # points of a drawing, at most: more would only cover each other


@dataclass(frozen=True)
class Axis:
    """A range of values and the length, in units of the drawing, that it is laid along."""

    low: float
    high: float
    start: float
    end: float

    @classmethod
    def over(cls, values: Iterable[float], start: float, end: float, margin: float = 0.0) -> "Axis":
        """From the least to the largest of the finite values, and a margin on both sides, a share of the range."""
        finite = [value for value in values if abs(value) < float("inf")] or [0.0, 1.0]
        low, high = min(finite), max(finite)
        room = (high - low) * margin if high > low else 0.5
        return cls(low - room, high + room, start, end)

    def __call__(self, value: float) -> float:
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)

    def ticks(self, most: int = 5) -> list[float]:
        """Round numbers within the range, 1, 2 or 5 times a power of ten apart."""
        span = self.high - self.low
        power = int(f"{span / most:e}".partition("e")[2])
        step = next(s for s in (1, 2, 5, 10) if span / (s * float(f"1e{power}")) <= most)
        scale = float(f"1e{power}") * step
        first = math.ceil(self.low / scale - 1e-9)  # an end that is a round number itself may be a last bit off
        last = math.floor(self.high / scale + 1e-9)
        return [float(f"{k * scale:.12g}") for k in range(first, last + 1)]


def scatter(columns: np.ndarray, classes: np.ndarray, x_axis: Axis, y_axis: Axis) -> Markup:
    """Points (2, rows) with a mark and a colour for each class (rows,)."""
    step = -(-columns.shape[1] // DRAWN)
    (x, y), classes = columns[:, ::step], classes[::step]
    paths = []
    for k in sorted(set(classes.tolist())):
        places = zip(x[classes == k].tolist(), y[classes == k].tolist(), strict=True)
        marks = "".join(f"M{_n(x_axis(a))} {_n(y_axis(b))}{_glyph(k)}" for a, b in places)
        paths.append(Markup('<path class="dots c{}" d="{}"/>').format(k % len(COLOURS), marks))
    return Markup("").join(paths)


def mark(k: int) -> Markup:
    """The mark of class k alone, for a legend."""
    path = Markup('<path class="dots c{}" d="M0 0{}"/>').format(k % len(COLOURS), _glyph(k))
    return Markup('<svg class="glyph" viewBox="-3.2 -3.2 6.4 6.4" aria-hidden="true">{}</svg>').format(path)


def _glyph(k: int) -> str:
    """The classes that begin the colours anew have other marks."""
    return GLYPHS[(k + k // len(COLOURS)) % len(GLYPHS)]


def frame(x_axis: Axis, y_axis: Axis, labels: tuple[str, str], grid: bool = False, ticked: bool = True) -> Markup:
    """Two axes with labels and ticks, on the upright one where its numbers mean something (`ticked`)."""
    parts = []
    for value in x_axis.ticks():
        middle, below = _n(x_axis(value)), _n(y_axis.start + 13)
        parts.append(f'<text x="{middle}" y="{below}" text-anchor="middle">{value:g}</text>')
    for value in y_axis.ticks() if ticked else ():
        place = y_axis(value)
        if grid:
            parts.append(f'<path class="grid" d="M{_n(x_axis.start)} {_n(place)}H{_n(x_axis.end)}"/>')
        parts.append(f'<text x="{_n(x_axis.start - 5)}" y="{_n(place + 3.5)}" text-anchor="end">{value:g}</text>')
    parts.append(f'<path class="axis" d="M{_n(x_axis.start)} {_n(y_axis.end)}V{_n(y_axis.start)}H{_n(x_axis.end)}"/>')
    centre = _n((x_axis.start + x_axis.end) / 2)
    parts.append(
        f'<text class="label" x="{centre}" y="{_n(y_axis.start + 28)}" text-anchor="middle">{escape(labels[0])}</text>'
    )
    height = (y_axis.start + y_axis.end) / 2
    parts.append(
        f'<text class="label" transform="translate({_n(x_axis.start - 34)} {_n(height)})rotate(-90)"'
        f' text-anchor="middle">{escape(labels[1])}</text>'
    )
    return Markup("".join(parts))


def drawing(title: str, *parts: Markup, width: float = WIDTH, height: float = HEIGHT) -> Markup:
    """The parts as one picture, with a title for who cannot see it."""
    return Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
        _n(width), _n(height), title, Markup("").join(parts)
    )


def axes(x: Iterable[float], y: Iterable[float], margin: float = 0.05) -> tuple[Axis, Axis]:
    """The two axes of a drawing of the usual size, over these values."""
    return Axis.over(x, LEFT, WIDTH - RIGHT, margin), Axis.over(y, HEIGHT - BOTTOM, TOP, margin)


def plane_axes(plane: Plane) -> tuple[Axis, Axis]:
    """The axes of a square drawing of a plane, right up to its edges."""
    first, second = plane.first.tolist(), plane.second.tolist()
    return Axis(first[0], first[-1], LEFT, WIDTH - RIGHT), Axis(second[0], second[-1], WIDTH - BOTTOM, TOP)


def decision_plane(plane: Plane, x_axis: Axis, y_axis: Axis) -> Markup:
    """The votes of all replicates as colour, transparent where they disagree, and the first one's boundary."""
    from matplotlib.colors import to_rgb
    from matplotlib.image import imsave

    classes = plane.votes.shape[-1]
    palette = np.array([to_rgb(COLOURS[k % len(COLOURS)]) for k in range(classes)])
    strength = 0.5 * (1 - disagreement(plane.votes)) + 0.04
    file = io.BytesIO()
    image = np.concatenate([palette[plane.votes.argmax(-1)], strength], axis=-1)
    imsave(file, np.round(image * 255).astype(np.uint8), format="png", origin="lower", metadata=NAMELESS)
    encoded = base64.b64encode(file.getvalue()).decode()
    picture = (
        f'<image x="{_n(x_axis.start)}" y="{_n(y_axis.end)}" width="{_n(x_axis.end - x_axis.start)}"'
        f' height="{_n(y_axis.start - y_axis.end)}" preserveAspectRatio="none" href="data:image/png;base64,{encoded}"/>'
    )
    return Markup(picture) + Markup('<path class="line boundary" d="{}"/>').format(_contours(plane, x_axis, y_axis))


def _contours(plane: Plane, x_axis: Axis, y_axis: Axis) -> str:
    from contourpy import contour_generator

    paths = []
    for margin in decision_margins(plane.probability):
        for line in contour_generator(plane.first, plane.second, margin).lines(0.0):
            paths.append(_path([(x_axis(a), y_axis(b)) for a, b in line.tolist()]))  # type: ignore[union-attr]
    return "".join(paths)


def curve(x: Sequence[float], y: Sequence[float], x_axis: Axis, y_axis: Axis, kind: str) -> Markup:
    """A line through the points, in a class of the style sheet; it is broken where y is not finite."""
    pieces: list[list[tuple[float, float]]] = [[]]
    for a, b in zip(x, y, strict=True):
        if abs(b) < float("inf"):
            pieces[-1].append((x_axis(a), y_axis(b)))
        elif pieces[-1]:
            pieces.append([])
    return Markup('<path class="line {}" d="{}"/>').format(kind, "".join(_path(piece) for piece in pieces if piece))


def band(
    x: Sequence[float], low: Sequence[float], high: Sequence[float], x_axis: Axis, y_axis: Axis, kind: str
) -> Markup:
    """The area between two lines."""
    finite = [(a, b, c) for a, b, c in zip(x, low, high, strict=True) if abs(b) < float("inf") > abs(c)]
    outline = [(x_axis(a), y_axis(c)) for a, _, c in finite] + [(x_axis(a), y_axis(b)) for a, b, _ in reversed(finite)]
    return Markup('<path class="band {}" d="{}Z"/>').format(kind, _path(outline)) if outline else Markup("")


def interval(values: Sequence[float], mean: float, low: float, high: float, x_axis: Axis) -> Markup:
    """The mean with its interval over faint dots, one per replicate; the axis is in percent of the width."""
    parts = [f'<circle class="luck" cx="{_n(x_axis(value))}%" cy="10" r="2.6"/>' for value in values]
    if abs(low) < float("inf") > abs(high):
        parts.append(f'<line class="interval" x1="{_n(x_axis(low))}%" x2="{_n(x_axis(high))}%" y1="10" y2="10"/>')
    parts.append(f'<circle class="mean" cx="{_n(x_axis(mean))}%" cy="10" r="4.2"/>')
    return Markup('<svg class="strip" aria-hidden="true">{}</svg>').format(Markup("".join(parts)))


def quartiles(values: Sequence[float]) -> tuple[float, float]:
    """The first and third quartile, linear between the values (NumPy's default), from + - * / alone."""
    ordered = sorted(values)
    found = []
    for share in (0.25, 0.75):
        place = share * (len(ordered) - 1)
        below = int(place)
        above = min(below + 1, len(ordered) - 1)
        found.append(ordered[below] + (ordered[above] - ordered[below]) * (place - below))
    return found[0], found[1]


def _path(points: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{_n(a)} {_n(b)}" for a, b in points)


def _n(value: float) -> str:
    return f"{round(value, 1) + 0.0:.1f}".removesuffix(".0")
