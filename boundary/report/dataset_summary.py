"""What the report says of a data set: a picture, counts of rows, and where they come from."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
from markupsafe import Markup

from boundary.artifacts.schema import Schema, class_indices
from boundary.config.params import Dataset, Generator
from boundary.report import svg

LABELS = 12  # of more classes only the first are listed


@dataclass(frozen=True)
class DatasetResults:
    """A data set: its entry in params.yaml, what its columns mean, the columns of each part; how it was made, if so."""

    name: str
    settings: Dataset
    schema: Schema
    parts: Mapping[str, Mapping[str, np.ndarray]]
    generator: Generator | None


def describe(dataset: DatasetResults) -> dict[str, Any]:
    """For the template: about, picture, legend, caption, columns and rows of a table, and settings."""
    schema, count = dataset.schema, len(dataset.schema.features)
    labels = [str(label) for label in schema.classes][:LABELS]
    rows = []
    for part, columns in dataset.parts.items():
        cells = [len(columns[schema.target])]
        if schema.classes:
            cells += np.bincount(class_indices(columns[schema.target], schema), minlength=len(schema.classes)).tolist()
        rows.append((part, cells[: 1 + len(labels)]))
    listed = ", ".join(schema.features[:6]) + (f" and {count - 6} more" if count > 6 else "")
    classes = f", {len(schema.classes)} classes" if schema.classes else ""
    split = dataset.settings.split
    made = (
        []
        if dataset.generator is None
        else [("made by", one_line(dataset.generator, type(dataset.generator).__name__))]
    )
    if schema.classes:
        key, caption = labels, f"The first two of {count} features." if count > 2 else ""
    else:
        key, caption = list(dataset.parts), f"The first of {count} features." if count > 1 else ""
    features = f"{count} feature{'s' * (count > 1)}" + (
        ", prepared as the training rows teach" if schema.preprocessing else ""
    )
    return {
        "about": f"Predict {schema.target} ({schema.task}{classes}) from {features}: {listed}.",
        "picture": picture(dataset),
        "legend": [{"name": label, "mark": svg.mark(k)} for k, label in enumerate(key)],
        "caption": caption,
        "columns": ["rows", *labels],
        "rows": rows,
        "settings": [("table", dataset.settings.table), *made, ("split", one_line(split, split.kind, "kind"))],
    }


def one_line(section: Any, name: str, *without: str) -> str:
    """A section of params.yaml on one line: name (key value, key value)."""
    shown = [f"{key} {value}" for key, value in changed_settings(section) if key not in without]
    return f"{name.lower()} ({', '.join(shown)})"


def changed_settings(section: Any) -> list[tuple[str, str]]:
    """The keys of a section of params.yaml, and their values where these are not the default."""
    fields = [(field.name, field.default) for field in msgspec.structs.fields(section)]
    return [(key, yaml_text(value)) for key, default in fields if (value := getattr(section, key)) != default]


def yaml_text(value: Any) -> str:
    """A value of params.yaml as it would stand there."""
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(yaml_text, value)) + "]"
    return str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)


def picture(dataset: DatasetResults) -> Markup:
    """The rows of all parts: two features, or one against the target; of a regression each part has its mark."""
    schema, parts = dataset.schema, list(dataset.parts.values())
    across_name, *others = schema.features
    up_name = others[0] if others and schema.classes else schema.target
    ticked = bool(others or not schema.classes)
    if schema.classes:
        classes = np.concatenate([class_indices(columns[schema.target], schema) for columns in parts])
    else:
        classes = np.repeat(np.arange(len(parts)), [len(columns[across_name]) for columns in parts])
    x = np.concatenate([columns[across_name] for columns in parts])
    y = np.concatenate([columns[up_name] for columns in parts]) if ticked else classes
    x_axis, y_axis = svg.axes(x.tolist(), y.tolist())
    frame = svg.frame(x_axis, y_axis, (across_name, up_name), ticked=ticked)
    marks = svg.scatter(np.stack([x, y]), classes, x_axis, y_axis)
    return svg.drawing(f"The data set {dataset.name}", frame, marks)
