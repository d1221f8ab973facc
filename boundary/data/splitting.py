"""Which rows train, which validate, which test."""

import math

import numpy as np

from boundary.config.params import Split


class SplitError(ValueError):
    """Why the rows cannot be divided as asked, in one line."""


def split(rows: int, classes: np.ndarray | None, settings: Split) -> dict[str, np.ndarray]:
    """Row numbers of the parts train, test and, where asked for, validation: each row in just one of them.

    The test part has ceil(test_size * rows) rows and is the same with or without a validation part. random and
    stratified are scikit-learn's train_test_split with the seed; ordered keeps the order of the file: train,
    validation, test. `classes` (rows,), or None for a regression, is what stratified keeps in proportion.
    Raises SplitError where a part would be empty, or its classes too few to be kept in proportion.
    """
    test, validation = _count(settings.test_size, rows), _count(settings.validation_size, rows)
    if rows - test - validation < 1:
        raise SplitError(f"split: {rows} rows leave none for training beside {test} test and {validation} validation")
    if settings.kind == "stratified" and classes is None:
        raise SplitError("split.kind: found stratified, expected random or ordered for a regression")
    everything = np.arange(rows)
    rest, parts = everything, {}
    for name, count in (("test", test), ("validation", validation)):
        if count and settings.kind == "ordered":
            rest, parts[name] = rest[:-count], rest[-count:]
        elif count:
            rest, parts[name] = _draw(rest, classes if settings.kind == "stratified" else None, count, settings.seed)
    return {"train": rest, **parts}


def _count(share: float, rows: int) -> int:
    return math.ceil(share * rows)


def _draw(rows: np.ndarray, classes: np.ndarray | None, count: int, seed: int | None) -> tuple[np.ndarray, np.ndarray]:
    """The rest and the part."""
    if classes is None:  # as scikit-learn does it, without the second that its import takes
        shuffled = rows[np.random.RandomState(seed).permutation(len(rows))]
        return shuffled[count:], shuffled[:count]
    from sklearn.model_selection import train_test_split

    stratify = classes[rows]
    labels, counts = np.unique(stratify, return_counts=True)
    if counts.min() < 2:
        rare = labels[counts.argmin()]
        raise SplitError(f"split.kind: found stratified, but class {rare} has one row, expected two or more")
    if min(count, len(rows) - count) < len(labels):
        sizes = f"{len(rows) - count} and {count} rows"
        raise SplitError(f"split.kind: found stratified, but parts of {sizes} cannot hold {len(labels)} classes each")
    rest, part = train_test_split(rows, test_size=count, random_state=seed, stratify=stratify)
    return rest, part
