"""params.yaml: what may stand in it, and its only reader.

The classes below are the schema: field names are keys, types and bounds are what is allowed, defaults make a key
optional. `load` checks the whole file and reports every problem at once, one line each: of each key alone by these
types, of keys together by boundary/validation/rules.py.
"""

from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal, TypeVar

from msgspec import Meta

from boundary.artifacts.schema import Task
from boundary.config import parsing as checked
from boundary.config.parsing import Section, did_you_mean, shown

T = TypeVar("T")
Seed = Annotated[int, Meta(ge=0, le=2**32 - 1)]  # what NumPy's generators take
Count = Annotated[int, Meta(ge=1, le=10**9)]
AtLeastTwo = Annotated[int, Meta(ge=2, le=10**9)]
LARGEST = 1e18  # in a generated table's settings: products of two are still float32 numbers
Coordinate = Annotated[float, Meta(ge=-LARGEST, le=LARGEST)]
Spread = Annotated[float, Meta(ge=0, le=LARGEST)]
NotNegative = Annotated[float, Meta(ge=0)]
Positive = Annotated[float, Meta(gt=0)]
Share = Annotated[float, Meta(gt=0, lt=1)]
ShareOrNone = Annotated[float, Meta(ge=0, lt=1)]
DEEPEST = 100  # levels of nesting
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
    noise: Spread
    factor: ShareOrNone
    seed: Seed


class Moons(Section, frozen=True, tag="moons", tag_field="kind"):
    """Two interleaved half circles: sklearn.datasets.make_moons."""

    n_samples: AtLeastTwo
    noise: Spread
    seed: Seed


class Blobs(Section, frozen=True, tag="blobs", tag_field="kind"):
    """Gaussian blobs around centers drawn from center_box: sklearn.datasets.make_blobs."""

    n_samples: AtLeastTwo
    n_features: Count
    centers: AtLeastTwo
    cluster_std: Spread
    center_box: tuple[Coordinate, Coordinate]
    seed: Seed


class Spirals(Section, frozen=True, tag="spirals", tag_field="kind"):
    """Spiral arms, one per class, as in the CS231n course notes; noise is added to the angle."""

    points_per_class: AtLeastTwo
    classes: AtLeastTwo
    noise: Spread
    seed: Seed


class Line(Section, frozen=True, tag="line", tag_field="kind"):
    """A straight line, y = weight x + bias, for x from start up to (not including) end."""

    weight: Coordinate
    bias: Coordinate
    start: Coordinate
    end: Coordinate
    step: Annotated[float, Meta(gt=0, le=LARGEST)]


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

    With `preprocess`, features may hold words and missing values, and are scaled: see boundary/data/preprocessing.py.
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
        return self.generators.get(maker(dataset.table) or "")


def maker(table: str) -> str | None:
    """The name that a generator must have to make the table of that path; None where it is a user's own."""
    name = PurePosixPath(table).stem
    return name if table == f"data/raw/{name}.parquet" else None


SECTIONS = ("generators", "datasets", "variants", "contrasts")  # those that hold entries by name
OPTIMIZER_KEYS = {"sgd": ("momentum", "nesterov"), "adam": ("betas", "eps"), "adamw": ("betas", "eps")}


class ParamsError(ValueError):
    """Everything that is wrong with a params file: one line per problem, each with file, key, found and allowed."""


def load(path: Path) -> Params:
    """Read and check a params file. Raises ParamsError with all its problems, OSError when it cannot be read.

    YAML is read by the reader that DVC uses, so that a value means the same here and in dvc.lock: YAML 1.2, where
    1e-3 is a number and `yes` is a word.
    """
    from ruamel.yaml.error import MarkedYAMLError

    from boundary.validation import rules as contradictions

    try:
        content = _read(path.read_text(encoding="utf-8"))
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
    values: dict[str, Any] = dict.fromkeys(Params.__struct_fields__)
    values |= checked.read_fields(content, Params, "", problems)
    named = {section: values[section] for section in SECTIONS if values[section] is not None}
    names = {section: [name for name in entries if isinstance(name, str)] for section, entries in named.items()}
    for section in SECTIONS:
        values[section] = {n: entry for n, entry in named.get(section, {}).items() if entry is not None}
    params = Params(**values)
    problems += contradictions.find(params, names)
    if problems:
        raise ParamsError("\n".join(f"{path}: {problem}" for problem in problems))
    return params


def _read(text: str) -> Any:
    """As plain data. Raises whatever the reader raises; nested too deep, the text would end the process."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError
    from ruamel.yaml.events import CollectionEndEvent, CollectionStartEvent

    levels = 0
    for event in YAML(typ="safe").parse(text):
        levels += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
        if levels > DEEPEST:
            problem = f"found more than {DEEPEST} levels of nesting, expected at most that"
            raise MarkedYAMLError(problem=problem, problem_mark=event.start_mark)
    return YAML(typ="safe").load(text)


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
