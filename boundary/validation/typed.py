"""Plain data (mappings, lists, numbers, text) read as typed sections, with every problem found, not only the first.

A section's annotations are the rules; msgspec checks single values against them.
"""

import math
import types
import typing
from typing import Annotated, Any, Literal

import msgspec

from boundary.config.params import Section
from boundary.errors import did_you_mean, shown

SYNONYMS = {"learning_rate": "lr", "layers": "hidden_units", "optimiser": "optimizer", "iterations": "epochs"}


def read(value: Any, expected: Any, path: str, problems: list[str]) -> Any:
    """value as the expected type; where it does not fit, None, and lines "path: found ..., expected ..." in problems.

    expected: a Section, a union of tagged ones, dict[name, type], list[type], tuple[type, ...] of fixed length, a
    Literal, any of these or None, or one kind of number or text that msgspec.convert takes.
    """
    options = typing.get_args(expected)
    origin = typing.get_origin(expected)
    if types.NoneType in options:
        if value is None:
            return None
        (expected,) = (option for option in options if option is not types.NoneType)
        return read(value, expected, path, problems)
    if origin is types.UnionType:
        return _read_tagged(value, options, path, problems)
    if _is_section(expected):
        return _read_section(value, expected, path, problems)
    if origin is dict:
        return _read_named(value, options, path, problems)
    if origin in (list, tuple):
        return _read_list(value, expected, path, problems)
    if origin is Literal:
        return _read_word(value, options, path, problems)
    try:
        converted = msgspec.convert(value, expected)
        if isinstance(converted, float) and not math.isfinite(converted):
            raise msgspec.ValidationError
        return converted
    except msgspec.ValidationError:
        problems.append(f"{path}: found {shown(value)}, expected {_type_name(expected)}")
        return None


def _read_word(value: Any, options: tuple[str, ...], path: str, problems: list[str]) -> Any:
    if isinstance(value, str) and value in options:
        return value
    hint = did_you_mean(value, options, SYNONYMS) if isinstance(value, str) else f", known: {', '.join(options)}"
    problems.append(f"{path}: found {shown(value)}{hint}")
    return None


def _read_list(value: Any, expected: Any, path: str, problems: list[str]) -> Any:
    kinds = typing.get_args(expected)
    if not isinstance(value, list) or (typing.get_origin(expected) is tuple and len(value) != len(kinds)):
        problems.append(f"{path}: found {shown(value)}, expected {_type_name(expected)}")
        return None
    if typing.get_origin(expected) is list:
        return [read(item, kinds[0], f"{path}[{k}]", problems) for k, item in enumerate(value)]
    return tuple(
        read(item, kind, f"{path}[{k}]", problems) for k, (item, kind) in enumerate(zip(value, kinds, strict=True))
    )


def read_fields(value: Any, section: type, path: str, problems: list[str]) -> dict[str, Any]:
    """What a section's keys stand for, by key: None for those with problems, nothing for those that are not there.

    The lines in problems are those of `read`.
    """
    if not isinstance(value, dict):
        problems.append(f"{path or 'the file'}: found {shown(value)}, expected keys and values")
        return {}
    fields = {field.name: field for field in msgspec.structs.fields(section)}
    tag = section.__struct_config__.tag_field  # type: ignore[attr-defined]
    for key in value:
        if key not in fields and (tag is None or key != tag):
            left = [name for name in fields if name not in value]
            allowed = did_you_mean(str(key), left, SYNONYMS) if left else f", known: {', '.join(fields)}"
            problems.append(f"{_join(path, key)}: unknown{allowed}")
    values = {}
    for name, field in fields.items():
        if name in value:
            values[name] = read(value[name], field.type, _join(path, name), problems)
        elif field.required:
            problems.append(f"{_join(path, name)}: missing, expected {_type_name(field.type)}")
    return values


def _read_section(value: Any, section: type, path: str, problems: list[str]) -> Any:
    before = len(problems)
    values = read_fields(value, section, path, problems)
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


def _read_named(value: Any, types_: tuple[Any, ...], path: str, problems: list[str]) -> Any:
    name_type, item_type = types_
    if not isinstance(value, dict):
        problems.append(f"{path}: found {shown(value)}, expected names and what they stand for")
        return None
    values = {}
    for name, item in value.items():
        before = len(problems)
        try:
            msgspec.convert(name, name_type)
        except msgspec.ValidationError:
            problems.append(
                f"{_join(path, name)}: not a name, expected a letter or digit, then up to 63 letters, digits, _ or -"
            )
        found = read(item, item_type, _join(path, name), problems)
        values[name] = found if len(problems) == before else None
    return values


def _is_section(expected: Any) -> bool:
    return isinstance(expected, type) and issubclass(expected, Section)


def _type_name(expected: Any) -> str:
    origin, options = typing.get_origin(expected), typing.get_args(expected)
    if origin is Literal:
        return f"one of: {', '.join(options)}"
    if origin is Annotated:
        return f"{_type_name(options[0])} {_bounds(options[1])}"
    if origin is list:
        return "a list"
    if origin is tuple:
        return f"a list of {len(options)}"
    if origin is dict:
        return "names and what they stand for"
    if origin is types.UnionType or _is_section(expected):
        return "keys and values"
    return {int: "a whole number", float: "a finite number", str: "text", bool: "true or false"}[expected]


def _bounds(meta: msgspec.Meta) -> str:
    if meta.ge is not None and meta.le is not None:
        return f"from {meta.ge} to {meta.le}"
    bounds = {">=": meta.ge, ">": meta.gt, "<=": meta.le, "<": meta.lt}
    return " and ".join(f"{sign} {bound}" for sign, bound in bounds.items() if bound is not None)


def _join(path: str, key: Any) -> str:
    shown = key if isinstance(key, str) and key.isprintable() else repr(key)
    return f"{path}.{shown}" if path else str(shown)
