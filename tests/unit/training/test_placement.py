"""Where to compute, on machines with every mix of placement."""

import os
import platform
import subprocess
import sys

import pytest
import torch

from boundary.config.load import load_params
from boundary.errors import SettingsError
from boundary.nn.mlp import Network
from boundary.training import placement
from tests.support.repository import ROOT


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """A machine that has the accelerators named."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: "cuda" in request.param)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: "mps" in request.param)


@pytest.mark.parametrize(
    ("machine", "device", "precision", "chosen"),
    [
        ("", "auto", "exact", "cpu"),
        ("", "auto", "fast", "cpu"),
        ("", "cpu", "exact", "cpu"),
        ("cuda", "auto", "exact", "cuda"),
        ("cuda", "auto", "fast", "cuda"),
        ("cuda", "cpu", "exact", "cpu"),
        ("cuda", "cuda", "exact", "cuda"),
        ("mps", "auto", "exact", "cpu"),
        ("mps", "auto", "fast", "mps"),
        ("mps", "mps", "fast", "mps"),
        ("cuda mps", "auto", "fast", "cuda"),
    ],
    indirect=["machine"],
)
def test_choose(machine: None, device: str, precision: str, chosen: str) -> None:
    assert placement.choose_device(device, precision) == torch.device(chosen)


@pytest.mark.parametrize(
    ("machine", "device", "there"),
    [("", "cuda", "cpu"), ("", "mps", "cpu"), ("mps", "cuda", "mps, cpu"), ("cuda", "mps", "cuda, cpu")],
    indirect=["machine"],
)
def test_a_device_that_is_not_there_is_refused_by_name(machine: None, device: str, there: str) -> None:
    message = f"^device: found {device}, which this machine has not, expected auto or one of: {there}$"
    with pytest.raises(SettingsError, match=message):
        placement.choose_device(device, "fast")


@pytest.fixture
def four_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 4)


CIRCLES = Network((2, 10, 10, 1), "relu")


def on_cpu(replicates: int, rows: int = 800, precision: str = "exact", steps: int = 1000) -> placement.ExecutionPlan:
    return placement.plan_execution(torch.device("cpu"), precision, CIRCLES, rows, replicates, steps, 200)


@pytest.mark.parametrize(
    ("replicates", "rows", "precision", "parts", "workers", "threads"),
    [
        (1, 800, "exact", 1, 1, 1),
        (31, 800, "exact", 1, 1, 1),
        (32, 800, "exact", 2, 2, 1),  # 32 x 10 x 800 numbers of 8 bytes: 2 MB, or two halves
        (32, 800, "fast", 1, 1, 1),  # of 4 bytes
        (128, 800, "exact", 4, 4, 1),
        (129, 800, "exact", 5, 4, 1),
        (3, 1_000_000, "exact", 3, 3, 1),  # more than fits, but a replicate is one
        (2, 1_000_000, "exact", 2, 2, 2),
        (1, 100_000, "exact", 1, 1, 3),  # 10^6 numbers, 2^18 for each thread
        (1, 1_000_000, "exact", 1, 1, 4),
    ],
)
def test_parts_stay_in_the_cache_and_share_the_processors(
    four_processors: None, replicates: int, rows: int, precision: str, parts: int, workers: int, threads: int
) -> None:
    plan = on_cpu(replicates, rows, precision, steps=1)
    assert plan == placement.ExecutionPlan(parts, workers, threads)


def test_the_environment_may_say_how_many_threads(four_processors: None, monkeypatch: pytest.MonkeyPatch) -> None:
    for most in (1, 2, 3):
        monkeypatch.setenv("OMP_NUM_THREADS", str(most))
        for replicates, rows in [(1, 1_000_000), (2, 1_000_000), (128, 800)]:
            plan = on_cpu(replicates, rows)
            assert plan.workers * plan.threads <= most
            assert plan.workers * plan.threads > most // 2


@pytest.mark.parametrize(
    ("said", "threads"),
    [
        ("2,1", 2),
        (" 3 ", 3),
        ("3, 2, 1", 3),
        ("0", 4),
        ("0,2", 4),
        ("abc", 4),
        ("", 4),
        ("-1", 4),
        ("1.5", 4),
        (",2", 4),
    ],
)
def test_the_first_number_of_the_environment_counts_and_what_is_none_does_not(
    four_processors: None, said: str, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", said)
    assert on_cpu(1, 1_000_000, steps=1).threads == threads


def test_long_work_is_compiled_and_no_other(four_processors: None) -> None:
    """What the default pipeline does is over before a compiler has started."""
    settings = load_params(ROOT / "params.yaml")
    longest = max(variant.epochs for variant in settings.variants.values())
    assert not on_cpu(settings.replicates, steps=longest).compiled
    assert on_cpu(10_000, steps=1000) == placement.ExecutionPlan(625, 4, 1, compiled=True)
    assert on_cpu(16, steps=10**8) == placement.ExecutionPlan(4, 4, 1, compiled=True)
    assert on_cpu(2, steps=10**8) == placement.ExecutionPlan(2, 2, 1, compiled=True)
    assert not on_cpu(10_000, steps=10).compiled


@pytest.mark.parametrize(
    ("replicates", "steps", "evaluated", "parts", "compiled"),
    [
        (1, 1000, 200, 1, False),
        (100, 1000, 200, 1, False),
        (1000, 1000, 200, 5, False),  # of 23 x 800 numbers and 151 parameters of 8 bytes, 16 times: 2.37 GB, of 0.512
        (1000, 1000, 16_000, 93, False),  # 23 x 16,000: 47 GB
        (10_000, 1000, 200, 47, False),  # by the rate of its memory 15 seconds
        (10_000, 3000, 200, 47, True),  # 45 seconds
        (1, 10_000, 200, 1, False),  # started one by one, its operations take 17 seconds
        (1, 20_000, 200, 1, True),  # 34 seconds
        (2, 1000, 10**7, 2, False),  # one is more than fits
    ],
)
def test_on_a_gpu_parts_fill_the_memory_and_long_work_is_compiled(
    monkeypatch: pytest.MonkeyPatch, replicates: int, steps: int, evaluated: int, parts: int, compiled: bool
) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (512_000_000, 1_000_000_000))
    plan = placement.plan_execution(torch.device("cuda"), "exact", CIRCLES, 800, replicates, steps, evaluated)
    assert plan == placement.ExecutionPlan(parts, compiled=compiled, device=torch.device("cuda"))


def test_a_gpu_without_any_free_memory_is_tried_with_one_replicate_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (0, 1_000_000_000))
    device = torch.device("cuda")
    plan = placement.plan_execution(device, "fast", CIRCLES, 800, 50, 1, 200)
    assert plan == placement.ExecutionPlan(50, device=device)


FAULTS = """
import resource, sys, torch
from concurrent.futures import ThreadPoolExecutor
from boundary.training import placement

def faults(rounds):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(rounds):
        list(pool.map(lambda _: [torch.ones(1 << 18) for _ in range(128)], range(2)))  # 128 MiB each, then freed
    return (resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) / rounds

torch.set_num_threads(1)
if sys.argv[1] == "keep":
    placement.keep_freed_memory()
with ThreadPoolExecutor(2) as pool:
    faults(5)
    print(faults(10))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="of glibc only")
def test_freed_memory_is_not_fetched_anew() -> None:
    """By threads too. Otherwise thousands of pages are, in every round."""

    def faults(how: str) -> float:
        done = subprocess.run([sys.executable, "-c", FAULTS, how], cwd=ROOT, capture_output=True, text=True, check=True)
        return float(done.stdout)

    assert faults("keep") < 100
    assert faults("as it is") > 1000
