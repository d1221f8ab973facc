"""dvc.yaml against the programs: what a stage imports, reads and writes is what it declares, and nothing more.

Code is declared by packages, the folders of boundary/. That an edit of a file makes these stages stale and no others is
proved with DVC itself in test_pipeline.py.
"""

import ast
import json
import shlex
import string
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from boundary.config import params
from boundary.validation import rules
from tests.support.repository import ROOT
from tests.support.stage_runs import PIPELINE

STAGES: dict[str, dict[str, Any]] = {name: stage.get("do", stage) for name, stage in PIPELINE.items()}
SECTIONS = {"generators", "datasets", "variants", "contrasts"}


def imported(path: Path) -> set[Path]:
    """The project's files that a file imports, directly; not those under `if TYPE_CHECKING`."""
    tree = ast.parse((ROOT / path).read_text())
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


def package(path: Path) -> str:
    """What declares a file: the package that it lies in, or, of one beside the packages, itself."""
    return "/".join(path.parts[:2])


def needed(program: Path) -> set[str]:
    """The program and all of the project's files that it imports, directly or not, by packages."""
    found, new = set(), {program}
    while new:
        found |= new
        new = {path for known in new for path in imported(known)} - found
    return {package(path) for path in found}


def paths(entries: list[Any]) -> list[str]:
    """Paths of deps or outs, whether given alone or with options."""
    return [entry if isinstance(entry, str) else next(iter(entry)) for entry in entries]


def is_code(path: str) -> bool:
    """Whether a dependency is a file of code, or a package."""
    return path.endswith(".py") or (path.startswith("boundary/") and (ROOT / path / "__init__.py").is_file())


def code_of(name: str) -> set[str]:
    """The code that a stage declares."""
    return {path for path in paths(STAGES[name]["deps"]) if is_code(path)}


def program(stage: dict[str, Any]) -> Path:
    words = shlex.split(stage["cmd"])
    assert words[:2] == ["python", "-m"]
    return Path(*words[2].split(".")).with_suffix(".py")


@pytest.mark.parametrize("name", STAGES)
def test_code_dependencies_are_the_packages_of_the_imports(name: str) -> None:
    assert code_of(name) == needed(program(STAGES[name]))


@pytest.mark.parametrize("name", STAGES)
def test_every_dependency_stands_once(name: str) -> None:
    declared = paths(STAGES[name]["deps"])
    assert sorted(declared) == sorted(set(declared))


@pytest.mark.parametrize(
    ("name", "others"),
    [
        ("train", ("plots", "report", "comparison", "evaluation", "export", "validation")),
        ("split", ("plots", "report", "comparison")),
    ],
)
def test_what_is_costly_does_not_depend_on_what_is_often_edited(name: str, others: tuple[str, ...]) -> None:
    assert not code_of(name) & {f"boundary/{other}" for other in others}


def test_imports_between_packages_go_one_way() -> None:
    """There is no circle (TopologicalSorter would raise CycleError), and the library knows none of its users.

    boundary/cli is one of them.
    """
    graph: dict[str, set[str]] = {}
    for path in (ROOT / "boundary").rglob("*.py"):
        own = path.relative_to(ROOT)
        graph.setdefault(package(own), set()).update({package(found) for found in imported(own)} - {package(own)})
    assert len(graph) > 15
    assert set(TopologicalSorter(graph).static_order()) >= set(graph)
    users = {"boundary/cli", "stages", "tools", "benchmarks", "tests"}
    for name in graph.keys() - {"boundary/cli"}:
        assert not {found for found in graph[name] if found in users or found.partition("/")[0] in users}, name


def written(node: ast.expr, tree: ast.Module) -> list[str]:
    """The keys that an argument of open_params stands for, as dvc.yaml writes them."""
    if isinstance(node, ast.Constant):
        return [node.value]
    if isinstance(node, ast.JoinedStr):
        assert all(ast.unparse(part) in ("arguments.name", "name") for part in names_of(node))
        return ["".join(part.value if isinstance(part, ast.Constant) else "${key}" for part in node.values)]
    assert isinstance(node, ast.Starred)
    (value,) = (
        each.value
        for each in ast.walk(tree)
        if isinstance(each, ast.Assign) and ast.unparse(each.targets[0]) == ast.unparse(node.value)
    )
    assert isinstance(value, ast.Tuple)
    return [key for element in value.elts for key in written(element, tree)]


def names_of(node: ast.JoinedStr) -> list[ast.expr]:
    return [part.value for part in node.values if isinstance(part, ast.FormattedValue)]


@pytest.mark.parametrize("name", STAGES)
def test_params_are_those_that_the_program_looks_at_again(name: str) -> None:
    """And it opens no other file of params than the one that it is given."""
    tree = ast.parse((ROOT / program(STAGES[name])).read_text())
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func) == "open_params"]
    assert len(calls) == ("params" in STAGES[name])
    for call in calls:
        assert ast.unparse(call.args[0]) == "arguments.params"
        assert [key for node in call.args[1:] for key in written(node, tree)] == STAGES[name]["params"]


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_is_the_program_of_its_name(name: str) -> None:
    assert program(STAGES[name]) == Path("stages", f"{name}.py")
    assert STAGES[name]["desc"]


@pytest.mark.parametrize("name", STAGES)
def test_every_path_stands_on_the_command_and_in_deps_or_outs(name: str) -> None:
    """On the command: params.yaml, data dependencies and outputs; also what lies in a package that is declared.

    Dependencies that only order stages need not be.
    """
    stage = STAGES[name]
    words = shlex.split(stage["cmd"])[3:]
    mentioned = {word for word in words if "/" in word or word.startswith("${item.table") or word == "params.yaml"}
    mentioned |= {word for word in words if word in ("models", "exports")}
    inputs = {path for path in paths(stage["deps"]) if not is_code(path)} - {"data/params_checked.txt"}
    outputs = set(paths([*stage.get("outs", []), *stage.get("metrics", [])]))
    assert outputs <= mentioned
    read = {path for path in mentioned - outputs if package(Path(path)) not in code_of(name)}
    assert read - {"params.yaml"} == inputs - {"params.yaml"}
    assert ("params.yaml" in mentioned) == ("params" in stage or "params.yaml" in inputs)


def test_every_program_is_a_stage() -> None:
    programs = {path.stem for path in (ROOT / "stages").glob("[!_]*.py")}
    assert programs == set(STAGES)


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
    for stage in (whole | whole.get("do", {}) for whole in PIPELINE.values())
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
