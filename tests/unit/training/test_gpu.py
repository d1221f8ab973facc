"""A GPU gives the same bits as the CPU, whatever is trained, in parts and compiled too. Skipped where there is none."""

import pytest
import torch

from boundary.training.placement import ExecutionPlan
from tests.support.exact_run import HARD, SMALL, WIDE, Case, same, train
from tests.support.trainings import warnings_of

pytestmark = [
    pytest.mark.usefixtures("one_thread", "fresh_compiler"),
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU"),
    pytest.mark.filterwarnings("default"),  # PyTorch's compiler gives several: of what it uses itself, of empty graphs
]
EPOCHS = {
    "circle_v2": 1000,
    "64-64-64": 100,
    "long": 3000,
    "long, in batches": 300,
    "perfect": 2000,
    "vanishing": 3000,
    "many rows": 20,
}
SEEDS = [42, 43, 44, 45, 46]


def problems(
    case: Case, seeds: list[int], epochs: int, plans: list[ExecutionPlan | None]
) -> list[ExecutionPlan | None]:
    """The plans by which other bits come out on the GPU than on the CPU."""
    expected = train(case, seeds, epochs)
    return [plan for plan in plans if not same(train(case, seeds, epochs, plan, device="cuda"), expected)]


@pytest.mark.parametrize("name", SMALL | HARD)
def test_a_gpu_gives_the_same_bits(name: str, caplog: pytest.LogCaptureFixture) -> None:
    assert (
        problems((SMALL | HARD)[name], SEEDS, EPOCHS[name], [None, ExecutionPlan(2), ExecutionPlan(2, compiled=True)])
        == []
    )
    assert not warnings_of(caplog)


@pytest.mark.parametrize("name", WIDE)
def test_so_it_does_with_every_activation_and_optimizer_in_wide_networks(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert problems(WIDE[name], SEEDS[:2], 5, [None, ExecutionPlan(compiled=True)]) == []
    assert not warnings_of(caplog)
