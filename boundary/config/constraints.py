"""What must hold between the settings of an entry of params.yaml and the data that they are used with.

Each rule is stated once and used twice: by boundary/validation, with what params.yaml tells of the data before there
are any, and by the stages, with the data themselves. What is not known yet is None. A problem is a line
"key: found ..., expected ...", its key being one of the entry's.
"""

import math
from collections.abc import Iterator, Sequence

from boundary.artifacts.schema import TASK_LOSSES, Task
from boundary.config.params import Layer, Split
from boundary.errors import shown


def loss_problem(loss: str | None, task: Task | None) -> str | None:
    """A loss must fit the task."""
    if loss is None or task is None or loss in TASK_LOSSES[task]:
        return None
    return f"loss: found {loss}, expected {' or '.join(TASK_LOSSES[task])} for a {task} target"


def class_weight_problem(class_weight: str | None, task: Task | None) -> str | None:
    """Only classes can be weighted."""
    if class_weight is None or task != "regression":
        return None
    return f"class_weight: found {class_weight}, expected none for a regression target"


def stratified_problem(split: Split, regression: bool) -> str | None:
    """Only classes can be kept in proportion."""
    if split.kind != "stratified" or not regression:
        return None
    return "split.kind: found stratified, expected random or ordered for a regression"


def part_sizes(split: Split, rows: int) -> tuple[int, int, int]:
    """How many of the rows are for training, testing and validation; the two shares are rounded up."""
    test, validation = (math.ceil(share * rows) for share in (split.test_size, split.validation_size))
    return rows - test - validation, test, validation


def training_rows_problem(split: Split, rows: int, table: str) -> str | None:
    """A split must leave rows for training. `table`: what to call the table."""
    train, test, validation = part_sizes(split, rows)
    if train > 0:
        return None
    return f"split: the {rows} rows of {table} leave none for training beside {test} test and {validation} validation"


def features_problem(features: Sequence[str] | None, target: str) -> str | None:
    """Features must be columns other than the target, each once; None where they are all the others."""
    if features is None or (features and len({*features, target}) == len(features) + 1):
        return None
    return f"features: found {shown(features)}, expected columns other than the target, each once"


def initial_weights_problems(
    layers: Sequence[Layer], hidden_units: Sequence[int], inputs: int | None, outputs: int | None
) -> Iterator[str]:
    """Weights must be those of the network: of each layer as many as its inputs and outputs ask for."""
    if len(layers) != len(hidden_units) + 1:
        expected = f"expected {len(hidden_units) + 1}, one more than hidden_units"
        yield f"initial_weights: found {len(layers)} layers, {expected}"
        return
    for k, layer in enumerate(layers):
        key, last = f"initial_weights[{k}]", k == len(hidden_units)
        made = len(layer.bias) if last else hidden_units[k]
        taken = hidden_units[k - 1] if k else len(layer.weight[0]) if layer.weight else 0
        widths = {len(row) for row in layer.weight}
        if (len(layer.weight), len(layer.bias), widths) != (made, made, {taken}) or not taken:
            rows = f"{len(layer.weight)} rows of {' or '.join(map(str, sorted(widths))) or 'no'} weights"
            expected = f"{made} rows of {taken or 'some'} weights and {made} biases"
            yield f"{key}: found {rows} and {len(layer.bias)} biases, expected {expected}"
        elif k == 0 and inputs not in (None, taken):
            yield f"{key}: found {taken} inputs, expected {inputs}, one for each feature"
        if last and outputs not in (None, made):
            yield f"{key}: found {made} outputs, expected {outputs} for the target"
