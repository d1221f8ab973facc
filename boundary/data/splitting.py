"""Which rows train, which validate, which test."""

import numpy as np

from boundary.config.constraints import part_sizes, stratified_problem, training_rows_problem
from boundary.config.params import Split
from boundary.errors import SettingsError


def split(rows: int, classes: np.ndarray | None, settings: Split) -> dict[str, np.ndarray]:
    """Row numbers of the parts train, test and, where asked for, validation: each row in just one of them.

    The test part has ceil(test_size * rows) rows and is the same with or without a validation part. random and
    stratified are scikit-learn's train_test_split with the seed; ordered keeps the order of the file: train,
    validation, test. `classes` (rows,), or None for a regression, is what stratified keeps in proportion.
    Raises SettingsError where a part would be empty, or its classes too few to be kept in proportion.
    """
    _, test, validation = part_sizes(settings, rows)
    problems = training_rows_problem(settings, rows, "the table"), stratified_problem(settings, classes is None)
    for problem in problems:
        if problem is not None:
            raise SettingsError(problem)
    everything = np.arange(rows)
    rest, parts = everything, {}
    for name, count in (("test", test), ("validation", validation)):
        if count and settings.kind == "ordered":
            rest, parts[name] = rest[:-count], rest[-count:]
        elif count:
            rest, parts[name] = _draw(rest, classes if settings.kind == "stratified" else None, count, settings.seed)
    return {"train": rest, **parts}


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
        raise SettingsError(f"split.kind: found stratified, but class {rare} has one row, expected two or more")
    if min(count, len(rows) - count) < len(labels):
        sizes = f"{len(rows) - count} and {count} rows"
        raise SettingsError(
            f"split.kind: found stratified, but parts of {sizes} cannot hold {len(labels)} classes each"
        )
    rest, part = train_test_split(rows, test_size=count, random_state=seed, stratify=stratify)
    return rest, part
