"""What cannot fit into the memory of this machine, as far as params.yaml tells."""

from collections.abc import Iterator

from boundary.config.params import Dataset, Params
from boundary.errors import SettingsError
from boundary.training import memory
from boundary.validation import known_tables


def memory_problems(params: Params, available: int) -> Iterator[str]:
    """A line for each generator and variant that needs more than `available` bytes.

    Of what params.yaml does not tell, one is assumed: one row and one feature of a user's table, say.
    """
    needs = []
    for name, generator in params.generators.items():
        made = known_tables.table_of(generator)
        needed = memory.NUMBER * made.rows * (made.features + 1)
        needs.append((f"generators.{name}", needed, "fewer rows"))
    for name, variant in params.variants.items():
        rows, inputs, outputs = _training_sizes(params.datasets[variant.dataset], params)
        needed = memory.variant_memory(params, variant, rows, inputs, outputs)
        needs.append((f"variants.{name}", needed, memory.REMEDY))
    for what, needed, remedy in needs:
        try:
            memory.must_fit(what, needed, available, remedy)
        except SettingsError as error:
            yield str(error)


def _training_sizes(dataset: Dataset, params: Params) -> tuple[int, int, int]:
    """Training rows, inputs and outputs."""
    generator = params.generator_of(dataset)
    made = None if generator is None else known_tables.table_of(generator)
    shape = known_tables.network_shape(dataset, made)
    share = 1 - dataset.split.test_size - dataset.split.validation_size
    rows = 1 if made is None else max(1, int(made.rows * share))
    return rows, shape.inputs or 1, shape.outputs or 1
