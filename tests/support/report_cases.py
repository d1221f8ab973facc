"""Reports of made-up results, for the tests of the page: no training, no files, names that mean harm."""

from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import pytest
import torch

from boundary.artifacts.predictions import Plane
from boundary.artifacts.schema import Schema
from boundary.config import params
from boundary.models import predict as predictions
from boundary.models.predict import predict, predict_plane
from boundary.models.snapshots import Snapshots
from boundary.nn.mlp import Network
from boundary.report import render
from boundary.report.dataset_section import RankingRows
from boundary.report.dataset_summary import DatasetResults
from boundary.report.variant_summary import VariantResults
from tests.support.repository import ROOT

TEMPLATES = {path.name: path.read_text() for path in (ROOT / "boundary/report/templates").iterdir()}
HOSTILE = "</script><img src=x onerror=\"document.title='broken'\">"
MARKDOWN = "a|b\n# *x* [y](z) <b> `c`"
EPOCHS = (0, 10, 19)
SCHEMAS = {
    "two": Schema((HOSTILE, "b & 'c'"), "{{ label }}", "binary", (HOSTILE, "")),
    "three": Schema(("a", "b"), "y", "multiclass", (0, 1, 2)),
    "one": Schema(("a",), "y", "multiclass", ("x", "y", "z")),
    "curve": Schema(("a",), "y", "regression", ()),
    "plane": Schema(("a", "b"), "y", "regression", ()),
    "many": Schema(("a", "b", "c"), "y", "binary", (False, True)),
}
SCORES = {"binary": "accuracy", "multiclass": "accuracy", "regression": "mae"}


@dataclass(frozen=True)
class Case:
    """A report's content and the variants that it is about."""

    content: dict[str, Any]
    variants: dict[str, VariantResults]

    @property
    def page(self) -> str:
        return render.page(TEMPLATES, self.content)


def divided(name: str, schema: Schema, rows: int = 30) -> DatasetResults:
    """A data set of random numbers."""
    chance = np.random.RandomState(1)

    def columns(count: int) -> dict[str, np.ndarray]:
        features = {feature: chance.normal(size=count).astype(np.float32) for feature in schema.features}
        labels = (
            np.array(schema.classes, dtype=object)[np.arange(count) % len(schema.classes)] if schema.classes else None
        )
        return {**features, schema.target: chance.normal(size=count) if labels is None else labels}

    split = params.Split(kind="random", test_size=0.25, seed=1)
    entry = params.Dataset(table=f"data/{name}.csv", target=schema.target, split=split)
    return DatasetResults(name, entry, schema, {"train": columns(rows), "test": columns(rows // 3)}, None)


def trained(
    name: str, data: DatasetResults, hidden: tuple[int, ...] = (5, 4), activation: str = "relu", replicates: int = 3
) -> VariantResults:
    """A variant of random weights."""
    schema = data.schema
    network = Network((len(schema.features), *hidden, schema.outputs), activation)
    drawn = [
        torch.stack(
            [network.initialise(torch.Generator().manual_seed(100 * frame + seed)) for seed in range(replicates)]
        )
        for frame in range(1 + len(EPOCHS))
    ]
    snapshots = Snapshots(network, schema, EPOCHS, torch.stack(drawn).float() * 3, 0)
    measures = ["train_loss", "test_loss", *(("train_accuracy", "test_accuracy") if schema.classes else ())]
    history = {
        measure: [[0.5 / (r + k + 1) for k in range(len(EPOCHS))] for r in range(replicates)] for measure in measures
    }
    matrix = (np.eye(len(schema.classes), dtype=int) * 9 + 1).tolist()
    score = {SCORES[schema.task]: 0.75, "loss": 0.5}
    rows = [
        {"replicate": r, **score, **({"confusion_matrix": matrix} if schema.classes else {})} for r in range(replicates)
    ]
    details = {part: {"summary": {**score, "replicates": replicates}, "replicates": rows} for part in ("train", "test")}
    model = snapshots.at(-1)
    plane, said = None, None
    if schema.classes and len(schema.features) == 2:
        x = torch.from_numpy(np.stack([data.parts["test"][feature] for feature in schema.features]))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(predictions, "GRID_STEPS", 31)  # some twenty times quicker
            plane = Plane.from_columns(predict_plane(model, x), len(schema.classes))
    if not schema.classes:
        x = torch.from_numpy(np.stack([data.parts["test"][feature] for feature in schema.features]))
        said = predict(model, x)[:, 0].numpy()
    variant = params.Variant(data.name, list(hidden), activation, "adam", 0.01, 20, 10)  # type: ignore[arg-type]
    return VariantResults(name, variant, details, history, snapshots, plane, said)


def case(data: dict[str, DatasetResults], variants: dict[str, VariantResults]) -> Case:
    """The report of these; in each data set the variants come in their order, the first is better than all others."""
    settings = msgspec.convert(
        {
            "seed": 0,
            "replicates": 3,
            "precision": "exact",
            "device": "cpu",
            "contrasts": {},
            "generators": {},
            "datasets": {name: msgspec.to_builtins(each.settings) for name, each in data.items()},
            "variants": {name: msgspec.to_builtins(each.settings) for name, each in variants.items()},
        },
        params.Params,
    )
    leaders, pairs = [], []
    for name, each in data.items():
        score = SCORES[each.schema.task]
        own = [variant for variant in variants if variants[variant].settings.dataset == name]
        spread = {"mean": "0.750000", "low": "0.700000", "high": "0.800000"}
        leaders += [{"dataset": name, "variant": variant, "score": score, **spread} for variant in own]
        found = {
            "difference": "0.1",
            "low": "0.05",
            "high": "",
            "p_holm": "0.01",
            "replicates_needed": "20",
            "rows_needed": "",
        }
        pairs += [
            {"dataset": name, "score": score, "left": left, "right": right, **found}
            | {"verdict": "better" if left == own[0] else "cannot tell"}
            for k, left in enumerate(own)
            for right in own[k + 1 :]
        ]
    content = render.contents(settings, data, variants, RankingRows(leaders, pairs), [(HOSTILE, "0" * 64)])
    return Case(content, variants)


def everything() -> Case:
    """Every kind of data set, and every activation on the first."""
    from boundary.nn.activations import ACTIVATIONS

    data = {name: divided(name, schema) for name, schema in SCHEMAS.items()}
    variants = {f"two_{name}": trained(f"two_{name}", data["two"], (5, 4), name) for name in ACTIVATIONS}
    variants |= {name: trained(name, each, (6,), "tanh") for name, each in data.items() if name != "two"}
    return case(data, variants)
