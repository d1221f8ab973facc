"""The data sets: scikit-learn's by scikit-learn, the line and the spirals by their formulas."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import datasets

from boundary.config.params import Blobs, Bundled, Circles, Generator, Line, Moons, Spirals
from boundary.data.generators import generate
from boundary.validation import known_tables

ANY = pytest.mark.parametrize(
    "generator",
    [
        Circles(30, 0.03, 0.8, 42),
        Moons(30, 0.07, 42),
        Blobs(30, 3, 4, 1.5, (-10.0, 10.0), 42),
        Spirals(10, 3, 0.2, 42),
    ],
    ids=lambda generator: type(generator).__name__,
)


def points(table: dict[str, np.ndarray]) -> np.ndarray:
    """The features, (rows, features)."""
    return np.column_stack([column for name, column in table.items() if name.startswith("X")])


def as_sklearn(generator: Generator) -> tuple[np.ndarray, np.ndarray]:
    match generator:
        case Circles(n, noise, factor, seed):
            return datasets.make_circles(n, noise=noise, factor=factor, random_state=seed)
        case Moons(n, noise, seed):
            return datasets.make_moons(n, noise=noise, random_state=seed)
        case Blobs(n, features, centers, std, box, seed):
            return datasets.make_blobs(n, features, centers=centers, cluster_std=std, center_box=box, random_state=seed)
    raise TypeError(generator)


@pytest.mark.parametrize(
    "generator",
    [
        Circles(1000, 0.03, 0.8, 42),
        Circles(31, 0.0, 0.0, 7),
        Moons(1000, 0.07, 42),
        Moons(31, 0.0, 2**32 - 1),
        Blobs(1000, 2, 4, 1.5, (-10.0, 10.0), 42),
        Blobs(7, 5, 3, 0.0, (0.0, 0.5), 0),
    ],
    ids=str,
)
def test_circles_moons_and_blobs_are_those_of_sklearn(generator: Generator) -> None:
    x, label = as_sklearn(generator)
    table = generate(generator)
    np.testing.assert_array_equal(points(table), x.astype(np.float32))
    np.testing.assert_array_equal(table["label"], label)


@ANY
def test_columns_and_types(generator: Generator) -> None:
    table = generate(generator)
    features = 3 if isinstance(generator, Blobs) else 2
    assert list(table) == [*(f"X{k}" for k in range(1, features + 1)), "label"]
    assert [column.dtype for column in table.values()] == [np.dtype(np.float32)] * features + [np.dtype(np.int64)]
    assert {column.shape for column in table.values()} == {(30,)}


@ANY
def test_the_seed_and_nothing_else_decides(generator: Generator) -> None:
    once = points(generate(generator))
    np.random.seed(1)  # NumPy's global generator has no part in it
    np.testing.assert_array_equal(points(generate(generator)), once)
    fields = {name: getattr(generator, name) for name in generator.__struct_fields__}
    assert not np.array_equal(points(generate(type(generator)(**{**fields, "seed": 43}))), once)


@pytest.mark.parametrize(
    ("line", "x", "y"),
    [
        (Line(2.0, 1.0, 0.0, 1.0, 0.25), [0.0, 0.25, 0.5, 0.75], [1.0, 1.5, 2.0, 2.5]),
        (Line(-1.0, 0.5, -1.0, 1.0, 0.75), [-1.0, -0.25, 0.5], [1.5, 0.75, 0.0]),
        (Line(0.0, 3.0, 5.0, 7.5, 1.0), [5.0, 6.0, 7.0], [3.0, 3.0, 3.0]),
        (Line(1.0, 0.0, 0.0, 1.0, 0.4), [0.0, 0.4, 0.8], [0.0, 0.4, 0.8]),
    ],
    ids=["end exclusive", "negative", "flat", "uneven"],
)
def test_line_by_hand(line: Line, x: list[float], y: list[float]) -> None:
    table = generate(line)
    assert list(table) == ["X1", "y"]
    np.testing.assert_array_equal(table["X1"], np.array(x, dtype=np.float32), strict=True)
    np.testing.assert_array_equal(table["y"], np.array(y, dtype=np.float32), strict=True)


def test_the_line_is_computed_in_float32() -> None:
    """weight, x and bias are rounded first, then the product, then the sum."""
    f = np.float32
    table = generate(Line(0.7, 0.3, 0.0, 1.0, 0.01))
    assert len(table["X1"]) == 100
    assert table["y"].tolist() == [float(f(f(f(0.7) * f(k * 0.01)) + f(0.3))) for k in range(100)]


@settings(deadline=None)
@given(start=st.integers(-50, 50), steps=st.integers(2, 300), step=st.sampled_from([0.01, 0.1, 0.3, 1 / 3, 7.0]))
def test_the_line_stops_before_its_end(start: int, steps: int, step: float) -> None:
    """As many numbers as torch.arange: where the end is a step, it is left out."""
    x = generate(Line(1.0, 0.0, float(start), start + (steps - 0.5) * step, step))["X1"]
    np.testing.assert_allclose(x, start + np.arange(steps) * step, rtol=1e-6, atol=1e-6)


def test_spirals_by_hand() -> None:
    """Without noise arm j's points are at radius 0, 1/2, 1 and angle 4 j, 4 j + 2, 4 j + 4."""
    table = generate(Spirals(points_per_class=3, classes=2, noise=0.0, seed=1))
    half, one = 0.5, 1.0
    x1 = [0.0, half * np.sin(2), one * np.sin(4), 0.0, half * np.sin(6), one * np.sin(8)]
    x2 = [0.0, half * np.cos(2), one * np.cos(4), 0.0, half * np.cos(6), one * np.cos(8)]
    np.testing.assert_allclose(points(table), np.column_stack([x1, x2]), atol=1e-7)
    assert table["label"].tolist() == [0, 0, 0, 1, 1, 1]


def test_spirals_are_those_of_the_course_notes() -> None:
    """The program of cs231n.github.io/neural-networks-case-study, which draws from NumPy's global generator."""
    count, classes = 100, 3
    x, y = np.zeros((count * classes, 2)), np.zeros(count * classes, dtype="uint8")
    np.random.seed(42)
    for j in range(classes):
        ix = range(count * j, count * (j + 1))
        r = np.linspace(0.0, 1, count)
        t = np.linspace(j * 4, (j + 1) * 4, count) + np.random.randn(count) * 0.2
        x[ix] = np.c_[r * np.sin(t), r * np.cos(t)]
        y[ix] = j
    table = generate(Spirals(count, classes, 0.2, 42))
    np.testing.assert_array_equal(points(table), x.astype(np.float32))
    np.testing.assert_array_equal(table["label"], y)


@settings(deadline=None)
@given(count=st.integers(2, 50), classes=st.integers(2, 6), noise=st.floats(0, 3), seed=st.integers(0, 2**32 - 1))
def test_the_noise_of_spirals_turns_but_does_not_stretch(count: int, classes: int, noise: float, seed: int) -> None:
    table = generate(Spirals(count, classes, noise, seed))
    assert np.bincount(table["label"]).tolist() == [count] * classes
    radius = np.tile(np.linspace(0, 1, count), classes)
    np.testing.assert_allclose(np.linalg.norm(points(table), axis=1), radius, atol=1e-6)


@pytest.mark.parametrize("name", known_tables.BUNDLED)
def test_bundled_tables_are_those_of_scikit_learn(name: str) -> None:
    """Under the names of their own columns and classes."""
    table = generate(Bundled(name))  # type: ignore[arg-type]
    data = getattr(datasets, f"load_{name}")()
    *features, label = table
    assert label == "label"
    assert features == list(data.feature_names)
    np.testing.assert_array_equal(np.stack([table[feature] for feature in features], axis=1), data.data)
    np.testing.assert_array_equal(table["label"], np.array(data.target_names)[data.target])
