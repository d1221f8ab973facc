"""Plain data (mappings, lists, numbers, text) read as typed sections, with every problem found, not only the first.

A section's annotations are the rules; msgspec checks single values against them.
"""

import difflib
import math
import types
import typing
from collections.abc import Iterable
from typing import Annotated, Any, Literal

import msgspec

SYNONYMS = {"learning_rate": "lr", "layers": "hidden_units", "optimiser": "optimizer", "iterations": "epochs"}


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A mapping with fixed keys."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """', did you mean x?' for the nearest known word, or ', known: ...' when none is near."""
    known = list(known)
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    if SYNONYMS.get(word) in known:
        near = [SYNONYMS[word]]
    return f", did you mean {near[0]}?" if near else f", known: {', '.join(known) or 'none'}"


def read(value: Any, expected: Any, path: str, problems: list[str]) -> Any:
    """value as the expected type; where it does not fit, None, and lines "path: found ..., expected ..." in problems.

    expected: a Section, a union of tagged ones, dict[name, type], a Literal, or what msgspec.convert takes.
    """
    if typing.get_origin(expected) is types.UnionType and all(_is_section(t) for t in typing.get_args(expected)):
        return _read_tagged(value, typing.get_args(expected), path, problems)
    if _is_section(expected):
        return _read_section(value, expected, path, problems)
    if typing.get_origin(expected) is dict:
        return _read_named(value, expected, path, problems)
    if typing.get_origin(expected) is Literal and value not in typing.get_args(expected):
        options = typing.get_args(expected)
        hint = did_you_mean(value, options) if isinstance(value, str) else f", known: {', '.join(options)}"
        problems.append(f"{path}: found {shown(value)}{hint}")
        return None
    try:
        converted = msgspec.convert(value, expected)
        if not _finite(converted):
            raise msgspec.ValidationError("Expected finite numbers")
        return converted
    except msgspec.ValidationError as error:
        allowed = str(error).replace("`", "").replace("Expected", "expected")
        problems.append(f"{path}: found {shown(value)}, {allowed}")
        return None


def _read_section(value: Any, section: type, path: str, problems: list[str]) -> Any:
    if not isinstance(value, dict):
        problems.append(f"{path or 'the file'}: found {shown(value)}, expected keys and values")
        return None
    fields = {field.name: field for field in msgspec.structs.fields(section)}
    tag = section.__struct_config__.tag_field  # type: ignore[attr-defined]
    before = len(problems)
    for key in value:
        if key not in fields and key != tag:
            left = [name for name in fields if name not in value]
            problems.append(f"{_join(path, key)}: unknown{did_you_mean(str(key), left)}")
    values = {}
    for name, field in fields.items():
        if name in value:
            values[name] = read(value[name], field.type, _join(path, name), problems)
        elif field.required:
            problems.append(f"{_join(path, name)}: missing, expected {_type_name(field.type)}")
    return section(**values) if len(problems) == before else None


def _read_tagged(value: Any, sections: tuple[type, ...], path: str, problems: list[str]) -> Any:
    kinds = {section.__struct_config__.tag: section for section in sections}  # type: ignore[attr-defined]
    kind = value.get("kind") if isinstance(value, dict) else None
    if not isinstance(value, dict) or "kind" not in value:
        problems.append(f"{path}: found {shown(value)}, expected a kind, one of: {', '.join(kinds)}")
    elif not isinstance(kind, str) or kind not in kinds:
        problems.append(f"{path}.kind: found {shown(kind)}{did_you_mean(str(kind), kinds)}")
    else:
        return _read_section(value, kinds[kind], path, problems)
    return None


def _read_named(value: Any, expected: Any, path: str, problems: list[str]) -> Any:
    name_type, item_type = typing.get_args(expected)
    if not isinstance(value, dict):
        problems.append(f"{path}: found {shown(value)}, expected names and what they stand for")
        return None
    values = {}
    for name, item in value.items():
        try:
            msgspec.convert(name, name_type)
        except msgspec.ValidationError:
            problems.append(
                f"{_join(path, name)}: not a name, expected a letter or digit, then up to 63 letters, digits, _ or -"
            )
        values[name] = read(item, item_type, _join(path, name), problems)
    return values


def _is_section(expected: Any) -> bool:
    return isinstance(expected, type) and issubclass(expected, Section)


def _type_name(expected: Any) -> str:
    if typing.get_origin(expected) is Literal:
        return f"one of: {', '.join(typing.get_args(expected))}"
    if typing.get_origin(expected) is Annotated:
        expected = typing.get_args(expected)[0]
    return "keys and values" if _is_section(expected) else getattr(expected, "__name__", str(expected))


def _join(path: str, key: Any) -> str:
    shown = key if isinstance(key, str) and key.isprintable() else repr(key)
    return f"{path}.{shown}" if path else str(shown)


def shown(value: Any) -> str:
    """A value as a message shows it: short, and as YAML writes it."""
    text = "null" if value is None else str(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _finite(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return all(_finite(item) for item in value) if isinstance(value, list | tuple) else True
