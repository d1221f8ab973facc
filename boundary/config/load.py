"""params.yaml as values of its types, the same values that DVC reads.

The file is parsed by the reader that DVC uses, so that a value means the same here and in dvc.lock: YAML 1.2, where
1e-3 is a number and `yes` is a word. A stage only loads what the check stage has passed; all that can be wrong with a
file, in words for its author, is told there (boundary/validation).
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from boundary.config.params import Params
from boundary.errors import ParamsError, did_you_mean, shown

T = TypeVar("T")
DEEPEST = 100  # levels of nesting


def load_params(path: Path) -> Params:
    """Read a params file. Raises ParamsError with the first key that has the wrong type, OSError."""
    return _convert(path, parse(path, path.read_bytes()))


@contextmanager
def open_params(path: Path, *used: str) -> Iterator[Params]:
    """The params of a file, for as long as a stage works with them; `used` are its `params` of dvc.yaml: "seed".

    DVC notes the parameters of a stage when it has ended: it would record an edit made meanwhile with results of the
    values before. So on leaving, ParamsError is raised where one of the keys that are used has another value by then.
    Raises ParamsError as `load_params` does.
    """
    before = path.read_bytes()
    content = parse(path, before)
    yield _convert(path, content)
    after = path.read_bytes()
    if after == before:
        return
    now = parse(path, after)
    for key in used:
        if value_at(now, key) != value_at(content, key):
            raise ParamsError(f"{path}: {key}: changed while this stage ran, run it again")


def parse(path: Path, content: bytes) -> Any:
    """YAML as plain data. Raises ParamsError where it cannot be read, or is nested so deep that it may end Python."""
    from ruamel.yaml.error import MarkedYAMLError

    try:
        return _parse(content.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise ParamsError(f"{path}: not UTF-8 text (byte {error.start})") from None
    except MarkedYAMLError as error:
        mark = error.problem_mark
        place = "" if mark is None else f", line {mark.line + 1}, column {mark.column + 1}"
        what = " ".join(", ".join(filter(None, (error.context, error.problem))).split())
        raise ParamsError(f"{path}: not readable as YAML{place}: {what}") from None
    except Exception as error:  # the reader's own: KeyError, IndexError, TypeError, RecursionError have been seen
        what = " ".join(str(error).split())
        raise ParamsError(f"{path}: not readable as YAML: {type(error).__name__} {what}".rstrip()) from None


def _parse(text: str) -> Any:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError
    from ruamel.yaml.events import CollectionEndEvent, CollectionStartEvent

    levels = 0
    for event in YAML(typ="safe").parse(text):
        levels += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
        if levels > DEEPEST:
            problem = f"found more than {DEEPEST} levels of nesting, expected at most that"
            raise MarkedYAMLError(problem=problem, problem_mark=event.start_mark)
    return YAML(typ="safe").load(text)


def _convert(path: Path, content: Any) -> Params:
    try:
        return msgspec.convert(content, Params)
    except msgspec.ValidationError as error:
        what, _, place = str(error).partition(" - at `$.")
        key = f"{place.rstrip('`')}: " if place else ""
        raise ParamsError(f"{path}: {key}{what} (`dvc repro check` says more)") from None


def value_at(content: Any, key: str) -> Any:
    """The value of a dotted key in plain data, None where there is none."""
    for part in key.split("."):
        content = content.get(part) if isinstance(content, Mapping) else None
    return content


def entry_of(path: Path, section: str, entries: Mapping[str, T], name: str) -> T:
    """The entry of that name in a section of the file at `path`. Raises ParamsError where there is none."""
    if name not in entries:
        raise ParamsError(f"{path}: {section}: no entry {shown(name)}{did_you_mean(name, entries)}")
    return entries[name]
