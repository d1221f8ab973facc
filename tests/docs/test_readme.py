"""README.md and the pages of commands, followed to the letter: run in order in one copy, they print what they say."""

import doctest
import json
import re
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.support.messy_table import churn
from tests.support.repository import run

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
LONGEST = 900  # words, as wc counts them: what is read in a few minutes
PAGES = ("README.md", "docs/own-data.md", "docs/outputs.md")  # those of commands, in this order
NOT_HERE = ("make test", "source .venv/bin/activate")  # these tests run in its environment


def blocks(page: str) -> list[tuple[str, str]]:
    """(language, content) of each block of code that has a language."""
    return re.findall(r"^```(\w+)\n(.*?)^```$", (ROOT / page).read_text(), flags=re.MULTILINE | re.DOTALL)


def commands(block: str) -> list[tuple[str, str]]:
    """(command, the output shown below it) for each line that starts with a prompt."""
    return re.findall(r"^\$ (.+)\n((?:(?!\$ ).*\n)*)", block, flags=re.MULTILINE)


def merge(into: dict[str, Any], new: dict[str, Any]) -> None:
    for key, value in new.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            merge(into[key], value)
        else:
            into[key] = value


def add_to_params(folder: Path, block: str) -> None:
    """What a reader does with a block of YAML."""
    yaml = YAML()
    content = yaml.load(folder / "params.yaml")
    merge(content, yaml.load(block))
    yaml.dump(content, folder / "params.yaml")


@pytest.mark.slow
def test_their_commands_print_what_they_say(workspace: Path) -> None:
    (workspace / "data/churn.csv").write_text(churn())
    (workspace / "new.csv").write_text("X1,X2\n0,0.1\n2,2\n")
    seen = []
    for page in PAGES:
        for language, block in blocks(page):
            if language == "yaml" and page != "README.md":  # its block is shown again in own-data.md
                add_to_params(workspace, block)
            elif language == "python":
                output = run(workspace, sys.executable, "-c", block).stdout
                (probability,) = re.findall(r"tensor\(\[\[(.*?)\]\]", output)
                assert 0.9 < float(probability) <= 1  # in the middle of the inner circle
            elif language == "console":
                for command, expected in commands(block):
                    seen.append(command)
                    if command not in NOT_HERE:
                        check(workspace, command, expected)
    must_be_as_good_as_others(workspace)
    assert {"make repro", "make compare", *NOT_HERE, "dvc repro", "dvc metrics diff", "dvc plots diff"} <= set(seen)


def must_be_as_good_as_others(folder: Path) -> None:
    """The network of the messy table beside scikit-learn's models, well above always saying no."""
    found = json.loads((folder / "metrics/churn_v0.json").read_text())["accuracy"]
    simple = {k: v["accuracy"] for k, v in json.loads((folder / "metrics/baselines.json").read_text())["churn"].items()}
    others = simple["logistic regression"], simple["gradient boosting"]
    assert min(others) - 0.02 < found < max(others) + 0.05
    assert found > simple["majority class"] + 0.05
    assert "3000" in (folder / "data/cards/churn.md").read_text()


def check(folder: Path, command: str, expected: str) -> None:
    words = shlex.split(
        command.replace("make ", "make --no-print-directory -o .venv/run ")
    )  # the tools are there already
    output = run(folder, *words).stdout
    if expected:
        assert doctest.OutputChecker().check_output(expected, output, doctest.ELLIPSIS), f"{command}\n{output}"


def test_it_is_short() -> None:
    assert len(README.split()) <= LONGEST


def test_its_table_of_results_is_that_of_the_committed_comparison() -> None:
    section = README[README.index("\n## Results") :].split("\n## ")[1]
    rows = re.findall(r"^\|.*\|$", section, flags=re.MULTILINE)
    lines = (ROOT / "metrics/comparison.md").read_text().splitlines()
    assert len(rows) > 3
    assert [row for row in rows if row not in lines] == []


def test_its_own_table_is_that_of_the_page() -> None:
    (block,) = [content for language, content in blocks("README.md") if language == "yaml"]
    assert ("yaml", block) in blocks("docs/own-data.md")
