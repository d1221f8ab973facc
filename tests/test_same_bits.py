"""The same bits everywhere: float64 weights and logs of whole trainings, in processes that differ as machines do.

Every bit of float64 is compared, not only what is left after publishing as float32.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from exact_run import CASES, COMPANIES, THREADS

ROOT = Path(__file__).parent.parent
MACHINES = {
    "as it is": {},
    "no vector instructions": {"ATEN_CPU_CAPABILITY": "default"},
    "AVX2": {"ATEN_CPU_CAPABILITY": "avx2"},
    "MKL COMPATIBLE": {"MKL_CBWR": "COMPATIBLE"},
}


def trained(settings: dict[str, str], *cases_and_epochs: object) -> dict[str, dict[str, list[str]]]:
    """What exact_run.py prints under these environment variables."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **settings}
    command = [sys.executable, str(ROOT / "tests/exact_run.py"), *map(str, cases_and_epochs)]
    return json.loads(subprocess.check_output(command, env=environment, text=True))


@pytest.fixture(scope="module")
def everywhere() -> dict[str, dict[str, dict[str, list[str]]]]:
    """By machine, case, and company of replicates with a number of threads: a hash per replicate."""
    return {name: trained(settings, "circle_v2", 150, "64-64-64", 30) for name, settings in MACHINES.items()}


def one_hash_per_seed(runs: list[dict[str, list[str]]]) -> bool:
    """Whether each seed has one hash, whoever was trained beside it, wherever."""
    found: dict[int, set[str]] = {}
    for run in runs:
        for threads in THREADS:
            for company, seeds in COMPANIES.items():
                for seed, digest in zip(seeds, run[f"{company}, {threads} threads"], strict=True):
                    found.setdefault(seed, set()).add(digest)
    assert len(found) == 17
    assert len(set().union(*found.values())) >= 17  # and no two seeds have the same
    return all(len(digests) == 1 for digests in found.values())


@pytest.mark.parametrize("case", CASES)
def test_a_replicate_has_one_hash_over_machines_threads_and_company(everywhere: dict, case: str) -> None:
    assert one_hash_per_seed([run[case] for run in everywhere.values()])


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_so_it_has_after_1000_epochs(case: str) -> None:
    assert one_hash_per_seed([trained(settings, case, 1000)[case] for settings in MACHINES.values()])
