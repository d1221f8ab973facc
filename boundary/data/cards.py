"""A data set's card: what a table holds, in Markdown that fits 80 columns unless names are long."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from boundary import markdown
from boundary.artifacts.schema import Schema

MOST_COMMON = 3
LONGEST = 16  # characters of a word that are shown


def card(
    name: str, table: pd.DataFrame, schema: Schema, parts: Mapping[str, np.ndarray], notices: Sequence[str], image: str
) -> str:
    """Rows, class balance, columns with their gaps, and what the user was told; the schema is that of `describe`.

    parts: row numbers by name; image: where the picture lies, seen from the card.
    """
    columns = f"{len(schema.features)} column{'s' if len(schema.features) > 1 else ''}"
    sections = [f"# {name}", f"{schema.task} of `{schema.target}` from {columns}", f"![{name}]({image})"]
    sections.append(_balance(table[schema.target], schema, parts))
    if notices:
        sections.append("\n".join(f"- {notice}" for notice in notices))
    numbers = [column for column in schema.features if _is_number(table[column])]
    words = [column for column in schema.features if column not in numbers]
    if not schema.classes:
        numbers.append(schema.target)
    if numbers:
        header = ["numbers", "missing", "different", "lowest", "median", "highest"]
        sections.append(markdown.table(header, [_number(column, table[column]) for column in numbers]))
    if words:
        header = ["words", "missing", "different", "most common"]
        sections.append(markdown.table(header, [_word(column, table[column]) for column in words]))
    return "\n\n".join(sections) + "\n"


def _balance(target: pd.Series, schema: Schema, parts: Mapping[str, np.ndarray]) -> str:
    """Rows by part, and by class where there are classes."""
    header = ["rows", "all", "share", *parts]
    rows = [["all", str(len(target)), "100.0%", *(str(len(chosen)) for chosen in parts.values())]]
    for label in schema.classes:
        mine = (target == label).to_numpy(dtype=bool)
        counts = [int(mine[chosen].sum()) for chosen in parts.values()]
        rows.append([_short(label), str(mine.sum()), f"{100 * int(mine.sum()) / len(mine):.1f}%", *map(str, counts)])
    return markdown.table(header, rows)


def _is_number(column: pd.Series) -> bool:
    return bool(pd.api.types.is_numeric_dtype(column)) and not pd.api.types.is_bool_dtype(column)


def _number(name: str, column: pd.Series) -> list[str]:
    """A row on a column of numbers; what describes it depends on the order of its values alone."""
    present = np.sort(column.dropna().to_numpy())
    marks = present[[0, (len(present) - 1) // 2, -1]].tolist() if len(present) else []
    different = int((present[1:] != present[:-1]).sum()) + bool(len(present))  # nunique takes ten times as long
    shown = [f"{mark:.4g}" for mark in marks] or ["-", "-", "-"]
    return [name, str(len(column) - len(present)), str(different), *shown]


def _word(name: str, column: pd.Series) -> list[str]:
    present = [cell for cell in column.dropna().tolist() if cell != ""]
    counts = pd.Series(present, dtype=object).map(_short).value_counts()
    common = sorted(counts.items(), key=lambda item: (-item[1], str(item[0])))[:MOST_COMMON]
    return [name, str(len(column) - len(present)), str(len(set(present))), _joined(common)]


def _joined(common: Iterable[tuple[object, int]]) -> str:
    return ", ".join(f"{word} ({count})" for word, count in common)


def _short(word: object) -> str:
    text = str(word).lower() if isinstance(word, bool) else str(word)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."
