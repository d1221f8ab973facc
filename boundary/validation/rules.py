"""What params.yaml says that its keys, each alone, cannot show to be wrong: together, or of a table yet to be made.

Lines are "path: found ..., expected ...", as those of typed.py. What the stages hold the data themselves to as well is
in boundary/config/constraints.py.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import PurePosixPath

from boundary.config import constraints
from boundary.config.params import (
    OPTIMIZER_KEYS,
    Blobs,
    Contrast,
    Dataset,
    Generator,
    Line,
    Params,
    Split,
    Variant,
    maker,
)
from boundary.errors import did_you_mean, shown
from boundary.validation import known_tables
from boundary.validation.known_tables import NetworkShape, Table

SHELL = '"$`\\!%'  # what a shell or DVC reads in quoted text: dvc.yaml's commands name the table
MOST_ROWS = 10**9  # of a generated table
WRITTEN = ("raw", "split", "predictions", "cards")  # folders of data/ that the pipeline writes
OWN_FILES = {"variants": ("baselines",)}  # names that one of the pipeline's own files bears in a folder of theirs
WINDOWS = {"con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(10))}

Names = Mapping[str, Sequence[str]]


def problems(params: Params, names: Names) -> Iterator[str]:
    """A line for each contradiction that can be told.

    params: what could be read, each entry with problems left out; names: of all entries, by section, of the sections
    that could be read.
    """
    if params.device == "mps" and params.precision == "exact":
        yield "device: found mps, which has no float64 and so no exact arithmetic, expected precision: fast with it"
    for section, known in names.items():
        yield from name_problems(section, known)
    tables = {}
    for name, generator in params.generators.items():
        found = list(generator_problems(f"generators.{name}", generator))
        yield from found
        if not found:
            tables[name] = known_tables.table_of(generator)
    shapes = {}
    for name, dataset in params.datasets.items():
        found = list(dataset_problems(f"datasets.{name}", dataset, names, tables))
        yield from found
        if not found:
            shapes[name] = known_tables.network_shape(dataset, tables.get(maker(dataset.table) or ""))
    for name, variant in params.variants.items():
        yield from variant_problems(f"variants.{name}", variant, params, names, shapes)
    for name, contrast in params.contrasts.items():
        yield from contrast_problems(f"contrasts.{name}", contrast, params, names, shapes)


def name_problems(section: str, names: Sequence[str]) -> Iterator[str]:
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


def generator_problems(path: str, generator: Generator) -> Iterator[str]:
    """Of a generator by itself."""
    if isinstance(generator, Line) and generator.end <= generator.start + generator.step:
        yield f"{path}.end: found {generator.end}, expected room for two steps after start ({generator.start})"
    elif isinstance(generator, Line) and (generator.end - generator.start) / generator.step > MOST_ROWS:
        yield f"{path}.step: found {generator.step}, expected at most {MOST_ROWS} steps from start to end"
    if isinstance(generator, Blobs) and generator.center_box[0] >= generator.center_box[1]:
        yield f"{path}.center_box: found {list(generator.center_box)}, expected [low, high] with low < high"
    if isinstance(generator, Blobs) and generator.centers > generator.n_samples:
        yield f"{path}.centers: found {generator.centers}, expected at most n_samples ({generator.n_samples})"


def dataset_problems(path: str, dataset: Dataset, names: Names, tables: Mapping[str, Table]) -> Iterator[str]:
    """Of a data set, and of the table that a generator makes for it. tables: by generator."""
    yield from _of_path(path, dataset.table, names.get("generators"))
    if dataset.features is not None and dataset.drop is not None:
        yield f"{path}.drop: found features too, expected one of them"
    yield from _prefixed(path, constraints.features_problem(dataset.features, dataset.target))
    for key in ("categories", "missing"):
        if getattr(dataset, key) is not None and not dataset.preprocess:
            yield f"{path}.{key}: found without preprocess, expected preprocess: true with it"
    yield from _of_split(f"{path}.split", dataset.split)
    name = maker(dataset.table) or ""
    table = tables.get(name)
    if table is not None:
        unknown = [(key, column) for key, column in known_tables.columns_of(dataset) if column not in table]
        for key, column in unknown:
            yield _unknown(f"{path}.{key}", column, f"column of generators.{name}", table.shown)
        if not unknown:
            yield from _of_table(path, dataset, f"generators.{name}", table)
    else:
        yield from _prefixed(path, constraints.stratified_problem(dataset.split, dataset.task == "regression"))


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
    task = known_tables.network_shape(dataset, table).task
    yield from _prefixed(path, constraints.stratified_problem(dataset.split, task == "regression"))
    if dataset.split.test_size + dataset.split.validation_size < 1:
        yield from _prefixed(path, constraints.training_rows_problem(dataset.split, table.rows, origin))


def variant_problems(
    path: str, variant: Variant, params: Params, names: Names, shapes: Mapping[str, NetworkShape]
) -> Iterator[str]:
    """Of a variant by itself, and together with what is known of its data set. shapes: by data set."""
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
    known = shapes.get(variant.dataset, NetworkShape(None, None, None))
    yield from _prefixed(path, constraints.loss_problem(variant.loss, known.task))
    yield from _prefixed(path, constraints.class_weight_problem(variant.class_weight, known.task))
    if variant.initial_weights is not None:
        layers = variant.initial_weights
        problems = constraints.initial_weights_problems(layers, variant.hidden_units, known.inputs, known.outputs)
        yield from _prefixed(path, *problems)


def contrast_problems(
    path: str, contrast: Contrast, params: Params, names: Names, shapes: Mapping[str, NetworkShape]
) -> Iterator[str]:
    """Of a contrast: its data set, and the variants of it."""
    if contrast.dataset not in names.get("datasets", [contrast.dataset]):
        yield _unknown(f"{path}.dataset", contrast.dataset, "dataset", names["datasets"])
        return
    known = shapes.get(contrast.dataset, NetworkShape(None, None, None))
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


def _prefixed(path: str, *problems: str | None) -> Iterator[str]:
    yield from (f"{path}.{problem}" for problem in problems if problem is not None)


def _unknown(path: str, found: str, what: str, known: Iterable[str]) -> str:
    return f"{path}: found {shown(found)}, not a {what}{did_you_mean(found, known)}"
