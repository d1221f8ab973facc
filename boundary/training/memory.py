"""How much memory a table or a training takes at the least: said before it is tried.

A machine that runs out of memory ends a program without a word, or stops answering. These are lower bounds: what
passes may still not fit, what does not pass never will.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import ceil
from pathlib import Path

from boundary.config.params import Dataset, Params, Variant
from boundary.errors import SettingsError
from boundary.validation import known_tables as generated

NUMBER = 8  # bytes of a float64
BYTES = {"exact": NUMBER, "fast": 4}  # of a number in training, by precision
LOGGED = 4  # values of a replicate and logged epoch
LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")  # of a container: cgroups 2, 1
REMEDY = "fewer replicates, smaller hidden_units or batch_size, a larger log_every"


def of_machine() -> int:
    """Bytes of memory that this machine has, or that the container is given which this program runs in."""
    import psutil

    found = [int(psutil.virtual_memory().total)]
    for path in map(Path, LIMITS):
        try:
            said = path.read_text().strip()
        except OSError:
            continue
        if said.isdecimal():  # else "max"
            found.append(int(said))
    return min(found)


def table(rows: int, features: int) -> int:
    """Bytes of a table with its target."""
    return NUMBER * rows * (features + 1)


def training(sizes: Sequence[int], replicates: int, rows: int, logged: int, number: int = NUMBER) -> int:
    """Bytes of the parameters with their gradient, the outputs for `rows` at once, and the log.

    Of hidden layers only a part of the replicates is held at a time, of one replicate at the least. The test part goes
    through in pieces that are not counted.

    sizes: of the layers, inputs first; logged: how many epochs; number: bytes of a number in training.
    """
    parameters = sum((i + 1) * o for i, o in pairwise(sizes))
    held = replicates * (2 * parameters + rows * sizes[-1]) + rows * sum(sizes[1:-1])
    return number * held + NUMBER * replicates * LOGGED * logged


def of_variant(settings: Params, variant: Variant, rows: int, features: int, outputs: int) -> int:
    """Bytes that its training on so many rows takes."""
    sizes = (features, *variant.hidden_units, outputs)
    batch, logged = min(rows, variant.batch_size or rows), ceil(variant.epochs / variant.log_every)
    return training(sizes, settings.replicates, batch, logged, BYTES[settings.precision])


def must_fit(what: str, needed: int, available: int, remedy: str = REMEDY) -> None:
    """Raises SettingsError, with a line that starts with `what`, where more bytes are needed than there are."""
    if needed > available:
        gib = needed / 2**30
        found = f"found a need of {gib:.1f} GiB" if gib < 1e6 else f"found a need of {gib:.1e} GiB"
        raise SettingsError(
            f"{what}: {found} of memory or more, expected at most this machine's {available / 2**30:.1f}: {remedy}"
        )


def problems(params: Params, available: int) -> Iterator[str]:
    """A line for each generator and variant that needs more than `available` bytes, as far as params.yaml tells.

    Of what it does not tell, one is assumed: one row and one feature of a user's table, say.
    """
    needs = []
    for name, generator in params.generators.items():
        made = generated.table(generator)
        needs.append((f"generators.{name}", table(made.rows, made.features), "fewer rows"))
    for name, variant in params.variants.items():
        needed = of_variant(params, variant, *_training_data(params.datasets[variant.dataset], params))
        needs.append((f"variants.{name}", needed, REMEDY))
    for what, needed, remedy in needs:
        try:
            must_fit(what, needed, available, remedy)
        except SettingsError as error:
            yield str(error)


def _training_data(dataset: Dataset, params: Params) -> tuple[int, int, int]:
    """Rows, inputs and outputs."""
    generator = params.generator_of(dataset)
    made = None if generator is None else generated.table(generator)
    learned = generated.learned(dataset, made)
    share = 1 - dataset.split.test_size - dataset.split.validation_size
    rows = 1 if made is None else max(1, int(made.rows * share))
    return rows, learned.inputs or 1, learned.outputs or 1
