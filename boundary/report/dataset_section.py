"""What the report says of one data set, with its leaderboard and the verdicts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from boundary.report import dataset_summary, svg, variant_summary
from boundary.report.dataset_summary import DatasetResults
from boundary.report.variant_summary import VariantResults, shown

CONTRARY = {"better": "worse", "worse": "better"}
NAMED = 3  # variants that a sentence names; more are counted

Row = Mapping[str, str]


@dataclass(frozen=True)
class RankingRows:
    """What the compare stage found: the variants of each data set, best first, and every pair; rows of text."""

    leaders: Sequence[Row]
    pairs: Sequence[Row]

    def of_dataset(self, dataset: str) -> "RankingRows":
        """The rows of one data set."""
        mine = [[row for row in rows if row["dataset"] == dataset] for rows in (self.leaders, self.pairs)]
        return RankingRows(*mine)

    def verdict(self, left: str, right: str) -> str:
        """Whether the left variant is better or worse than the right one, or one cannot tell."""
        for row in self.pairs:
            if (row["left"], row["right"]) == (left, right):
                return row["verdict"]
            if (row["left"], row["right"]) == (right, left):
                return CONTRARY.get(row["verdict"], row["verdict"])
        return "cannot tell"


def section(
    dataset: DatasetResults,
    variants: Sequence[VariantResults],
    ranking: RankingRows,
    playbacks: Mapping[str, Mapping[str, Any] | None],
) -> dict[str, Any]:
    """For the template: all of one data set; its variants, best first."""
    ranking = ranking.of_dataset(dataset.name)
    score = ranking.leaders[0]["score"]
    values = {
        v.name: [row[score] for row in v.details["test"]["replicates"] if row[score] is not None] for v in variants
    }
    bounds = [float(row[key]) for row in ranking.leaders for key in ("mean", "low", "high") if row[key]]
    axis = svg.Axis.over([*bounds, *(value for row in values.values() for value in row)], 0.0, 100.0)
    place = {row["variant"]: k for k, row in enumerate(ranking.leaders)}
    ordered = sorted(variants, key=lambda variant: place[variant.name])
    return {
        "name": dataset.name,
        **dataset_summary.describe(dataset),
        "answer": answer(ranking),
        "score": score,
        "low": f"{axis.low:.4g}",
        "high": f"{axis.high:.4g}",
        "board": [_board_row(row, ranking, values[row["variant"]], axis) for row in ranking.leaders],
        "pairs": [_pair(row) for row in ranking.pairs],
        "labels": [str(label) for label in dataset.schema.classes],
        "points": variant_summary.points(variants[0], dataset),
        "variants": [variant_summary.describe(v, dataset, playbacks.get(v.name)) for v in ordered],
    }


def answer(ranking: RankingRows) -> str:
    """In a sentence: which variant leads, which it is better than, and from which it cannot be told."""
    first, *others = ranking.leaders
    leader, reached = first["variant"], f"{first['score']} {_number(first['mean'])}"
    if not others:
        return f"{leader} reaches {reached}; there is no other variant to compare it with."
    beaten = [row["variant"] for row in others if ranking.verdict(leader, row["variant"]) == "better"]
    unclear = [row["variant"] for row in others if row["variant"] not in beaten]
    if not beaten:
        return f"No winner: {leader} has {reached}, but cannot be told from {_names(unclear)}."
    but = f", but cannot be told from {_names(unclear)}" if unclear else ""
    return f"{leader} leads with {reached}: better than {_names(beaten)}, beyond luck{but}."


def _names(names: Sequence[str]) -> str:
    if len(names) > NAMED:
        return f"{len(names)} others"
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _board_row(row: Row, ranking: RankingRows, values: Sequence[float], axis: svg.Axis) -> dict[str, Any]:
    name, leader = row["variant"], ranking.leaders[0]["variant"]
    mean, low, high = (float(row[key] or "nan") for key in ("mean", "low", "high"))
    verdict = ranking.verdict(name, leader)
    kind = "leads" if name == leader else verdict if verdict in CONTRARY else "unclear"
    return {
        "name": name,
        "mean": _number(row["mean"]),
        "interval": _interval(row),
        "strip": svg.interval(values, mean, low, high, axis),
        "kind": kind,
        "verdict": "leads" if name == leader else verdict,
    }


def _pair(row: Row) -> dict[str, str]:
    verdict = row["verdict"]
    needed = [
        f"{row[key]} {what}"
        for key, what in (("replicates_needed", "replicates"), ("rows_needed", "test rows"))
        if row[key]
    ]
    return {
        "left": row["left"],
        "right": row["right"],
        "verdict": verdict,
        "kind": verdict if verdict in CONTRARY else "unclear",
        "difference": _number(row["difference"], "+"),
        "interval": _interval(row, "+"),
        "p": "<0.0001" if float(row["p_holm"]) < 0.0001 else _number(row["p_holm"]),
        "needed": " or ".join(needed),
    }


def _interval(row: Row, sign: str = "") -> str:
    return f"{_number(row['low'], sign)} to {_number(row['high'], sign)}" if row["low"] and row["high"] else shown(None)


def _number(text: str, sign: str = "") -> str:
    return shown(None) if not text else f"{float(text) + 0.0:{sign}.4f}"
