"""params.yaml: what is accepted, and the exact line for everything that is not."""

import contextlib
import copy
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from boundary.config import params
from boundary.config.load import entry_of, load_params, open_params
from boundary.errors import ParamsError
from boundary.nn.activations import ACTIVATIONS
from boundary.numerics.arithmetic import PRECISIONS
from boundary.validation.check import check
from tests.support.params_file import VALID, edited
from tests.support.repository import ROOT

Problems = Callable[[str | bytes], list[str]]
Load = Callable[[str | bytes], params.Params]
NOT_A_NAME = "not a name, expected a letter or digit, then up to 63 letters, digits, _ or -"
MOST_STEPS = "expected at most 1000000000 steps from start to end"
EITHER_SIGN = "from -1e+18 to 1e+18"
X3 = "'X3', not a column of generators.dots, known: label, X1, X2"
SMALL = "hidden_units: [], activation: none, optimizer: sgd, lr: 1, epochs: 1, log_every: 1"
OF_DOTS = "of generators.dots, expected that one"
KINDS = "circles, moons, blobs, spirals, line, bundled"
VARIANT_KEYS = (
    "loss, class_weight, momentum, nesterov, betas, eps, weight_decay, patience, burn_in_epochs, batch_size, "
    "initial_weights"
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "params.yaml"


@pytest.fixture
def load(path: Path) -> Load:
    """Loads a file with the given content."""

    def load(content: str | bytes) -> params.Params:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return check(path)

    return load


@pytest.fixture
def problems(path: Path, load: Load) -> Problems:
    """What is wrong with a file's content, line by line, without the file's name before each."""

    def problems(content: str | bytes) -> list[str]:
        with pytest.raises(ParamsError) as caught:
            load(content)
        lines = str(caught.value).split("\n")
        assert all(line.startswith(f"{path}: ") for line in lines)
        return [line.removeprefix(f"{path}: ") for line in lines]

    return problems


def test_a_whole_minimal_file(load: Load) -> None:
    found = load(VALID)
    assert (found.seed, found.replicates, found.precision, found.device) == (1, 2, "exact", "cpu")
    assert found.generators == {
        "dots": params.Circles(20, 0.1, 0.5, 1),
        "ramp": params.Line(1.0, 0.0, 0.0, 1.0, 0.1),
        "bows": params.Moons(20, 0.1, 1),
        "heaps": params.Blobs(20, 2, 3, 1.0, (-1.0, 1.0), 1),
        "arms": params.Spirals(20, 3, 0.1, 1),
    }
    assert found.datasets == {
        "dots": params.Dataset("data/raw/dots.parquet", "label", params.Split("random", 0.2, 0.0, 1), None, None),
        "ramp": params.Dataset("data/raw/ramp.parquet", "y", params.Split("ordered", 0.2, 0.0, None), None, None),
    }
    assert found.variants == {
        "net": params.Variant("dots", [3], "relu", "sgd", 0.1, 2, 1),
        "flat": params.Variant("dots", [], "none", "adam", 0.2, 2, 1),
    }
    assert found.contrasts == {"pair": params.Contrast("dots", "flat", "net")}


def test_the_defaults_of_a_variant(load: Load) -> None:
    net = load(VALID).variants["net"]
    assert (net.loss, net.batch_size, net.initial_weights) == (None, None, None)
    assert (net.weight_decay, net.burn_in_epochs) == (0.0, 0)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("optimizer: sgd", {"lr": 0.1, "weight_decay": 0.0}),
        ("optimizer: sgd, momentum: 0.9", {"lr": 0.1, "weight_decay": 0.0, "momentum": 0.9}),
        (
            "optimizer: sgd, momentum: 0.9, nesterov: true, weight_decay: 0.01",
            {"lr": 0.1, "weight_decay": 0.01, "momentum": 0.9, "nesterov": True},
        ),
        ("optimizer: adam, betas: [0.8, 0.99]", {"lr": 0.1, "weight_decay": 0.0, "betas": (0.8, 0.99)}),
        ("optimizer: adamw, eps: 1e-6, loss: null", {"lr": 0.1, "weight_decay": 0.0, "eps": 1e-6}),
    ],
)
def test_optimizer_options_are_those_given(options: str, expected: dict[str, Any], load: Load) -> None:
    assert load(edited("optimizer: sgd", options)).variants["net"].optimizer_options == expected


def test_the_committed_file_loads() -> None:
    found = load_params(ROOT / "params.yaml")
    assert set(found.variants) >= {"circle_v0", "circle_v1", "circle_v2", "line_v1", "blob_v0"}  # the tutorial's


def test_the_names_allowed_are_those_that_exist() -> None:
    """Losses, tasks and optimizers are compared in their own tests."""
    assert get_args(params.ActivationName) == tuple(ACTIVATIONS)
    assert get_args(get_type_hints(params.Params)["precision"]) == tuple(PRECISIONS)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("lr: 0.1", "lr: 1e-3"),
        ("lr: 0.1", "lr: 1"),
        (
            "lr: 0.1",
            "lr: 0.1, initial_weights: "
            "[{weight: [[1, 4], [2, 5], [3, 6]], bias: [0, 0, 0]}, {weight: [[1, 2, 3]], bias: [0]}]",
        ),
        (
            "hidden_units: [3]",
            "hidden_units: [3, 2], initial_weights: [{weight: [[1, 4], [2, 5], [3, 6]], bias: [0, 0, 0]}, "
            "{weight: [[1, 2, 3], [4, 5, 6]], bias: [0, 0]}, {weight: [[1, 2]], bias: [0]}]",
        ),
        ("seed: 1\n", "seed: 4294967295\n"),
        ("seed: 1\n", "seed: 0\n"),
        ("seed: 1\n", "\ufeffseed: 1\r\n"),
        ("  bows:", f"  {'x' * 64}:"),
        ("  bows:", "  0-_Z:"),
        ("data/raw/dots.parquet", "data/mine/table.csv"),
        ("end: 1", "end: 0.2"),
        ("factor: 0.5", "factor: 0"),
        ("n_samples: 20", "n_samples: 2"),
        ("centers: 3", "centers: 20"),
        ("device: cpu", "device: cuda"),
        ("precision: exact\ndevice: cpu", "precision: fast\ndevice: mps"),
        ("{kind: ordered, test_size: 0.2}", "{kind: ordered, test_size: 0.5, validation_size: 0.25}"),
        ("target: label", "target: label, features: [X2, X1]"),
        ("target: label", "target: label, preprocess: true, categories: [X1]"),
        ("{dataset: dots, left: flat, right: net}", "{dataset: dots, left: flat, right: flat}"),
        ("pair: {dataset: dots, left: flat, right: net}", "{}"),
        ("noise: 0.1", "noise: 1e18"),
        ("center_box: [-1, 1]", "center_box: [-1e18, 1e18]"),
        ("data/raw/dots.parquet", "data/raw.csv"),
        ("data/raw/dots.parquet", "data/cards.csv"),
        ("  flat: {", f"  baseline: {{dataset: dots, {SMALL}}}\n  flat: {{"),
        ("  bows:", "  baselines:"),
        ("  bows:", "  con1:"),
        ("step: 0.1", "step: 1e-9"),
    ],
)
def test_accepted(old: str, new: str, load: Load) -> None:
    load(edited(old, new))


def test_anchors_and_merge_keys(load: Load) -> None:
    text = edited("  net: {", "  net: &base {").replace(
        "  flat: {", "  wide: {<<: *base, hidden_units: [9]}\n  flat: {"
    )
    found = load(text).variants
    assert found["wide"] == params.Variant("dots", [9], "relu", "sgd", 0.1, 2, 1)


def test_numbers_and_words_are_those_of_yaml_1_2(load: Load) -> None:
    """1e-3 is a number; y, no and off are words, and 010 is ten."""
    found = load(
        edited("lr: 0.1", "lr: 1e-3")
        .replace("seed: 1\n", "seed: 010\n", 1)
        .replace("flat", "off")
        .replace("  net:", "  no:")
        .replace("right: net", "right: no")
    )
    assert (found.seed, found.variants["no"].lr, list(found.variants)) == (10, 0.001, ["no", "off"])
    assert found.datasets["ramp"].target == "y"


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        # keys: unknown, missing
        (
            "seed: 1\n",
            "seed: 1\nextra: 2\n",
            "extra: unknown, known: seed, replicates, precision, device, generators, datasets, variants, contrasts",
        ),
        (
            "seed: 1\n",
            "seed: 1\n1: 2\n",
            "1: unknown, known: seed, replicates, precision, device, generators, datasets, variants, contrasts",
        ),
        ("seed: 1\n", "", "seed: missing, expected a whole number from 0 to 4294967295"),
        ("precision: exact\n", "", "precision: missing, expected one of: exact, fast"),
        (
            "contrasts:\n  pair: {dataset: dots, left: flat, right: net}\n",
            "",
            "contrasts: missing, expected names and what they stand for",
        ),
        ("factor: 0.5, ", "", "generators.dots.factor: missing, expected a finite number >= 0 and < 1"),
        (
            "noise: 0.1,",
            "noise: 0.1, colour: red,",
            "generators.dots.colour: unknown, known: n_samples, noise, factor, seed",
        ),
        ("target: label,", "target: label, feature: [X1],", "datasets.dots.feature: unknown, did you mean features?"),
        ("target: label, ", "", "datasets.dots.target: missing, expected text"),
        (
            ", split: {kind: random, test_size: 0.2, seed: 1}",
            "",
            "datasets.dots.split: missing, expected keys and values",
        ),
        (
            "{kind: random,",
            "{kind: random, validation: 0.1,",
            "datasets.dots.split.validation: unknown, did you mean validation_size?",
        ),
        ("lr: 0.1", "lr: 0.1, learning_rate: 0.1", f"variants.net.learning_rate: unknown, known: {VARIANT_KEYS}"),
        ("lr: 0.1", "lr: 0.1, batchsize: 8", "variants.net.batchsize: unknown, did you mean batch_size?"),
        ("lr: 0.1", "lr: 0.1, 'a\\b': 8", f"variants.net.a\\b: unknown, known: {VARIANT_KEYS}"),
        ("lr: 0.1", 'lr: 0.1, "a\\nb": 8', f"variants.net.'a\\nb': unknown, known: {VARIANT_KEYS}"),
        ("lr: 0.1", "lr: 0.1, null: 8", f"variants.net.None: unknown, known: {VARIANT_KEYS}"),
        ("left: flat,", "left: flat, middle: net,", "contrasts.pair.middle: unknown, known: dataset, left, right"),
        # types
        ("seed: 1\n", "seed: true\n", "seed: found true, expected a whole number from 0 to 4294967295"),
        ("seed: 1\n", "seed: '1'\n", "seed: found '1', expected a whole number from 0 to 4294967295"),
        ("seed: 1\n", "seed: 1.0\n", "seed: found 1.0, expected a whole number from 0 to 4294967295"),
        ("seed: 1\n", "seed: null\n", "seed: found null, expected a whole number from 0 to 4294967295"),
        ("seed: 1\n", "seed:\n", "seed: found null, expected a whole number from 0 to 4294967295"),
        (
            "seed: 1\n",
            "seed: 2020-01-01\n",
            "seed: found datetime.date(2020, 1, 1), expected a whole number from 0 to 4294967295",
        ),
        ("lr: 0.1", "lr: true", "variants.net.lr: found true, expected a finite number > 0"),
        ("lr: 0.1", "lr: '0.1'", "variants.net.lr: found '0.1', expected a finite number > 0"),
        ("lr: 0.1", "lr: fast", "variants.net.lr: found 'fast', expected a finite number > 0"),
        ("lr: 0.1", "lr: null", "variants.net.lr: found null, expected a finite number > 0"),
        ("epochs: 2", "epochs: 2.5", "variants.net.epochs: found 2.5, expected a whole number from 1 to 1000000000"),
        ("hidden_units: [3]", "hidden_units: 3", "variants.net.hidden_units: found 3, expected a list"),
        (
            "hidden_units: [3]",
            "hidden_units: [3, true]",
            "variants.net.hidden_units[1]: found true, expected a whole number from 1 to 1000000000",
        ),
        ("lr: 0.1", "lr: 0.1, nesterov: yes", "variants.net.nesterov: found 'yes', expected true or false"),
        ("target: label", "target: 3", "datasets.dots.target: found 3, expected text"),
        (
            "target: label",
            "target: label, features: X1",
            "datasets.dots.features: found 'X1', expected a list",
        ),
        (
            "split: {kind: ordered, test_size: 0.2}",
            "split: 0.2",
            "datasets.ramp.split: found 0.2, expected keys and values",
        ),
        (
            "{dataset: dots, left: flat, right: net}",
            "[flat, net]",
            "contrasts.pair: found ['flat', 'net'], expected keys and values",
        ),
        (
            "contrasts:\n  pair: {dataset: dots, left: flat, right: net}",
            "contrasts: []",
            "contrasts: found [], expected names and what they stand for",
        ),
        (
            "center_box: [-1, 1]",
            "center_box: [1]",
            "generators.heaps.center_box: found [1], expected a list of 2",
        ),
        # ranges
        ("seed: 1\n", "seed: -1\n", "seed: found -1, expected a whole number from 0 to 4294967295"),
        ("seed: 1\n", "seed: 4294967296\n", "seed: found 4294967296, expected a whole number from 0 to 4294967295"),
        ("replicates: 2", "replicates: 0", "replicates: found 0, expected a whole number from 1 to 1000000000"),
        (
            "n_samples: 20",
            "n_samples: 1",
            "generators.dots.n_samples: found 1, expected a whole number from 2 to 1000000000",
        ),
        ("noise: 0.1", "noise: -0.1", "generators.dots.noise: found -0.1, expected a finite number from 0 to 1e+18"),
        ("factor: 0.5", "factor: 1", "generators.dots.factor: found 1, expected a finite number >= 0 and < 1"),
        ("step: 0.1", "step: 0", "generators.ramp.step: found 0, expected a finite number > 0 and <= 1e+18"),
        *(
            ("step: 0.1", f"step: {step}", f"generators.ramp.step: found {step}, {MOST_STEPS}")
            for step in ("5e-324", "9.9e-10")
        ),
        (
            "start: 0, end: 1, step: 0.1",
            "start: -1e18, end: 1e18, step: 1",
            f"generators.ramp.step: found 1.0, {MOST_STEPS}",
        ),
        *(
            (old, f"{old.split(':')[0]}: 1e300", f"generators.{key}: found 1e+300, expected a finite number {within}")
            for old, key, within in [
                ("noise: 0.1", "dots.noise", "from 0 to 1e+18"),
                ("cluster_std: 1", "heaps.cluster_std", "from 0 to 1e+18"),
                ("weight: 1", "ramp.weight", EITHER_SIGN),
                ("bias: 0", "ramp.bias", EITHER_SIGN),
                ("start: 0", "ramp.start", EITHER_SIGN),
                ("end: 1", "ramp.end", EITHER_SIGN),
                ("step: 0.1", "ramp.step", "> 0 and <= 1e+18"),
            ]
        ),
        (
            "center_box: [-1, 1]",
            "center_box: [-1, 1e308]",
            f"generators.heaps.center_box[1]: found 1e+308, expected a finite number {EITHER_SIGN}",
        ),
        ("end: 1", "end: 0.1", "generators.ramp.end: found 0.1, expected room for two steps after start (0.0)"),
        ("centers: 3", "centers: 21", "generators.heaps.centers: found 21, expected at most n_samples (20)"),
        (
            "center_box: [-1, 1]",
            "center_box: [1, 1]",
            "generators.heaps.center_box: found [1.0, 1.0], expected [low, high] with low < high",
        ),
        ("lr: 0.1", "lr: 0", "variants.net.lr: found 0, expected a finite number > 0"),
        ("epochs: 2", "epochs: 0", "variants.net.epochs: found 0, expected a whole number from 1 to 1000000000"),
        (
            "log_every: 1",
            "log_every: 0",
            "variants.net.log_every: found 0, expected a whole number from 1 to 1000000000",
        ),
        (
            "lr: 0.1",
            "lr: 0.1, batch_size: 0",
            "variants.net.batch_size: found 0, expected a whole number from 1 to 1000000000",
        ),
        (
            "lr: 0.1",
            "lr: 0.1, burn_in_epochs: -1",
            "variants.net.burn_in_epochs: found -1, expected a whole number from 0 to 1000000000",
        ),
        ("lr: 0.1", "lr: 0.1, weight_decay: -1", "variants.net.weight_decay: found -1, expected a finite number >= 0"),
        ("lr: 0.1", "lr: 0.1, momentum: 1", "variants.net.momentum: found 1, expected a finite number >= 0 and < 1"),
        (
            "hidden_units: [3]",
            "hidden_units: [3, 0]",
            "variants.net.hidden_units[1]: found 0, expected a whole number from 1 to 1000000000",
        ),
        (
            "optimizer: adam",
            "optimizer: adam, betas: [0.9, 1]",
            "variants.flat.betas[1]: found 1, expected a finite number >= 0 and < 1",
        ),
        ("optimizer: adam", "optimizer: adam, eps: 0", "variants.flat.eps: found 0, expected a finite number > 0"),
        # not finite
        ("lr: 0.1", "lr: .inf", "variants.net.lr: found inf, expected a finite number > 0"),
        ("lr: 0.1", "lr: 1e400", "variants.net.lr: found inf, expected a finite number > 0"),
        ("lr: 0.1", "lr: .nan", "variants.net.lr: found nan, expected a finite number > 0"),
        ("bias: 0", "bias: .nan", f"generators.ramp.bias: found nan, expected a finite number {EITHER_SIGN}"),
        ("bias: 0", "bias: -.inf", f"generators.ramp.bias: found -inf, expected a finite number {EITHER_SIGN}"),
        (
            "center_box: [-1, 1]",
            "center_box: [-1, .inf]",
            f"generators.heaps.center_box[1]: found inf, expected a finite number {EITHER_SIGN}",
        ),
        # words of a fixed set
        ("precision: exact", "precision: exat", "precision: found 'exat', did you mean exact?"),
        ("precision: exact", "precision: 64", "precision: found 64, known: exact, fast"),
        ("precision: exact", "precision: [exact]", "precision: found ['exact'], known: exact, fast"),
        ("device: cpu", "device: xpu9000", "device: found 'xpu9000', known: auto, cpu, cuda, mps"),
        (
            "activation: relu",
            "activation: leakyrelu",
            "variants.net.activation: found 'leakyrelu', did you mean leaky_relu?",
        ),
        ("optimizer: sgd", "optimizer: lion", "variants.net.optimizer: found 'lion', known: sgd, adam, adamw"),
        (
            "lr: 0.1",
            "lr: 0.1, loss: hinge",
            "variants.net.loss: found 'hinge', known: bce_with_logits, cross_entropy, l1, mse",
        ),
        (
            "target: label",
            "target: label, task: multi_class",
            "datasets.dots.task: found 'multi_class', did you mean multiclass?",
        ),
        (
            "kind: random",
            "kind: shuffled",
            "datasets.dots.split.kind: found 'shuffled', known: random, stratified, ordered",
        ),
        ("kind: circles", "kind: circle", "generators.dots.kind: found 'circle', did you mean circles?"),
        (
            "kind: circles",
            "kind: 3",
            "generators.dots.kind: found 3, known: circles, moons, blobs, spirals, line, bundled",
        ),
        (
            "{kind: moons, n_samples: 20, noise: 0.1, seed: 1}",
            "{n_samples: 20}",
            f"generators.bows: found {{'n_samples': 20}}, expected a kind, one of: {KINDS}",
        ),
        (
            "{kind: moons, n_samples: 20, noise: 0.1, seed: 1}",
            "moons",
            "generators.bows: found 'moons', expected a kind, one of: circles, moons, blobs, spirals, line, bundled",
        ),
        # names
        *(
            ("  bows:", f"  {written}:", f"generators.{shown}: {NOT_A_NAME}")
            for written, shown in [
                ("a/b", "a/b"),
                ("..", ".."),
                (".", "."),
                ("'a\\b'", "a\\b"),
                ("a b", "a b"),
                ("a.b", "a.b"),
                ("a@b", "a@b"),
                ("-a", "-a"),
                ("_a", "_a"),
                ("è", "è"),
                ("''", ""),
                ('"a\\n"', r"'a\n'"),
                ('"\\0"', r"'\x00'"),
                ("x" * 65, "x" * 65),
                ("1", "1"),
                ("1.5", "1.5"),
                ("true", "True"),
                ("null", "None"),
            ]
        ),
        ("  ramp: {table", "  a/b: {table", f"datasets.a/b: {NOT_A_NAME}"),
        ("  net: {", f"  a/b: {{dataset: dots, {SMALL}}}\n  net: {{", f"variants.a/b: {NOT_A_NAME}"),
        ("  pair:", "  a/b:", f"contrasts.a/b: {NOT_A_NAME}"),
        # what stands elsewhere in the file
        (
            "device: cpu",
            "device: mps",
            "device: found mps, which has no float64 and so no exact arithmetic, expected precision: fast with it",
        ),
        (
            "optimizer: adam",
            "optimizer: adam, momentum: 0.9",
            "variants.flat.momentum: not an option of adam, expected none",
        ),
        (
            "optimizer: adam",
            "optimizer: adamw, nesterov: false",
            "variants.flat.nesterov: not an option of adamw, expected none",
        ),
        ("lr: 0.1", "lr: 0.1, betas: [0.9, 0.99]", "variants.net.betas: not an option of sgd, expected none"),
        ("lr: 0.1", "lr: 0.1, eps: 1e-8", "variants.net.eps: not an option of sgd, expected none"),
        (
            "lr: 0.1",
            "lr: 0.1, nesterov: true",
            "variants.net.nesterov: found true, expected a momentum above 0 with it",
        ),
        (
            "lr: 0.1",
            "lr: 0.1, nesterov: true, momentum: 0",
            "variants.net.nesterov: found true, expected a momentum above 0 with it",
        ),
        (
            "hidden_units: [3]",
            "hidden_units: []",
            "variants.net.activation: found relu, expected none where there are no hidden_units",
        ),
        (
            "pair: {dataset: dots",
            "pair: {dataset: dot",
            "contrasts.pair.dataset: found 'dot', not a dataset, did you mean dots?",
        ),
        (
            "hidden_units: [3]",
            "patience: 5, hidden_units: [3]",
            "variants.net.patience: found 5, expected a validation_size above 0 in datasets.dots.split with it",
        ),
        ("left: flat", "left: flt", "contrasts.pair.left: found 'flt', not a variant of dots, did you mean flat?"),
        (
            "contrasts:\n  pair: {dataset: dots, left: flat",
            f"  of_ramp: {{dataset: ramp, {SMALL}}}\ncontrasts:\n  pair: {{dataset: dots, left: of_ramp",
            "contrasts.pair.left: found 'of_ramp', not a variant of dots, known: net, flat",
        ),
        ("right: net", "right: zzz", "contrasts.pair.right: found 'zzz', not a variant of dots, known: net, flat"),
        # tables
        *(
            (
                "data/raw/dots.parquet",
                f"'{table}'",
                f"datasets.dots.table: found '{table}', expected a file under data/",
            )
            for table in ("/data/raw/dots.parquet", "data/../t.csv", "raw/t.csv", "../data/t.csv", "s3://data/t.csv")
        ),
        *(
            ("data/raw/dots.parquet", table, f"datasets.dots.table: found '{table}', expected a .csv or .parquet file")
            for table in ("data/t.txt", "data/t", "data/t.csv.gz")
        ),
        *(
            (
                "{table: data/raw/dots.parquet",
                f"{{table: '{table}'",
                f"datasets.dots.table: found '{table}', expected a name without \" $ ` \\ ! %",
            )
            for table in ("data/$(touch x).csv", "data/`x`.csv", "data/${lr}.csv", 'data/".csv', "data/!x.csv")
        ),
        (
            "data/raw/dots.parquet",
            "data/raw/dot.parquet",
            "datasets.dots.table: found 'data/raw/dot.parquet', which no generator makes, did you mean dots?",
        ),
        (
            "data/raw/dots.parquet",
            "data/raw/x.csv",
            "datasets.dots.table: found 'data/raw/x.csv', which no generator makes, "
            "known: dots, ramp, bows, heaps, arms",
        ),
        *(
            (
                "data/raw/dots.parquet",
                table,
                f"datasets.dots.table: found '{table}', expected a file that the pipeline does not write",
            )
            for table in (
                *("data/split/ramp/train.parquet", "data/predictions/net/test.parquet", "data/cards/own.csv"),
                *("data/cards/of/mine/own.csv", "data/Split/own.csv", "data/Raw/dots.parquet"),
            )
        ),
        # what a generated table holds
        (
            "target: label",
            "target: lable",
            "datasets.dots.target: found 'lable', not a column of generators.dots, did you mean label?",
        ),
        (
            "target: y",
            "target: label",
            "datasets.ramp.target: found 'label', not a column of generators.ramp, known: y, X1",
        ),
        *(
            ("target: label", f"target: label, {text}", f"datasets.dots.{key}: found {X3}")
            for text, key in [
                ("features: [X1, X3]", "features[1]"),
                ("drop: [X3]", "drop[0]"),
                ("preprocess: true, categories: [X3]", "categories[0]"),
            ]
        ),
        ("target: label", "target: label, drop: [X2, X1]", f"datasets.dots.drop: found all features {OF_DOTS} is left"),
        *(
            (
                "target: label",
                f"target: label, features: {features}",
                f"datasets.dots.features: found {shown}, expected columns other than the target, each once",
            )
            for features, shown in [("[]", "[]"), ("[X1, label]", "['X1', 'label']"), ("[X1, X1]", "['X1', 'X1']")]
        ),
        (
            "data/raw/dots.parquet, target: label",
            "data/raw/arms.parquet, target: label, task: binary",
            "datasets.dots.task: found binary, expected multiclass for the 3 classes of generators.arms",
        ),
        (
            "{kind: ordered, test_size: 0.2}",
            "{kind: stratified, test_size: 0.2, seed: 1}",
            "datasets.ramp.split.kind: found stratified, expected random or ordered for a regression",
        ),
        (
            "data/raw/ramp.parquet, target: y, split: {kind: ordered, test_size: 0.2}",
            "data/own.csv, target: y, task: regression, split: {kind: stratified, test_size: 0.2, seed: 1}",
            "datasets.ramp.split.kind: found stratified, expected random or ordered for a regression",
        ),
        (
            "test_size: 0.2, seed: 1",
            "test_size: 0.5, validation_size: 0.46, seed: 1",
            "datasets.dots.split: the 20 rows of generators.dots leave none for training "
            "beside 10 test and 10 validation",
        ),
        *(
            (
                "lr: 0.1",
                f"lr: 0.1, loss: {loss}",
                f"variants.net.loss: found {loss}, expected bce_with_logits for a binary target",
            )
            for loss in ("l1", "cross_entropy")
        ),
        (
            "net: {dataset: dots",
            f"of_ramp: {{dataset: ramp, {SMALL}, loss: cross_entropy}}\n  net: {{dataset: dots",
            "variants.of_ramp.loss: found cross_entropy, expected l1 or mse for a regression target",
        ),
        (
            "net: {dataset: dots",
            f"of_ramp: {{dataset: ramp, {SMALL}, class_weight: balanced}}\n  net: {{dataset: dots",
            "variants.of_ramp.class_weight: found balanced, expected none for a regression target",
        ),
        (
            "target: label",
            "target: label, features: [X1]",
            "contrasts.pair.dataset: found 'dots', which has 1 features, expected classes of two features",
        ),
        (
            "target: label",
            "target: X1",
            "contrasts.pair.dataset: found 'dots', a regression, expected classes of two features",
        ),
        # names of files
        (
            "  flat:",
            f"  NET: {{dataset: dots, {SMALL}}}\n  flat:",
            "variants.NET: the same file as net where case does not count, expected another name",
        ),
        *(
            (
                "  bows:",
                f"  {name}:",
                f"generators.{name}: no file can have this name on Windows, expected another name",
            )
            for name in ("NUL", "con", "COM1", "lpt9")
        ),
        *(
            (
                "  flat:",
                f"  {name}: {{dataset: dots, {SMALL}}}\n  flat:",
                f"variants.{name}: the name of a file of the pipeline's own, expected another name",
            )
            for name in ("baselines", "Baselines")
        ),
        # preprocessing
        (
            "target: label,",
            "target: label, features: [X1], drop: [X2],",
            "datasets.dots.drop: found features too, expected one of them",
        ),
        (
            "target: label,",
            "target: label, categories: [X1],",
            "datasets.dots.categories: found without preprocess, expected preprocess: true with it",
        ),
        (
            "target: label,",
            "target: label, missing: ['?'],",
            "datasets.dots.missing: found without preprocess, expected preprocess: true with it",
        ),
        (
            "target: label,",
            "target: label, preprocess: 1,",
            "datasets.dots.preprocess: found 1, expected true or false",
        ),
        (
            "target: label,",
            "target: label, preprocess: true, missing: [1],",
            "datasets.dots.missing[0]: found 1, expected text",
        ),
        # splits
        (
            "test_size: 0.2",
            "test_size: 0",
            "datasets.dots.split.test_size: found 0, expected a finite number > 0 and < 1",
        ),
        (
            "test_size: 0.2",
            "test_size: 1",
            "datasets.dots.split.test_size: found 1, expected a finite number > 0 and < 1",
        ),
        (
            "test_size: 0.2",
            "test_size: 20%",
            "datasets.dots.split.test_size: found '20%', expected a finite number > 0 and < 1",
        ),
        (
            "test_size: 0.2",
            "test_size: 0.2, validation_size: -0.1",
            "datasets.dots.split.validation_size: found -0.1, expected a finite number >= 0 and < 1",
        ),
        (
            "test_size: 0.2",
            "test_size: 0.7, validation_size: 0.3",
            "datasets.dots.split: found test_size and validation_size 0.7 and 0.3, expected less than 1 together",
        ),
        (
            "test_size: 0.2, seed: 1",
            "test_size: 0.2",
            "datasets.dots.split.seed: missing, expected a whole number for a random split",
        ),
        (
            "{kind: ordered, test_size: 0.2}",
            "{kind: ordered, test_size: 0.2, seed: 3}",
            "datasets.ramp.split.seed: found 3, expected none: an ordered split draws nothing",
        ),
    ],
)
def test_one_problem_is_one_line(old: str, new: str, line: str, problems: Problems) -> None:
    assert problems(edited(old, new)) == [line]


def with_dataset(table: str, columns: str) -> str:
    """The valid document with another data set, and a bundled table, cancer."""
    dataset = f"{{table: data/raw/{table}.parquet, {columns}, split: {{kind: random, test_size: 0.2, seed: 1}}}}"
    text = edited("generators:\n", "generators:\n  cancer: {kind: bundled, name: breast_cancer}\n")
    return text.replace("datasets:\n", f"datasets:\n  of_it: {dataset}\n", 1)


@pytest.mark.parametrize(
    ("table", "columns"),
    [
        ("cancer", "target: label, task: binary"),
        ("cancer", "target: mean radius, features: [mean area], task: regression"),
        ("cancer", "target: mean radius, features: [mean area], task: binary"),
        ("arms", "target: X1, features: [X2], task: binary"),
        ("dots", "target: label, task: binary"),
    ],
)
def test_the_task_may_be_any_that_the_target_is_not_known_to_rule_out(table: str, columns: str, load: Load) -> None:
    assert "of_it" in load(with_dataset(table, columns)).datasets


def test_classes_that_are_words_are_no_target_of_a_regression(problems: Problems) -> None:
    (line,) = problems(with_dataset("cancer", "target: label, task: regression"))
    expected = "expected none for the classes of generators.cancer, which are words"
    assert line == f"datasets.of_it.task: found regression, {expected}"


def test_a_line_may_have_so_many_rows(load: Load) -> None:
    assert isinstance(load(edited("start: 0, end: 1, step: 0.1", "start: 0, end: 1000000000, step: 1")), params.Params)


@pytest.mark.parametrize(
    ("weights", "lines"),
    [
        ("[]", [": found 0 layers, expected 2, one more than hidden_units"]),
        ("[{weight: [[1, 2]], bias: [1]}]", [": found 1 layers, expected 2, one more than hidden_units"]),
        (
            "[{weight: [[1], [1]], bias: [1, 1]}, {weight: [[1, 1]], bias: [1]}]",
            [
                "[0]: found 2 rows of 1 weights and 2 biases, expected 3 rows of 1 weights and 3 biases",
                "[1]: found 1 rows of 2 weights and 1 biases, expected 1 rows of 3 weights and 1 biases",
            ],
        ),
        (
            "[{weight: [[1], [1]], bias: [1, 1, 1]}, {weight: [[1, 1, 1]], bias: [1]}]",
            ["[0]: found 2 rows of 1 weights and 3 biases, expected 3 rows of 1 weights and 3 biases"],
        ),
        (
            "[{weight: [[1], [1], [1, 2]], bias: [1, 1, 1]}, {weight: [[1, 1, 1]], bias: [1]}]",
            ["[0]: found 3 rows of 1 or 2 weights and 3 biases, expected 3 rows of 1 weights and 3 biases"],
        ),
        (
            "[{weight: [[], [], []], bias: [1, 1, 1]}, {weight: [[1, 1, 1]], bias: [1]}]",
            ["[0]: found 3 rows of 0 weights and 3 biases, expected 3 rows of some weights and 3 biases"],
        ),
        (
            "[{weight: [], bias: [1, 1, 1]}, {weight: [[1, 1, 1]], bias: [1]}]",
            ["[0]: found 0 rows of no weights and 3 biases, expected 3 rows of some weights and 3 biases"],
        ),
    ],
)
def test_initial_weights_have_the_shape_of_the_network(weights: str, lines: list[str], problems: Problems) -> None:
    found = problems(edited("lr: 0.1", f"lr: 0.1, initial_weights: {weights}"))
    assert found == [f"variants.net.initial_weights{line}" for line in lines]


@pytest.mark.parametrize("number", [".nan", ".inf", "true", "'1'", "null", "x"])
@pytest.mark.parametrize(
    "layer", ["{weight: [[%s], [1], [1]], bias: [1, 1, 1]}", "{weight: [[1], [1], [1]], bias: [1, 1, %s]}"]
)
def test_initial_weights_are_finite_numbers(layer: str, number: str, problems: Problems) -> None:
    weights = f"[{layer % number}, {{weight: [[1, 1, 1]], bias: [1]}}]"
    (line,) = problems(edited("lr: 0.1", f"lr: 0.1, initial_weights: {weights}"))
    assert line.startswith("variants.net.initial_weights")


def test_a_renamed_key_is_unknown_and_missing(problems: Problems) -> None:
    assert problems(edited("lr: 0.1", "learning_rate: 0.1")) == [
        "variants.net.learning_rate: unknown, did you mean lr?",
        "variants.net.lr: missing, expected a finite number > 0",
    ]
    assert problems(edited("epochs: 2", "iterations: 2"))[0] == "variants.net.iterations: unknown, did you mean epochs?"
    assert problems(edited("seed: 1\n", "sed: 1\n")) == [
        "sed: unknown, did you mean seed?",
        "seed: missing, expected a whole number from 0 to 4294967295",
    ]


def test_all_problems_are_told_at_once(problems: Problems) -> None:
    text = (
        edited("seed: 1\n", "seed: -1\n")
        .replace("device: cpu", "device: gpu")
        .replace("  bows: {kind: moons, n_samples: 20,", "  a b: {kind: moons, samples: 20,")
        .replace("target: y", "target: 7")
        .replace("lr: 0.1", "lr: true")
        .replace("right: net", "right: 1")
    )
    assert problems(text) == [
        "seed: found -1, expected a whole number from 0 to 4294967295",
        "device: found 'gpu', did you mean cpu?",
        f"generators.a b: {NOT_A_NAME}",
        "generators.a b.samples: unknown, did you mean n_samples?",
        "generators.a b.n_samples: missing, expected a whole number from 2 to 1000000000",
        "datasets.ramp.target: found 7, expected text",
        "variants.net.lr: found true, expected a finite number > 0",
        "contrasts.pair.right: found 1, expected text",
    ]


def test_contradictions_are_told_beside_problems_of_other_entries(problems: Problems) -> None:
    """Of what stands in the file by name, whether it could be read or not."""
    text = (
        edited("device: cpu", "device: mps")
        .replace("seed: 1\n", "seed: -1\n", 1)
        .replace("noise: 0.1, factor", "noise: -1, factor")
        .replace("end: 1", "end: 0")
        .replace("net: {dataset: dots, hidden_units: [3]", "net: {dataset: dots, hidden_units: []")
        .replace("flat: {dataset: dots, hidden_units: []", "flat: {dataset: dots, hidden_units: [x]")
        .replace("left: flat", "left: flt")
    )
    assert problems(text) == [
        "seed: found -1, expected a whole number from 0 to 4294967295",
        "generators.dots.noise: found -1, expected a finite number from 0 to 1e+18",
        "variants.flat.hidden_units[0]: found 'x', expected a whole number from 1 to 1000000000",
        "device: found mps, which has no float64 and so no exact arithmetic, expected precision: fast with it",
        "generators.ramp.end: found 0.0, expected room for two steps after start (0.0)",
        "variants.net.activation: found relu, expected none where there are no hidden_units",
        "contrasts.pair.left: found 'flt', not a variant of dots, known: net",
    ]


@pytest.mark.parametrize("section", ["generators", "datasets", "variants", "contrasts"])
def test_a_section_that_cannot_be_read_is_the_only_problem(section: str, problems: Problems) -> None:
    """What refers to its entries is not blamed."""
    document = YAML(typ="safe").load(VALID)
    document[section] = 3
    text = io.StringIO()
    YAML(typ="safe").dump(document, text)
    assert problems(text.getvalue()) == [f"{section}: found 3, expected names and what they stand for"]


def test_no_variants_or_no_datasets_are_nothing_to_do(problems: Problems) -> None:
    before, _, _ = VALID.partition("variants:\n")
    assert problems(f"{before}variants: {{}}\ncontrasts: {{}}\n") == ["variants: found none, expected one or more"]
    before = before.partition("datasets:\n")[0]
    found = problems(f"{before}datasets: {{}}\nvariants: {{}}\ncontrasts: {{}}\n")
    assert found == [f"{section}: found none, expected one or more" for section in ("datasets", "variants")]


@pytest.mark.parametrize(
    ("layers", "line"),
    [
        (
            "{weight: [[1], [1], [1]], bias: [1, 1, 1]}, {weight: [[1, 1, 1]], bias: [1]}",
            "[0]: found 1 inputs, expected 2, one for each feature",
        ),
        (
            "{weight: [[1, 2], [1, 2], [1, 2]], bias: [1, 1, 1]}, {weight: [[1, 1, 1], [1, 1, 1]], bias: [1, 1]}",
            "[1]: found 2 outputs, expected 1 for the target",
        ),
    ],
)
def test_initial_weights_fit_the_generated_table(layers: str, line: str, problems: Problems) -> None:
    found = problems(edited("lr: 0.1", f"lr: 0.1, initial_weights: [{layers}]"))
    assert found == [f"variants.net.initial_weights{line}"]


def test_all_contradictions_are_told_at_once(problems: Problems) -> None:
    text = (
        edited("device: cpu", "device: mps")
        .replace("end: 1", "end: 0")
        .replace("data/raw/ramp.parquet", "ramp.parquet")
        .replace("net: {dataset: dots", "net: {dataset: dot")
    )
    assert problems(text) == [
        "device: found mps, which has no float64 and so no exact arithmetic, expected precision: fast with it",
        "generators.ramp.end: found 0.0, expected room for two steps after start (0.0)",
        "datasets.ramp.table: found 'ramp.parquet', expected a file under data/",
        "variants.net.dataset: found 'dot', not a dataset, did you mean dots?",
    ]


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("", "the file: found null, expected keys and values"),
        ("# nothing\n", "the file: found null, expected keys and values"),
        ("- seed\n", "the file: found ['seed'], expected keys and values"),
        ("seed", "the file: found 'seed', expected keys and values"),
        (b"\xff\xfe", "not UTF-8 text (byte 0)"),
        (b"seed: \xe9", "not UTF-8 text (byte 6)"),
        (VALID.encode("utf-16"), "not UTF-8 text (byte 0)"),
    ],
)
def test_not_a_mapping_or_not_text(content: str | bytes, line: str, problems: Problems) -> None:
    assert problems(content) == [line]


@pytest.mark.parametrize(
    ("seed", "what"),  # what stands after "seed: ", and a word of the line
    [
        ("[1", ", line 2, column 11: while parsing a flow sequence, did not find expected ',' or ']'"),
        ("1\nseed: 2", 'duplicate key "seed"'),
        ("{a: 1, a: 2}", 'duplicate key "a"'),
        ("@x", "line 1, column 7: while scanning for the next token, found character"),
        ("{a: x:y}", "unexpected ':'"),
        ("*x", ", line 1, column 7: found undefined alias"),
        ("1\n---\nseed: 2", "another document"),
        ("!mine 1", "!mine"),
        ("!!python/object/apply:os.getcwd []", "python/object"),
        ("{{a: 1}: 2}", "unhashable key"),
        ("\0", "not allowed"),
        ("2020-13-01", "month"),
        ("!!int x", ": ValueError invalid literal"),
        ("[" * 100 + "]" * 100, ", line 1, column 106: found more than 100 levels of nesting, expected at most that"),
        # ruamel.yaml lets what its constructors stumble over through as it is: IndexError, KeyError, TypeError
        ("!!int ''", ""),
        ("!!float", ": IndexError "),
        ("!!bool x", ": KeyError 'x'"),
        ("{? [{a: b}] : 2}", ""),
    ],
)
def test_not_readable_as_yaml(seed: str, what: str, problems: Problems) -> None:
    (line,) = problems(edited("seed: 1\n", f"seed: {seed}\n"))
    assert line.startswith("not readable as YAML")
    assert what in line


@pytest.mark.parametrize("seed", ["[" * 200_000 + "]" * 200_000, "{a: " * 200_000 + "}" * 200_000], ids=["[", "{"])
def test_what_would_end_the_process_is_told(seed: str, problems: Problems) -> None:
    (line,) = problems(edited("seed: 1\n", f"seed: {seed}\n"))
    assert "found more than 100 levels of nesting, expected at most that" in line


def test_a_hundred_levels_are_read(problems: Problems) -> None:
    (line,) = problems(edited("seed: 1\n", f"seed: {'[' * 99 + ']' * 99}\n"))
    assert line.startswith("seed: found [[[")


def test_an_entry_without_a_name_contradicts_nothing(problems: Problems) -> None:
    """Whatever it says, its name comes first: nothing makes the table of this one."""
    entry = "{table: data/raw/none.parquet, target: y, split: {kind: ordered, test_size: 0.2}}"
    (line,) = problems(edited("datasets:\n", f"datasets:\n  a b: {entry}\n"))
    assert line == f"datasets.a b: {NOT_A_NAME}"


def test_what_makes_the_table_of_a_data_set(load: Load) -> None:
    found = load(VALID)
    dots, ramp = found.datasets["dots"], found.datasets["ramp"]
    assert found.generator_of(dots) is found.generators["dots"]
    assert found.generator_of(ramp) is found.generators["ramp"]
    for table in ("data/own.csv", "data/dots.parquet", "data/raw/dots.csv"):
        assert found.generator_of(params.Dataset(table, dots.target, dots.split)) is None


def test_nested_deeper_than_python_can_show(problems: Problems) -> None:
    """By aliases, which no level of the text tells."""
    chain = "".join(f"x{n}: &x{n} [*x{n - 1}]\n" for n in range(1, 3000))
    lines = problems("x0: &x0 []\n" + chain + edited("seed: 1\n", "seed: *x2999\n"))
    assert "seed: found a huge value, expected a whole number from 0 to 4294967295" in lines


@pytest.mark.parametrize("number", ["9" * 400, "0x" + "f" * 400, "0x" + "f" * 5000], ids=["400", "hex", "long hex"])
def test_numbers_beyond_all_bounds(number: str, problems: Problems) -> None:
    """Python refuses to print an int of more than 4300 digits."""
    (line,) = problems(edited("lr: 0.1", f"lr: {number}"))
    assert line.startswith("variants.net.lr: found ")


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    for read in (check, load_params):
        with pytest.raises(FileNotFoundError):
            read(tmp_path / "none.yaml")


def test_an_entry_is_found_by_its_name(path: Path) -> None:
    assert entry_of(path, "variants", {"net": 1, "flat": 2}, "flat") == 2
    with pytest.raises(ParamsError) as caught:
        entry_of(path, "variants", {"net": 1, "flat": 2}, "flt")
    assert str(caught.value) == f"{path}: variants: no entry 'flt', did you mean flat?"


def reading(path: Path, after: str, *used: str) -> params.Params:
    """What a stage reads that uses these keys, while the file becomes another."""
    path.write_text(VALID)
    with open_params(path, *used) as found:
        path.write_text(after)
    return found


@pytest.mark.parametrize("after", [VALID, f"# of no importance\n{VALID}", edited("lr: 0.2", "lr: 0.3")])
def test_an_edit_of_what_was_not_used_does_not_matter(path: Path, after: str) -> None:
    """Nor one that leaves all values as they are; what is read is the file as it was at the start."""
    assert reading(path, after, "seed", "variants.net", "datasets") == reading(path, VALID)


@pytest.mark.parametrize(
    ("after", "used", "key"),
    [
        (edited("lr: 0.2", "lr: 0.3"), ("seed", "variants.flat"), "variants.flat"),
        (edited("lr: 0.2", "lr: 0.3"), ("variants",), "variants"),
        (edited("seed: 1\n", "seed: 2\n"), ("variants.net", "seed"), "seed"),
        (edited("  flat:", "  other:"), ("variants.flat",), "variants.flat"),
        ("seed: 1\n", ("seed", "variants.flat"), "variants.flat"),
        ("- seed\n", ("seed",), "seed"),
    ],
)
def test_an_edit_of_what_was_used_is_told_at_the_end(path: Path, after: str, used: tuple[str, ...], key: str) -> None:
    with pytest.raises(ParamsError) as caught:
        reading(path, after, *used)
    assert str(caught.value) == f"{path}: {key}: changed while this stage ran, run it again"


def test_what_a_stage_raises_itself_comes_before_an_edit(path: Path) -> None:
    def fail() -> None:
        with open_params(path, "seed"):
            path.write_text(edited("seed: 1\n", "seed: 2\n"))
            raise KeyError

    path.write_text(VALID)
    with pytest.raises(KeyError):
        fail()


KEYS = (
    st.text(max_size=5) | st.sampled_from(["seed", "lr", "kind", "table"]) | st.integers() | st.booleans() | st.none()
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**400), 10**400)
    | st.floats()
    | st.text(max_size=5)
    | st.dates()
    | st.binary(max_size=3)
    | st.sampled_from(["circles", "line", "dots", "net", "ordered", "adam", "data/raw/", "data/a.csv", 0.5]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)


def _places(node: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """The way to each value of nested data, and the value."""
    yield place, node
    for key, item in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
        yield from _places(item, (*place, key))


DOCUMENT = {"": YAML(typ="safe").load(VALID)}  # the file's own place is ""
PLACES = [place for place, _ in _places(DOCUMENT) if place]
MAPPINGS = [place for place, node in _places(DOCUMENT) if place and isinstance(node, dict)]
NEW_PLACES = st.tuples(st.sampled_from(MAPPINGS), KEYS).map(lambda found: (*found[0], found[1]))


@settings(deadline=None)
@given(edits=st.lists(st.tuples(st.sampled_from(PLACES) | NEW_PLACES, VALUES), min_size=1, max_size=3))
def test_any_content_loads_or_is_told(
    edits: list[tuple[tuple[Any, ...], Any]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Random data in the place of values of a valid document, or added to it."""
    document = copy.deepcopy(DOCUMENT)
    for place, value in edits:
        node: Any = document
        with contextlib.suppress(LookupError, TypeError):  # an edit before may have taken the place away
            for step in place[:-1]:
                node = node[step]
            node[place[-1]] = value
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    with path.open("w", encoding="utf-8") as file:
        YAML(typ="safe").dump(document[""], file)
    loads_or_is_told(path)


@settings(deadline=None)
@given(text=st.text(st.sampled_from("{}[]:,&*!|>-?'\"#%@ab1.~<=\n \t\\"), max_size=12))
def test_any_text_loads_or_is_told(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Broken YAML in a valid document."""
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_text(edited("lr: 0.1", f"lr: {text}"), encoding="utf-8")
    loads_or_is_told(path)


def loads_or_is_told(path: Path) -> None:
    """By `check`, in lines; what it passes a stage loads as the same, and what a stage refuses it says in one line."""
    checked, told = found_or_told(check, path)
    loaded, first = found_or_told(load_params, path)
    assert all(line.startswith(f"{path}: ") for line in told + first)
    assert len(first) <= 1
    assert told or loaded == checked


def found_or_told(read: Callable[[Path], params.Params], path: Path) -> tuple[params.Params | None, list[str]]:
    """What is read, or else the lines that say why not."""
    try:
        return read(path), []
    except ParamsError as error:
        return None, str(error).split("\n")
