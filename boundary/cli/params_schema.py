"""The JSON Schema of params.yaml, from the types in boundary/config/params.py, for editors that complete and check it.

It knows each key alone: what one key says of another (does a variant's data set exist?), the check stage tells.
"""

import inspect
from pathlib import Path
from typing import Any

import msgspec

from boundary.artifacts.files import write_json
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
    return {"$schema": "http://json-schema.org/draft-07/schema#", **plain(msgspec.json.schema(Params))}


if __name__ == "__main__":
    write_json(SCHEMA, params_schema())
    print(f"{SCHEMA} says what may stand in params.yaml")
