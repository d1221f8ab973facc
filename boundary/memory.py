"""How much memory a table or a training takes at the least: said before it is tried.

A machine that runs out of memory ends a program without a word, or stops answering. These are lower bounds: what
passes may still not fit, what does not pass never will.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import ceil

from boundary.params import Blobs, Bundled, Dataset, Generator, Line, Params, Spirals, Variant

NUMBER = 8  # bytes of a float64
LOGGED = 4  # values of a replicate and logged epoch
BUNDLED = {"breast_cancer": (569, 30), "wine": (178, 13), "digits": (1797, 64)}
REMEDY = "fewer replicates, smaller hidden_units or batch_size, a larger log_every"


def of_machine() -> int:
    """Bytes of memory that this machine has."""
    import psutil

    return int(psutil.virtual_memory().total)


def shape(generator: Generator) -> tuple[int, int]:
    """(rows, features) of a generated table."""
    if isinstance(generator, Line):
        return ceil((generator.end - generator.start) / generator.step), 1
    if isinstance(generator, Spirals):
        return generator.points_per_class * generator.classes, 2
    if isinstance(generator, Bundled):
        return BUNDLED[generator.name]
    return generator.n_samples, generator.n_features if isinstance(generator, Blobs) else 2


def table(rows: int, features: int) -> int:
    """Bytes of a table with its target."""
    return NUMBER * rows * (features + 1)


def training(sizes: Sequence[int], replicates: int, rows: int, logged: int) -> int:
    """Bytes of the parameters with their gradient, the outputs for `rows` at once, and the log.

    Of hidden layers only a chunk of the replicates is held at a time.

    sizes: of the layers, inputs first; logged: how many epochs.
    """
    parameters = sum((i + 1) * o for i, o in pairwise(sizes))
    return NUMBER * replicates * (2 * parameters + rows * sizes[-1] + LOGGED * logged)


def of_variant(variant: Variant, replicates: int, rows: int, features: int, outputs: int) -> int:
    """Bytes that its training on so many rows takes."""
    sizes = (features, *variant.hidden_units, outputs)
    return training(sizes, replicates, min(rows, variant.batch_size or rows), ceil(variant.epochs / variant.log_every))


def must_fit(what: str, needed: int, available: int, remedy: str = REMEDY) -> None:
    """Raises ValueError, with a line that starts with `what`, where more bytes are needed than there are."""
    if needed > available:
        found = f"found a need of {needed / 2**30:.1f} GiB of memory or more"
        raise ValueError(f"{what}: {found}, expected at most this machine's {available / 2**30:.1f}: {remedy}")


def problems(params: Params, available: int) -> Iterator[str]:
    """A line for each generator and variant that needs more than `available` bytes, as far as params.yaml tells.

    Of a user's table it tells nothing: one feature and one row are assumed.
    """
    needs = [(f"generators.{name}", table(*shape(made)), "fewer rows") for name, made in params.generators.items()]
    for name, variant in params.variants.items():
        rows, features = _training_data(params.datasets[variant.dataset], params)
        needs.append((f"variants.{name}", of_variant(variant, params.replicates, rows, features, 1), REMEDY))
    for what, needed, remedy in needs:
        try:
            must_fit(what, needed, available, remedy)
        except ValueError as error:
            yield str(error)


def _training_data(dataset: Dataset, params: Params) -> tuple[int, int]:
    generator = params.generator_of(dataset)
    if generator is None:
        return 1, 1
    rows, features = shape(generator)
    share = 1 - dataset.split.test_size - dataset.split.validation_size
    return max(1, int(rows * share)), len(dataset.features or range(features))
