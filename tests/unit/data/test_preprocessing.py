"""Preprocessing against scikit-learn, by hand, and against what a user's table may hold."""

import json
import math
import re
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from boundary.artifacts.schema import Categories, Numbers, Preprocessing, Schema
from boundary.data import preprocessing
from boundary.errors import TableError


def words(*cells: str | None) -> np.ndarray:
    return np.array(cells, dtype=object)


def numbers(*cells: float) -> np.ndarray:
    return np.array(cells, dtype=np.float64)


AGES, TOWNS = numbers(20, np.nan, 40, 30), words("Rome", None, "Oslo", "Rome")


def test_by_hand() -> None:
    """The median of 20, 30, 40 fills the gap; then the mean is 30, and the deviation sqrt(200 / 4)."""
    fitted = preprocessing.fit({"age": AGES, "town": TOWNS}, ["NA"])
    assert fitted == Preprocessing(
        (Numbers("age", 30.0, 30.0, math.sqrt(50)), Categories("town", ("Oslo", "Rome", None))), ("NA",)
    )
    assert fitted.features == ("age", "town=Oslo", "town=Rome", "town=")
    made = preprocessing.apply(fitted, {"age": numbers(np.nan, 37), "town": words(None, "Bonn"), "more": AGES})
    assert {name: column.tolist() for name, column in made.items()} == {
        "age": [0.0, np.float32(7 / math.sqrt(50))],
        "town=Oslo": [0.0, 0.0],
        "town=Rome": [0.0, 0.0],
        "town=": [1.0, 0.0],
    }
    assert all(column.dtype == np.float32 for column in made.values())


@given(
    st.lists(
        st.tuples(
            st.one_of(st.just(math.nan), st.integers(-(2**40), 2**40).map(lambda k: k / 2**20)),
            st.sampled_from(["a", "b", "ä", "", None]),
        ),
        min_size=4,
        max_size=40,
    ).filter(lambda rows: len({a for a, _ in rows if a == a}) > 1 and len({b or None for _, b in rows}) > 1),
    st.integers(0, 2**32 - 1),
)
def test_as_scikit_learn(rows: list[tuple[float, str | None]], seed: int) -> None:
    """To 1e-12 relative to the largest value, missing words and unknown ones included."""
    column = words(*(b or None for _, b in rows))
    frame = pd.DataFrame({"a": [a for a, _ in rows], "b": column}, dtype=object).astype({"a": float})
    fitted = preprocessing.fit({"a": frame["a"].to_numpy(), "b": column})
    theirs = ColumnTransformer(
        [
            ("a", make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), ["a"]),
            ("b", OneHotEncoder(sparse_output=False, handle_unknown="ignore"), ["b"]),
        ]
    ).fit(frame)
    scaler = theirs.named_transformers_["a"][1]
    of_a, of_b = fitted.columns
    assert isinstance(of_a, Numbers)
    assert isinstance(of_b, Categories)
    largest = np.nanmax(np.abs(frame["a"]))
    assert of_a.fill == theirs.named_transformers_["a"][0].statistics_[0]
    assert of_a.mean == pytest.approx(scaler.mean_[0], abs=1e-12 * largest)
    assert of_a.scale == pytest.approx(scaler.scale_[0], abs=1e-12 * largest)
    assert list(of_b.categories) == theirs.named_transformers_["b"].categories_[0].tolist()
    new = frame.sample(frac=1, random_state=seed)
    new.iloc[0, 1] = "unknown"
    ours = preprocessing.apply(fitted, {"a": new["a"].to_numpy(), "b": new["b"].to_numpy(dtype=object)})
    np.testing.assert_allclose(np.stack(list(ours.values()), 1), theirs.transform(new), rtol=1e-6, atol=1e-6)


@given(st.lists(st.floats(-1e30, 1e30), min_size=2, max_size=50), st.randoms())
def test_statistics_do_not_depend_on_the_order_of_rows(values: list[float], random: Any) -> None:
    """And the mean is the true one, rounded twice at most."""
    shuffled = random.sample(values, len(values))
    try:
        ordered = preprocessing.fit({"a": numbers(*values)})
    except TableError:
        with pytest.raises(TableError):
            preprocessing.fit({"a": numbers(*shuffled)})
        return
    assert preprocessing.fit({"a": numbers(*shuffled)}) == ordered
    (of_a,) = ordered.columns
    assert isinstance(of_a, Numbers)
    exact = sum(map(Fraction, values)) / len(values)
    assert abs(Fraction(of_a.mean) - exact) <= abs(exact) * Fraction(2, 2**52) + Fraction(1, 2**1060)


@pytest.mark.parametrize(
    "column",
    [
        numbers(3, 3, 3),
        numbers(3, np.nan, 3),
        numbers(np.nan, np.nan),
        words("x", "x"),
        words(None, None),
        numbers(0.0, -0.0),
        numbers(1e-300, 2e-300),
    ],
    ids=str,
)
def test_a_column_that_tells_nothing_is_left_out(column: np.ndarray) -> None:
    assert preprocessing.fit({"a": column, "b": AGES}).features == ("b",)
    with pytest.raises(TableError, match=r"^no column has two values among the training rows"):
        preprocessing.fit({"a": column})


def test_a_missing_word_among_equal_ones_tells_something() -> None:
    assert preprocessing.fit({"a": words("x", None)}).features == ("a=x", "a=")


def test_too_many_categories_are_refused_by_name_and_count() -> None:
    most = preprocessing.MOST_CATEGORIES
    column = words(*map(str, range(most + 1)))
    assert len(preprocessing.fit({"a": column[:most]}).features) == most
    with pytest.raises(TableError, match=rf"^column 'a': found {most + 1} categories in {most + 1} training rows"):
        preprocessing.fit({"b": AGES, "a": column})


def test_two_features_of_one_name_are_refused() -> None:
    with pytest.raises(TableError, match="two features of the name 'a=x'"):
        preprocessing.fit({"a": words("x", "y"), "a=x": numbers(1, 2)})


FITTED = preprocessing.fit({"age": AGES, "town": TOWNS})


@pytest.mark.parametrize(
    ("columns", "line"),
    [
        ({"age": AGES}, "column 'town': not in the table, expected it as in training"),
        ({"town": TOWNS}, "column 'age': not in the table, expected it as in training"),
        (
            {"age": words(None, "old"), "town": TOWNS},
            "column 'age', row 2: found 'old', expected a number, as in training",
        ),
        (
            {"age": numbers(1, 2, 1e300), "town": TOWNS},
            "column 'age', row 3: found 1e+300, too far from the training rows' mean 30.0 for float32",
        ),
    ],
)
def test_a_table_that_does_not_match_is_refused_by_column(columns: dict[str, np.ndarray], line: str) -> None:
    with pytest.raises(TableError) as caught:
        preprocessing.apply(FITTED, columns)
    assert str(caught.value) == line


def test_a_column_of_missing_numbers_may_come_as_words() -> None:
    """A CSV's reader cannot know better."""
    made = preprocessing.apply(FITTED, {"age": words(None, None), "town": words("Oslo", "Oslo")})
    assert made["age"].tolist() == [0.0, 0.0]


def test_unknown_words_are_counted() -> None:
    columns = {"age": AGES, "town": words("Bonn", "Rome", "Paris", "Bonn")}
    assert preprocessing.unseen_words(FITTED, columns) == {"town": {"Bonn": 2, "Paris": 1}}
    assert preprocessing.unseen_words(FITTED, {"age": AGES, "town": TOWNS}) == {}
    without = preprocessing.fit({"town": words("Rome", "Oslo")})
    assert preprocessing.unseen_words(without, {"town": words(None, "Rome")}) == {"town": {"": 1}}


SCHEMA = Schema(FITTED.features, "y", "binary", (0, 1), FITTED)


def test_it_is_published_as_plain_data_and_comes_back_to_the_bit() -> None:
    fitted = preprocessing.fit({"age": numbers(0.1, 0.2, 0.7, np.nan), "town": TOWNS}, ["?"])
    schema = Schema(fitted.features, "y", "binary", (0, 1), fitted)
    assert Schema.from_plain(json.loads(json.dumps(schema.plain()))) == schema
    assert "preprocessing" not in Schema(("a",), "y", "binary", (0, 1)).plain()


@pytest.mark.parametrize(
    ("damage", "line"),
    [
        (lambda plain: plain["features"].reverse(), "found preprocessing that makes"),
        (lambda plain: plain["preprocessing"]["columns"][0].update(scale=0.0), "a scale above 0"),
        (lambda plain: plain["preprocessing"]["columns"][0].update(scale=-1.0), "a scale above 0"),
        (lambda plain: plain["preprocessing"]["columns"][0].update(mean=math.inf), "expected finite numbers"),
        (lambda plain: plain["preprocessing"]["columns"][0].update(fill=math.nan), "expected finite numbers"),
        (lambda plain: plain["preprocessing"]["columns"][0].update(kind="other"), "not a schema: "),
        (lambda plain: plain["preprocessing"]["columns"][0].update(more=1), "not a schema: "),
        (lambda plain: plain["preprocessing"]["columns"][1].update(categories=["Oslo"] * 3), "not a schema: "),
        (lambda plain: plain["preprocessing"].pop("columns"), "not a schema: "),
    ],
)
def test_damaged_preprocessing_is_no_schema(damage: Any, line: str) -> None:
    plain = json.loads(json.dumps(SCHEMA.plain()))
    damage(plain)
    with pytest.raises(ValueError, match=re.escape(line)):
        Schema.from_plain(plain)
