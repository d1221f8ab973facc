"""However it is run: compiled, in parts, on threads. The same float64 bits in exact arithmetic."""

from pathlib import Path

import pytest

from boundary.training.placement import ExecutionPlan
from tests.support.exact_run import SMALL, WIDE, Case, apart, blobs, same, train
from tests.support.trainings import warnings_of

pytestmark = [
    pytest.mark.usefixtures("one_thread", "fresh_compiler"),
    pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning"),  # PyTorch's compiler uses it
]
SEEDS = [42, 43, 44, 45, 46]


CASES = {
    "all rows": Case((6, 5), "relu", "sgd", {"lr": 0.1, "momentum": 0.9, "nesterov": True}, data=apart),
    "mini-batches": Case((6,), "tanh", "adam", {"lr": 0.01}, 70, data=lambda: blobs(200), task=("multiclass", None)),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize(
    "plan", [ExecutionPlan(5), ExecutionPlan(2), ExecutionPlan(3, workers=2), ExecutionPlan(5, workers=4)], ids=str
)
def test_parts_and_workers_give_the_same_bits(name: str, plan: ExecutionPlan) -> None:
    assert same(train(CASES[name], SEEDS, 7, plan), train(CASES[name], SEEDS, 7))


def test_a_compiled_step_gives_the_same_bits(caplog: pytest.LogCaptureFixture) -> None:
    """In two parts of different sizes, on two threads."""
    case = CASES["all rows"]
    assert same(train(case, SEEDS, 20, ExecutionPlan(2, 2, compiled=True)), train(case, SEEDS, 20))
    assert not warnings_of(caplog)


@pytest.mark.slow
@pytest.mark.parametrize("name", WIDE)
def test_so_it_does_with_every_activation_and_optimizer_in_wide_networks(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert same(train(WIDE[name], [42, 43], 3, ExecutionPlan(compiled=True)), train(WIDE[name], [42, 43], 3))
    assert not warnings_of(caplog)


@pytest.mark.slow
def test_so_it_does_after_a_thousand_epochs() -> None:
    case = SMALL["circle_v2"]
    assert same(train(case, SEEDS, 1000, ExecutionPlan(2, 2, compiled=True)), train(case, SEEDS, 1000))


def test_without_a_compiler_the_step_runs_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    import torch._inductor.config as config

    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    case = CASES["mini-batches"]
    with config.patch({"cpp.cxx": ("/no/compiler/here",)}):
        found = train(case, SEEDS, 3, ExecutionPlan(compiled=True))
    assert same(found, train(case, SEEDS, 3))
    (warning,) = warnings_of(caplog)
    assert warning.startswith("the step can't be compiled, and runs as it is: ")
