"""What is read out of a user's table, what is refused, and the arrays that training gets."""

import json
from dataclasses import asdict
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

from boundary.artifacts.schema import Schema, arrays, class_indices
from boundary.data.tables import describe_table, published_columns, raw_columns
from boundary.errors import SettingsError, TableError
from tests.support.datasets import NAN, of

FEATURE = {"a": [1.5, 2.5, 3.5]}
TARGET = {"y": [0, 1, 0]}
HINT = "; preprocess: true takes words and missing values"


@pytest.mark.parametrize(
    ("target", "settings", "task", "classes"),
    [
        ([0, 1, 0], {}, "binary", (0, 1)),
        ([7, -3, 7], {}, "binary", (-3, 7)),
        ([2, 10, 1], {}, "multiclass", (1, 2, 10)),
        (["b", "a", "b"], {}, "binary", ("a", "b")),
        (["no", "yes", "maybe"], {}, "multiclass", ("maybe", "no", "yes")),
        (["10", "9", "9"], {}, "binary", ("10", "9")),
        ([True, False, True], {}, "binary", (False, True)),
        (pd.array([1, 2, 1], dtype="Int64"), {}, "binary", (1, 2)),
        (pd.Categorical(["b", "a", "b"], categories=["b", "a", "c"]), {}, "binary", ("a", "b")),
        ([0.5, 1.0, 0.5], {}, "regression", ()),
        ([0.0, 1.0, 0.0], {}, "regression", ()),
        ([1.0, 1.0, 1.0], {}, "regression", ()),
        (np.array([0.5, 1, 2], dtype=np.float32), {}, "regression", ()),
        (pd.array([0.5, 1, 2], dtype="Float64"), {}, "regression", ()),
        ([0, 1, 0], {"task": "multiclass"}, "multiclass", (0, 1)),
        ([0, 1, 0], {"task": "binary"}, "binary", (0, 1)),
        ([3, 1, 3], {"task": "regression"}, "regression", ()),
        ([1.0, 0.0, 1.0], {"task": "binary"}, "binary", (0, 1)),
    ],
)
def test_task_and_classes(target: Any, settings: dict[str, Any], task: str, classes: tuple[Any, ...]) -> None:
    """Floats ask for a regression, all else for classes, in their order; JSON can hold them."""
    found = describe_table(pd.DataFrame({**FEATURE, "y": target}), of(**settings))
    assert found == Schema(("a",), "y", task, classes)
    assert json.loads(json.dumps(asdict(found)))["classes"] == list(classes)


@pytest.mark.parametrize(("features", "expected"), [(None, ("b", "a")), (["a"], ("a",)), (["a", "b"], ("a", "b"))])
def test_features_are_all_other_columns_or_those_named_in_that_order(
    features: list[str] | None, expected: tuple[str, ...]
) -> None:
    table = pd.DataFrame({"b": [1, 2, 3], **TARGET, **FEATURE})
    assert describe_table(table, of(features=features)).features == expected


def test_columns_that_are_not_used_may_hold_anything() -> None:
    table = pd.DataFrame({**FEATURE, **TARGET, "text": ["x", None, "z"]})
    assert describe_table(table, of(features=["a"])).features == ("a",)


@pytest.mark.parametrize(
    "numbers",
    [
        [1, 2, 3],
        [2**60, -(2**60), 0],
        [3.4e38, -3.4e38, 1e-46],
        np.array([1, 2, 2**64 - 1], dtype=np.uint64),
        np.array([1, 2, 3], dtype=np.float16),
        [True, False, True],
        pd.array([1, 2, 3], dtype="Int64"),
    ],
    ids=str,
)
def test_features_of_any_number_type(numbers: Any) -> None:
    table = pd.DataFrame({"a": numbers, **TARGET})
    published = published_columns(table, describe_table(table, of()))
    np.testing.assert_array_equal(published["a"], np.asarray(numbers).astype(np.float32), strict=True)


@pytest.mark.parametrize(
    ("columns", "settings", "line"),
    [
        # names
        (
            {"alpha": [1, 2], "label": [0, 1]},
            {"target": "labels"},
            "column 'labels': not in the table, did you mean label?",
        ),
        ({"a": [1, 2], "b": [0, 1]}, {}, "column 'y': not in the table, known: a, b"),
        (
            {"alpha": [1, 2], "y": [0, 1]},
            {"features": ["alfa"]},
            "column 'alfa': not in the table, did you mean alpha?",
        ),
        (
            {**FEATURE, **TARGET},
            {"features": ["a", "y"]},
            "features: found ['a', 'y'], expected columns other than the target, each once",
        ),
        (
            {**FEATURE, **TARGET},
            {"features": ["a", "a"]},
            "features: found ['a', 'a'], expected columns other than the target, each once",
        ),
        (
            {**FEATURE, **TARGET},
            {"features": []},
            "features: found [], expected columns other than the target, each once",
        ),
        (TARGET, {}, "found no column besides the target 'y' and those left out, expected a feature"),
        # rows
        ({"a": np.array([]), "y": np.array([], dtype=np.int64)}, {}, "no rows"),
        # features
        (
            {"a": [1, np.nan, 2], **TARGET},
            {},
            "column 'a', row 2: missing, expected a finite float32 number" + HINT,
        ),
        ({"a": [1, 2, -np.inf], **TARGET}, {}, "column 'a', row 3: found -inf, expected a finite float32 number"),
        ({"a": [1e39, 2, 3], **TARGET}, {}, "column 'a', row 1: found 1e+39, expected a finite float32 number"),
        (
            {"a": pd.array([1, None, 1], dtype="Int64"), **TARGET},
            {},
            "column 'a', row 2: missing, expected a finite float32 number" + HINT,
        ),
        (
            {"a": ["1", "2", "3"], **TARGET},
            {},
            "column 'a': found str values, expected numbers" + HINT,
        ),
        (
            {"a": pd.to_datetime(["2020-01-01"] * 3), **TARGET},
            {},
            "column 'a': found Timestamp values, expected numbers",
        ),
        (
            {**FEATURE, "b": ["x", "y", "z"], **TARGET},
            {},
            "column 'b', row 1: found 'x', expected a number" + HINT,
        ),
        # targets
        ({**FEATURE, "y": [3, 3, 3]}, {}, "column 'y': found one class, 3, expected two or more"),
        ({**FEATURE, "y": ["x", "x", "x"]}, {}, "column 'y': found one class, 'x', expected two or more"),
        ({**FEATURE, "y": [0, 1, 2]}, {"task": "binary"}, "column 'y': found 3 classes, expected 2 for task: binary"),
        ({**FEATURE, "y": [0.5, np.nan, 1]}, {}, "column 'y', row 2: missing, expected a value in every row"),
        ({**FEATURE, "y": ["x", "y", None]}, {}, "column 'y', row 3: missing, expected a value in every row"),
        (
            {**FEATURE, "y": pd.array([None, 1, 1], dtype="Int64")},
            {},
            "column 'y', row 1: missing, expected a value in every row",
        ),
        ({**FEATURE, "y": [0.5, np.inf, 1]}, {}, "column 'y', row 2: found inf, expected a finite float32 number"),
        ({**FEATURE, "y": [0.5, 1, -1e300]}, {}, "column 'y', row 3: found -1e+300, expected a finite float32 number"),
        ({**FEATURE, "y": ["b", "a", "b"]}, {"task": "regression"}, "column 'y', row 1: found 'b', expected a number"),
    ],
)
def test_refused(columns: dict[str, Any], settings: dict[str, Any], line: str) -> None:
    error = SettingsError if line.startswith("features:") else TableError
    with pytest.raises(error) as caught:
        describe_table(pd.DataFrame(columns), of(**settings))
    assert str(caught.value) == line


@pytest.mark.parametrize(
    "target",
    [
        pd.to_datetime(["2020-01-01", "2020-01-02", "2020-01-01"]),
        pd.to_timedelta([1, 2, 1]),
        [date(2020, 1, 1), date(2020, 1, 2), date(2020, 1, 1)],
        [Decimal(1), Decimal(2), Decimal(1)],
        [b"a", b"b", b"a"],
        [[1], [2], [1]],
        [{"k": 1}, {"k": 2}, {"k": 1}],
    ],
    ids=["datetime", "timedelta", "date", "decimal", "bytes", "list", "struct"],
)
def test_a_target_that_is_neither_number_nor_word_is_refused(target: Any) -> None:
    """A Parquet file can hold such columns; schema.json cannot hold them as classes."""
    with pytest.raises(TableError, match=r"^column 'y'"):
        describe_table(pd.DataFrame({**FEATURE, "y": target}), of())


@pytest.mark.parametrize("settings", [{}, {"task": "binary"}], ids=["regression", "binary"])
def test_a_number_that_is_not_finite_is_neither_value_nor_class(settings: dict[str, Any]) -> None:
    with pytest.raises(TableError, match=r"^column 'y', row 2: found inf"):
        describe_table(pd.DataFrame({**FEATURE, "y": [1.0, np.inf, 1.0]}), of(**settings))


def test_rows_are_counted_from_one_whatever_the_index() -> None:
    table = pd.DataFrame({"a": [1.0, np.nan, 3.0], **TARGET}, index=[5, 5, 7])
    with pytest.raises(TableError, match=r"^column 'a', row 2: "):
        describe_table(table, of())


def test_published_columns() -> None:
    """Those of the schema, in its order: numbers in float32, classes as they are."""
    table = pd.DataFrame({"y": ["b", "a"], "c": ["x", "y"], "b": [1, 2], "a": [0.1, 0.2]})
    published = published_columns(table, Schema(("a", "b"), "y", "binary", ("a", "b")))
    assert {name: column.tolist() for name, column in published.items()} == {
        "a": np.array([0.1, 0.2], dtype=np.float32).tolist(),
        "b": [1.0, 2.0],
        "y": ["b", "a"],
    }
    assert list(published) == ["a", "b", "y"]
    assert published["a"].dtype == published["b"].dtype == np.float32
    kept = published_columns(table, Schema(("a",), "b", "binary", (1, 2)))["b"]
    assert kept.dtype == np.int64
    value = published_columns(table, Schema(("a",), "b", "regression", ()))["b"]
    assert value.dtype == np.float32
    assert table["a"].dtype == np.float64  # the user's table is left alone


COLUMNS = {"a": np.array([1.0, 2.0, 3.0]), "b": np.array([4, 5, 6])}


@pytest.mark.parametrize(
    ("task", "classes", "target", "y"),
    [
        ("regression", (), [0.5, 1.5, -2.0], [[0.5, 1.5, -2.0]]),
        ("binary", (3, 7), [7, 3, 7], [[1.0, 0.0, 1.0]]),
        ("binary", ("a", "b"), ["a", "b", "b"], [[0.0, 1.0, 1.0]]),
        ("binary", (False, True), [True, False, False], [[1.0, 0.0, 0.0]]),
        ("multiclass", (0, 5, 9), [9, 0, 9], [[0.0, 1.0, 0.0], [0.0, 0.0, 0.0], [1.0, 0.0, 1.0]]),
        ("multiclass", ("a", "b"), ["b", "a", "a"], [[0.0, 1.0, 1.0], [1.0, 0.0, 0.0]]),
    ],
)
def test_arrays_by_hand(task: str, classes: tuple[Any, ...], target: list[Any], y: list[list[float]]) -> None:
    """x as (features, rows) in the schema's order, y as (outputs, rows)."""
    schema = Schema(("b", "a"), "y", task, classes)
    found = arrays({**COLUMNS, "y": np.array(target)}, schema)
    np.testing.assert_array_equal(found[0], np.array([[4, 5, 6], [1, 2, 3]], dtype=np.float32), strict=True)
    np.testing.assert_array_equal(found[1], np.array(y, dtype=np.float32), strict=True)
    assert schema.outputs == len(y)


def test_class_indices() -> None:
    """Places among the schema's classes, also in a part that lacks one of them."""
    schema = Schema(("a",), "y", "multiclass", ("high", "low", "mid"))
    found = class_indices(np.array(["low", "mid", "low"], dtype=object), schema)
    np.testing.assert_array_equal(found, np.array([1, 2, 1], dtype=np.int64), strict=True)


@pytest.mark.parametrize(("target", "found"), [(["low", "lower"], "'lower'"), ([1, 2], "1"), (["low", None], "None")])
def test_a_label_that_is_no_class(target: list[Any], found: str) -> None:
    schema = Schema(("a",), "y", "binary", ("high", "low"))
    with pytest.raises(TableError) as caught:
        class_indices(np.array(target, dtype=object), schema)
    assert str(caught.value) == f"column 'y': found {found}, expected one of ('high', 'low')"


@pytest.mark.parametrize(
    "schema",
    [
        Schema(("a", "b"), "y", "multiclass", (0, 1, 2)),
        Schema(("a",), "größe", "binary", ("no", "yes")),
        Schema(("a",), "y", "binary", (False, True)),
        Schema(("a",), "y", "regression", ()),
    ],
)
def test_a_schema_is_the_same_after_json(schema: Schema) -> None:
    again = Schema.from_plain(json.loads(json.dumps(asdict(schema))))
    assert again == schema
    assert [type(c) for c in again.classes] == [type(c) for c in schema.classes]


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ([1, 2, 3], [1.0, 2.0, 3.0]),
        ([0.5, None, 3], [0.5, NAN, 3.0]),
        ([True, False, True], [1.0, 0.0, 1.0]),
        (np.array([True, None, False], dtype=object), [1.0, NAN, 0.0]),
        (np.array([True, 2, 0.5], dtype=object), [1.0, 2.0, 0.5]),
        (pd.array([1, None, 3], dtype="Int64"), [1.0, NAN, 3.0]),
        (pd.array([True, None, False], dtype="boolean"), [1.0, NAN, 0.0]),
        (np.array([None, None], dtype=object), [NAN, NAN]),
        (["x", None, ""], ["x", None, None]),
        (pd.Categorical(["x", None, "z"]), ["x", None, "z"]),
        (["1", "x", "y"], ["1", "x", "y"]),
        (["1", "2", None], ["1", "2", None]),
    ],
    ids=str,
)
def test_raw_columns_are_numbers_or_words(cells: Any, expected: list[Any]) -> None:
    column = raw_columns(pd.DataFrame({"a": cells}), ["a"])["a"]
    assert column.dtype == (object if any(isinstance(cell, str) for cell in expected) else np.float64)
    np.testing.assert_array_equal(column, np.array(expected, dtype=column.dtype))


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ([7, 10, 7], ["7", "10", "7"]),
        ([7.0, NAN, 10.0], ["7", None, "10"]),
        (pd.array([7, None], dtype="Int64"), ["7", None]),
        ([2**60 + 1, 2**60], [str(2**60 + 1), str(2**60)]),
        ([True, False], ["true", "false"]),
        (["007", "7", None], ["007", "7", None]),
    ],
    ids=str,
)
def test_numbers_as_categories_are_words_as_a_csv_writes_them(cells: Any, expected: list[Any]) -> None:
    assert raw_columns(pd.DataFrame({"a": cells}), ["a"], ["a"])["a"].tolist() == expected


@pytest.mark.parametrize(
    ("cells", "categories", "line"),
    [
        ([1.0, np.inf], (), "column 'a', row 2: found inf, expected a finite float32 number"),
        ([1e39, 1], (), "column 'a', row 1: found 1e+39, expected a finite float32 number"),
        (
            ["1", "2", "?", "4"],
            (),
            "column 'a', row 3: found '?' among numbers, expected a number; where that means a missing value say "
            "missing: ['?'], where all are words say categories: [a]",
        ),
        (
            pd.to_datetime(["2020-01-01"]),
            (),
            "column 'a': found Timestamp values, expected numbers, words or true and false",
        ),
        (
            np.array(["x", 1], dtype=object),
            (),
            "column 'a': found int and str values, expected numbers, words or true and false",
        ),
        ([0.5, 1.0], ["a"], "column 'a', row 1: found 0.5, expected a word or a whole number"),
    ],
)
def test_what_raw_columns_may_not_be(cells: Any, categories: list[str], line: str) -> None:
    with pytest.raises(TableError) as caught:
        raw_columns(pd.DataFrame({"a": cells}), ["a"], categories)
    assert str(caught.value) == line


def test_a_raw_column_that_is_missing_is_named() -> None:
    with pytest.raises(TableError, match=r"^column 'width': not in the table, did you mean widths\?$"):
        raw_columns(pd.DataFrame({"widths": [1]}), ["width"])


def test_categories_and_dropped_columns_are_in_the_table() -> None:
    table = pd.DataFrame({"a": [1, 2], "b": ["x", "y"], "c": [None, None], "y": [0, 1]})
    assert describe_table(table, of(drop=["b"], preprocess=True, categories=["a"])).features == ("a", "c")
    for settings, line in [
        ({"drop": ["d"]}, "column 'd': not in the table, known: a, b, c, y"),
        ({"categories": ["d"]}, "column 'd': not in the table, known: a, b, c, y"),
        ({"drop": ["a"], "categories": ["a"]}, "categories: found 'a', expected one of the features: b, c"),
    ]:
        with pytest.raises(TableError) as caught:
            describe_table(table, of(preprocess=True, **settings))
        assert str(caught.value) == line
