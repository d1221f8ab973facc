"""params.schema.json and docs/params.md: current, and of the same mind as boundary.config.params about each key."""

import copy
import json
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator, Draft202012Validator
from ruamel.yaml import YAML

from boundary.cli import params_reference
from boundary.cli.params_schema import params_schema, plain
from boundary.config.params import Params
from boundary.validation.typed import read
from tests.support.params_file import VALID

ROOT = Path(__file__).parents[3]
SCHEMA = json.loads((ROOT / "params.schema.json").read_text())
DOCUMENT = YAML(typ="safe").load(VALID)
types = params_reference.params


def test_the_committed_files_are_current() -> None:
    assert params_schema() == SCHEMA, "run `make schema`"
    assert params_reference.reference() == (ROOT / params_reference.PAGE).read_text(), "run `make schema`"


def test_every_key_has_its_meaning_in_the_schema() -> None:
    for name, section in SCHEMA["$defs"].items():
        for key, value in section["properties"].items():
            assert key == "kind" or value["description"], f"{name}.{key}"
    variant = SCHEMA["$defs"]["Variant"]["properties"]
    assert variant["momentum"] == {
        "anyOf": [{"type": "number", "minimum": 0, "exclusiveMaximum": 1}, {"type": "null"}],
        "default": None,
        "description": "of `sgd`. Left out: 0",
    }
    assert SCHEMA["$defs"]["Dataset"]["properties"]["split"]["allOf"] == [{"$ref": "#/$defs/Split"}]


def test_a_key_without_a_meaning_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(params_reference.MEANINGS[types.Variant], "lr")
    with pytest.raises(ValueError, match=r"Variant: lr: in the types or in MEANINGS, expected in both"):
        params_reference.reference()


def test_what_an_optional_key_means_when_left_out_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(params_reference.MEANINGS[types.Variant], "patience", params_reference.Key("stops"))
    with pytest.raises(ValueError, match=r"Variant\.patience: expected `unset`"):
        params_schema()


@pytest.mark.parametrize(
    ("expected", "words"),
    [
        (types.Seed, "whole number from 0 to 4,294,967,295"),
        (types.Spread | None, "number from 0 to 1e+18"),
        (types.ShareOrNone, "number at least 0 and below 1"),
        (types.Positive, "number above 0"),
        (tuple[types.Positive, types.Positive], "list of 2: number above 0"),
        (list[list[float]], "list: list: number"),
        (types.OptimizerName, "`sgd`, `adam`, `adamw`"),
        (bool, "`true`, `false`"),
        (dict[types.Name, types.Variant], "entries by name"),
        (types.Split, "keys and values"),
    ],
)
def test_what_is_allowed_in_words(expected: Any, words: str) -> None:
    assert params_reference.allowed(expected) == words


def test_every_kind_of_generator_is_on_the_page() -> None:
    page = params_reference.reference()
    for kind in get_args(types.Generator):
        assert f"### `kind: {kind.__struct_config__.tag}`" in page


def test_the_first_line_of_params_names_it() -> None:
    assert (ROOT / "params.yaml").read_text().startswith("# yaml-language-server: $schema=params.schema.json\n")


@pytest.mark.parametrize("draft", [Draft7Validator, Draft202012Validator])
def test_it_is_a_schema_in_old_and_new_drafts(draft: Any) -> None:
    draft.check_schema(SCHEMA)
    draft(SCHEMA).validate(YAML(typ="safe").load(ROOT / "params.yaml"))
    draft(SCHEMA).validate(DOCUMENT)
    assert [error.json_path for error in draft(SCHEMA).iter_errors({**DOCUMENT, "seed": -1})] == ["$.seed"]


def problems(content: Any) -> list[str]:
    """What boundary.config.params says of the keys, each alone."""
    found: list[str] = []
    read(content, Params, "", found)
    return found


def places(node: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to each value of nested data."""
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [place, *(found for key, item in items for found in places(item, (*place, key)))]


WORDS = st.sampled_from(
    ["adam", "relu", "exact", "cpu", "circles", "line", "random", "ordered", "binary", "mse", "data/a.csv", "a b", ""]
)
KEYS = st.sampled_from(
    ["seed", "lr", "kind", "table", "task", "features", "betas", "eps", "loss", "momentum", "initial_weights", "a b"]
)
NUMBERS = (
    st.integers(-3, 3)
    | st.sampled_from([2**32, 10**9, 10**9 + 1])
    | st.floats(-2, 2).filter(lambda f: not f.is_integer())
)
LEAVES = st.none() | st.booleans() | NUMBERS | WORDS
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=5
)
GONE = "a value that is taken away"


@settings(deadline=None)
@given(place=st.sampled_from(places(DOCUMENT)[1:]), key=st.none() | KEYS, value=VALUES | st.just(GONE))
@example(place=("variants", "net", "initial_weights"), key=None, value=[{"weight": [[0.5]], "bias": [1]}])
@example(place=("generators", "heaps", "center_box"), key=None, value=[0, 1, 2])
@example(place=("generators", "heaps", "center_box"), key=None, value=[0, 1.5])
@example(place=("variants", "net", "betas"), key=None, value=[0.9, 1])
@example(place=("variants", "net"), key=None, value=GONE)
@example(place=("variants", "net", "lr"), key=None, value=GONE)
@example(place=("variants", "net"), key="learning_rate", value=0.1)
@example(place=("variants",), key="a/b", value=DOCUMENT["variants"]["net"])
def test_it_accepts_what_the_program_accepts(place: tuple[Any, ...], key: str | None, value: Any) -> None:
    """A value of a valid document replaced, taken away, or added.

    But for numbers such as 2.0, which JSON Schema takes for whole ones, and the program does not.
    """
    content = copy.deepcopy(DOCUMENT)
    node = content
    for step in place[:-1]:
        node = node.setdefault(step, {}) if isinstance(node, dict) else node[step]
    if key is not None and isinstance(node[place[-1]], dict):
        node[place[-1]][key] = value
    elif value is not GONE:
        node[place[-1]] = value
    elif not isinstance(node, list):
        node.pop(place[-1], None)
    found = [error.json_path for error in Draft7Validator(SCHEMA).iter_errors(content)]
    assert bool(found) == bool(problems(content)), (found, problems(content))


def test_tuples_of_different_types_are_refused() -> None:
    with pytest.raises(ValueError, match="different types"):
        plain({"prefixItems": [{"type": "number"}, {"type": "string"}]})
