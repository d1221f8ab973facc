"""How the outcome of a mutation test is told."""

import re
from pathlib import Path

import pytest

from tests.mutation import report as mutation
from tests.support.repository import ROOT

RESULTS = """
    boundary.evaluation.metrics.x_of__mutmut_1: killed
    boundary.evaluation.metrics.x_of__mutmut_2: timeout
    boundary.config.params.xǁParamsǁof__mutmut_10: survived
    boundary.config.params.x_load__mutmut_1: no tests
"""
DIFF = """\
# boundary.evaluation.metrics.x_of__mutmut_1: survived
--- boundary/evaluation/metrics.py
+++ boundary/evaluation/metrics.py
@@ -1,4 +1,4 @@
 def of(rows):
-    return len(rows)
+    return None
"""


def test_a_status_for_each_mutant() -> None:
    assert mutation.results(RESULTS) == {
        "boundary.evaluation.metrics.x_of__mutmut_1": "killed",
        "boundary.evaluation.metrics.x_of__mutmut_2": "timeout",
        "boundary.config.params.xǁParamsǁof__mutmut_10": "survived",
        "boundary.config.params.x_load__mutmut_1": "no tests",
    }


def test_a_mutants_change_is_what_was_taken_away_and_put_in() -> None:
    assert mutation.change(DIFF) == "- return len(rows)\n+ return None"


def test_the_table_by_hand() -> None:
    lines, reached = mutation.table(mutation.results(RESULTS))
    assert [line.split() for line in lines] == [
        ["module", "mutants", "killed", "survived", "killed"],
        ["boundary.config.params", "2", "0", "2", "0.0%"],
        ["boundary.evaluation.metrics", "2", "2", "0", "100.0%"],
        ["all", "4", "2", "2", "50.0%"],
    ]
    assert not reached


@pytest.mark.parametrize(("survivors", "reached"), [(0, True), (1, True), (2, False)])
def test_the_aim_is_nine_of_ten_in_each_module(survivors: int, reached: bool) -> None:
    """However many are killed in another."""
    statuses = {f"a.x_{k}": "survived" if k < survivors else "killed" for k in range(10)}
    assert mutation.table(statuses | {f"b.x_{k}": "killed" for k in range(100)})[1] is reached


def test_what_is_explained_stands_in_the_library() -> None:
    """A reason for a line that is gone explains nothing."""
    root = ROOT
    lines = {line.strip() for path in (root / "boundary").rglob("*.py") for line in path.read_text().splitlines()}
    explained = re.findall(r"^- (.*)$", (root / mutation.EXPLAINED).read_text(), flags=re.MULTILINE)
    assert explained
    assert [line for line in explained if line not in lines] == []


def test_without_mutants_nothing_is_reached() -> None:
    assert not mutation.table({})[1]


@pytest.mark.parametrize(
    ("statuses", "explained", "ends_well"),
    [
        (["killed"] * 10, "", True),
        (["survived"] + ["killed"] * 9, "", False),
        (["survived"] + ["killed"] * 9, "- return len(rows)\n+ return None", True),
        (["survived"] * 2 + ["killed"] * 8, "- return len(rows)\n+ return None", False),
    ],
)
def test_a_survivor_needs_a_reason(
    statuses: list[str],
    explained: str,
    ends_well: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    listed = "\n".join(f"    a.x_{k}: {status}" for k, status in enumerate(statuses))
    monkeypatch.setattr(mutation, "_mutmut", lambda *arguments: listed if arguments[0] == "results" else DIFF)
    monkeypatch.setattr(mutation, "EXPLAINED", tmp_path / "explained.md")
    mutation.EXPLAINED.write_text(explained)
    if ends_well:
        mutation.main()
    else:
        with pytest.raises(SystemExit) as caught:
            mutation.main()
        assert "expected 90% killed" in str(caught.value)
    assert capsys.readouterr().out.count("+ return None") == statuses.count("survived")
