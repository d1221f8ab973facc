"""The table of variants: its text, its order, its shape."""

from pathlib import Path

import pytest

from boundary import params
from boundary.comparison import Summary, markdown

ROOT = Path(__file__).parent.parent
NOTE = "Means over the replicates, on the test rows. The interval is the mean's: the luck of the seed, no other.\n"


def classifier(accuracy: float, **changes: float | None) -> Summary:
    around = {"accuracy_low": accuracy - 0.01, "accuracy_high": accuracy + 0.01}
    others = {"precision": 0.5, "recall": 0.25, "f1": 0.125, "loss": 0.6931472, "replicates": 16}
    return {"accuracy": accuracy, **around, **others, **changes}


def regressor(mae: float | None, **changes: float | None) -> Summary:
    around = {"mae_low": 0.0, "mae_high": 0.5}
    return {"mae": mae, **around, "mse": 0.0625, "r2": -1.5, "replicates": 16, **changes}


def rows(text: str) -> list[list[str]]:
    """The cells of the tables' rows, headers and rules left out."""
    table = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("|")]
    return [row for row in table if row[0] != "dataset" and set(row[0]) != {"-"}]


def test_the_whole_text() -> None:
    summaries = {
        "straight": ("circles", classifier(0.5)),
        "ruler": ("line", regressor(0.25)),
        "relu": ("circles", classifier(0.9987654)),
    }
    assert (
        markdown(summaries)
        == (
            "| dataset | variant  | accuracy | 95% interval     | precision | recall | f1     | loss   | replicates |\n"
            "| ------- | -------- | -------- | ---------------- | --------- | ------ | ------ | ------ | ---------- |\n"
            "| circles | relu     | 0.9988   | 0.9888 .. 1.0088 | 0.5000    | 0.2500 | 0.1250 | 0.6931 | 16         |\n"
            "| circles | straight | 0.5000   | 0.4900 .. 0.5100 | 0.5000    | 0.2500 | 0.1250 | 0.6931 | 16         |\n"
            "\n"
            "| dataset | variant | mae    | 95% interval     | mse    | r2      | replicates |\n"
            "| ------- | ------- | ------ | ---------------- | ------ | ------- | ---------- |\n"
            "| line    | ruler   | 0.2500 | 0.0000 .. 0.5000 | 0.0625 | -1.5000 | 16         |\n"
            "\n"
        )
        + NOTE
    )


def test_the_best_comes_first_and_data_sets_keep_their_order() -> None:
    summaries = {
        "a": ("moons", classifier(0.6)),
        "b": ("circles", classifier(0.7)),
        "c": ("moons", classifier(0.9)),
        "d": ("circles", classifier(0.99)),
        "e": ("moons", classifier(0.8)),
        "f": ("line", regressor(0.3)),
        "g": ("curve", regressor(0.9)),
        "h": ("line", regressor(0.1)),
        "i": ("line", regressor(0.2)),
    }
    assert [row[:2] for row in rows(markdown(summaries))] == [
        ["moons", "c"],
        ["moons", "e"],
        ["moons", "a"],
        ["circles", "d"],
        ["circles", "b"],
        ["line", "h"],
        ["line", "i"],
        ["line", "f"],
        ["curve", "g"],
    ]


def test_equal_variants_keep_their_order() -> None:
    summaries = {name: ("circles", classifier(0.5)) for name in "zay"}
    assert [row[1] for row in rows(markdown(summaries))] == ["z", "a", "y"]


@pytest.mark.parametrize("lost", [None, float("nan")])
def test_a_variant_without_a_score_comes_last(lost: float | None) -> None:
    """As when its networks diverged."""
    scores = {"lost": lost, "worst": 0.9, "best": 0.1, "middle": 0.5}
    found = rows(markdown({name: ("line", regressor(mae)) for name, mae in scores.items()}))
    assert [row[1] for row in found] == ["best", "middle", "worst", "lost"]
    assert found[-1][2] == "-"


def test_one_replicate_has_no_interval() -> None:
    alone = {"accuracy_low": None, "accuracy_high": None, "replicates": 1}
    (row,) = rows(markdown({"a": ("circles", classifier(0.5, **alone))}))
    assert row[3] == "one replicate"
    assert row[-1] == "1"


def test_nothing_to_compare() -> None:
    assert markdown({}) == NOTE


def test_the_committed_variants_make_aligned_tables_of_at_most_120_columns() -> None:
    variants = params.load(ROOT / "params.yaml").variants
    text = markdown(
        {
            name: (variant.dataset, regressor(123.4) if variant.loss == "l1" else classifier(1.0))
            for name, variant in variants.items()
        }
    )
    blocks = [block.splitlines() for block in text.split("\n\n")[:-1]]
    assert sum(len(block) - 2 for block in blocks) == len(variants)
    for block in blocks:
        assert len({tuple(k for k, letter in enumerate(line) if letter == "|") for line in block}) == 1
        assert all(line.endswith("|") and len(line) <= 120 for line in block)
