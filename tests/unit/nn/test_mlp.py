"""The batched network against plain PyTorch modules, and against itself one replicate and one row at a time."""

import pytest
import torch
from torch import Tensor, nn

from boundary.nn.activations import ACTIVATIONS
from boundary.nn.mlp import Network
from boundary.numerics.arithmetic import SAMPLE, Exact, Fast, product_bits

ROWS = 50
SIZES = [(2, 1), (2, 5, 1), (2, 10, 10, 1), (3, 8, 4)]


class CircleModel(nn.Module):
    """As people write it: layers by name, used in order."""

    def __init__(self) -> None:
        super().__init__()
        self.layer_1 = nn.Linear(2, 10)
        self.layer_2 = nn.Linear(10, 10)
        self.layer_3 = nn.Linear(10, 1)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.layer_3(self.relu(self.layer_2(self.relu(self.layer_1(x)))))


def sequential(network: Network) -> nn.Sequential:
    """The same architecture in plain PyTorch, with weights from the global generator."""
    modules: list[nn.Module] = []
    for o, i in network.shapes:
        modules += [nn.Linear(i, o), ACTIVATIONS[network.activation].module()]
    return nn.Sequential(*modules[:-1])


def flat(module: nn.Module) -> Tensor:
    return torch.cat([p.detach().flatten() for p in module.parameters()])


def with_parameters(network: Network, parameters: Tensor) -> nn.Sequential:
    """A float64 module with the parameters (P,) given."""
    module = sequential(network).double()
    nn.utils.vector_to_parameters(parameters.clone(), module.parameters())
    return module


def start(network: Network, replicates: int) -> Tensor:
    """Starting parameters (R, P), from seeds 42, 43, ..."""
    return torch.stack([network.initialise(torch.Generator().manual_seed(42 + r)) for r in range(replicates)])


def inputs(network: Network, rows: int = ROWS) -> Tensor:
    """(features, rows)"""
    return torch.randn(network.sizes[0], rows, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def arithmetic_for(network: Network, rows: int = ROWS) -> Exact:
    return Exact(max(*network.sizes, rows))


def same_bits(a: Tensor, b: Tensor) -> bool:
    return torch.equal(a.contiguous().view(torch.int64), b.contiguous().view(torch.int64))


# --- parameters ----------------------------------------------------------------------------------------------------


def test_shapes_and_counts_by_hand() -> None:
    network = Network((2, 5, 1), "relu")
    assert network.shapes == [(5, 2), (1, 5)]
    assert network.parameter_count == 5 * 2 + 5 + 1 * 5 + 1


def test_layers_are_views_weight_before_bias() -> None:
    (w0, b0), (w1, b1) = Network((2, 2, 1), "relu").layers(torch.arange(18.0).view(2, 9))
    assert w0.tolist() == [[[0, 1], [2, 3]], [[9, 10], [11, 12]]]
    assert b0.tolist() == [[[4], [5]], [[13], [14]]]
    assert w1.tolist() == [[[6, 7]], [[15, 16]]]
    assert b1.tolist() == [[[8]], [[17]]]


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("seed", [0, 42, 2**32 - 1])
def test_starting_weights_are_those_of_a_sequential_after_manual_seed(sizes: tuple[int, ...], seed: int) -> None:
    network = Network(sizes, "relu")
    torch.manual_seed(seed)
    expected = flat(sequential(network)).double()
    found = network.initialise(torch.Generator().manual_seed(seed))
    assert found.dtype == torch.float64
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-7)


def test_starting_weights_are_those_of_a_module_with_named_layers() -> None:
    torch.manual_seed(42)
    expected = flat(CircleModel()).double()
    found = Network((2, 10, 10, 1), "relu").initialise(torch.Generator().manual_seed(42))
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-7)


def test_initialise_leaves_the_global_generator_alone() -> None:
    before = torch.get_rng_state()
    Network((2, 10, 1), "relu").initialise(torch.Generator().manual_seed(42))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("sizes", SIZES)
def test_from_layers_takes_what_linear_layers_hold(sizes: tuple[int, ...]) -> None:
    network = Network(sizes, "relu")
    parameters = start(network, 1)
    layers = [(weight[0].tolist(), bias[0, :, 0].tolist()) for weight, bias in network.layers(parameters)]
    assert same_bits(network.from_layers(layers), parameters[0])


# --- forward and backward ------------------------------------------------------------------------------------------


def by_torch(network: Network, parameters: Tensor, x: Tensor, dz: Tensor) -> tuple[Tensor, Tensor]:
    """One replicate's logits (outputs, rows), and autograd's gradient (P,) for the logits' gradient dz."""
    module = with_parameters(network, parameters)
    logits = module(x.T).T
    gradients = torch.autograd.grad(logits, list(module.parameters()), dz)
    return logits.detach(), torch.cat([g.flatten() for g in gradients])


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("sizes", SIZES)
def test_forward_and_backward_are_those_of_autograd(sizes: tuple[int, ...], activation: str) -> None:
    """Relative to the largest number of each: every product rounds its operands to `bits` bits, an error of 2^-bits.

    Each layer has one product on the way forward and one on the way back, and their errors add up.
    """
    network = Network(sizes, activation)
    arithmetic = arithmetic_for(network)
    tolerance = 8 * len(network.shapes) * 2.0 ** -product_bits(arithmetic.terms)
    assert tolerance < 1e-5
    parameters, x = start(network, 3), inputs(network)
    dz = torch.randn(3, sizes[-1], ROWS, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    logits, traces = network.forward(arithmetic, parameters, arithmetic.operand(x))
    gradient = network.backward(arithmetic, traces, dz)
    for k in range(3):
        true_logits, true_gradient = by_torch(network, parameters[k], x, dz[k])
        assert (logits[k] - true_logits).abs().max() < tolerance * true_logits.abs().max()
        assert (gradient[k] - true_gradient).abs().max() < tolerance * true_gradient.abs().max()


@pytest.mark.parametrize("activation", ["none", "relu", "relu6", "hardtanh"])
def test_on_short_numbers_forward_and_backward_are_exactly_those_of_autograd(activation: str) -> None:
    """Weights, inputs and gradients that are multiples of 1/8 need no rounding at all, here or there."""
    network = Network((3, 6, 5, 2), activation)
    generator = torch.Generator().manual_seed(1)
    parameters, x, dz = (
        torch.randint(-8, 9, shape, generator=generator).double() / 8
        for shape in [(3, network.parameter_count), (3, ROWS), (3, 2, ROWS)]
    )
    arithmetic = arithmetic_for(network)
    logits, traces = network.forward(arithmetic, parameters, arithmetic.operand(x))
    gradient = network.backward(arithmetic, traces, dz)
    for k in range(3):
        true_logits, true_gradient = by_torch(network, parameters[k], x, dz[k])
        assert torch.equal(logits[k], true_logits)
        assert torch.equal(gradient[k], true_gradient)


def test_fast_forward_and_backward_are_those_of_autograd_in_float32() -> None:
    network = Network((2, 10, 10, 1), "tanh")
    parameters, x = start(network, 3), inputs(network)
    dz = torch.ones(3, 1, ROWS, dtype=torch.float64)
    logits, traces = network.forward(Fast(), parameters.float(), x.float())
    gradient = network.backward(Fast(), traces, dz.float())
    for k in range(3):
        true_logits, true_gradient = by_torch(network, parameters[k], x, dz[k])
        torch.testing.assert_close(logits[k], true_logits.float(), rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(gradient[k], true_gradient.float(), rtol=1e-5, atol=1e-4)


def test_forward_is_that_of_a_module_with_named_layers() -> None:
    torch.manual_seed(42)
    module = CircleModel().double()
    network = Network((2, 10, 10, 1), "relu")
    x, arithmetic = inputs(network), arithmetic_for(network)
    logits, _ = network.forward(arithmetic, flat(module)[None], arithmetic.operand(x))
    torch.testing.assert_close(logits[0], module(x.T).T.detach(), rtol=0, atol=1e-6)


# --- replicates and rows by themselves -----------------------------------------------------------------------------


@pytest.mark.parametrize("activation", ["relu", "gelu_tanh"])
@pytest.mark.parametrize("sizes", SIZES)
def test_a_replicate_among_others_is_the_replicate_alone(sizes: tuple[int, ...], activation: str) -> None:
    """Bit for bit, forward and backward, also beside a replicate a million times as large and one that is nan."""
    network = Network(sizes, activation)
    arithmetic = arithmetic_for(network)
    parameters = start(network, 5)
    parameters[1] *= 1e6
    parameters[2] = 1e200
    x, dz = arithmetic.operand(inputs(network)), torch.ones(5, sizes[-1], ROWS, dtype=torch.float64) / ROWS
    logits, traces = network.forward(arithmetic, parameters, x)
    gradient = network.backward(arithmetic, traces, dz)
    for k in (0, 1, 3, 4):
        alone, traces = network.forward(arithmetic, parameters[k : k + 1], x)
        assert same_bits(logits[k], alone[0])
        assert same_bits(gradient[k], network.backward(arithmetic, traces, dz[k : k + 1])[0])
    assert logits[2].isnan().all()


@pytest.mark.parametrize("activation", ["relu", "softplus"])
@pytest.mark.parametrize("sizes", [*SIZES, (5000, 1)])
def test_with_a_grid_per_sample_a_row_does_not_notice_the_rows_beside_it(
    sizes: tuple[int, ...], activation: str
) -> None:
    """Bit for bit; the rows are of very different sizes. 5000 features are more than a block of exact terms."""
    network = Network(sizes, activation)
    arithmetic = Exact(max(sizes))
    parameters, rows = start(network, 3), 8
    x = arithmetic.operand(inputs(network, rows) * 10.0 ** torch.arange(-4, 4, dtype=torch.float64), SAMPLE)
    together, _ = network.forward(arithmetic, parameters, x, SAMPLE)
    for row in range(rows):
        alone, _ = network.forward(arithmetic, parameters, x[:, row : row + 1], SAMPLE)
        assert same_bits(together[..., row : row + 1], alone)


def test_with_a_grid_per_replicate_a_row_does_notice_the_rows_beside_it() -> None:
    """What the grids per sample are for."""
    network = Network((2, 10, 1), "relu")
    arithmetic = arithmetic_for(network)
    parameters, x = start(network, 1), inputs(network) * torch.logspace(-4, 4, ROWS, dtype=torch.float64)
    together, _ = network.forward(arithmetic, parameters, arithmetic.operand(x))
    alone, _ = network.forward(arithmetic, parameters, arithmetic.operand(x[:, :1]))
    assert not same_bits(together[..., :1], alone)
