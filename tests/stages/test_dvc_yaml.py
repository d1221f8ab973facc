"""dvc.yaml against the programs: what a stage imports, reads and writes is what it declares, and nothing more."""

import ast
import json
import shlex
import string
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from boundary.config import params
from boundary.validation import rules
from tests.support.repository import ROOT

STAGES: dict[str, dict[str, Any]] = {
    name: stage.get("do", stage) for name, stage in YAML(typ="safe").load(ROOT / "dvc.yaml")["stages"].items()
}
SECTIONS = {"generators", "datasets", "variants", "contrasts"}


def imported(path: Path) -> set[Path]:
    """The project's files that a file imports, directly; not those under `if TYPE_CHECKING`."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    candidates = {Path(*name.split(".")).with_suffix(".py") for name in names}
    return {candidate for candidate in candidates if (ROOT / candidate).is_file()}


def needed(program: Path) -> set[str]:
    """The program and all of the project's files that it imports, directly or not."""
    found, new = set(), {program}
    while new:
        found |= new
        new = {path for known in new for path in imported(ROOT / known)} - found
    sources = {path.with_suffix(".cpp") for path in found}  # of C++ that a file of the same name has compiled
    return {path.as_posix() for path in found | {path for path in sources if (ROOT / path).is_file()}}


def paths(entries: list[Any]) -> list[str]:
    """Paths of deps or outs, whether given alone or with options."""
    return [entry if isinstance(entry, str) else next(iter(entry)) for entry in entries]


def program(stage: dict[str, Any]) -> Path:
    words = shlex.split(stage["cmd"])
    assert words[:2] == ["python", "-m"]
    return Path(*words[2].split(".")).with_suffix(".py")


@pytest.mark.parametrize("name", STAGES)
def test_code_dependencies_are_the_imports(name: str) -> None:
    declared = {path for path in paths(STAGES[name]["deps"]) if path.endswith((".py", ".cpp"))}
    assert declared == needed(program(STAGES[name]))


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_is_the_program_of_its_name(name: str) -> None:
    assert program(STAGES[name]) == Path("stages", f"{name}.py")
    assert STAGES[name]["desc"]


@pytest.mark.parametrize("name", STAGES)
def test_every_path_stands_on_the_command_and_in_deps_or_outs(name: str) -> None:
    """On the command: params.yaml, data dependencies and outputs. Dependencies that only order stages need not be."""
    stage = STAGES[name]
    words = shlex.split(stage["cmd"])[3:]
    mentioned = {word for word in words if "/" in word or word.startswith("${item.table") or word == "params.yaml"}
    mentioned |= {word for word in words if word in ("models", "exports")}
    inputs = {path for path in paths(stage["deps"]) if not path.endswith((".py", ".cpp"))} - {"data/params_checked.txt"}
    outputs = set(paths([*stage.get("outs", []), *stage.get("metrics", [])]))
    assert outputs <= mentioned
    assert mentioned - outputs - {"params.yaml"} == inputs - {"params.yaml"}
    assert ("params.yaml" in mentioned) == ("params" in stage or "params.yaml" in inputs)


@pytest.mark.parametrize("name", STAGES)
def test_params_are_those_that_the_program_reads(name: str) -> None:
    """Attributes of what params.load returns, found in the program; `device` changes where, not what."""
    tree = ast.parse((ROOT / program(STAGES[name])).read_text())
    fields = set(params.Params.__struct_fields__)
    read = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr in fields}
    declared = {entry.split(".")[0] for entry in STAGES[name].get("params", [])}
    if name != "check":
        assert declared == read & fields - {"device"} - ({"datasets"} if name == "train" else set())


def test_every_program_is_a_stage() -> None:
    programs = {path.stem for path in (ROOT / "stages").glob("[!_]*.py")}
    assert programs == set(STAGES)


def test_library_and_programs_depend_one_way() -> None:
    """boundary/ knows neither stages/ nor paths of the project."""
    for path in (ROOT / "boundary").rglob("*.py"):
        assert not any(found.parts[0] == "stages" for found in imported(path.relative_to(ROOT)) if found.parts), path


@settings(deadline=None, max_examples=60)
@given(st.text(st.sampled_from(string.printable[:95] + "\u00e9\u4e2d"), min_size=1, max_size=12))
@example(" a  b ")
@example("; touch x; '#&|<>(){}[]*?~^=,:@")
def test_any_table_that_params_allows_reaches_the_program_as_it_is(name: str) -> None:
    table = f"data/{name}.csv"
    dataset = params.Dataset(table, "y", params.Split("ordered", 0.5))
    if list(rules.dataset_problems("", dataset, {}, {})):
        return
    command = STAGES["split"]["cmd"].replace("${item.table}", table).replace("${key}", "mine")
    shown = f"{shlex.quote(sys.executable)} -c 'import sys; print(sys.argv)'"
    said = subprocess.check_output(command.replace("python -m stages.split", shown), shell=True, text=True)
    words = ast.literal_eval(said)
    assert words[words.index("--table") + 1] == table
    assert len(words) == len(shlex.split(STAGES["split"]["cmd"])) - 2


OUTPUTS = [
    (stage.get("foreach", "").strip("${}"), path)
    for stage in (whole | whole.get("do", {}) for whole in YAML(typ="safe").load(ROOT / "dvc.yaml")["stages"].values())
    for path in paths([*stage.get("outs", []), *stage.get("metrics", [])])
]
WORDS = {part.split(".")[0].lower() for _, path in OUTPUTS for part in path.split("/") if "$" not in part}


@pytest.mark.parametrize("section", sorted(SECTIONS))
def test_the_names_refused_are_those_whose_files_would_be_written_twice(section: str) -> None:
    """Beside entries of another name: no file of one stage is a file of another, nor the folder of one."""
    others = [path.replace("${key}", "of_another_name") for _, path in OUTPUTS]
    for name in WORDS:
        own = [path.replace("${key}", name) for group, path in OUTPUTS if group == section]
        collides = any(f"{a}/".startswith(f"{b}/") or f"{b}/".startswith(f"{a}/") for a in own for b in others)
        assert collides == bool(list(rules.name_problems(section, [name]))), name


def test_tables_are_refused_in_every_folder_that_the_pipeline_writes() -> None:
    folders = {path.split("/")[1] for _, path in OUTPUTS if path.startswith("data/") and path.count("/") > 1}
    assert folders == set(rules.WRITTEN)


def axes_of(template: Any) -> list[dict[str, Any]]:
    """What a Vega-Lite template says of its axes, in all of its layers."""
    if not isinstance(template, (dict, list)):
        return []
    inner = template.values() if isinstance(template, dict) else template
    own = [template[name] for name in ("x", "y") if isinstance(template, dict) and isinstance(template.get(name), dict)]
    return own + [axis for each in inner for axis in axes_of(each)]


@pytest.mark.parametrize("path", sorted((ROOT / ".dvc/plots").iterdir()), ids=lambda path: path.name)
def test_every_axis_of_numbers_in_a_plot_has_a_title(path: Path) -> None:
    axes = axes_of(json.loads(path.read_text()))
    assert axes
    assert not [axis for axis in axes if axis["type"] == "quantitative" and axis.get("title", "its field") is None]
