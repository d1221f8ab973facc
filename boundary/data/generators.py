"""The data sets of the tutorial and of its exercises, as tables: features X1, X2, ... (float32) and a target.

Each is what its section of params.yaml says, and the same bits on every machine. Beside them three real tables, with
the names of their own columns. scikit-learn takes a second to import, so only the generators that use it do.
"""

import math

import numpy as np

from boundary.config import params


def generate(generator: params.Generator) -> dict[str, np.ndarray]:
    """The table of a generator, by column: X1 ... and label (int64 classes), or y (float32) for the line."""
    if isinstance(generator, params.Line):
        return line(generator)
    if isinstance(generator, params.Bundled):
        return bundled(generator)
    if isinstance(generator, params.Spirals):
        points, labels = spirals(generator)
    else:
        points, labels = _sklearn(generator)
    features = {f"X{k}": column for k, column in enumerate(points.astype(np.float32).T, start=1)}
    return {**features, "label": labels.astype(np.int64)}


def line(generator: params.Line) -> dict[str, np.ndarray]:
    """y = weight x + bias in float32, at x = start + k step for every k with x < end.

    As torch.arange, to the printed digit; its last bit depends on how many numbers a processor's vectors hold.
    """
    count = math.ceil((generator.end - generator.start) / generator.step)
    x = (generator.start + np.arange(count) * generator.step).astype(np.float32)
    return {"X1": x, "y": np.float32(generator.weight) * x + np.float32(generator.bias)}


def spirals(generator: params.Spirals) -> tuple[np.ndarray, np.ndarray]:
    """Points (classes * points_per_class, 2) and labels of spiral arms, as cs231n.github.io/neural-networks-case-study.

    Arm j has radius r from 0 to 1 and angle t from 4 j to 4 (j + 1), with normal noise of the given deviation added
    to t; its points are (r sin t, r cos t). Drawn from NumPy's legacy generator, as the notes do.
    """
    count = generator.points_per_class
    random = np.random.RandomState(generator.seed)
    arms = []
    for j in range(generator.classes):
        r = np.linspace(0.0, 1.0, count)
        t = np.linspace(j * 4.0, (j + 1) * 4.0, count) + random.randn(count) * generator.noise
        arms.append(np.column_stack([r * np.sin(t), r * np.cos(t)]))
    return np.concatenate(arms), np.repeat(np.arange(generator.classes), count)


def bundled(generator: params.Bundled) -> dict[str, np.ndarray]:
    """A real table: its features (float64) under their own names, and `label`: names of classes, or the digit."""
    from sklearn import datasets

    data = getattr(datasets, f"load_{generator.name}")()
    names = np.asarray(data.target_names)
    features = {str(name): column for name, column in zip(data.feature_names, data.data.T, strict=True)}
    return {**features, "label": names[data.target]}


def _sklearn(generator: params.Circles | params.Moons | params.Blobs) -> tuple[np.ndarray, np.ndarray]:
    from sklearn.datasets import make_blobs, make_circles, make_moons

    g = generator
    if isinstance(g, params.Circles):
        points, labels = make_circles(g.n_samples, noise=g.noise, factor=g.factor, random_state=g.seed)
    elif isinstance(g, params.Moons):
        points, labels = make_moons(g.n_samples, noise=g.noise, random_state=g.seed)
    else:
        points, labels = make_blobs(
            g.n_samples,
            g.n_features,
            centers=g.centers,
            cluster_std=g.cluster_std,
            center_box=g.center_box,
            random_state=g.seed,
        )
    return points, labels
