"""Parts of a table: by hand, by scikit-learn, and that each row is in just one."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import train_test_split

from boundary.config.params import Split
from boundary.data.splitting import split
from boundary.errors import SettingsError

CLASSES = np.array([0] * 60 + [1] * 30 + [2] * 10)


def same(found: dict[str, np.ndarray], expected: dict[str, Any]) -> bool:
    return {name: rows.tolist() for name, rows in found.items()} == {
        name: list(rows) for name, rows in expected.items()
    }


@pytest.mark.parametrize(
    ("rows", "test", "validation", "expected"),
    [
        (5, 0.2, 0.0, {"train": [0, 1, 2, 3], "test": [4]}),
        (5, 0.2, 0.4, {"train": [0, 1], "validation": [2, 3], "test": [4]}),
        (5, 0.3, 0.0, {"train": [0, 1, 2], "test": [3, 4]}),
        (3, 0.01, 0.01, {"train": [0], "validation": [1], "test": [2]}),
        (2, 0.5, 0.0, {"train": [0], "test": [1]}),
    ],
)
def test_ordered_by_hand(rows: int, test: float, validation: float, expected: dict[str, list[int]]) -> None:
    assert same(split(rows, None, Split("ordered", test, validation)), expected)


@pytest.mark.parametrize(("rows", "test"), [(1000, 0.2), (100, 0.07), (10, 0.29), (7, 0.5), (2, 0.1)])
def test_random_is_sklearns_train_test_split(rows: int, test: float) -> None:
    """The tutorial's split; also where 0.07 * 100 is a little more than 7."""
    train, held = train_test_split(np.arange(rows), test_size=test, random_state=42)
    assert same(split(rows, None, Split("random", test, seed=42)), {"train": train, "test": held})


def test_stratified_is_sklearns_train_test_split() -> None:
    train, held = train_test_split(np.arange(100), test_size=0.2, random_state=7, stratify=CLASSES)
    assert same(split(100, CLASSES, Split("stratified", 0.2, seed=7)), {"train": train, "test": held})


def test_validation_is_drawn_from_what_the_test_part_leaves() -> None:
    rest, held = train_test_split(np.arange(100), test_size=0.2, random_state=7, stratify=CLASSES)
    train, validation = train_test_split(rest, test_size=10, random_state=7, stratify=CLASSES[rest])
    parts = split(100, CLASSES, Split("stratified", 0.2, 0.1, 7))
    assert same(parts, {"train": train, "validation": validation, "test": held})


@pytest.mark.parametrize("kind", ["random", "stratified", "ordered"])
def test_the_test_part_is_the_same_with_a_validation_part(kind: Any) -> None:
    seed = None if kind == "ordered" else 3
    without, beside = (split(100, CLASSES, Split(kind, 0.2, share, seed)) for share in (0.0, 0.3))
    assert without["test"].tolist() == beside["test"].tolist()
    assert sorted(without["train"]) == sorted([*beside["train"], *beside["validation"]])


@pytest.mark.parametrize("kind", ["random", "stratified"])
def test_the_seed_decides(kind: Any) -> None:
    one, again, other = (split(100, CLASSES, Split(kind, 0.2, 0.2, seed)) for seed in (1, 1, 2))
    assert same(one, again)
    for part, rows in one.items():
        assert rows.tolist() != other[part].tolist()


@pytest.mark.parametrize("names", [[0, 1, 2], ["a", "b", "c"], [False, True, True]])
def test_stratified_keeps_proportions(names: list[object]) -> None:
    """60 : 30 : 10 in every part, or 60 : 40, whatever the classes are called."""
    classes = np.array(names)[CLASSES]
    _, whole = np.unique(classes, return_counts=True)
    for part, rows in split(100, classes, Split("stratified", 0.2, 0.1, 5)).items():
        share = {"train": 0.7, "validation": 0.1, "test": 0.2}[part]
        assert np.unique(classes[rows], return_counts=True)[1].tolist() == pytest.approx((whole * share).tolist())


def test_a_row_of_each_class_is_enough_for_a_part() -> None:
    classes = np.array([0, 1, 2, 0, 1, 2])
    for rows in split(6, classes, Split("stratified", 0.5, seed=1)).values():
        assert sorted(classes[rows]) == [0, 1, 2]


def test_classes_do_not_matter_to_the_others() -> None:
    for chosen in (Split("random", 0.2, 0.1, 1), Split("ordered", 0.2, 0.1)):
        assert same(split(100, CLASSES, chosen), split(100, None, chosen))


@settings(deadline=None)
@given(
    kind=st.sampled_from(["random", "stratified", "ordered"]),
    classes=st.lists(st.integers(0, 2), max_size=60),
    test=st.floats(0.001, 0.999),
    validation=st.just(0.0) | st.floats(0.001, 0.999),
    seed=st.integers(0, 2**32 - 1),
)
def test_each_row_is_in_just_one_part(kind: Any, classes: list[int], test: float, validation: float, seed: int) -> None:
    """Or the split is refused; a random or ordered one only where no row is left to train on."""
    rows = len(classes)
    sizes = {"test": math.ceil(test * rows), "validation": math.ceil(validation * rows)}
    sizes["train"] = rows - sum(sizes.values())
    chosen = Split(kind, test, validation, None if kind == "ordered" else seed)
    try:
        parts = split(rows, np.array(classes, dtype=np.int64), chosen)
    except SettingsError:
        if kind == "stratified":
            return
        parts = {}
    assert bool(parts) == (sizes["train"] >= 1)
    if parts:
        assert {name: len(part) for name, part in parts.items()} == {n: size for n, size in sizes.items() if size}
        assert sorted(np.concatenate(list(parts.values()))) == list(range(rows))


@pytest.mark.parametrize(
    ("rows", "classes", "chosen", "line"),
    [
        (
            0,
            None,
            Split("ordered", 0.2),
            "split: the 0 rows of the table leave none for training beside 0 test and 0 validation",
        ),
        (
            1,
            None,
            Split("random", 0.1, seed=1),
            "split: the 1 rows of the table leave none for training beside 1 test and 0 validation",
        ),
        (
            2,
            None,
            Split("ordered", 0.1, 0.1),
            "split: the 2 rows of the table leave none for training beside 1 test and 1 validation",
        ),
        (
            9,
            None,
            Split("stratified", 0.2, seed=1),
            "split.kind: found stratified, expected random or ordered for a regression",
        ),
        (
            10,
            np.arange(10) % 5,
            Split("stratified", 0.3, seed=1),
            "split.kind: found stratified, but parts of 7 and 3 rows cannot hold 5 classes each",
        ),
        (
            10,
            np.arange(10) % 5,
            Split("stratified", 0.7, seed=1),
            "split.kind: found stratified, but parts of 3 and 7 rows cannot hold 5 classes each",
        ),
    ],
)
def test_refused(rows: int, classes: np.ndarray | None, chosen: Split, line: str) -> None:
    with pytest.raises(SettingsError) as caught:
        split(rows, classes, chosen)
    assert str(caught.value) == line


@pytest.mark.parametrize("validation", [0.0, 0.3])
def test_a_class_of_one_row_cannot_be_kept_in_proportion(validation: float) -> None:
    """Also where only what the test part leaves has too few."""
    classes = np.array([0] * 9 + [1]) if not validation else np.array([0] * 8 + [1] * 2)
    with pytest.raises(SettingsError, match=r"^split\.kind: found stratified, but class 1 has one row") as caught:
        split(10, classes, Split("stratified", 0.3, validation, 1))
    assert "\n" not in str(caught.value)
