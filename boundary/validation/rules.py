"""What params.yaml says that its keys, each alone, cannot show to be wrong: together, or of a table yet to be made.

Lines are those of boundary/config/parsing.py: "path: found ..., expected ...".
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import ceil
from pathlib import PurePosixPath

from boundary.artifacts.schema import TASK_LOSSES
from boundary.config.params import (
    OPTIMIZER_KEYS,
    Blobs,
    Contrast,
    Dataset,
    Generator,
    Layer,
    Line,
    Params,
    Split,
    Variant,
    maker,
)
from boundary.config.parsing import did_you_mean, shown
from boundary.validation import known_tables as generated
from boundary.validation.known_tables import Learned, Table

SHELL = '"$`\\!%'  # what a shell or DVC reads in quoted text: dvc.yaml's commands name the table
MOST_ROWS = 10**9  # of a generated table
WRITTEN = ("raw", "split", "predictions", "cards")  # folders of data/ that the pipeline writes
OWN_FILES = {"variants": ("baselines",)}  # names that one of the pipeline's own files bears in a folder of theirs
WINDOWS = {"con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(10))}

Names = Mapping[str, Sequence[str]]


def find(params: Params, names: Names) -> Iterator[str]:
    """A line for each contradiction that can be told.

    params: what could be read, each entry with problems left out; names: of all entries, by section, of the sections
    that could be read.
    """
    if params.device == "mps" and params.precision == "exact":
        yield "device: found mps, which has no float64 and so no exact arithmetic, expected precision: fast with it"
    for section, known in names.items():
        yield from of_names(section, known)
    tables = {}
    for name, generator in params.generators.items():
        found = list(of_generator(f"generators.{name}", generator))
        yield from found
        if not found:
            tables[name] = generated.table(generator)
    learned = {}
    for name, dataset in params.datasets.items():
        found = list(of_dataset(f"datasets.{name}", dataset, names, tables))
        yield from found
        if not found:
            learned[name] = generated.learned(dataset, tables.get(maker(dataset.table) or ""))
    for name, variant in params.variants.items():
        yield from of_variant(f"variants.{name}", variant, params, names, learned)
    for name, contrast in params.contrasts.items():
        yield from of_contrast(f"contrasts.{name}", contrast, params, names, learned)


def of_names(section: str, names: Sequence[str]) -> Iterator[str]:
    """Names are files, on every system."""
    if not names and section in ("datasets", "variants"):
        yield f"{section}: found none, expected one or more"
    first: dict[str, str] = {}
    for name in names:
        same = first.setdefault(name.lower(), name)
        if same != name:
            yield f"{section}.{name}: the same file as {same} where case does not count, expected another name"
        if name.lower() in WINDOWS:
            yield f"{section}.{name}: no file can have this name on Windows, expected another name"
        if name.lower() in OWN_FILES.get(section, ()):
            yield f"{section}.{name}: the name of a file of the pipeline's own, expected another name"


def of_generator(path: str, generator: Generator) -> Iterator[str]:
    """Of a generator by itself."""
    if isinstance(generator, Line) and generator.end <= generator.start + generator.step:
        yield f"{path}.end: found {generator.end}, expected room for two steps after start ({generator.start})"
    elif isinstance(generator, Line) and (generator.end - generator.start) / generator.step > MOST_ROWS:
        yield f"{path}.step: found {generator.step}, expected at most {MOST_ROWS} steps from start to end"
    if isinstance(generator, Blobs) and generator.center_box[0] >= generator.center_box[1]:
        yield f"{path}.center_box: found {list(generator.center_box)}, expected [low, high] with low < high"
    if isinstance(generator, Blobs) and generator.centers > generator.n_samples:
        yield f"{path}.centers: found {generator.centers}, expected at most n_samples ({generator.n_samples})"


def of_dataset(path: str, dataset: Dataset, names: Names, tables: Mapping[str, Table]) -> Iterator[str]:
    """Of a data set, and of the table that a generator makes for it. tables: by generator."""
    yield from _of_path(path, dataset.table, names.get("generators"))
    if dataset.features is not None and dataset.drop is not None:
        yield f"{path}.drop: found features too, expected one of them"
    features = dataset.features
    if features is not None and (not features or len({*features, dataset.target}) <= len(features)):
        yield f"{path}.features: found {shown(features)}, expected columns other than the target, each once"
    for key in ("categories", "missing"):
        if getattr(dataset, key) is not None and not dataset.preprocess:
            yield f"{path}.{key}: found without preprocess, expected preprocess: true with it"
    yield from _of_split(f"{path}.split", dataset.split)
    name = maker(dataset.table) or ""
    table = tables.get(name)
    if table is not None:
        unknown = [(key, column) for key, column in generated.columns_of(dataset) if column not in table]
        for key, column in unknown:
            yield _unknown(f"{path}.{key}", column, f"column of generators.{name}", table.shown)
        if not unknown:
            yield from _of_table(path, dataset, f"generators.{name}", table)
    elif dataset.task == "regression":
        yield from _of_stratified(path, dataset)


def _of_path(path: str, written: str, generators: Sequence[str] | None) -> Iterator[str]:
    table, found = PurePosixPath(written), f"{path}.table: found {shown(written)}"
    if not written.startswith("data/") or ".." in table.parts or not written.isprintable():
        yield f"{found}, expected a file under data/"
    elif any(character in SHELL for character in written):
        yield f"{found}, expected a name without {' '.join(SHELL)}"
    elif table.suffix not in (".csv", ".parquet"):
        yield f"{found}, expected a .csv or .parquet file"
    elif table.parts[1] == "raw":
        if generators is not None and maker(written) not in generators:
            yield f"{found}, which no generator makes{did_you_mean(table.stem, generators)}"
    elif table.parts[1].lower() in WRITTEN:
        yield f"{found}, expected a file that the pipeline does not write"


def _of_split(path: str, split: Split) -> Iterator[str]:
    if split.test_size + split.validation_size >= 1:
        both = f"{split.test_size} and {split.validation_size}"
        yield f"{path}: found test_size and validation_size {both}, expected less than 1 together"
    if split.kind == "ordered" and split.seed is not None:
        yield f"{path}.seed: found {split.seed}, expected none: an ordered split draws nothing"
    if split.kind != "ordered" and split.seed is None:
        yield f"{path}.seed: missing, expected a whole number for a {split.kind} split"


def _of_table(path: str, dataset: Dataset, origin: str, table: Table) -> Iterator[str]:
    """Of a data set that names columns of a generated table."""
    if dataset.features is None and not table.features + 1 - len({dataset.target, *(dataset.drop or ())}):
        yield f"{path}.drop: found all features of {origin}, expected that one is left"
    classes = table.classes if dataset.target == table.target else 0
    if dataset.task == "binary" and classes > 2:
        yield f"{path}.task: found binary, expected multiclass for the {classes} classes of {origin}"
    if dataset.task == "regression" and classes and table.words:
        yield f"{path}.task: found regression, expected none for the classes of {origin}, which are words"
    if generated.learned(dataset, table).task == "regression":
        yield from _of_stratified(path, dataset)
    split = dataset.split
    held = ceil(split.test_size * table.rows) + ceil(split.validation_size * table.rows)
    if split.test_size + split.validation_size < 1 and held >= table.rows:
        yield f"{path}.split: the {table.rows} rows of {origin} leave none for training beside {held} held back"


def _of_stratified(path: str, dataset: Dataset) -> Iterator[str]:
    if dataset.split.kind == "stratified":
        yield f"{path}.split.kind: found stratified, expected random or ordered for a regression"


def of_variant(
    path: str, variant: Variant, params: Params, names: Names, learned: Mapping[str, Learned]
) -> Iterator[str]:
    """Of a variant by itself, and together with what is known of its data set. learned: by data set."""
    if variant.dataset not in names.get("datasets", [variant.dataset]):
        yield _unknown(f"{path}.dataset", variant.dataset, "dataset", names["datasets"])
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
    known = learned.get(variant.dataset, Learned(None, None, None))
    if known.task is not None and variant.loss not in (None, *TASK_LOSSES[known.task]):
        allowed = " or ".join(TASK_LOSSES[known.task])
        yield f"{path}.loss: found {variant.loss}, expected {allowed} for a {known.task} target"
    if known.task == "regression" and variant.class_weight is not None:
        yield f"{path}.class_weight: found {variant.class_weight}, expected none for a regression target"
    if variant.initial_weights is not None:
        yield from _of_weights(f"{path}.initial_weights", variant, variant.initial_weights, known)


def _of_weights(path: str, variant: Variant, layers: list[Layer], known: Learned) -> Iterator[str]:
    hidden = variant.hidden_units
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
        elif k == 0 and known.inputs not in (None, inputs):
            expected = f"expected {known.inputs}, the features of datasets.{variant.dataset}"
            yield f"{path}[0]: found {inputs} inputs, {expected}"
        if k == len(hidden) and known.outputs not in (None, outputs):
            yield f"{path}[{k}]: found {outputs} outputs, expected {known.outputs} for a {known.task} target"


def of_contrast(
    path: str, contrast: Contrast, params: Params, names: Names, learned: Mapping[str, Learned]
) -> Iterator[str]:
    """Of a contrast: its data set, and the variants of it."""
    if contrast.dataset not in names.get("datasets", [contrast.dataset]):
        yield _unknown(f"{path}.dataset", contrast.dataset, "dataset", names["datasets"])
        return
    known = learned.get(contrast.dataset, Learned(None, None, None))
    if known.task == "regression" or known.inputs not in (None, 2):
        found = "a regression" if known.task == "regression" else f"which has {known.inputs} features"
        yield f"{path}.dataset: found {shown(contrast.dataset)}, {found}, expected classes of two features"
    own = [name for name, variant in params.variants.items() if variant.dataset == contrast.dataset]
    for side in ("left", "right"):
        name = getattr(contrast, side)
        chosen = params.variants.get(name)
        if chosen is None:
            unknown = name not in names.get("variants", [name])
        else:
            unknown = chosen.dataset in names.get("datasets", ()) and chosen.dataset != contrast.dataset
        if unknown:
            yield _unknown(f"{path}.{side}", name, f"variant of {contrast.dataset}", own)


def _unknown(path: str, found: str, what: str, known: Iterable[str]) -> str:
    return f"{path}: found {shown(found)}, not a {what}{did_you_mean(found, known)}"
