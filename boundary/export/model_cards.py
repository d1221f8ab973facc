"""Model cards: what a model is, how good, what not to expect of it, and how to use it, in Markdown.

After Mitchell et al., Model Cards for Model Reporting, arXiv 1810.03993.
"""

from collections.abc import Mapping
from typing import Any

from boundary import markdown
from boundary.artifacts.schema import Schema
from boundary.config.params import Dataset, Variant
from boundary.models.model import Model

SHOWN = 12  # columns or classes; of more, the first ones


def card(name: str, variant: Variant, dataset: Dataset, model: Model, details: Mapping[str, Any]) -> str:
    """The card of a variant; details are what the evaluate stage writes. Raises KeyError where they are not."""
    sections = [
        f"# {name}",
        _what(variant, model),
        "## Data",
        _data(variant, dataset, model.schema, details),
        "## Results",
        _results(details),
        "## Limits",
        _limits(model, details),
        "## Use",
        _use(name, model.schema),
    ]
    return "\n\n".join(sections) + "\n"


def _what(variant: Variant, model: Model) -> str:
    schema, count = model.schema, len(model.parameters)
    kind = "A regression" if schema.task == "regression" else f"A {schema.task} classifier"
    sizes = "-".join(map(str, model.network.sizes))
    activation = "no activation" if model.network.activation == "none" else model.network.activation
    seeds = f"seed {model.seed}" if count == 1 else f"seeds {model.seed} to {model.seed + count - 1}"
    classes = f" ({_shown(schema.classes)})" if schema.classes else ""
    return (
        f"{kind} of `{schema.target}`{classes}: {count} multi-layer perceptron{'s' if count > 1 else ''} {sizes}, "
        f"{activation}, {seeds}.\nTrained with {variant.optimizer}, lr {variant.lr:g}, for {variant.epochs} epochs. "
        "What it answers is the mean of the networks."
    )


def _data(variant: Variant, dataset: Dataset, schema: Schema, details: Mapping[str, Any]) -> str:
    parts = [part for part in ("train", "validation", "test") if part in details]
    rows = ", ".join(f"{details[part]['rows']} {part}" for part in parts)
    made = schema.preprocessing
    lines = [
        f"- table: `{dataset.table}` (data set {variant.dataset}), {dataset.split.kind} split, rows: {rows}",
        f"- columns: {_shown([f'`{column}`' for column in schema.raw_columns])}",
    ]
    if made:
        words = [f"`{column}`" for column in schema.word_columns]
        lines.append("- missing numbers get the training rows' median, numbers are scaled to mean 0 and deviation 1")
        if words:
            lines.append(f"- words become one feature per word of the training rows: {_shown(words)}")
    return "\n".join(lines)


def _results(details: Mapping[str, Any]) -> str:
    summary, ensemble = details["test"]["summary"], details["test"]["ensemble"]
    score = next(iter(ensemble))
    low, high = summary[f"{score}_low"], summary[f"{score}_high"]
    interval = "one network" if summary["replicates"] == 1 else f"{_number(low)} .. {_number(high)}"
    table = markdown.table(
        ["", *ensemble, f"95% interval of {score}"],
        [
            ["a single network, on average", *(_number(summary[name]) for name in ensemble), interval],
            ["their mean (the ensemble)", *map(_number, ensemble.values()), ""],
        ],
    )
    return f"On the test rows, which no network was trained on:\n\n{table}"


def _limits(model: Model, details: Mapping[str, Any]) -> str:
    schema, diverged = model.schema, details["test"]["summary"].get("diverged", 0)
    lines = [
        "- The interval covers the luck of the seeds and of the choice of test rows; not that of the training rows,\n"
        "  nor rows from elsewhere than the table.",
        "- It answers for rows unlike all that it was trained on, too, and often with no disagreement.",
    ]
    if schema.classes:
        lines.append("- Its probabilities were not calibrated.")
    if schema.preprocessing is None:
        lines.append("- A missing value is refused.")
    elif schema.word_columns:
        lines.append("- A word that no training row has counts as none of the words it knows.")
    if diverged:
        lines.append(
            f"- {diverged} of {len(model.parameters)} networks diverged in training; no number here counts them."
        )
    return "\n".join(lines)


def _use(name: str, schema: Schema) -> str:
    made = schema.preprocessing
    words = list(schema.word_columns)
    how = f", keep_default_na=False, na_values={['', *made.missing]}" if made else ""
    how += f", dtype=dict.fromkeys({words}, str)" if words else ""
    numbers = "table[i.name].to_numpy(float)"
    value = f'table[i.name].fillna("").to_numpy(object) if "string" in i.type else {numbers}' if words else numbers
    lines = [
        "import onnxruntime, pandas",
        f'session = onnxruntime.InferenceSession("exports/{name}.onnx")',
        f'table = pandas.read_csv("new.csv"{how})',
        f"rows = {{i.name: {value} for i in session.get_inputs()}}",
        'print(session.run(["predicted", "disagreement"], rows))',
    ]
    outputs = "`predicted`" + (", `probabilities`" if schema.classes else "")
    return (
        f"`make predict VARIANT={name} INPUT=new.csv OUTPUT=predictions.csv`, or anywhere, without this project:\n\n"
        + "```python\n"
        + "\n".join(lines)
        + "\n```\n\n"
        + f"Outputs: {outputs}, `disagreement` ({_disagreement(schema)}) and each network's answers as `replicates`."
    )


def _disagreement(schema: Schema) -> str:
    if schema.classes:
        return "the share of the networks that would choose another class"
    return f"the networks' standard deviation, in units of `{schema.target}`"


def _shown(items: Any) -> str:
    items = [str(item) for item in items]
    return ", ".join(items[:SHOWN]) + (f", ... ({len(items)})" if len(items) > SHOWN else "")


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
