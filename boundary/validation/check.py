"""All that can be told to be wrong with a params file, at once: a line for each problem."""

from pathlib import Path
from typing import Any

from boundary.config.load import parse
from boundary.config.params import SECTIONS, Params
from boundary.errors import ParamsError
from boundary.validation import rules, typed


def check(path: Path) -> Params:
    """Read a params file as boundary/config/load.py does, and check each key alone and all together.

    Raises ParamsError with all problems, OSError where the file cannot be read.
    """
    content = parse(path, path.read_bytes())
    problems: list[str] = []
    values: dict[str, Any] = dict.fromkeys(Params.__struct_fields__)
    values |= typed.read_fields(content, Params, "", problems)
    named = {section: values[section] for section in SECTIONS if values[section] is not None}
    names = {section: [name for name in entries if isinstance(name, str)] for section, entries in named.items()}
    for section in SECTIONS:
        values[section] = {n: entry for n, entry in named.get(section, {}).items() if entry is not None}
    params = Params(**values)
    problems += rules.problems(params, names)
    if problems:
        raise ParamsError("\n".join(f"{path}: {problem}" for problem in problems))
    return params
