"""One real run of the whole default pipeline, shared by the tests that look at what it published."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from filelock import FileLock
from hypothesis import Phase, settings

from boundary.training.step import reset_compiler
from tests.support.repository import copy_of_repository, run

settings.register_profile("shared machine", deadline=None)  # a busy one is slow, not wrong
settings.load_profile("shared machine")
# one failing example is enough to kill a mutant, and a mutant that was killed once is always killed
settings.register_profile("mutation", settings.get_profile("ci"), phases=[Phase.explicit, Phase.generate])

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository after its stages ran from nothing, side by side. Read only: others look at it too.

    It is made once, by the first of pytest-xdist's workers that asks.
    """
    alone = "PYTEST_XDIST_WORKER" not in os.environ
    shared = tmp_path_factory.getbasetemp() if alone else tmp_path_factory.getbasetemp().parent
    folder, ready = shared / "published", shared / "published.ready"
    with FileLock(shared / "published.lock"):
        if not ready.exists():
            folder.mkdir()
            copy_of_repository(folder)
            run(folder, sys.executable, "-m", "tools.repro", str(os.cpu_count()))
            ready.touch()
    return folder


@pytest.fixture
def workspace(published: Path, tmp_path: Path) -> Path:
    """A copy of the published repository, cache and all, to change at will."""
    return shutil.copytree(published, tmp_path / "workspace", symlinks=True)


@pytest.fixture
def fresh_compiler() -> Iterator[None]:
    """Nothing that this test has compiled, or could not, is left to others."""
    yield
    reset_compiler()


@pytest.fixture
def one_thread() -> Iterator[None]:
    """PyTorch in this process with one thread: small tensors are quickest so, and beside other work all are."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
