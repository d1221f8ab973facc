"""docs/: what they name is there."""

import json
import re
import sys
from pathlib import Path

import pytest
from conftest import ROOT, run

PAGES = sorted((ROOT / "docs").glob("*.md"))
WORDS = {page.name: page.read_text() for page in PAGES}
# a test that a page names, `test_x.py` or `test_x.py -k y`, and whether it says of it that it is slow
TESTS = sorted(
    {
        (file, expression, bool(slow))
        for text in WORDS.values()
        for file, expression, slow in re.findall(r"`(test_\w+\.py)(?: -k \"?([^`\"]+)\"?)?`( \(slow|, slow)?", text)
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
LINKS = [(page, link) for page in PAGES for link in re.findall(r"\]\(([^):#]+)[^):]*\)", WORDS[page.name])]


def test_each_test_named_is_there_and_as_slow_as_told() -> None:
    """Each word after -k finds tests; a line that says slow has slow ones, any other needs none."""
    files = sorted({f"tests/{file}" for file, _, _ in TESTS})
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


@pytest.mark.parametrize(("page", "link"), LINKS)
def test_each_link_leads_somewhere(page: Path, link: str) -> None:
    assert (page.parent / link).exists()


@pytest.mark.parametrize(
    "target", sorted({found for text in WORDS.values() for found in re.findall(r"`make (\w+)", text)})
)
def test_each_make_target_exists(target: str) -> None:
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)


def test_the_cost_of_a_cluster_is_what_was_measured() -> None:
    """Every row of the tables that `make bench-cluster` wrote."""
    rows = re.findall(r"^\|.*\|$", (ROOT / "benchmarks/cluster.md").read_text(), flags=re.MULTILINE)
    assert rows
    for row in rows:
        assert row in WORDS["scaling.md"]
