"""What is said of a table that can be used."""

import dataclasses
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from boundary.data.quality import data_warnings, repeated_rows, unseen_classes
from boundary.data.tables import describe_table
from tests.support.datasets import NAN, of


@pytest.mark.parametrize(
    ("columns", "settings", "lines"),
    [
        (
            {"id": range(100), "y": [0, 1] * 50},
            {},
            ["column 'id': a different whole number in each row, as identifiers have; if it is one, say drop: [id]"],
        ),
        ({"n": [k % 99 for k in range(100)], "y": [0, 1] * 50}, {}, []),
        ({"id": np.arange(100) / 7, "y": [0, 1] * 50}, {}, []),
        (
            {"a": [0, 1] * 50, "name": [f"n{k % 60}" for k in range(100)], "y": [0, 1] * 50},
            {"preprocess": True},
            ["column 'name': 60 different words in 100 rows, as identifiers have; if it is one, say drop: [name]"],
        ),
        (
            {"a": [0, 1] * 50, "y": range(100)},
            {},
            ["column 'y': 100 classes in 100 rows; if they are amounts, say task: regression"],
        ),
        (
            {"a": [0, 1] * 30, "y": [f"text {k}" for k in range(60)]},
            {},
            [
                "column 'y': 60 classes in 60 rows, too few to learn each from; "
                "if they are names or texts, choose another target"
            ],
        ),
        ({"a": [0, 1] * 50, "y": [f"town {k % 10}" for k in range(100)]}, {}, []),
        (
            {"a": [0, 1] * 50, "y": [0.0, 1.0, 1.0, 0.0] * 25},
            {},
            ["column 'y': 2 different decimal numbers in 100 rows; if they are classes, say task: binary"],
        ),
        (
            {"a": [0, 1] * 50, "y": [0.0, 1.0, 3.0, 0.0] * 25},
            {},
            ["column 'y': 3 different decimal numbers in 100 rows; if they are classes, say task: multiclass"],
        ),
    ],
    ids=["id", "numbers", "decimal numbers", "names", "amounts", "texts", "towns", "two", "three"],
)
def test_what_looks_strange_is_said(columns: dict[str, Any], settings: dict[str, Any], lines: list[str]) -> None:
    table = pd.DataFrame({name: list(cells) for name, cells in columns.items()})
    assert data_warnings(table, describe_table(table, of(**settings))) == lines


@pytest.mark.parametrize("labels", [["no", "yes", "perhaps", "never"], [1, 2, 3, 0], [False, True, True, False]])
def test_classes_without_a_training_row_are_told(labels: list[Any]) -> None:
    table = pd.DataFrame({"a": range(4), "y": labels})
    schema = describe_table(table, of())
    assert unseen_classes(table, schema, np.array([0, 1, 2, 3])) == []
    expected = [] if isinstance(labels[0], bool) else sorted([labels[0], labels[3]])
    assert unseen_classes(table, schema, np.array([1, 2])) == (expected or [False])
    amounts = pd.DataFrame({"a": range(4), "y": [0.5, 1.5, 2.5, 3.5]})
    assert unseen_classes(amounts, describe_table(amounts, of()), np.array([0])) == []


def test_rows_of_several_parts_are_counted() -> None:
    """The same in all used columns, gaps included; the target counts, what is dropped does not."""
    table = pd.DataFrame(
        {
            "a": [1.0, NAN, 3.0, 1.0, NAN, 3.0, 4.0, 1.0],
            "b": ["x", "y", None, "x", "y", None, None, "x"],
            "c": range(8),
            "y": [0, 1, 0, 0, 1, 1, 0, 0],
        }
    )
    parts = {"train": np.array([0, 1, 2]), "test": np.array([3, 4, 5, 6]), "validation": np.array([7])}
    schema = describe_table(table, of(drop=["c"], preprocess=True))
    assert repeated_rows(table, schema, parts) == {"test": 2, "validation": 1}
    assert repeated_rows(table, describe_table(table, of(preprocess=True)), parts) == {"test": 0, "validation": 0}


CELLS = st.sampled_from(
    [
        [0.0, -0.0, 1.5, NAN, -NAN, float("inf")],
        [np.float16(0), np.float16(-0.0), np.float16(2), np.float16("nan")],
        [0, 1, 2**60],
        ["x", "y", "", None],
        [True, False],
    ]
)


@given(st.lists(CELLS, min_size=1, max_size=3), st.integers(2, 30), st.integers(0, 2**32 - 1))
def test_rows_are_the_same_where_pandas_groups_them(kinds: list[list[Any]], count: int, seed: int) -> None:
    chance = np.random.RandomState(seed)
    drawn = {f"c{k}": [cells[chance.randint(len(cells))] for _ in range(count)] for k, cells in enumerate(kinds)}
    table = pd.DataFrame(drawn | {"y": chance.randint(0, 2, count)})
    for name, cells in zip(drawn, kinds, strict=True):
        if isinstance(cells[0], np.float16):
            table[name] = table[name].astype(np.float16)
    schema = dataclasses.replace(
        describe_table(pd.DataFrame({"a": [0.5, 1], "y": [0, 1]}), of()), features=tuple(drawn)
    )
    first, others = np.split(chance.permutation(count), [count // 2])
    grouped = table.astype({name: np.float64 for name in table if table[name].dtype == np.float16})
    rows = grouped.groupby([*drawn, "y"], dropna=False).ngroup().to_numpy()
    expected = {"test": sum(row in rows[first] for row in rows[others])}
    assert repeated_rows(table, schema, {"train": first, "test": others}) == expected
