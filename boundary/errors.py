"""The errors that carry a line for the user. Any other error is a fault of the program, and ends in a traceback."""

import difflib
from collections.abc import Iterable, Mapping


class UserError(ValueError):
    """What is wrong, in one line, or a line for each problem: where it is, what was found, what to write instead."""


class FileError(UserError):
    """A file that cannot be read or written, or that does not hold what it should. The line names it."""


class TableError(UserError):
    """A table's content that cannot be used. The line names the column and the row."""


class ParamsError(UserError):
    """params.yaml: a line for each problem, with the file, the key, what was found and what is allowed."""


class SettingsError(UserError):
    """A setting that does not fit the data or the machine: "key: found ..., expected ...", without the file."""


class ClusterError(UserError):
    """A cluster that cannot do the work."""


def did_you_mean(word: str, known: Iterable[str], synonyms: Mapping[str, str] | None = None) -> str:
    """The end of a message on an unknown word: ', did you mean x?' for the nearest known one, else ', known: ...'."""
    known = list(known)
    by_lower = {name.lower(): name for name in known}
    near = [by_lower[found] for found in difflib.get_close_matches(word.lower(), by_lower)]
    if synonyms and synonyms.get(word) in known:
        near = [synonyms[word]]
    if near:
        return f", did you mean {_printable(near[0])}?"
    return f", known: {', '.join(map(_printable, known)) or 'none'}"


def _printable(name: str) -> str:
    return name if name.isprintable() else repr(name)


def shown(value: object) -> str:
    """A value as a message shows it: short, and as YAML writes it."""
    try:
        text = "null" if value is None else str(value).lower() if isinstance(value, bool) else repr(value)
    except (ValueError, RecursionError):  # numbers of thousands of digits, thousands of levels
        return "a huge value"
    return text if len(text) <= 60 else f"{text[:57]}..."
