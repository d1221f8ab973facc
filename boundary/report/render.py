"""The report: what the page and its Markdown summary say of each data set and variant, filled into templates.

Everything that comes from a user (names, class labels) is escaped by the templates or by `Markup`.
"""

import base64
import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from boundary.config.params import Params
from boundary.nn.activations import ACTIVATIONS
from boundary.plots.geometry import COLOURS
from boundary.report import dataset_section, playback
from boundary.report.dataset_section import RankingRows
from boundary.report.dataset_summary import DatasetResults
from boundary.report.variant_summary import VariantResults

HERE = "    // filled in from boundary/nn/activations.py"  # a line of page.js


def environment() -> Environment:
    """Jinja as the templates of a page want it: all that is filled in is escaped, what is missing is an error."""
    return Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


def page(templates: Mapping[str, str], content: Mapping[str, Any]) -> str:
    """The page from its templates: page.html, page.css and page.js, by name."""
    script = Markup(templates["page.js"].replace(HERE, "\n".join(activations())))
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    made = environment().from_string(templates["page.html"])
    return made.render(script=script, style=Markup(templates["page.css"]), script_hash=digest, **content) + "\n"


def activations() -> Iterator[str]:
    """The activations in JavaScript, a line each."""
    for name, activation in ACTIVATIONS.items():
        yield f"    {name}: {activation.javascript},"


def markdown(template: str, content: Mapping[str, Any]) -> str:
    """The summary from its template, summary.md."""
    made = Environment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, finalize=plain_markdown)
    return made.from_string(template).render(**content) + "\n"


def plain_markdown(value: Any) -> str:
    """Text that Markdown shows as it is: no tag, no link, no table cell of its own."""
    text = " ".join(str(value).split())
    return re.sub(r"([\\`*_\[\]<>|~#&])", r"\\\1", text)


def contents(
    settings: Params,
    datasets: Mapping[str, DatasetResults],
    variants: Mapping[str, VariantResults],
    ranking: RankingRows,
    hashes: Sequence[tuple[str, str]],
) -> dict[str, Any]:
    """All that the templates show."""
    drawable = {name: v for name, v in variants.items() if len(datasets[v.settings.dataset].schema.features) <= 2}
    budgets = playback.divide_budget({name: v.snapshots for name, v in drawable.items()})
    playbacks = {name: playback.playback(v.snapshots, v.history, budgets[name]) for name, v in drawable.items()}
    own = {name: [v for v in variants.values() if v.settings.dataset == name] for name in datasets}
    shown = [
        dataset_section.section(dataset, own[name], ranking, playbacks)
        for name, dataset in datasets.items()
        if own[name]
    ]
    listed = [variant for section in shown for variant in section["variants"]]
    return {
        "datasets": shown,
        "variant_count": len(variants),
        "replicates": settings.replicates,
        "seed": settings.seed,
        "precision": settings.precision,
        "palette": {f"c{k}": colour for k, colour in enumerate(COLOURS)},  # classes of the style sheet
        "hashes": hashes,
        "featured": _featured(settings, [variant["name"] for variant in listed if variant["film"]] or list(variants)),
        "scenes": {
            name: playback.dataset_rows(dataset.schema, dataset.parts)
            for name, dataset in datasets.items()
            if len(dataset.schema.features) <= 2
        },
        "choices": {
            "palette": COLOURS,
            "variants": {v["name"]: {"dataset": v["dataset"], "note": v["note"]} for v in listed},
        },
    }


def _featured(settings: Params, names: Sequence[str]) -> str:
    """What the page shows first: the right side of a contrast, or the first that can be replayed."""
    wanted = [contrast.right for contrast in settings.contrasts.values() if contrast.right in names]
    return [*wanted, *names][0]
