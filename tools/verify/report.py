"""What was found, in words, with the commands that make again what is damaged."""

import shlex
from collections.abc import Iterable

from tools.repro.lockfile import LOCK
from tools.verify.comparison import Report, Row, relative


def repairs(report: Report) -> list[str]:
    """Commands that make again what is damaged in the workspace, in its cache or in dvc.lock."""
    if [row.path for row in report.differing] == [LOCK] and not report.stale:  # in what dvc does not compare
        return ["dvc repro --force"]
    removals, makers = [], set()
    for row in report.differing:
        table = row.stage.endswith(".dvc")
        if "workspace" in row.places and not table:
            removals.append(f"rm {'-rf' if row.path.endswith('/') else '-f'} {shlex.quote(row.path)}")
        if "cache" in row.places:
            removals.append(f"rm -f {shlex.quote(relative(report.cache.file(row.md5), report.workspace))}")
        if table:
            intact = "workspace" not in row.places
            makers.add(f"dvc {'commit --force' if intact else 'pull --force'} {shlex.quote(row.stage)}")
        elif row.stage and row.places != ("re-run",):
            makers.add("dvc repro")
    return [*dict.fromkeys(removals), *sorted(makers)]  # objects may have several owners


def explain(report: Report) -> list[str]:
    """Paragraphs for below the table, the verdict last."""
    differing, found = report.differing, []
    if report.gone:
        found.append(f"Not compared: {LOCK} still names what dvc.yaml has no longer, {', '.join(report.gone)}.")
    if report.stale:
        found.append(f"Changed since {LOCK} was written (`dvc repro` writes it anew):\n  " + "\n  ".join(report.stale))
    elif any("re-run" in row.places for row in differing if row.path != LOCK):
        found.append(
            f"The same code and parameters made other bytes, or {LOCK} was changed by hand.\n"
            "Are the libraries those that pyproject.toml and constraints.txt pin? Is precision exact?"
        )
    commands = repairs(report)
    if commands:
        found.append("To make again what is damaged here:\n  " + "\n  ".join(commands))
    if differing:
        found.append(f"{len(differing)} of {len(report.rows)} differ.")
    else:
        found.append(
            f"All {len(report.rows)} are the same, byte for byte: in {LOCK} and in a run from nothing,\n"
            f"in the workspace ({report.in_workspace} are there) and in the cache ({len(report.cache.good)} objects)."
        )
    return found


def table(rows: Iterable[Row]) -> str:
    """The rows under a header, aligned."""
    rows = list(rows)
    width = max(len(row.path) for row in rows)
    return "\n".join([f"{'file':{width}}  result", *(f"{row.path:{width}}  {row}" for row in rows)])
