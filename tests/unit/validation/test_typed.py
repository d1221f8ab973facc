"""Typed reading by itself: hints, values as shown, and bounds that no key of params.yaml has."""

from typing import Annotated, Any

import pytest
from msgspec import Meta

from boundary.errors import did_you_mean, shown
from boundary.validation.typed import SYNONYMS, read


@pytest.mark.parametrize(
    ("word", "known", "hint"),
    [
        ("lable", ["x", "label", "tablet"], ", did you mean label?"),
        ("LABEL", ["x", "label"], ", did you mean label?"),
        ("label", ["x", "Label"], ", did you mean Label?"),
        ("learning_rate", ["learning_date", "lr"], ", did you mean lr?"),
        ("learning_rate", ["x", "y"], ", known: x, y"),
        ("label", [], ", known: none"),
        ("x", ["label", "a\nb"], ", known: label, 'a\\nb'"),
        ("label", ["x", "la\nbel"], ", did you mean 'la\\nbel'?"),
    ],
)
def test_the_nearest_known_word(word: str, known: list[str], hint: str) -> None:
    assert did_you_mean(word, known, SYNONYMS) == hint


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (0.1, "0.1"),
        ("a\nb", r"'a\nb'"),
        ("x" * 58, f"'{'x' * 58}'"),  # 60 characters with its quotes
        ("x" * 59, f"'{'x' * 56}..."),
        pytest.param(16**5000, "a huge value", id="huge"),  # Python writes at most 4300 digits
    ],
)
def test_a_value_is_shown_short(value: Any, text: str) -> None:
    assert shown(value) == text


@pytest.mark.parametrize(
    ("value", "expected", "line"),
    [
        (4, Annotated[int, Meta(le=3)], "key: found 4, expected a whole number <= 3"),
        (0.5, Annotated[float, Meta(gt=1, le=3)], "key: found 0.5, expected a finite number > 1 and <= 3"),
        (3, Annotated[int, Meta(lt=3)], "key: found 3, expected a whole number < 3"),
    ],
)
def test_bounds_are_told(value: Any, expected: Any, line: str) -> None:
    problems: list[str] = []
    assert read(value, expected, "key", problems) is None
    assert problems == [line]
