"""params.yaml: what may stand in it.

The classes below are the schema: field names are keys, types and bounds are what is allowed, defaults make a key
optional. What keys must have in common is in constraints.py and boundary/validation/rules.py.
"""

from pathlib import PurePosixPath
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from boundary.artifacts.schema import Task

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


class Section(Struct, frozen=True, forbid_unknown_fields=True):
    """A mapping with fixed keys."""


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
    """A network, and how it is trained."""

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
