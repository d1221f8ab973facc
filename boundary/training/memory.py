"""How much memory a table or a training takes at the least: to be told before it is tried.

A machine that runs out of memory ends a program without a word, or stops answering. These are lower bounds: what
passes may still not fit, what does not pass never will.
"""

from collections.abc import Sequence
from itertools import pairwise
from math import ceil
from pathlib import Path

from boundary.config.params import Params, Variant
from boundary.errors import SettingsError

NUMBER = 8  # bytes of a float64
BYTES = {"exact": NUMBER, "fast": 4}  # of a number in training, by precision
LOGGED = 4  # values of a replicate and logged epoch
LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")  # of a container: cgroups 2, 1
REMEDY = "fewer replicates, smaller hidden_units or batch_size, a larger log_every"


def machine_memory() -> int:
    """Bytes of memory that this machine has, or that the container is given which this program runs in."""
    import psutil

    found = [int(psutil.virtual_memory().total)]
    for path in map(Path, LIMITS):
        try:
            text = path.read_text().strip()
        except OSError:
            continue
        if text.isdecimal():  # else "max"
            found.append(int(text))
    return min(found)


def training_memory(sizes: Sequence[int], replicates: int, rows: int, logged: int, number: int = NUMBER) -> int:
    """Bytes of the parameters with their gradient, the outputs for `rows` at once, and the log.

    Of hidden layers only a part of the replicates is held at a time, of one replicate at the least. The test part goes
    through in pieces that are not counted.

    sizes: of the layers, inputs first; logged: how many epochs; number: bytes of a number in training.
    """
    parameters = sum((i + 1) * o for i, o in pairwise(sizes))
    held = replicates * (2 * parameters + rows * sizes[-1]) + rows * sum(sizes[1:-1])
    return number * held + NUMBER * replicates * LOGGED * logged


def variant_memory(settings: Params, variant: Variant, rows: int, features: int, outputs: int) -> int:
    """Bytes that its training on so many rows takes."""
    sizes = (features, *variant.hidden_units, outputs)
    batch, logged = min(rows, variant.batch_size or rows), ceil(variant.epochs / variant.log_every)
    return training_memory(sizes, settings.replicates, batch, logged, BYTES[settings.precision])


def must_fit(what: str, needed: int, available: int, remedy: str = REMEDY) -> None:
    """Raises SettingsError, with a line that starts with `what`, where more bytes are needed than there are."""
    if needed > available:
        gib = needed / 2**30
        found = f"found a need of {gib:.1f} GiB" if gib < 1e6 else f"found a need of {gib:.1e} GiB"
        raise SettingsError(
            f"{what}: {found} of memory or more, expected at most this machine's {available / 2**30:.1f}: {remedy}"
        )
