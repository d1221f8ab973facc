"""docs/: what they name is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = sorted((ROOT / "docs").glob("*.md"))
WORDS = {page.name: page.read_text() for page in PAGES}
TESTS = [found for text in WORDS.values() for found in re.findall(r"`(test_\w+\.py)(?: -k \"?([^`\"]+)\"?)?`", text)]
LINKS = [(page, link) for page in PAGES for link in re.findall(r"\]\(([^):#]+)[^):]*\)", WORDS[page.name])]


@pytest.mark.parametrize(("file", "expression"), TESTS)
def test_each_test_named_exists(file: str, expression: str) -> None:
    """Every word after -k is in a test's name or in its cases."""
    text = (ROOT / "tests" / file).read_text()
    for word in re.findall(r"\w+", expression):
        assert word in {"or", "and"} or re.search(rf"def test_\w*{word}|\"{word}", text), word


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
