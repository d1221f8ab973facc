"""Where to compute, on machines with every mix of devices."""

import os
from collections.abc import Iterator

import pytest
import torch

from boundary import devices


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
    assert devices.choose(device, precision) == torch.device(chosen)


@pytest.mark.parametrize(
    ("machine", "device", "there"),
    [("", "cuda", "cpu"), ("", "mps", "cpu"), ("mps", "cuda", "mps, cpu"), ("cuda", "mps", "cuda, cpu")],
    indirect=["machine"],
)
def test_a_device_that_is_not_there_is_refused_by_name(machine: None, device: str, there: str) -> None:
    message = f"^device: found {device}, which this machine has not, expected auto or one of: {there}$"
    with pytest.raises(ValueError, match=message):
        devices.choose(device, "fast")


@pytest.fixture
def threads() -> Iterator[int]:
    """The threads there are now, restored afterwards."""
    before = torch.get_num_threads()
    yield before
    torch.set_num_threads(before)


@pytest.mark.parametrize(("share", "count"), [(0, 1), (0.5, 1), (1, 1), (2, 2), (3.9, 3), (1000, 4)])
def test_threads_grow_with_the_work_up_to_the_processors(
    threads: int, monkeypatch: pytest.MonkeyPatch, share: float, count: int
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    devices.use_threads(int(share * devices.CELLS_PER_THREAD))
    assert torch.get_num_threads() == count


def test_the_environment_may_say_how_many_threads(threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    devices.use_threads(1 << 30)
    devices.use_threads(1)
    assert torch.get_num_threads() == threads
