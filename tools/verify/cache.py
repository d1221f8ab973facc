"""DVC's cache, read whole: DVC itself believes the name of a read-only file."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tools.repro.lockfile import hash_of


@dataclass(frozen=True)
class Cache:
    """What a DVC cache holds. Its objects are named by their hash."""

    folder: Path
    good: frozenset[str] = frozenset()
    damaged: frozenset[str] = frozenset()
    lists: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # by folder's hash: member -> hash

    def file(self, name: str) -> Path:
        """Where an object lies."""
        return self.folder / "files" / "md5" / name[:2] / name[2:]


def read_cache(folder: Path) -> Cache:
    """Read every object: its content must be what its name says."""
    good, damaged, lists = set(), set(), {}
    for path in folder.glob("files/md5/[0-9a-f][0-9a-f]/*"):
        name = path.parent.name + path.name
        if not re.fullmatch(r"[0-9a-f]{32}(\.dir)?", name):  # a copy that was cut off
            continue
        if hash_of(path) != name.removesuffix(".dir"):
            damaged.add(name)
            continue
        good.add(name)
        if name.endswith(".dir"):
            lists[name] = {member["relpath"]: member["md5"] for member in json.loads(path.read_bytes())}
    return Cache(folder, frozenset(good), frozenset(damaged), lists)
