"""The JSON Schema of params.yaml, from the types in boundary/config/params.py, for editors that complete and check it.

It knows each key alone: what one key says of another (does a variant's data set exist?), the check stage tells. As a
program it writes docs/params.md too, which says the same to readers.
"""

import argparse
import inspect
from pathlib import Path
from typing import Any

import msgspec

from boundary.artifacts.files import write_json, write_text
from boundary.cli import params_reference
from boundary.config.params import Params

SCHEMA = Path("params.schema.json")  # the first line of params.yaml names it


def plain(node: Any) -> Any:
    """A JSON Schema in words that mean the same in every draft, and in every dialect of regular expressions."""
    if isinstance(node, list):
        return [plain(item) for item in node]
    if not isinstance(node, dict):
        return node
    node = {key: plain(value) for key, value in node.items() if key != "discriminator"}  # that is OpenAPI's
    if "prefixItems" in node:
        first, *others = node.pop("prefixItems")
        if any(other != first for other in others):
            raise ValueError(f"no draft-07 schema for a tuple of different types: {[first, *others]}")
        node["items"] = first
    if isinstance(node.get("pattern"), str):
        node["pattern"] = node["pattern"].replace(r"\Z", "$")
    if isinstance(node.get("description"), str):
        node["description"] = inspect.cleandoc(node["description"])
    return node


def params_schema() -> dict[str, Any]:
    """The schema, as JSON holds it."""
    schema = msgspec.json.schema(Params)
    params_reference.described(schema)
    return {"$schema": "http://json-schema.org/draft-07/schema#", **plain(schema)}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """It has none."""


def run(arguments: argparse.Namespace) -> None:
    """Write both."""
    write_json(SCHEMA, params_schema())
    write_text(params_reference.PAGE, params_reference.reference())
    print(f"{SCHEMA} and {params_reference.PAGE} say what may stand in params.yaml")
