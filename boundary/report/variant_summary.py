"""What the report says of a variant: pictures of what it learned, its scores, and its settings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import numpy as np
from markupsafe import Markup

from boundary.artifacts.predictions import Plane, class_scores
from boundary.config.params import Variant
from boundary.models.snapshots import Snapshots
from boundary.plots.geometry import Points
from boundary.report import svg
from boundary.report.dataset_summary import LABELS, DatasetResults, changed_settings

CURVE_POINTS = 120  # of a learning curve, at most


@dataclass(frozen=True)
class VariantResults:
    """A variant: its entry in params.yaml and what its stages left.

    details: what the evaluate stage wrote. history: by name of a column, values (replicates, logged epochs). plane: of
    a classifier of two features, else None. predictions (R, rows): of a regression, for the test rows, else None.
    """

    name: str
    settings: Variant
    details: Mapping[str, Any]
    history: Mapping[str, Sequence[Sequence[float]]]
    snapshots: Snapshots
    plane: Plane | None
    predictions: np.ndarray | None


def describe(variant: VariantResults, dataset: DatasetResults, playback: Mapping[str, Any] | None) -> dict[str, Any]:
    """For the template. playback: what the page replays, None where there is nothing that it can."""
    count, sizes = len(dataset.schema.features), variant.snapshots.network.sizes
    shape = f"{'-'.join(map(str, sizes))}, {variant.settings.activation if len(sizes) > 2 else 'no hidden layer'}"
    shape = shape.replace("none", "no activation")
    note = None
    if count > 2:
        note = f"{dataset.name} has {count} features: a picture that bends needs one or two. Its results are below."
    elif playback is None:
        note = f"{variant.name} is too large to be replayed in this page. Its results are below."
    stopping = "" if variant.settings.patience is None else "; early stopping: each replicate keeps its best epoch"
    image, caption = _picture(variant, dataset)
    return {
        "name": variant.name,
        "dataset": dataset.name,
        "short": shape,
        "about": f"{shape}; {variant.snapshots.network.parameter_count} parameters{stopping}",
        "film": playback,
        "note": note,
        "picture": image,
        "caption": caption,
        "curves": [_curves(variant, name) for name in ("loss", "accuracy") if f"test_{name}" in variant.history],
        **_tables(variant, dataset),
        "settings": [
            (key, "given for replicate 0" if key == "initial_weights" else value)
            for key, value in changed_settings(variant.settings)
            if key != "dataset"
        ],
    }


def points(variant: VariantResults, dataset: DatasetResults) -> Markup:
    """The test rows, to be drawn once: the pictures of all classifiers of a data set `use` them."""
    if variant.plane is None:
        return Markup("")
    rows = Points.from_columns(dataset.parts["test"], dataset.schema)
    marks = svg.scatter(rows.x, rows.classes, *svg.plane_axes(variant.plane))
    return Markup('<svg class="defs" aria-hidden="true"><defs><g id="p-{}">{}</g></defs></svg>').format(
        dataset.name, marks
    )


def _tables(variant: VariantResults, dataset: DatasetResults) -> dict[str, Any]:
    """Confusion matrix, scores by class, and means of the scores of each part."""
    replicates = variant.details["test"]["replicates"]
    summaries = {part: variant.details[part]["summary"] for part in dataset.parts if part in variant.details}
    names = [
        name
        for name in summaries["test"]
        if name not in ("replicates", "diverged") and not name.endswith(("_low", "_high"))
    ]
    found: dict[str, Any] = {
        "counted": len(replicates),
        "parts": list(summaries),
        "scores": [(name, [shown(summary[name]) for summary in summaries.values()]) for name in names],
        "confusion": None,
        "by_class": None,
    }
    labels = [str(label) for label in dataset.schema.classes]
    if not 0 < len(labels) <= LABELS:
        return found
    matrices = np.array([row["confusion_matrix"] for row in replicates])
    total = matrices.sum(0).tolist()
    found["confusion"] = [
        (label, [{"count": n, "share": f"{n / max(sum(row), 1):.3f}", "right": k == j} for j, n in enumerate(row)])
        for k, (label, row) in enumerate(zip(labels, total, strict=True))
    ]
    scores = [class_scores(counts) for counts in matrices]
    found["by_class"] = [_mean_scores(label, [each[k] for each in scores]) for k, label in enumerate(labels)]
    return found


def _mean_scores(label: str, scores: Sequence[Mapping[str, float]]) -> dict[str, str]:
    """Means over the replicates of the scores of one class."""
    precision, recall, f1 = (fmean(each[key] for each in scores) for key in ("precision", "recall", "f1-score"))
    return {
        "label": label,
        "precision": shown(precision),
        "recall": shown(recall),
        "f1": shown(f1),
        "rows": str(int(scores[0]["support"])),
    }


def shown(value: float | None, digits: int = 4) -> str:
    """A score with a fixed number of decimals, a dash where there is none."""
    return "-" if value is None else f"{value:.{digits}f}"


def _curves(variant: VariantResults, measure: str) -> dict[str, Markup | str]:
    """Means of the replicates with the middle half of them, for training and test rows."""
    epochs = variant.snapshots.epochs
    step = -(-len(epochs) // CURVE_POINTS)
    chosen = sorted({*range(0, len(epochs), step), len(epochs) - 1})
    x = [float(epochs[k]) for k in chosen]
    series = {}
    for part in ("train", "test"):
        columns = [[row[k] for row in variant.history[f"{part}_{measure}"]] for k in chosen]
        finite = [[value for value in column if abs(value) < float("inf")] or [float("nan")] for column in columns]
        low, high = zip(*(svg.quartiles(column) for column in finite), strict=True)
        series[part] = ([fmean(column) for column in finite], low, high)
    x_axis, y_axis = svg.axes(x, [v for lines in series.values() for line in lines for v in line], margin=0.03)
    parts = [svg.frame(x_axis, y_axis, ("epoch", measure), grid=True)]
    for part, (mean, low, high) in series.items():
        parts += [svg.band(x, low, high, x_axis, y_axis, part), svg.curve(x, mean, x_axis, y_axis, part)]
    legend = Markup(
        '<i class="key train"></i>train <i class="key test"></i>test; band: the middle half of the replicates'
    )
    title = f"{measure} of {variant.name} over {int(x[-1])} epochs, at last {shown(series['test'][0][-1])} on test rows"
    return {"picture": svg.drawing(title, *parts), "caption": legend}


def _picture(variant: VariantResults, dataset: DatasetResults) -> tuple[Markup, str]:
    """The picture that fits the task and the number of features, and its caption."""
    schema = dataset.schema
    if variant.plane is not None:
        x_axis, y_axis = svg.plane_axes(variant.plane)
        drawn = [
            svg.decision_plane(variant.plane, x_axis, y_axis),
            Markup('<use href="#p-{}"/>').format(dataset.name),
            svg.frame(x_axis, y_axis, (schema.features[0], schema.features[1])),
        ]
        caption = "Votes of all replicates, paler where they disagree; the line is replicate 0's boundary; test rows."
        return svg.drawing(f"Decision boundary of {variant.name}", *drawn, height=svg.WIDTH), caption
    if variant.predictions is not None:
        return _fit(variant, variant.predictions, dataset)
    return Markup(
        ""
    ), f"No picture of a boundary: {dataset.name} has {len(schema.features)} feature{'s' * (len(schema.features) > 1)}."


def _fit(variant: VariantResults, predicted: np.ndarray, dataset: DatasetResults) -> tuple[Markup, str]:
    """Of one feature, the test rows and the range of the predictions; of more, predicted against true."""
    schema, test = dataset.schema, dataset.parts["test"]
    true = test[schema.target].astype(float)
    kept = np.isfinite(predicted).all(1).nonzero()[0]
    x = test[schema.features[0]].astype(float) if len(schema.features) == 1 else true
    order = np.argsort(x, kind="stable")[:: -(-len(x) // svg.DRAWN)]
    x, true, finite = x[order], true[order], predicted[kept][:, order]
    low, high = finite.min(0).tolist(), finite.max(0).tolist()
    x_axis, y_axis = svg.axes(x.tolist(), [*true.tolist(), *low, *high])
    names = (schema.features[0], schema.target) if len(schema.features) == 1 else ("true", "predicted")
    parts = [svg.frame(x_axis, y_axis, names)]
    first = f"replicate {kept[0]}, the first that did not diverge" if kept[0] else "the first replicate"
    if len(schema.features) == 1:
        parts += [svg.band(x.tolist(), low, high, x_axis, y_axis, "first")]
        parts += [svg.scatter(np.stack([x, true]), np.zeros(len(x), dtype=int), x_axis, y_axis)]
        parts += [svg.curve(x.tolist(), finite[0].tolist(), x_axis, y_axis, "first")]
        whose = "all replicates" if len(kept) == len(predicted) else f"the {len(kept)} replicates that did not diverge"
        caption = f"Dots: test rows; line: {first}; band: the range of {whose}."
    else:
        parts += [svg.curve(x.tolist(), x.tolist(), x_axis, y_axis, "train")]
        parts += [svg.scatter(np.stack([x, finite[0]]), np.zeros(len(x), dtype=int), x_axis, y_axis)]
        caption = f"Test rows, {first}; on the dashed line a prediction is perfect."
    return svg.drawing(f"What {variant.name} predicts", *parts), caption
