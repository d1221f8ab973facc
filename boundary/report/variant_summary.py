"""What the report says of a variant: pictures of what it learned, its scores, and its settings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import numpy as np
from markupsafe import Markup

from boundary.artifacts.predictions import Plane
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


def describe(trained: VariantResults, divided: DatasetResults, film: Mapping[str, Any] | None) -> dict[str, Any]:
    """For the template. film: what the page replays, None where there is nothing that it can."""
    count, sizes = len(divided.schema.features), trained.snapshots.network.sizes
    shape = f"{'-'.join(map(str, sizes))}, {trained.settings.activation if len(sizes) > 2 else 'no hidden layer'}"
    shape = shape.replace("none", "no activation")
    note = None
    if count > 2:
        note = f"{divided.name} has {count} features: a picture that bends needs one or two. Its results are below."
    elif film is None:
        note = f"{trained.name} is too large to be replayed in this page. Its results are below."
    stopping = "" if trained.settings.patience is None else "; early stopping: each replicate keeps its best epoch"
    image, caption = _picture(trained, divided)
    return {
        "name": trained.name,
        "dataset": divided.name,
        "short": shape,
        "about": f"{shape}; {trained.snapshots.network.parameter_count} parameters{stopping}",
        "film": film,
        "note": note,
        "picture": image,
        "caption": caption,
        "curves": [_curves(trained, name) for name in ("loss", "accuracy") if f"test_{name}" in trained.history],
        **_tables(trained, divided),
        "settings": [
            (key, "given for replicate 0" if key == "initial_weights" else value)
            for key, value in changed_settings(trained.settings)
            if key != "dataset"
        ],
    }


def points(trained: VariantResults, divided: DatasetResults) -> Markup:
    """The test rows, to be drawn once: the pictures of all classifiers of a data set `use` them."""
    if trained.plane is None:
        return Markup("")
    rows = Points.of(divided.parts["test"], divided.schema)
    marks = svg.scatter(rows.x, rows.classes, *svg.plane_axes(trained.plane))
    return Markup('<svg class="defs" aria-hidden="true"><defs><g id="p-{}">{}</g></defs></svg>').format(
        divided.name, marks
    )


def _tables(trained: VariantResults, divided: DatasetResults) -> dict[str, Any]:
    """Confusion matrix, scores by class, and means of the scores of each part."""
    replicates = trained.details["test"]["replicates"]
    summaries = {part: trained.details[part]["summary"] for part in divided.parts if part in trained.details}
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
    labels = [str(label) for label in divided.schema.classes]
    if not 0 < len(labels) <= LABELS:
        return found
    matrices = np.array([row["confusion_matrix"] for row in replicates])
    total = matrices.sum(0).tolist()
    found["confusion"] = [
        (label, [{"count": n, "share": f"{n / max(sum(row), 1):.3f}", "right": k == j} for j, n in enumerate(row)])
        for k, (label, row) in enumerate(zip(labels, total, strict=True))
    ]
    found["by_class"] = [_class_scores(label, k, matrices) for k, label in enumerate(labels)]
    return found


def _class_scores(label: str, k: int, matrices: np.ndarray) -> dict[str, str]:
    """Precision, recall and F1 of class k, means over confusion matrices (R, true, predicted); 0 where undefined."""
    hits, true, said = matrices[:, k, k].tolist(), matrices[:, k].sum(1).tolist(), matrices[:, :, k].sum(1).tolist()
    precision = fmean(h / max(s, 1) for h, s in zip(hits, said, strict=True))
    recall = fmean(h / max(t, 1) for h, t in zip(hits, true, strict=True))
    f1 = fmean(2 * h / max(s + t, 1) for h, s, t in zip(hits, said, true, strict=True))
    return {
        "label": label,
        "precision": shown(precision),
        "recall": shown(recall),
        "f1": shown(f1),
        "rows": str(true[0]),
    }


def shown(value: float | None, digits: int = 4) -> str:
    """A score with a fixed number of decimals, a dash where there is none."""
    return "-" if value is None else f"{value:.{digits}f}"


def _curves(trained: VariantResults, measure: str) -> dict[str, Markup | str]:
    """Means of the replicates with the middle half of them, for training and test rows."""
    epochs = trained.snapshots.epochs
    step = -(-len(epochs) // CURVE_POINTS)
    chosen = sorted({*range(0, len(epochs), step), len(epochs) - 1})
    x = [float(epochs[k]) for k in chosen]
    series = {}
    for part in ("train", "test"):
        columns = [[row[k] for row in trained.history[f"{part}_{measure}"]] for k in chosen]
        finite = [[value for value in column if abs(value) < float("inf")] or [float("nan")] for column in columns]
        low, high = zip(*(svg.quartiles(column) for column in finite), strict=True)
        series[part] = ([fmean(column) for column in finite], low, high)
    across, up = svg.axes(x, [v for lines in series.values() for line in lines for v in line], margin=0.03)
    parts = [svg.frame(across, up, ("epoch", measure), grid=True)]
    for part, (mean, low, high) in series.items():
        parts += [svg.band(x, low, high, across, up, part), svg.curve(x, mean, across, up, part)]
    legend = Markup(
        '<i class="key train"></i>train <i class="key test"></i>test; band: the middle half of the replicates'
    )
    title = f"{measure} of {trained.name} over {int(x[-1])} epochs, at last {shown(series['test'][0][-1])} on test rows"
    return {"picture": svg.drawing(title, *parts), "caption": legend}


def _picture(trained: VariantResults, divided: DatasetResults) -> tuple[Markup, str]:
    """The picture that fits the task and the number of features, and its caption."""
    schema = divided.schema
    if trained.plane is not None:
        across, up = svg.plane_axes(trained.plane)
        drawn = [
            svg.decision_plane(trained.plane, across, up),
            Markup('<use href="#p-{}"/>').format(divided.name),
            svg.frame(across, up, (schema.features[0], schema.features[1])),
        ]
        caption = "Votes of all replicates, paler where they disagree; the line is replicate 0's boundary; test rows."
        return svg.drawing(f"Decision boundary of {trained.name}", *drawn, height=svg.WIDTH), caption
    if trained.predictions is not None:
        return _fit(trained, trained.predictions, divided)
    return Markup(
        ""
    ), f"No picture of a boundary: {divided.name} has {len(schema.features)} feature{'s' * (len(schema.features) > 1)}."


def _fit(trained: VariantResults, said: np.ndarray, divided: DatasetResults) -> tuple[Markup, str]:
    """Of one feature, the test rows and the range of the predictions; of more, predicted against true."""
    schema, test = divided.schema, divided.parts["test"]
    true = test[schema.target].astype(float)
    kept = np.isfinite(said).all(1).nonzero()[0]
    x = test[schema.features[0]].astype(float) if len(schema.features) == 1 else true
    order = np.argsort(x, kind="stable")[:: -(-len(x) // svg.DRAWN)]
    x, true, finite = x[order], true[order], said[kept][:, order]
    low, high = finite.min(0).tolist(), finite.max(0).tolist()
    across, up = svg.axes(x.tolist(), [*true.tolist(), *low, *high])
    names = (schema.features[0], schema.target) if len(schema.features) == 1 else ("true", "predicted")
    parts = [svg.frame(across, up, names)]
    first = f"replicate {kept[0]}, the first that did not diverge" if kept[0] else "the first replicate"
    if len(schema.features) == 1:
        parts += [svg.band(x.tolist(), low, high, across, up, "first")]
        parts += [svg.scatter(np.stack([x, true]), np.zeros(len(x), dtype=int), across, up)]
        parts += [svg.curve(x.tolist(), finite[0].tolist(), across, up, "first")]
        whose = "all replicates" if len(kept) == len(said) else f"the {len(kept)} replicates that did not diverge"
        caption = f"Dots: test rows; line: {first}; band: the range of {whose}."
    else:
        parts += [svg.curve(x.tolist(), x.tolist(), across, up, "train")]
        parts += [svg.scatter(np.stack([x, finite[0]]), np.zeros(len(x), dtype=int), across, up)]
        caption = f"Test rows, {first}; on the dashed line a prediction is perfect."
    return svg.drawing(f"What {trained.name} predicts", *parts), caption
