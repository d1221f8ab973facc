"""A data set's card, by hand."""

from typing import Any

import numpy as np
import pandas as pd

from boundary.data.cards import card
from boundary.data.tables import describe_table
from tests.support.datasets import NAN, of

TABLE = pd.DataFrame(
    {
        "age": [20.0, NAN, 40.0, 31.0, 30.0],
        "town": ["Rome", "Oslo", None, "Rome", "a town of a very long name"],
        "member": np.array([True, None, False, True, True], dtype=object),
        "a|b": [1, 2, 3, 4, 5],
        "y": ["yes", "no", "yes", "yes", "yes"],
    }
)
PARTS = {"train": np.array([0, 1, 2]), "test": np.array([3, 4])}


def shown(settings: dict[str, Any], notices: list[str]) -> str:
    dataset = of(preprocess=True, **settings)
    return card("towns", TABLE, describe_table(TABLE, dataset), PARTS, notices, "towns.png")


def test_a_table_of_all_kinds() -> None:
    assert shown({}, ["something"]) == (
        """\
# towns

binary of `y` from 4 columns

![towns](towns.png)

| rows | all | share  | train | test |
| ---- | --- | ------ | ----- | ---- |
| all  | 5   | 100.0% | 3     | 2    |
| no   | 1   | 20.0%  | 1     | 0    |
| yes  | 4   | 80.0%  | 2     | 2    |

- something

| numbers | missing | different | lowest | median | highest |
| ------- | ------- | --------- | ------ | ------ | ------- |
| age     | 1       | 4         | 20     | 30     | 40      |
| a\\|b    | 0       | 5         | 1      | 3      | 5       |

| words  | missing | different | most common                              |
| ------ | ------- | --------- | ---------------------------------------- |
| town   | 1       | 3         | Rome (2), Oslo (1), a town of a v... (1) |
| member | 1       | 2         | true (3), false (1)                      |
"""
    )


def test_a_regression_shows_its_target_as_a_number() -> None:
    table = TABLE.assign(y=[0.5, 1.5, 2.5, 3.5, 9.0])
    found = card("towns", table, describe_table(table, of(features=["a|b"])), PARTS, [], "towns.png")
    assert "regression of `y` from 1 column\n" in found
    assert "| y       | 0       | 5         | 0.5    | 2.5    | 9       |" in found
    assert "share" in found
    assert "words" not in found
