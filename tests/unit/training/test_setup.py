"""Settings and data put together: what the replicates start from, and what they are trained on."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from msgspec.structs import replace as changed

from boundary.artifacts.schema import Schema
from boundary.config import params
from boundary.config.load import load_params
from boundary.errors import SettingsError
from boundary.nn.losses import LOSSES
from boundary.numerics.arithmetic import Exact
from boundary.training import memory
from boundary.training.setup import build_data, build_job
from tests.support.params_file import VALID

SCHEMA = Schema(("X1", "X2"), "label", "binary", (0, 1))
ROWS = {"X1": np.array([0.5, 1, 2, 3]), "X2": np.array([4.0, 5, 6, 7]), "label": np.array([0, 1, 1, 1])}


@pytest.fixture
def settings(tmp_path: Path) -> params.Params:
    (tmp_path / "params.yaml").write_text(VALID)
    return load_params(tmp_path / "params.yaml")


def with_net(settings: params.Params, **options: object) -> params.Params:
    """The same settings with other options of the variant net."""
    return changed(settings, variants={"net": changed(settings.variants["net"], **options)})


def test_a_replicate_starts_from_its_own_seed_whatever_others_there_are(settings: params.Params) -> None:
    work = build_job(settings, "net", SCHEMA, ROWS)
    assert (work.network.sizes, work.objective.task, len(work)) == ((2, 3, 1), "binary", 2)
    for r in (0, 1):
        generator = torch.Generator().manual_seed(settings.seed + r)
        assert torch.equal(work.initial_parameters[r], work.network.initialise(generator))
        assert torch.equal(work.rng_states[r], generator.get_state())
    alone = build_job(changed(settings, replicates=1), "net", SCHEMA, ROWS)
    assert torch.equal(alone.initial_parameters, work.initial_parameters[:1])


def test_the_examples_are_those_of_the_parts() -> None:
    data = build_data(SCHEMA, {"train": ROWS, "test": {name: column[:1] for name, column in ROWS.items()}})
    assert data.train.x.tolist() == [[0.5, 1, 2, 3], [4, 5, 6, 7]]
    assert data.train.y.tolist() == [[0, 1, 1, 1]]
    assert (len(data.test), data.validation) == (1, None)
    validated = build_data(SCHEMA, {"train": ROWS, "test": ROWS, "validation": ROWS}).validation
    assert validated is not None
    assert len(validated) == 4


def test_balanced_classes_weigh_the_same(settings: params.Params) -> None:
    """One row against three: 4 / (2 * 1) against 4 / (2 * 3)."""
    objective = build_job(with_net(settings, class_weight="balanced"), "net", SCHEMA, ROWS).objective
    z, y = torch.zeros(1, 1, 4, dtype=torch.float64), torch.tensor([[0, 1, 1, 1]], dtype=torch.float64)
    plain, weighted = LOSSES["bce_with_logits"].values(Exact(4), z, y), objective.loss.values(Exact(4), z, y)
    assert (weighted / plain).flatten().tolist() == pytest.approx([2, 2 / 3, 2 / 3, 2 / 3])


@pytest.mark.parametrize(
    ("task", "loss", "expected"),
    [
        ("binary", "mse", "bce_with_logits"),
        ("multiclass", "l1", "cross_entropy"),
        ("regression", "cross_entropy", "l1 or mse"),
    ],
)
def test_a_loss_that_does_not_fit_the_task_is_refused(
    settings: params.Params, task: str, loss: str, expected: str
) -> None:
    schema = replace(SCHEMA, task=task, classes={"binary": (0, 1), "multiclass": (0, 1, 2), "regression": ()}[task])
    with pytest.raises(SettingsError) as caught:
        build_job(with_net(settings, loss=loss), "net", schema, ROWS)
    assert str(caught.value) == f"variants.net.loss: found {loss}, expected {expected} for a {task} target"


def test_what_does_not_fit_the_data_is_named(settings: params.Params) -> None:
    regression = replace(SCHEMA, task="regression", classes=())
    for options, line in [
        ({"loss": "mse"}, "variants.net.loss: found mse, expected bce_with_logits for a binary target"),
        (
            {"initial_weights": [params.Layer([[1.0]], [0.0])]},
            "variants.net.initial_weights: found 1 layers, expected 2, one more than hidden_units",
        ),
        (
            {"initial_weights": []},
            "variants.net.initial_weights: found 0 layers, expected 2, one more than hidden_units",
        ),
    ]:
        with pytest.raises(SettingsError) as caught:
            build_job(with_net(settings, **options), "net", SCHEMA, ROWS)
        assert str(caught.value).startswith(line)
    with pytest.raises(SettingsError, match=r"^variants\.net\.class_weight: found balanced, expected none"):
        build_job(with_net(settings, class_weight="balanced"), "net", regression, ROWS)


@pytest.mark.parametrize(
    ("layers", "line"),
    [
        ([([[1.0]], [0.0]), ([[1.0]], [0.0])], "[0]: found 1 inputs, expected 2, one for each feature"),
        ([([[1.0, 2.0]], [0.0]), ([[1.0]], [0.0]), ([[1.0]], [0.0])], ": found 3 layers, expected 2"),
        (
            [([[1.0, 2.0]], [0.0, 0.0]), ([[1.0]], [0.0])],
            "[0]: found 1 rows of 2 weights and 2 biases, expected 1 rows",
        ),
        ([([[1.0, 2.0]], [0.0]), ([[1.0], [2.0]], [0.0, 0.0])], "[1]: found 2 outputs, expected 1 for the target"),
    ],
)
def test_weights_of_another_network_are_refused(
    layers: list[tuple[list[list[float]], list[float]]], line: str, settings: params.Params
) -> None:
    options = {"hidden_units": [1], "initial_weights": [params.Layer(*layer) for layer in layers]}
    with pytest.raises(SettingsError) as caught:
        build_job(with_net(settings, **options), "net", SCHEMA, ROWS)
    assert str(caught.value).startswith(f"variants.net.initial_weights{line}")


def test_too_much_is_refused_before_it_is_tried(settings: params.Params, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "machine_memory", lambda: 2**30)
    with pytest.raises(SettingsError, match=r"^variants\.net: found a need of .* expected at most this machine's 1\.0"):
        build_job(with_net(settings, hidden_units=[10**9] * 3), "net", SCHEMA, ROWS)
