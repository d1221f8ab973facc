"""What a generator's table will look like: its columns, rows and classes, known before it is made."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from math import ceil

from boundary.artifacts.schema import Task
from boundary.config.params import Blobs, Bundled, Circles, Dataset, Generator, Line, Moons, Spirals

SHOWN = 100  # names of columns that a message may choose from: there may be 10^9
MEASURED = (
    *("radius", "texture", "perimeter", "area", "smoothness", "compactness", "concavity", "concave points"),
    *("symmetry", "fractal dimension"),
)


@dataclass(frozen=True)
class Table:
    """So many rows of so many features, X1, X2, ... unless named, and a target of so many classes, 0 for a regression.

    words: whether the classes are words. constant: whether some of the features may be the same number in all rows.
    """

    rows: int
    features: int
    target: str = "label"
    classes: int = 2
    named: tuple[str, ...] = ()
    words: bool = False
    constant: bool = False

    @property
    def columns(self) -> Iterator[str]:
        """All names, the target's first."""
        yield self.target
        yield from self.named or (f"X{k}" for k in range(1, self.features + 1))

    def __contains__(self, name: str) -> bool:
        if name == self.target or self.named:
            return name == self.target or name in self.named
        number = int(name[1:]) if name[1:].isdecimal() and len(name) <= 11 else 0  # Python reads no endless ones
        return name == f"X{number}" and 1 <= number <= self.features

    @property
    def shown(self) -> list[str]:
        """Names for a message: of very many, the first."""
        return list(islice(self.columns, SHOWN))


BUNDLED = {
    "breast_cancer": Table(
        569,
        30,
        named=tuple(name for kind in ("mean {}", "{} error", "worst {}") for name in map(kind.format, MEASURED)),
        words=True,
    ),
    "wine": Table(
        178,
        13,
        classes=3,
        named=(
            *("alcohol", "malic_acid", "ash", "alcalinity_of_ash", "magnesium", "total_phenols", "flavanoids"),
            *("nonflavanoid_phenols", "proanthocyanins", "color_intensity", "hue", "od280/od315_of_diluted_wines"),
            "proline",
        ),
        words=True,
    ),
    "digits": Table(
        1797,
        64,
        classes=10,
        named=tuple(f"pixel_{row}_{column}" for row in range(8) for column in range(8)),
        constant=True,
    ),
}


def table_of(generator: Generator) -> Table:
    """What it makes."""
    match generator:
        case Line():
            rows = ceil((generator.end - generator.start) / generator.step)
            return Table(rows, 1, "y", 0)
        case Spirals():
            return Table(generator.points_per_class * generator.classes, 2, classes=generator.classes)
        case Bundled():
            return BUNDLED[generator.name]
        case Blobs():
            return Table(generator.n_samples, generator.n_features, classes=generator.centers)
        case Circles() | Moons():
            return Table(generator.n_samples, 2)


@dataclass(frozen=True)
class NetworkShape:
    """What a network learns of a data set, as far as params.yaml tells; None for what it does not.

    inputs, outputs: of the network.
    """

    task: Task | None
    inputs: int | None
    outputs: int | None


def network_shape(dataset: Dataset, made: Table | None) -> NetworkShape:
    """Of a data set and the table that a generator makes for it, None for a user's own table."""
    task, outputs = dataset.task, None
    if made is not None:
        classes = made.classes if dataset.target == made.target else 0
        task = task or ("regression" if not classes else "binary" if classes == 2 else "multiclass")
        outputs = classes or None
    if task is not None and task != "multiclass":
        outputs = 1
    return NetworkShape(task, _inputs(dataset, made), outputs)


def _inputs(dataset: Dataset, made: Table | None) -> int | None:
    if dataset.preprocess and (made is None or made.constant or dataset.categories):
        return None  # words become many features, a constant column none
    if dataset.features is not None:
        return len(dataset.features)
    return None if made is None else made.features + 1 - len({dataset.target, *(dataset.drop or ())})


def columns_of(dataset: Dataset) -> Iterable[tuple[str, str]]:
    """(key, name) of each column that a data set names."""
    yield "target", dataset.target
    for key in ("features", "drop", "categories"):
        for place, name in enumerate(getattr(dataset, key) or ()):
            yield f"{key}[{place}]", name
