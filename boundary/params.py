"""params.yaml: what may stand in it, and its only reader.

The classes below are the schema: field names are keys, types and bounds are what is allowed, defaults make a key
optional. `load` checks the whole file and reports every problem at once, one line each.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal, TypeVar

from msgspec import Meta

from boundary import checked
from boundary.checked import Section, did_you_mean, shown
from boundary.schema import Task

T = TypeVar("T")
Seed = Annotated[int, Meta(ge=0, le=2**32 - 1)]  # what NumPy's generators take
Count = Annotated[int, Meta(ge=1, le=10**9)]
AtLeastTwo = Annotated[int, Meta(ge=2, le=10**9)]
NotNegative = Annotated[float, Meta(ge=0)]
Positive = Annotated[float, Meta(gt=0)]
Share = Annotated[float, Meta(gt=0, lt=1)]
ShareOrNone = Annotated[float, Meta(ge=0, lt=1)]
Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}\Z")]  # a file name everywhere, and DVC's key

LossName = Literal["bce_with_logits", "cross_entropy", "l1", "mse"]
OptimizerName = Literal["sgd", "adam", "adamw"]
ActivationName = Literal[
    "none",
    "relu",
    "relu6",
    "leaky_relu",
    "elu",
    "selu",
    "silu",
    "gelu_tanh",
    "softplus",
    "sigmoid",
    "tanh",
    "hardtanh",
    "softsign",
]


class Circles(Section, frozen=True, tag="circles", tag_field="kind"):
    """Two circles, one inside the other: sklearn.datasets.make_circles."""

    n_samples: AtLeastTwo
    noise: NotNegative
    factor: ShareOrNone
    seed: Seed


class Moons(Section, frozen=True, tag="moons", tag_field="kind"):
    """Two interleaved half circles: sklearn.datasets.make_moons."""

    n_samples: AtLeastTwo
    noise: NotNegative
    seed: Seed


class Blobs(Section, frozen=True, tag="blobs", tag_field="kind"):
    """Gaussian blobs around centers drawn from center_box: sklearn.datasets.make_blobs."""

    n_samples: AtLeastTwo
    n_features: Count
    centers: AtLeastTwo
    cluster_std: NotNegative
    center_box: tuple[float, float]
    seed: Seed


class Spirals(Section, frozen=True, tag="spirals", tag_field="kind"):
    """Spiral arms, one per class, as in the CS231n course notes; noise is added to the angle."""

    points_per_class: AtLeastTwo
    classes: AtLeastTwo
    noise: NotNegative
    seed: Seed


class Line(Section, frozen=True, tag="line", tag_field="kind"):
    """A straight line, y = weight x + bias, for x from start up to (not including) end."""

    weight: float
    bias: float
    start: float
    end: float
    step: Positive


class Bundled(Section, frozen=True, tag="bundled", tag_field="kind"):
    """A real table that comes with scikit-learn: sklearn.datasets.load_<name>."""

    name: Literal["breast_cancer", "wine", "digits"]


Generator = Circles | Moons | Blobs | Spirals | Line | Bundled


class Split(Section, frozen=True):
    """How rows are divided: the test part first, then validation (a share of the whole too), the rest is for training.

    random and stratified shuffle with the seed; ordered takes training, validation and test rows in file order.
    """

    kind: Literal["random", "stratified", "ordered"]
    test_size: Share
    validation_size: ShareOrNone = 0.0
    seed: Seed | None = None


class Dataset(Section, frozen=True):
    """A table and its use. Features: all other columns, unless named; the task: seen from the target, unless named.

    With `preprocess`, features may hold words and missing values, and are scaled: see boundary/preprocessing.py.
    """

    table: str
    target: str
    split: Split
    features: list[str] | None = None
    drop: list[str] | None = None
    task: Task | None = None
    preprocess: bool = False
    categories: list[str] | None = None
    missing: list[str] | None = None


class Layer(Section, frozen=True):
    """Weights and biases of one layer, as nn.Linear holds them: weight (out, in), bias (out)."""

    weight: list[list[float]]
    bias: list[float]


class Variant(Section, frozen=True):
    """A network, and how it is trained. See README.md for the keys."""

    dataset: str
    hidden_units: list[Count]
    activation: ActivationName
    optimizer: OptimizerName
    lr: Positive
    epochs: Count
    log_every: Count
    loss: LossName | None = None
    class_weight: Literal["balanced"] | None = None
    momentum: ShareOrNone | None = None
    nesterov: bool | None = None
    betas: tuple[ShareOrNone, ShareOrNone] | None = None
    eps: Positive | None = None
    weight_decay: NotNegative = 0.0
    patience: Count | None = None
    burn_in_epochs: Annotated[int, Meta(ge=0, le=10**9)] = 0
    batch_size: Count | None = None
    initial_weights: list[Layer] | None = None

    @property
    def optimizer_options(self) -> dict[str, Any]:
        """The optimizer's arguments: lr, weight_decay and those others that were given."""
        names = ("lr", "weight_decay", *OPTIMIZER_KEYS[self.optimizer])
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}


class Contrast(Section, frozen=True):
    """Two variants of one dataset drawn side by side."""

    dataset: str
    left: str
    right: str


class Params(Section, frozen=True):
    """The whole file."""

    seed: Seed
    replicates: Count
    precision: Literal["exact", "fast"]
    device: Literal["auto", "cpu", "cuda", "mps"]
    generators: dict[Name, Generator]
    datasets: dict[Name, Dataset]
    variants: dict[Name, Variant]
    contrasts: dict[Name, Contrast]

    def generator_of(self, dataset: Dataset) -> Generator | None:
        """What makes the table of a data set; None where it is a user's own."""
        table = PurePosixPath(dataset.table)
        return self.generators.get(table.stem) if dataset.table == f"data/raw/{table.stem}.parquet" else None


SHELL = '"$`\\!%'  # what a shell or DVC reads in quoted text: dvc.yaml's commands name the table
OPTIMIZER_KEYS = {"sgd": ("momentum", "nesterov"), "adam": ("betas", "eps"), "adamw": ("betas", "eps")}


class ParamsError(ValueError):
    """Everything that is wrong with a params file: one line per problem, each with file, key, found and allowed."""


def load(path: Path) -> Params:
    """Read and check a params file. Raises ParamsError with all its problems, OSError when it cannot be read.

    YAML is read by the reader that DVC uses, so that a value means the same here and in dvc.lock: YAML 1.2, where
    1e-3 is a number and `yes` is a word.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError

    try:
        content = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise ParamsError(f"{path}: not UTF-8 text (byte {error.start})") from None
    except OSError:
        raise
    except MarkedYAMLError as error:
        mark = error.problem_mark
        place = "" if mark is None else f", line {mark.line + 1}, column {mark.column + 1}"
        what = " ".join(", ".join(filter(None, (error.context, error.problem))).split())
        raise ParamsError(f"{path}: not readable as YAML{place}: {what}") from None
    except Exception as error:  # the reader's own: KeyError, IndexError, TypeError, RecursionError have been seen
        what = " ".join(str(error).split())
        raise ParamsError(f"{path}: not readable as YAML: {type(error).__name__} {what}".rstrip()) from None
    problems: list[str] = []
    params: Params = checked.read(content, Params, "", problems)
    if not problems:
        problems = list(_contradictions(params))
    if problems:
        raise ParamsError("\n".join(f"{path}: {problem}" for problem in problems))
    return params


def entry(path: Path, section: str, entries: Mapping[str, T], name: str) -> T:
    """The entry of that name in a section of the file at `path`. Raises ParamsError where there is none."""
    if name not in entries:
        raise ParamsError(f"{path}: {section}: no entry {shown(name)}{did_you_mean(name, entries)}")
    return entries[name]


def must_still_say(path: Path, before: Params, used: Callable[[Params], object]) -> None:
    """Raises ParamsError where the file was edited since `before` was read, in the part that was `used`.

    dvc notes the parameters of a stage when it has ended: it would record them with results that others made.
    """
    if used(load(path)) != used(before):
        raise ParamsError(f"{path}: changed what this stage was told while it ran, run it again")


def _contradictions(params: Params) -> Iterator[str]:
    """What each key alone cannot show."""
    if params.device == "mps" and params.precision == "exact":
        yield "device: found mps, which has no float64 and so no exact arithmetic, expected precision: fast with it"
    for name, generator in params.generators.items():
        yield from _generator_contradictions(f"generators.{name}", generator)
    for name, dataset in params.datasets.items():
        yield from _dataset_contradictions(f"datasets.{name}", dataset, params)
    for name, variant in params.variants.items():
        yield from _variant_contradictions(f"variants.{name}", variant, params)
    for name, contrast in params.contrasts.items():
        yield from _contrast_contradictions(f"contrasts.{name}", contrast, params)


def _generator_contradictions(path: str, generator: Generator) -> Iterator[str]:
    if isinstance(generator, Line) and generator.end <= generator.start + generator.step:
        yield f"{path}.end: found {generator.end}, expected room for two steps after start ({generator.start})"
    if isinstance(generator, Blobs) and generator.center_box[0] >= generator.center_box[1]:
        yield f"{path}.center_box: found {list(generator.center_box)}, expected [low, high] with low < high"
    if isinstance(generator, Blobs) and generator.centers > generator.n_samples:
        yield f"{path}.centers: found {generator.centers}, expected at most n_samples ({generator.n_samples})"


def _dataset_contradictions(path: str, dataset: Dataset, params: Params) -> Iterator[str]:
    table = PurePosixPath(dataset.table)
    found = f"{path}.table: found {shown(dataset.table)}"
    if not dataset.table.startswith("data/") or ".." in table.parts or not dataset.table.isprintable():
        yield f"{found}, expected a file under data/"
    elif any(character in SHELL for character in dataset.table):
        yield f"{found}, expected a name without {' '.join(SHELL)}"
    elif table.suffix not in (".csv", ".parquet"):
        yield f"{found}, expected a .csv or .parquet file"
    elif table.parts[1] == "raw" and params.generator_of(dataset) is None:
        yield f"{found}, which no generator makes{did_you_mean(table.stem, params.generators)}"
    elif table.parts[1] in ("split", "predictions"):
        yield f"{found}, expected a file that the pipeline does not write"
    if dataset.features is not None and dataset.drop is not None:
        yield f"{path}.drop: found features too, expected one of them"
    for key in ("categories", "missing"):
        if getattr(dataset, key) is not None and not dataset.preprocess:
            yield f"{path}.{key}: found without preprocess, expected preprocess: true with it"
    split = dataset.split
    if split.test_size + split.validation_size >= 1:
        both = f"{split.test_size} and {split.validation_size}"
        yield f"{path}.split: found test_size and validation_size {both}, expected less than 1 together"
    if split.kind == "ordered" and split.seed is not None:
        yield f"{path}.split.seed: found {split.seed}, expected none: an ordered split draws nothing"
    if split.kind != "ordered" and split.seed is None:
        yield f"{path}.split.seed: missing, expected a whole number for a {split.kind} split"


def _variant_contradictions(path: str, variant: Variant, params: Params) -> Iterator[str]:
    if variant.dataset not in params.datasets:
        yield _unknown(f"{path}.dataset", variant.dataset, "dataset", params.datasets)
    for key in ("momentum", "nesterov", "betas", "eps"):
        if getattr(variant, key) is not None and key not in OPTIMIZER_KEYS[variant.optimizer]:
            yield f"{path}.{key}: not an option of {variant.optimizer}, expected none"
    dataset = params.datasets.get(variant.dataset)
    if variant.patience is not None and dataset is not None and not dataset.split.validation_size:
        yield (
            f"{path}.patience: found {variant.patience}, "
            f"expected a validation_size above 0 in datasets.{variant.dataset}.split with it"
        )
    if variant.nesterov and not variant.momentum:
        yield f"{path}.nesterov: found true, expected a momentum above 0 with it"
    if variant.activation != "none" and not variant.hidden_units:
        yield f"{path}.activation: found {variant.activation}, expected none where there are no hidden_units"
    if variant.initial_weights is not None:
        yield from _weight_contradictions(f"{path}.initial_weights", variant.hidden_units, variant.initial_weights)


def _weight_contradictions(path: str, hidden: list[int], layers: list[Layer]) -> Iterator[str]:
    """All but the numbers of inputs and outputs, which the data set decides."""
    if len(layers) != len(hidden) + 1:
        yield f"{path}: found {len(layers)} layers, expected {len(hidden) + 1}, one more than hidden_units"
        return
    for k, layer in enumerate(layers):
        outputs = hidden[k] if k < len(hidden) else len(layer.bias)
        inputs = hidden[k - 1] if k else len(layer.weight[0]) if layer.weight else 0
        widths = {len(row) for row in layer.weight}
        if (len(layer.weight), len(layer.bias), widths) != (outputs, outputs, {inputs}) or not inputs:
            rows = f"{len(layer.weight)} rows of {' or '.join(map(str, sorted(widths))) or 'no'} weights"
            expected = f"{outputs} rows of {inputs or 'some'} weights and {outputs} biases"
            yield f"{path}[{k}]: found {rows} and {len(layer.bias)} biases, expected {expected}"


def _contrast_contradictions(path: str, contrast: Contrast, params: Params) -> Iterator[str]:
    if contrast.dataset not in params.datasets:
        yield _unknown(f"{path}.dataset", contrast.dataset, "dataset", params.datasets)
        return
    own = [name for name, variant in params.variants.items() if variant.dataset == contrast.dataset]
    for side in ("left", "right"):
        chosen = params.variants.get(getattr(contrast, side))
        if chosen is None or (chosen.dataset in params.datasets and chosen.dataset != contrast.dataset):
            yield _unknown(f"{path}.{side}", getattr(contrast, side), f"variant of {contrast.dataset}", own)


def _unknown(path: str, found: str, what: str, known: Iterable[str]) -> str:
    return f"{path}: found {shown(found)}, not a {what}{did_you_mean(found, known)}"
