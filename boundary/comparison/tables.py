"""The variants of each data set side by side, as Markdown tables that also read well as plain text."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from boundary.comparison.pairwise import BETTER, Pair, RankedVariant, Scores
from boundary.markdown import table

COLUMNS = {"accuracy": ("precision", "recall", "f1", "loss"), "mae": ("mse", "r2")}
ALL_PAIRS = 6  # so many are shown; of more, those of the best variant

MEANS = """\
Means over the replicates, on the test rows. The interval covers both kinds of luck, that of the seeds and that of the
choice of test rows; for a single replicate, of the rows alone."""
VERDICTS = """\
Verdicts are on the variant to their left. The interval of a difference is as wide as the number of pairs demands
(Holm), so it leaves out zero exactly where there is a verdict. To tell: about how many replicates, or else test rows,
would give a chance of 80%, if the difference is as large as it seems."""
BASELINES = """\
The ensemble answers with the mean of the replicates. Beside it simple models of scikit-learn on the same rows, with its
defaults: is the network worth its trouble?"""

Summary = Mapping[str, float | int | None]


@dataclass(frozen=True)
class Ranking:
    """One data set: its score's name, its variants best first, and their pairs.

    By variant, what scores.summary makes, the scores that all is made of, and that of the replicates' mean (the
    ensemble).
    """

    score: str
    ranked: Sequence[RankedVariant]
    pairs: Sequence[Pair]
    summaries: Mapping[str, Summary]
    variants: Mapping[str, Scores]
    ensembles: Mapping[str, float]


def comparison_table(rankings: Mapping[str, Ranking]) -> str:
    """The means of all variants by data set, classifiers first; then which of them are better than which."""
    blocks = []
    for score, others in COLUMNS.items():
        header = ["dataset", "variant", score, "95% interval", *others, "replicates"]
        rows = [
            _row(dataset, variant, ranking.summaries[variant.variant], others)
            for dataset, ranking in rankings.items()
            if ranking.score == score
            for variant in ranking.ranked
        ]
        if rows:
            blocks.append(table(header, rows))
    blocks.append(MEANS)
    pairs = [row for dataset, ranking in rankings.items() for row in _verdicts(dataset, ranking.pairs)]
    if pairs:
        header = ["dataset", "variant", "verdict", "against", "difference", "interval", "p", "to tell"]
        blocks.append(table(header, pairs))
        blocks += [_count(dataset, ranking.pairs) for dataset, ranking in rankings.items() if _too_many(ranking.pairs)]
        blocks.append(VERDICTS)
    return "\n\n".join(blocks) + "\n"


def baselines_table(
    rankings: Mapping[str, Ranking], baselines: Mapping[str, Mapping[str, Mapping[str, float] | None]]
) -> str:
    """The best variant of each data set beside simple models on the same rows: by data set, what scores they have."""
    blocks = []
    for score in COLUMNS:
        header, rows = [], []
        for dataset, ranking in rankings.items():
            if ranking.score == score:
                header = ["dataset", "best variant", score, "ensemble", *baselines[dataset]]
                best = ranking.ranked[0]
                simple = [None if found is None else found[score] for found in baselines[dataset].values()]
                others = [ranking.ensembles[best.variant], *simple]
                rows.append([dataset, best.variant, _shown(best.mean), *map(_shown, others)])
        if rows:
            blocks.append(table(header, rows))
    return "\n\n".join([*blocks, BASELINES]) + "\n"


def describe_pair(pair: Pair) -> list[str]:
    """A pair's difference, interval, p-value and what would be needed to tell, in words."""
    if pair.low is None or pair.high is None:
        interval = "same on every row" if pair.difference == 0 else "-"
    else:
        interval = f"{_shown(pair.low, '+')} .. {_shown(pair.high, '+')}"
    needs = ((pair.replicates_needed, "replicates"), (pair.rows_needed, "rows"))
    p = "<0.0001" if pair.p_holm < 0.0001 else _shown(pair.p_holm)
    return [
        _shown(pair.difference, "+"),
        interval,
        p,
        " or ".join(f"{_count_of(number)} {what}" for number, what in needs if number),
    ]


def _row(dataset: str, variant: RankedVariant, summary: Summary, others: Sequence[str]) -> list[str]:
    interval = "-" if variant.low is None else f"{_shown(variant.low)} .. {_shown(variant.high)}"
    replicates = str(summary["replicates"])
    if "diverged" in summary:
        replicates += f" ({summary['diverged']} more diverged)"
    cells = [dataset, variant.variant, _shown(variant.mean), interval]
    return [*cells, *(_shown(summary[other]) for other in others), replicates]


def _verdicts(dataset: str, pairs: Sequence[Pair]) -> list[list[str]]:
    """All pairs of few variants, or those of the best of many."""
    shown = [pair for pair in pairs if not _too_many(pairs) or pair.left == pairs[0].left]
    return [[dataset, pair.left, pair.verdict, pair.right, *describe_pair(pair)] for pair in shown]


def _too_many(pairs: Sequence[Pair]) -> bool:
    return len(pairs) > ALL_PAIRS


def _count(dataset: str, pairs: Sequence[Pair]) -> str:
    better = Counter(pair.verdict for pair in pairs)[BETTER]
    return f"{dataset}: of all {len(pairs)} pairs {better} are told apart; plots/comparison/pairs.csv has them."


def _count_of(number: int) -> str:
    """1500 as 1500, 72000 as 72k."""
    return str(number) if number < 10_000 else f"{number // 1000}k" if number < 1_000_000 else f"{number / 1e6:.1f}M"


def _shown(value: float | int | None, sign: str = "") -> str:
    return "-" if value is None or math.isnan(value) else f"{value + 0.0:{sign}.4f}"
