"""docs/params.md: every key of params.yaml, with what is allowed, its default and its meaning.

Keys, bounds and defaults are read from the types in boundary/config/params.py. What a key means stands in `MEANINGS`
below, and in no other place: the JSON Schema takes its descriptions from here too. It does not stand beside the types
because stages depend on those: a better wording would train every variant again.
"""

import inspect
import types
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, get_args, get_origin

import msgspec
from msgspec import Meta

from boundary.config import params

PAGE = Path("docs/params.md")
HEADER = """\
# What params.yaml may say

<!-- Written by `make schema` from boundary/config/params.py and boundary/cli/params_reference.py: edit those. -->

`params.yaml` holds every number of the pipeline. The whole file is checked before anything runs. All problems are
shown at once, one line each, with the key, what was found and what is allowed. Keys are checked together, too: what
cannot work with the columns, classes and rows that a generated table will have is refused before the table is made.
Of your own table, the check knows what its `features` and `task` say.

Unknown keys are refused, with the nearest known key. Names of entries become file names, so names that are no file
names somewhere are refused as well, such as `NUL`, or `Net` beside `net`. The file is read as YAML 1.2, as DVC reads
it: `1e-3` is a number and `yes` is a word.

Editors that know the [JSON Schema](../params.schema.json), which the first line of `params.yaml` names, complete the
keys and show this text. In VS Code the YAML extension does; the development container has it, and DVC's.
"""


class Key(NamedTuple):
    """What a key means; `unset`: what holds where an optional key without a default value is left out."""

    meaning: str
    unset: str = ""


SEED = Key("of the random numbers that the table is drawn from")
MEANINGS: dict[type, dict[str, Key]] = {
    params.Params: {
        "seed": Key("replicate r of every variant is initialised and shuffled with `seed` + r"),
        "replicates": Key("how many networks are trained per variant, as one batched program"),
        "precision": Key(
            "`exact`: the same bits on every machine; `fast`: plain float32, repeatable on the same machine only"
        ),
        "device": Key(
            "where to train; `mps` needs `fast`. Exact results do not depend on it, so DVC does not track it; "
            "fast ones do: after a change, `dvc repro --force`"
        ),
        "generators": Key("tables to make, by name: `data/raw/<name>.parquet`"),
        "datasets": Key("tables to learn from, by name, and how they are split"),
        "variants": Key("networks to train, by name"),
        "contrasts": Key("pairs of variants to draw side by side, by name: a picture and an animation"),
    },
    params.Circles: {
        "n_samples": Key("rows"),
        "noise": Key("standard deviation of the normal noise that is added to each coordinate"),
        "factor": Key("radius of the inner circle; that of the outer one is 1"),
        "seed": SEED,
    },
    params.Moons: {
        "n_samples": Key("rows"),
        "noise": Key("standard deviation of the normal noise that is added to each coordinate"),
        "seed": SEED,
    },
    params.Blobs: {
        "n_samples": Key("rows, at least `centers`"),
        "n_features": Key("feature columns"),
        "centers": Key("blobs, each a class"),
        "cluster_std": Key("standard deviation of each blob"),
        "center_box": Key("lowest and highest coordinate that a center may have"),
        "seed": SEED,
    },
    params.Spirals: {
        "points_per_class": Key("rows of each arm"),
        "classes": Key("arms"),
        "noise": Key("standard deviation of the normal noise that is added to the angle, in radians"),
        "seed": SEED,
    },
    params.Line: {
        "weight": Key("slope"),
        "bias": Key("y where x is 0"),
        "start": Key("first x"),
        "end": Key("end of x, itself left out; at least two steps after `start`"),
        "step": Key("from one x to the next"),
    },
    params.Bundled: {"name": Key("which table; 569 rows of cells, 178 of wines, 1797 of handwritten digits")},
    params.Dataset: {
        "table": Key(
            "a `.csv` or `.parquet` file under `data/`, with a header; `data/raw/<name>.parquet` is the table of the "
            "generator of that name"
        ),
        "target": Key("the column to predict"),
        "split": Key("which rows are for training, for testing and for validation"),
        "features": Key("the columns to predict from", "all but the target"),
        "drop": Key("columns that are no features; not together with `features`", "none"),
        "task": Key(
            "what to predict; seen from the target: two classes are `binary`, more are `multiclass`, a column of "
            "decimal numbers is `regression`",
            "by the target",
        ),
        "preprocess": Key(
            "fill gaps, scale numbers, turn words into columns of 0 and 1, as learned from the training rows; without "
            "it features must be numbers without gaps"
        ),
        "categories": Key("columns of numbers that are codes, to be treated as words; needs `preprocess`", "none"),
        "missing": Key("words that mean a gap, besides an empty cell; needs `preprocess`", "none"),
    },
    params.Split: {
        "kind": Key(
            "`random`: shuffled; `stratified`: shuffled, with the same shares of the classes in each part; `ordered`: "
            "training, validation and test rows as they stand in the file"
        ),
        "test_size": Key("share of all rows that is for testing"),
        "validation_size": Key("share of all rows that is for early stopping; see `patience`"),
        "seed": Key("of the shuffling; needed but for `ordered`", "none"),
    },
    params.Variant: {
        "dataset": Key("one of `datasets`"),
        "hidden_units": Key("sizes of the hidden layers, `[]` for none"),
        "activation": Key("between the layers; `none` where there are no hidden layers"),
        "optimizer": Key("how the weights follow the gradient"),
        "lr": Key("learning rate"),
        "epochs": Key("passes over the training rows"),
        "log_every": Key("log the epochs 0, `log_every`, 2 `log_every`, ... and the last"),
        "loss": Key("what training minimises; it must suit the task", "by task; regression: `l1`"),
        "class_weight": Key(
            "`balanced`: each class weighs the same in the loss, also in the logged one, however rare it is",
            "rows weigh alike",
        ),
        "momentum": Key("of `sgd`", "0"),
        "nesterov": Key("Nesterov's momentum, of `sgd`; needs a `momentum`", "`false`"),
        "betas": Key("decay of the means of gradient and squared gradient, of `adam` and `adamw`", "[0.9, 0.999]"),
        "eps": Key("added to the root in the denominator, of `adam` and `adamw`", "1e-8"),
        "weight_decay": Key("L2 penalty; decoupled from the gradient with `adamw`"),
        "patience": Key(
            "early stopping: a replicate stops after so many epochs without a better validation loss, and keeps the "
            "weights of its best logged epoch; needs a `validation_size`",
            "no stop",
        ),
        "burn_in_epochs": Key("epochs trained before epoch 0, and not logged"),
        "batch_size": Key("rows per step; each replicate shuffles with its own seed", "all rows"),
        "initial_weights": Key("of the first replicate, layer by layer; the others are drawn", "drawn"),
    },
    params.Layer: {
        "weight": Key("a row of weights for each output"),
        "bias": Key("a number for each output"),
    },
    params.Contrast: {
        "dataset": Key("one of `datasets`: classes of two features"),
        "left": Key("a variant of it, drawn on the training rows"),
        "right": Key("another, drawn on the test rows"),
    },
}
COLUMNS = """\
The columns of a made table are `X1`, `X2`, ... and `label`, or, of a line, `X1` and `y`. Tables of `kind: bundled` keep
the names of their own columns, and have their classes in `label`.
"""
PARTS: tuple[tuple[str, Any], ...] = (  # the page's sections, in order
    ("The whole file", params.Params),
    ("An entry of `generators`", params.Generator),
    ("An entry of `datasets`", params.Dataset),
    ("`split` of a data set", params.Split),
    ("An entry of `variants`", params.Variant),
    ("A layer of `initial_weights`", params.Layer),
    ("An entry of `contrasts`", params.Contrast),
)


def meanings(section: type) -> dict[str, Key]:
    """What the keys of a section mean. Raises ValueError where the types have other keys than `MEANINGS`."""
    fields = {field.name: field for field in msgspec.structs.fields(section)}
    keys = MEANINGS.get(section, {})
    if different := sorted(fields.keys() ^ keys.keys()):
        raise ValueError(f"{section.__name__}: {', '.join(different)}: in the types or in MEANINGS, expected in both")
    for name, field in fields.items():
        if (field.default is None) != bool(keys[name].unset):
            raise ValueError(f"{section.__name__}.{name}: expected `unset` in MEANINGS just where the default is None")
    return keys


def described(node: dict[str, Any]) -> None:
    """Add the meanings to msgspec's JSON Schema of Params, in place."""
    for section in MEANINGS:
        properties = node["$defs"][section.__name__]["properties"]
        for name, key in meanings(section).items():
            if "$ref" in properties[name]:  # what stands beside it does not count before draft 2019-09
                properties[name] = {"allOf": [properties[name]]}
            properties[name]["description"] = key.meaning + (f". Left out: {key.unset}" if key.unset else "")


def reference() -> str:
    """The page."""
    parts = [HEADER]
    for title, section in PARTS:
        parts.append(f"## {title}\n")
        if kinds := get_args(section):
            parts.append(COLUMNS)
            parts += [f"### `kind: {kind.__struct_config__.tag}`\n\n{_doc(kind)}\n\n{_table(kind)}" for kind in kinds]
        else:
            parts += [f"{_doc(section)}\n"] * (section is not params.Params) + [_table(section)]
    return "\n".join(parts)


def _doc(section: type) -> str:
    return inspect.cleandoc(section.__doc__ or "")


def _table(section: type) -> str:
    """A row for each key of a section."""
    keys = meanings(section)
    rows = [
        f"| `{field.name}` | {allowed(field.type)} | {_default(field, keys[field.name])} | {keys[field.name].meaning} |"
        for field in msgspec.structs.fields(section)
    ]
    return "\n".join(["| key | allowed | default | meaning |", "| --- | ------- | ------- | ------- |", *rows, ""])


def _default(field: msgspec.structs.FieldInfo, key: Key) -> str:
    return "required" if field.required else key.unset or f"`{msgspec.json.encode(field.default).decode()}`"


def allowed(expected: Any) -> str:
    """The values of a type, in words. Raises KeyError for a type that params.yaml does not have so far."""
    origin, options = get_origin(expected), get_args(expected)
    if origin is Annotated:
        return _between(allowed(options[0]), options[1])
    if types.NoneType in options:  # a key that may be left out
        (expected,) = (option for option in options if option is not types.NoneType)
        return allowed(expected)
    if origin is Literal:
        return ", ".join(f"`{value}`" for value in options)
    if origin is list:
        return f"list: {allowed(options[0])}"
    if origin is tuple:
        return f"list of {len(options)}: {allowed(options[0])}"
    if origin is dict:
        return "entries by name"
    if issubclass(expected, msgspec.Struct):
        return "keys and values"
    return {int: "whole number", float: "number", bool: "`true`, `false`", str: "text"}[expected]


def _between(kind: str, meta: Meta) -> str:
    if meta.ge is not None and meta.le is not None:
        return f"{kind} from {_shown(meta.ge)} to {_shown(meta.le)}"
    bounds = {"at least": meta.ge, "above": meta.gt, "at most": meta.le, "below": meta.lt}
    words = " and ".join(f"{word} {_shown(bound)}" for word, bound in bounds.items() if bound is not None)
    return f"{kind} {words}"


def _shown(bound: float) -> str:
    return f"{bound:,}" if isinstance(bound, int) else f"{bound:g}"
