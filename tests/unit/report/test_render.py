"""The report's page and summary: what they say, that nothing in them is taken for markup, and how large they get."""

import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest
import torch

from boundary.artifacts.schema import Schema
from boundary.report import dataset_summary, render, svg
from boundary.report.dataset_section import RankingRows, answer
from boundary.report.render import plain_markdown
from tests.support.report_cases import (
    EPOCHS,
    HOSTILE,
    MARKDOWN,
    SCHEMAS,
    TEMPLATES,
    Case,
    case,
    divided,
    everything,
    trained,
)


@pytest.fixture(scope="module")
def made() -> Case:
    return everything()


class Elements(HTMLParser):
    """Names, attributes and text of a page as a browser would take them apart."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_names_are_never_taken_for_markup(made: Case) -> None:
    found = Elements(made.page)
    assert not [
        tag for tag, attributes in found.tags if tag == "img" or any(name.startswith("on") for name in attributes)
    ]
    assert HOSTILE in found.texts  # and yet it is shown
    assert "{{ label }}" in made.page
    assert made.page.count("<script") == 1 + 2 + sum(
        v["film"] is not None for d in made.content["datasets"] for v in d["variants"]
    )


def test_ids_are_unique_and_links_lead_to_them(made: Case) -> None:
    tags = Elements(made.page).tags
    ids = [attributes["id"] for _, attributes in tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    targets = {str(attributes["href"])[1:] for tag, attributes in tags if tag == "a"}
    assert targets <= set(ids)


def test_nothing_is_loaded_from_anywhere(made: Case) -> None:
    for tag, attributes in Elements(made.page).tags:
        for name in ("src", "href", "action", "data", "poster", "srcset"):
            assert str(attributes.get(name) or "data:").startswith(("data:", "#")), (tag, attributes)
    assert "@import" not in made.page
    assert not re.search(r"url\((?!data:)", made.page)


def test_only_its_own_script_may_run(made: Case) -> None:
    (script,) = re.findall(r"<script>(.*?)</script>", made.page, flags=re.DOTALL)
    before, after = TEMPLATES["page.js"].split(render.HERE)  # the activations are filled in
    assert script.startswith(before)
    assert script.endswith(after)
    assert len(script) > len(before + after)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in made.page
    assert "default-src 'none'" in made.page


def test_equal_content_is_equal_bytes(made: Case) -> None:
    assert everything().page == made.page


def film(text: str, name: str) -> dict[str, object]:
    (found,) = re.findall(rf'id="film-{name}">(.*?)</script>', text)
    return json.loads(found)


def test_the_weights_are_those_of_the_snapshots(made: Case) -> None:
    found = film(made.page, "two_relu")
    snapshots = made.variants["two_relu"].snapshots
    weights = np.frombuffer(base64.b64decode(str(found["weights"])), "<f4").reshape(snapshots.parameters.shape)
    assert np.array_equal(weights, snapshots.parameters.numpy())
    assert found["frames"] == [-1, *snapshots.epochs]


def test_forty_variants_of_large_networks_stay_below_three_megabytes() -> None:
    data = {"two": divided("two", SCHEMAS["two"], 2000)}
    one = trained("v", data["two"], (64, 64))
    parameters = one.snapshots.parameters[:1].repeat(101, 1, 1)
    long = replace(one.snapshots, epochs=tuple(range(0, 1000, 10)), parameters=parameters)
    history = {name: [[0.123456789] * 100] * 3 for name in one.history}
    variants = {f"v{k}": replace(one, name=f"v{k}", snapshots=long, history=history) for k in range(39)}
    variants["s"] = replace(trained("s", data["two"]), name="s")
    text = case(data, variants).page
    assert 2_000_000 < len(text) < 3_000_000
    assert (film(text, "s")["frames"], film(text, "s")["replicates"]) == ([-1, *EPOCHS], 3)
    assert (film(text, "v0")["frames"], film(text, "v0")["replicates"]) == ([-1, 0, 990], 1)
    assert 20 < text.count('id="film-v') < 39


def variant_of(content: dict[str, Any]) -> dict[str, Any]:
    """What a report's content says of its only variant."""
    return content["datasets"][0]["variants"][0]


@pytest.mark.parametrize("name", ["curve", "plane"])
def test_a_hundred_thousand_test_rows_of_a_regression_are_drawn_as_some_hundreds(name: str) -> None:
    data = {name: divided(name, SCHEMAS[name], 300_000)}
    made = case(data, {"v": trained("v", data[name])})
    assert len(made.page) < 250_000
    (line,) = re.findall(r'line (?:first|train)" d="([^"]*)"', variant_of(made.content)["picture"])
    assert 300 < len(re.findall("[ML]", line)) <= svg.DRAWN


@pytest.mark.parametrize("name", ["curve", "plane"])
def test_the_replicate_that_a_regression_shows_is_named(name: str) -> None:
    data = {name: divided(name, SCHEMAS[name])}
    one = trained("v", data[name])
    assert one.predictions is not None
    assert "the first replicate;" in variant_of(case(data, {"v": one}).content)["caption"]
    one.predictions[0] = np.nan
    caption = variant_of(case(data, {"v": one}).content)["caption"]
    assert "replicate 1, the first that did not diverge;" in caption
    assert name == "plane" or "the range of the 2 replicates that did not diverge." in caption


@pytest.mark.parametrize(
    ("schema", "labels", "caption"),
    [
        (SCHEMAS["one"], ("a", "y"), ""),
        (SCHEMAS["three"], ("a", "b"), ""),
        (SCHEMAS["many"], ("a", "b"), "The first two of 3 features."),
        (SCHEMAS["curve"], ("a", "y"), ""),
        (SCHEMAS["plane"], ("a", "y"), "The first of 2 features."),
        (replace(SCHEMAS["plane"], features=("a", "b", "c")), ("a", "y"), "The first of 3 features."),
    ],
)
def test_the_picture_of_a_data_set_says_what_it_draws(schema: Schema, labels: tuple[str, str], caption: str) -> None:
    data = divided("d", schema)
    found = dataset_summary.describe(replace(data, parts={**data.parts, "validation": data.parts["test"]}))
    assert tuple(re.findall(r'class="label"[^>]*>(.*?)<', found["picture"])) == labels
    assert found["caption"] == caption
    expected = [str(label) for label in schema.classes] or ["train", "test", "validation"]
    assert [entry["name"] for entry in found["legend"]] == expected


def test_a_regression_is_drawn_against_its_target() -> None:
    """The places of its rows, of one feature and of two: the same, where the second feature has no say."""
    data = divided("d", SCHEMAS["plane"])
    assert dataset_summary.picture(data) == dataset_summary.picture(replace(data, schema=SCHEMAS["curve"]))


def test_what_cannot_be_replayed_says_why(made: Case) -> None:
    choices = made.content["choices"]["variants"]
    assert choices["many"]["note"].startswith("many has 3 features")
    assert 'id="film-many"' not in made.page
    data = {"two": divided("two", SCHEMAS["two"])}
    empty = trained("v", data["two"])
    empty = replace(empty, snapshots=replace(empty.snapshots, parameters=torch.empty(4, 0, 10)))
    assert "too large" in case(data, {"v": empty}).content["choices"]["variants"]["v"]["note"]


def test_a_diverged_replicate_is_no_obstacle() -> None:
    data = {"two": divided("two", SCHEMAS["two"])}
    one = trained("v", data["two"])
    one.snapshots.parameters[1:, 1] = torch.nan
    history = {name: [rows[0], [float("nan")] * len(rows[1]), rows[2]] for name, rows in one.history.items()}
    text = case(data, {"v": replace(one, history=history)}).page
    assert film(text, "v")["history"]["test_loss"][1] == [None, None, None]  # type: ignore[index]
    assert "nan" not in re.sub(r'id="film-v">.*?</script>', "", text)


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ({}, "a reaches accuracy 0.9000; there is no other variant to compare it with."),
        ({"b": "better"}, "a leads with accuracy 0.9000: better than b, beyond luck."),
        ({"b": "cannot tell"}, "No winner: a has accuracy 0.9000, but cannot be told from b."),
        (
            {"b": "better", "c": "cannot tell", "d": "better"},
            "a leads with accuracy 0.9000: better than b and d, beyond luck, but cannot be told from c.",
        ),
        (dict.fromkeys("bcde", "better"), "a leads with accuracy 0.9000: better than 4 others, beyond luck."),
    ],
)
def test_the_answer_in_a_sentence(verdicts: dict[str, str], expected: str) -> None:
    leaders = [{"dataset": "d", "variant": name, "score": "accuracy", "mean": "0.9"} for name in ("a", *verdicts)]
    pairs = [{"left": "a", "right": name, "verdict": verdict} for name, verdict in verdicts.items()]
    turned = {"better": "worse", "worse": "better"}
    other = [{"left": p["right"], "right": "a", "verdict": turned.get(p["verdict"], p["verdict"])} for p in pairs]
    assert answer(RankingRows(leaders, pairs)) == expected
    assert answer(RankingRows(leaders, other)) == expected


def test_the_summary_says_the_same_and_escapes_names(made: Case) -> None:
    text = render.markdown(TEMPLATES["summary.md"], made.content)
    assert "| two\\_none | 0.7500 | 0.7000 to 0.8000 | leads |" in text
    assert "| two\\_relu | 0.7500 | 0.7000 to 0.8000 | worse |" in text
    assert "<img" not in text.replace("\\<img", "")
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {3, 5}


def test_markdown_shows_names_as_they_are() -> None:
    assert plain_markdown(MARKDOWN) == r"a\|b \# \*x\* \[y\](z) \<b\> \`c\`"
