"""The tables of variants and verdicts: their text, their order, their shape."""

import numpy as np
import pytest

from boundary.comparison.pairwise import Pair, RankedVariant, Scores
from boundary.comparison.tables import MEANS, VERDICTS, Ranking, Summary, comparison_table

NO_SCORES = Scores((), np.zeros((0, 0)))


def classifier(**changes: float | None) -> Summary:
    return {"precision": 0.5, "recall": 0.25, "f1": 0.125, "loss": 0.6931472, "replicates": 16, **changes}


def ranking(means: dict[str, float], pairs: list[Pair] = [], score: str = "accuracy", **changes: float) -> Ranking:  # noqa: B006
    standings = [RankedVariant(name, mean, mean - 0.01, mean + 0.01) for name, mean in means.items()]
    summary = classifier(**changes) if score == "accuracy" else {"mse": 0.0625, "r2": -1.5, "replicates": 16}
    return Ranking(score, standings, pairs, dict.fromkeys(means, summary), dict.fromkeys(means, NO_SCORES), {})


def pair(left: str, right: str, verdict: str = "better", **changes: object) -> Pair:
    values = {"difference": 0.25, "low": 0.125, "high": 0.375, "p": 0.001, "p_holm": 0.00314159, "seeds": 16}
    return Pair(left, right, verdict=verdict, **{"replicates_needed": None, "rows_needed": None, **values, **changes})  # type: ignore[arg-type]


def test_the_whole_text() -> None:
    unclear = {"difference": -0.004, "low": -0.01, "high": 0.002, "p_holm": 0.2}
    told = [
        pair("relu", "straight", p_holm=0.00001),
        pair("straight", "curved", "cannot tell", **unclear, replicates_needed=48, rows_needed=72_000),
        pair("straight", "same", "cannot tell", difference=0.0, low=None, high=None, p_holm=1.0),
    ]
    rankings = {
        "circles": ranking({"relu": 0.9988, "straight": 0.5}, told),
        "line": ranking({"ruler": 0.25}, score="mae"),
    }
    assert comparison_table(rankings) == (
        "| dataset | variant  | accuracy | 95% interval     | precision | recall | f1     | loss   | replicates |\n"
        "| ------- | -------- | -------- | ---------------- | --------- | ------ | ------ | ------ | ---------- |\n"
        "| circles | relu     | 0.9988   | 0.9888 .. 1.0088 | 0.5000    | 0.2500 | 0.1250 | 0.6931 | 16         |\n"
        "| circles | straight | 0.5000   | 0.4900 .. 0.5100 | 0.5000    | 0.2500 | 0.1250 | 0.6931 | 16         |\n"
        "\n"
        "| dataset | variant | mae    | 95% interval     | mse    | r2      | replicates |\n"
        "| ------- | ------- | ------ | ---------------- | ------ | ------- | ---------- |\n"
        "| line    | ruler   | 0.2500 | 0.2400 .. 0.2600 | 0.0625 | -1.5000 | 16         |\n"
        "\n" + MEANS + "\n"
        "\n"
        "| dataset | variant  | verdict     | against  | difference | interval           | p       "
        "| to tell                   |\n"
        "| ------- | -------- | ----------- | -------- | ---------- | ------------------ | ------- "
        "| ------------------------- |\n"
        "| circles | relu     | better      | straight | +0.2500    | +0.1250 .. +0.3750 | <0.0001 "
        "|                           |\n"
        "| circles | straight | cannot tell | curved   | -0.0040    | -0.0100 .. +0.0020 | 0.2000  "
        "| 48 replicates or 72k rows |\n"
        "| circles | straight | cannot tell | same     | +0.0000    | same on every row  | 1.0000  "
        "|                           |\n"
        "\n" + VERDICTS + "\n"
    )


def test_lines_are_no_longer_than_120_columns() -> None:
    names = [f"variant_{k}" for k in range(50)]
    unclear = pair(names[0], names[1], "cannot tell", replicates_needed=720_000, rows_needed=720_000)
    text = comparison_table({"circles": ranking(dict.fromkeys(names, 0.5), [unclear])})
    assert max(map(len, text.splitlines())) <= 123  # names of ten letters, and needs of seven digits


def test_of_many_pairs_those_of_the_best_are_shown() -> None:
    names = [f"v{k}" for k in range(5)]
    pairs = [pair(a, b, "better" if a == "v0" else "cannot tell") for k, a in enumerate(names) for b in names[k + 1 :]]
    text = comparison_table({"circles": ranking(dict.fromkeys(names, 0.5), pairs)})
    assert text.count("| better ") == 4
    assert "cannot tell" not in text
    assert "circles: of all 10 pairs 4 are told apart; plots/comparison/pairs.csv has them.\n" in text


def test_what_diverged_is_counted() -> None:
    text = comparison_table({"circles": ranking({"a": 0.5}, replicates=3, diverged=2)})
    assert "| 3 (2 more diverged) |" in text


def test_what_is_no_number_is_a_dash() -> None:
    lost = Ranking(
        "mae", [RankedVariant("a", 0.5, None, None)], [], {"a": {"mse": 1.0, "r2": None, "replicates": 1}}, {}, {}
    )
    assert "| line    | a       | 0.5000 | -            | 1.0000 | -  | 1          |" in comparison_table(
        {"line": lost}
    )


def test_nothing_to_compare() -> None:
    assert comparison_table({}) == MEANS + "\n"


@pytest.mark.parametrize("note", [MEANS, VERDICTS])
def test_notes_fit(note: str) -> None:
    assert all(len(line) <= 120 for line in note.splitlines())
