"""README.md, followed to the letter: its commands are run in order in one copy, and print what it says they print."""

import doctest
import json
import re
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import run
from ruamel.yaml import YAML

from boundary.config import params
from tests.support.messy_table import churn

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)
NOT_HERE = ("make test", "source .venv/bin/activate")  # these tests run in its environment


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
def test_its_commands_print_what_it_says(workspace: Path) -> None:
    (workspace / "data/churn.csv").write_text(churn())
    (workspace / "new.csv").write_text("X1,X2\n0,0.1\n2,2\n")
    seen = []
    for language, block in BLOCKS:
        if language == "yaml":
            add_to_params(workspace, block)
        elif language == "python":
            (probability,) = re.findall(r"tensor\(\[\[(.*?)\]\]", run(workspace, sys.executable, "-c", block).stdout)
            assert 0.9 < float(probability) <= 1  # in the middle of the inner circle
        elif language == "console":
            for command, expected in commands(block):
                seen.append(command)
                if command not in NOT_HERE:
                    check(workspace, command, expected)
    must_be_as_good_as_others(workspace)
    assert {"make repro", *NOT_HERE, "dvc repro", "dvc metrics diff", "dvc plots diff"} <= set(seen)


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


def test_the_table_is_that_of_the_committed_comparison() -> None:
    for line in (ROOT / "metrics/comparison.md").read_text().splitlines():
        assert line in README


def test_every_key_of_params_is_explained() -> None:
    for section in (params.Params, params.Dataset, params.Split, params.Variant, params.Contrast):
        for name in section.__struct_fields__:
            assert f"`{name}`" in README, name


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)#]+)\)", README))
def test_links_lead_somewhere(link: str) -> None:
    assert (ROOT / link).exists()


@pytest.mark.parametrize("word", re.findall(r"`(make \w+)`", README))
def test_make_targets_exist(word: str) -> None:
    assert re.search(rf"^{word.split()[1]}:", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)


def test_the_tree_names_every_room() -> None:
    rooms = {path.stem for path in (ROOT / "boundary").glob("[!_]*.py")}
    assert rooms <= set(re.findall(r"\w+", README[README.index("## The tree") :]))
