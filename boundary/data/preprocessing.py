"""From a table's raw columns to a network's features, with what the training rows alone have taught.

The usual three, as scikit-learn's SimpleImputer(strategy="median"), StandardScaler and OneHotEncoder do them: missing
numbers get the median, numbers are scaled to mean 0 and deviation 1, words become one column of 0 and 1 per category.
A missing word is a category of its own, where training rows have it. A word that no training row has is all 0, not an
error: it says nothing that the network knows, and one new town should not refuse a table; `unknown` counts such words.

Raw columns are as tables.raw gives them: float64 with nan where missing, or words (objects) with None. Shapes: (rows,).
Sums are exact (math.fsum), so that the same rows give the same bits on every machine.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from statistics import median

import numpy as np

from boundary.artifacts.schema import Categories, Numbers, Preprocessing
from boundary.data.tables import first_non_number
from boundary.errors import TableError

MOST_CATEGORIES = 255  # countries fit; names and other identifiers don't


def fit(columns: Mapping[str, np.ndarray], missing: Iterable[str] = ()) -> Preprocessing:
    """What the training rows' raw columns teach. Columns with one value only, or none, teach nothing and are left out.

    `missing` is kept for the reader of other tables. Raises TableError where a column has too many categories, or
    nothing is left.
    """
    fitted: list[Numbers | Categories] = []
    for name, column in columns.items():
        if column.dtype == object:
            fitted += _fit_words(name, column)
        else:
            fitted += _fit_numbers(name, column)
    result = Preprocessing(tuple(fitted), tuple(missing))
    if not fitted:
        raise TableError("no column has two values among the training rows, expected a feature that tells rows apart")
    made, count = Counter(result.features).most_common(1)[0]
    if count > 1:
        raise TableError(f"preprocessing makes two features of the name {made!r}, rename a column")
    return result


def _fit_numbers(name: str, column: np.ndarray) -> list[Numbers]:
    present = column[~np.isnan(column)].tolist()
    if len(set(present)) < 2:
        return []
    fill = float(median(present))
    values = present + [fill] * (len(column) - len(present))
    mean = math.fsum(values) / len(values)
    scale = math.sqrt(math.fsum((value - mean) * (value - mean) for value in values) / len(values))
    return [Numbers(name, fill, mean, scale)] if scale > 0 else []  # 0: values so near that their squares vanish


def _fit_words(name: str, column: np.ndarray) -> list[Categories]:
    found = set(column.tolist())
    if len(found) < 2:
        return []
    if len(found) > MOST_CATEGORIES:
        raise TableError(
            f"column {name!r}: found {len(found)} categories in {len(column)} training rows, expected at most "
            f"{MOST_CATEGORIES}; leave it out (drop), or name the words that mean missing"
        )
    return [Categories(name, tuple(sorted(found, key=lambda word: (word is None, word or ""))))]


def apply(preprocessing: Preprocessing, columns: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Features (rows,) in float32, by name, of raw columns; columns that are not needed are ignored.

    Raises TableError where a column is missing, or holds words where numbers were trained on, or numbers too large.
    """
    features: dict[str, np.ndarray] = {}
    for fitted in preprocessing.columns:
        column = _needed(fitted.name, columns)
        if isinstance(fitted, Numbers):
            features[fitted.name] = _scaled(fitted, column)
        else:
            places = {category: k for k, category in enumerate(fitted.categories)}
            place = np.array([places.get(word, -1) for word in column.tolist()], dtype=np.int64)
            features |= {feature: (place == k).astype(np.float32) for k, feature in enumerate(fitted.features)}
    return features


def _scaled(fitted: Numbers, column: np.ndarray) -> np.ndarray:
    if column.dtype == object:
        bad = first_non_number(column.tolist())
        if bad is not None:
            found = f"column {fitted.name!r}, row {bad + 1}: found {column[bad]!r}"
            raise TableError(f"{found}, expected a number, as in training")
        column = np.full(len(column), np.nan)
    with np.errstate(over="ignore"):
        scaled = ((np.where(np.isnan(column), fitted.fill, column) - fitted.mean) / fitted.scale).astype(np.float32)
    beyond = np.flatnonzero(~np.isfinite(scaled))
    if len(beyond):
        found = f"column {fitted.name!r}, row {beyond[0] + 1}: found {column[beyond[0]]}"
        raise TableError(f"{found}, too far from the training rows' mean {fitted.mean} for float32")
    return scaled


def unseen_words(preprocessing: Preprocessing, columns: Mapping[str, np.ndarray]) -> dict[str, dict[str, int]]:
    """For each column with words that no training row has, those words and their rows' number, most first.

    A missing word counts as ''.
    """
    found = {}
    for fitted in preprocessing.columns:
        if isinstance(fitted, Categories):
            words = Counter(_needed(fitted.name, columns).tolist())
            found[fitted.name] = {word or "": n for word, n in words.most_common() if word not in fitted.categories}
    return {name: words for name, words in found.items() if words}


def _needed(name: str, columns: Mapping[str, np.ndarray]) -> np.ndarray:
    if name not in columns:
        raise TableError(f"column {name!r}: not in the table, expected it as in training")
    return columns[name]
