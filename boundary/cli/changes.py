"""What is new since a commit, as Markdown for a pull request: results, and what metrics and pictures changed.

`dvc plots diff REVISION` comes first: it draws the pictures.
"""

import argparse
import subprocess
from collections.abc import Iterable
from pathlib import Path

from boundary.errors import UserError

HERE = "workspace_"  # how `dvc plots diff` begins the names of the pictures that are not the commit's


def pictures(plots: Path) -> list[tuple[str | None, str | None]]:
    """Pairs (before, after) of the pictures that differ, relative to the folder that `dvc plots diff` wrote.

    None where there was, or is, no such picture.
    """
    drawn = [path for path in (plots / "static").glob("*_plots_*") if path.suffix in (".png", ".gif")]
    after = {path.name.removeprefix(HERE): path for path in drawn if path.name.startswith(HERE)}
    before = {path.name[path.name.index("_plots_") + 1 :]: path for path in drawn if not path.name.startswith(HERE)}
    names = [name for name in sorted({*before, *after}) if _content(before.get(name)) != _content(after.get(name))]
    return [(_relative(before.get(name), plots), _relative(after.get(name), plots)) for name in names]


def _content(path: Path | None) -> bytes | None:
    return path.read_bytes() if path else None


def _relative(path: Path | None, folder: Path) -> str | None:
    return path.relative_to(folder).as_posix() if path else None


def markdown(comparison: str, metrics: str, changed: Iterable[tuple[str | None, str | None]]) -> str:
    """The comment; metrics is what `dvc metrics diff --md` prints: a header, and a row per metric that changed."""
    found = metrics.strip() if metrics.strip().count("\n") > 1 else "No metric changed."
    lines = ["## Results", comparison.strip(), "## Changes", found]
    rows = [f"| {_image(old, 'before')} | {_image(new, 'after')} |" for old, new in changed]
    if rows:
        lines.append("\n".join(["| before | after |", "| --- | --- |", *rows]))
    return "\n\n".join(lines) + "\n"


def _image(path: str | None, text: str) -> str:
    return f"![{text}]({path})" if path else ""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Its arguments."""
    parser.add_argument("revision", help="a commit, branch or tag")
    parser.add_argument("--plots", type=Path, default=Path("dvc_plots"), help="the folder that `dvc plots diff` wrote")


def run(arguments: argparse.Namespace) -> None:
    """Write changes.md into the folder of plots. Raises UserError."""
    command = ["dvc", "metrics", "diff", "--md", arguments.revision]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise UserError(done.stderr.strip())
    comparison = Path("metrics/comparison.md").read_text(encoding="utf-8")
    path = arguments.plots / "changes.md"
    path.write_text(markdown(comparison, done.stdout, pictures(arguments.plots)), encoding="utf-8")
    print(f"{path}: what is new since {arguments.revision}")
