"""README.md, CONTRIBUTING.md and docs/: what they name is there, what is there is named, and every page is found."""

import ast
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from boundary.cli.__main__ import COMMANDS
from tests.support.repository import ROOT, run

DOCS = sorted((ROOT / "docs").rglob("*.md"))
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *DOCS]
WORDS = {page.relative_to(ROOT).as_posix(): page.read_text() for page in PAGES}
ALL = "\n".join(WORDS.values())
DECISIONS = sorted((ROOT / "docs/decisions").glob("0*.md"))
TARGETS = re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
# a test that a page names, `test_x.py` or `test_x.py -k y`, and whether it says of it that it is slow
TESTS = sorted(
    {
        (file, expression, bool(slow))
        for file, expression, slow in re.findall(r"`(test_\w+\.py)(?: -k \"?([^`\"]+)\"?)?`( \(slow|, slow)?", ALL)
    }
)
COLLECT = """
import json, pytest, sys
class Collected:
    def pytest_collection_finish(self, session):
        found = [(item.path.name, item.name, item.get_closest_marker("slow") is not None) for item in session.items]
        print("found", json.dumps(found))
pytest.main(["--collect-only", "-qq", "-p", "no:cacheprovider", "-m", "", *sys.argv[1:]], plugins=[Collected()])
"""


def links(page: str) -> list[str]:
    """Where a page's links and pictures lead inside the repository, as they are written."""
    return [link for link in re.findall(r"\]\(([^)\s]+)\)", WORDS[page]) if not re.match(r"\w+:", link)]


def target(page: str, link: str) -> tuple[str, str]:
    """(file, anchor) that a link leads to; the file relative to the repository."""
    path, _, anchor = link.partition("#")
    found = (ROOT / page).parent / path if path else ROOT / page
    return found.resolve().relative_to(ROOT.resolve()).as_posix(), anchor


def anchors(text: str) -> set[str]:
    """Those that GitHub, and the site, give the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S), flags=re.M)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_each_test_named_is_there_and_as_slow_as_told() -> None:
    """Each word after -k finds tests; a line that says slow has slow ones, any other needs none."""
    files = sorted({str(next((ROOT / "tests").rglob(file))) for file, _, _ in TESTS})
    said = run(ROOT, sys.executable, "-c", COLLECT, *files).stdout
    collected = json.loads(next(line for line in said.splitlines() if line.startswith("found ")).removeprefix("found "))
    wrong = []
    for file, expression, slow in TESTS:
        tests = [(name, marked) for path, name, marked in collected if path == file]
        found = [{marked for name, marked in tests if word in name} for word in expression.split(" or ")]
        as_told = (
            all(found) and any(True in marks for marks in found) if slow else all(False in marks for marks in found)
        )
        if not as_told:
            wrong.append((file, expression, slow))
    assert TESTS
    assert wrong == []


@pytest.mark.parametrize("page", WORDS)
def test_each_link_leads_somewhere(page: str) -> None:
    """To a file that is there, and, of a page, to a heading that is there."""
    wrong = []
    for link in links(page):
        file, anchor = target(page, link)
        if not (ROOT / file).exists() or (anchor and anchor not in anchors((ROOT / file).read_text())):
            wrong.append(link)
    assert wrong == []


def test_each_page_is_reached_from_the_readme_and_from_the_front_page() -> None:
    for start in ("README.md", "docs/index.md"):
        found, new = set(), {start}
        while new:
            found |= new
            new = {target(page, link)[0] for page in new if page in WORDS for link in links(page)} - found
        assert {page for page in WORDS if page.startswith("docs/")} - found == set()


def test_the_readme_lists_each_page() -> None:
    """The records of decisions by their list."""
    listed = {target("README.md", link)[0] for link in links("README.md")}
    pages = {page for page in WORDS if page.startswith("docs/")}
    assert pages - {path.relative_to(ROOT).as_posix() for path in DECISIONS} - listed == set()


def test_the_site_has_each_page() -> None:
    nav = YAML(typ="safe").load(ROOT / "mkdocs.yml")["nav"]
    names = [name for item in nav for name in (next(iter(item.values())) if isinstance(item, dict) else [item])]
    assert sorted(f"docs/{name}" for name in names) == [page for page in sorted(WORDS) if page.startswith("docs/")]


def test_each_make_target_is_documented_and_there() -> None:
    named = set(re.findall(r"`make ([a-z-]+)", ALL)) | set(re.findall(r"^\$ make ([a-z-]+)", ALL, flags=re.MULTILINE))
    assert named == set(TARGETS)


def test_each_command_is_documented_and_there() -> None:
    """Of the program `boundary`."""
    named = set(re.findall(r"`boundary ([a-z]+)", ALL))
    assert named == set(COMMANDS)


def keys(node: Any, names: tuple[str, ...] = ("generators", "datasets", "variants", "contrasts")) -> set[str]:
    """The keys of params.yaml, without the names of its entries."""
    if isinstance(node, list):
        return set().union(*(keys(item, ()) for item in node))
    if not isinstance(node, dict):
        return set()
    found = set(node)
    for key, value in node.items():
        for inner in value.values() if key in names else (value,):
            found |= keys(inner, ())
    return found


def test_each_key_of_params_is_explained() -> None:
    for key in keys(YAML(typ="safe").load(ROOT / "params.yaml")):
        assert re.search(rf"^\| `{key}` \||`{key}: ", WORDS["docs/params.md"], flags=re.MULTILINE), key


def test_each_package_is_named_by_the_architecture() -> None:
    packages = {path.parent.name for path in (ROOT / "boundary").glob("*/__init__.py")}
    modules = {path.name for path in (ROOT / "boundary").glob("[!_]*.py")}
    assert packages | modules == set(
        re.findall(r"^\| \[boundary/([\w.]+)\]", WORDS["docs/architecture.md"], flags=re.M)
    )


@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.stem)
def test_each_decision_is_a_short_record(path: Path) -> None:
    text = path.read_text()
    assert re.match(rf"# {path.stem[:4]}: .+\n\nStatus: \w+, \d{{4}}-\d\d\n\n## Context\n", text)
    assert re.findall(r"^## (.+)$", text, flags=re.MULTILINE) == ["Context", "Decision", "Consequences"]
    assert 120 <= len(text.split()) <= 250


def test_the_cost_of_a_cluster_is_what_was_measured() -> None:
    """Every row of the tables that `make bench-cluster` wrote."""
    rows = re.findall(r"^\|.*\|$", (ROOT / "benchmarks/cluster.md").read_text(), flags=re.MULTILINE)
    assert rows
    for row in rows:
        assert row in WORDS["docs/scaling.md"]


def test_the_table_of_imports_is_that_of_the_code() -> None:
    """Each package with those it imports; every package imports such as stand below it in the drawing."""
    imports: dict[str, set[str]] = {}
    for path in (ROOT / "boundary").rglob("*.py"):
        package = path.relative_to(ROOT / "boundary").parts[0].removesuffix(".py")
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "boundary":
                names = node.module.split(".")[1:2] or [alias.name for alias in node.names]
                imports.setdefault(package, set()).update(names)
    found = {package: names - {package, "errors"} for package, names in imports.items()}
    page = WORDS["docs/architecture.md"]
    lines = page[page.index("What each imports") :]
    listed = re.findall(r"^\| ([a-z]+) +\| ([\w, ]+?) +\|$", lines[: lines.index("`cli`")], flags=re.MULTILINE)
    table = {package: set(names.split(", ")) for package, names in listed if package != "package"}
    assert table == {package: names for package, names in found.items() if names}
    (drawing,) = re.findall(r"```\n(cli\n.*?)```", page, flags=re.DOTALL)
    floor = {name: number for number, line in enumerate(drawing.splitlines()) for name in line.split()}
    assert all(floor[package] < floor[name] for package, names in found.items() for name in names)
