"""A damaged model file is refused in one line or is the same model; nothing in any file is ever run."""

import ast
import json
import re
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from boundary.errors import FileError
from boundary.models.model import METADATA_KEY, Model, load_model, save_model
from tests.support.repository import ROOT
from tests.support.trained import model_for

Mutation = Callable[[bytes, np.random.Generator], bytes]


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[bytes, Model]]:
    """Files and what they hold: two classes, three classes, a regression; one replicate of the first has diverged."""
    path = tmp_path_factory.mktemp("models") / "model.safetensors"
    found = []
    for hidden, activation, task in [
        ((5, 4), "relu", "binary"),
        ((3,), "tanh", "multiclass"),
        ((), "none", "regression"),
    ]:
        model = model_for(hidden, activation, task)
        if task == "binary":
            model.parameters[1, 3] = torch.nan
        save_model(path, model)
        found.append((path.read_bytes(), model))
    return found


def parts_of(content: bytes) -> tuple[dict[str, Any], bytes]:
    """The header and the numbers of a safetensors file."""
    end = 8 + struct.unpack("<Q", content[:8])[0]
    return json.loads(content[8:end]), content[end:]


def joined(header: object, numbers: bytes) -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + numbers


# --- mutations -----------------------------------------------------------------------------------------------------


def flip_bits(content: bytes, chance: np.random.Generator) -> bytes:
    changed = bytearray(content)
    for place in chance.integers(len(changed), size=chance.integers(1, 4)):
        changed[place] ^= 1 << chance.integers(8)
    return bytes(changed)


def flip_bits_of_the_header(content: bytes, chance: np.random.Generator) -> bytes:
    end = 8 + struct.unpack("<Q", content[:8])[0]
    return flip_bits(content[:end], chance) + content[end:]


def replace_a_byte_of_the_header(content: bytes, chance: np.random.Generator) -> bytes:
    """By one that JSON likes."""
    place = chance.integers(8, 8 + struct.unpack("<Q", content[:8])[0])
    return content[:place] + bytes([chance.choice(list(b'0123456789abexyz.-+,:"[]{} \\'))]) + content[place + 1 :]


def truncate(content: bytes, chance: np.random.Generator) -> bytes:
    return content[: chance.integers(len(content))]


def insert(content: bytes, chance: np.random.Generator) -> bytes:
    place = chance.integers(len(content) + 1)
    return content[:place] + chance.bytes(chance.integers(1, 9)) + content[place:]


def remove(content: bytes, chance: np.random.Generator) -> bytes:
    place = chance.integers(len(content))
    return content[:place] + content[place + chance.integers(1, 9) :]


def repeat(content: bytes, chance: np.random.Generator) -> bytes:
    start, end, place = sorted(chance.integers(len(content), size=3))
    return content[:place] + content[start:end] + content[place:]


def other_length(content: bytes, chance: np.random.Generator) -> bytes:
    """Of the header, as the first eight bytes say it."""
    length = [0, 1, 2**31, 2**63, 2**64 - 1, int(chance.integers(2 * len(content)))][chance.integers(6)]
    return struct.pack("<Q", length) + content[8:]


def swap_tensors(content: bytes, chance: np.random.Generator) -> bytes:
    """Two names change places, or only shapes, places of the numbers or types."""
    header, numbers = parts_of(content)
    first, second = chance.choice([name for name in header if name != "__metadata__"], 2, replace=False)
    if (key := chance.choice(["", "shape", "data_offsets", "dtype"])) == "":
        header[first], header[second] = header[second], header[first]
    else:
        header[first][key], header[second][key] = header[second][key], header[first][key]
    return joined(header, numbers)


def other_value(chance: np.random.Generator) -> object:
    values = [
        None,
        True,
        -1,
        0,
        1,
        2,
        3,
        7,
        2**31,
        2**63,
        2**200,
        1e308,
        0.5,
        "",
        "x",
        "yes",
        "relu",
        "binary",
        "float32",
    ]
    nested: list[object] = [[], {}, [[]], [1], [2, 1], ["no", "yes"], "\ud800", "a" * 10000, {"a": 1}, [None], [2**70]]
    return (values + nested)[chance.integers(len(values) + len(nested))]


def places_in(plain: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in nested dicts and lists, as container and key."""
    for key in plain if isinstance(plain, dict) else range(len(plain)):
        yield plain, key
        if isinstance(plain[key], dict | list):
            yield from places_in(plain[key])


def edit_plain(plain: Any, chance: np.random.Generator) -> None:
    """One value another, gone, twice or more, or under another name."""
    places = list(places_in(plain))
    container, key = places[chance.integers(len(places))]
    kind = chance.integers(5)
    if kind == 0:
        del container[key]
    elif kind == 1 and isinstance(container, dict):
        container[str(other_value(chance))[:50]] = container.pop(key)
    elif kind == 2 and isinstance(container, list):
        container.insert(int(chance.integers(len(container) + 1)), container[key])
    elif kind == 3 and isinstance(container[key], int):
        container[key] += int(chance.integers(-2, 3))
    else:
        container[key] = other_value(chance)


def edit_the_header(content: bytes, chance: np.random.Generator) -> bytes:
    """Names, types, shapes and places of the tensors."""
    header, numbers = parts_of(content)
    edit_plain(header, chance)
    return joined(header, numbers)


def edit_the_metadata(content: bytes, chance: np.random.Generator) -> bytes:
    """The JSON in the header's JSON."""
    header, numbers = parts_of(content)
    metadata = json.loads(header["__metadata__"][METADATA_KEY])
    for _ in range(chance.integers(1, 3)):
        edit_plain(metadata, chance)
    header["__metadata__"][METADATA_KEY] = json.dumps(metadata)
    return joined(header, numbers)


def nest(content: bytes, chance: np.random.Generator) -> bytes:
    """Deeper than any reader can follow."""
    header, numbers = parts_of(content)
    depth = int(chance.choice([100, 2000, 100_000]))
    header["__metadata__"][METADATA_KEY] = "[" * depth + "]" * depth
    return joined(header, numbers)


MUTATIONS: dict[str, Mutation] = {
    mutation.__name__: mutation
    for mutation in (
        flip_bits,
        flip_bits_of_the_header,
        replace_a_byte_of_the_header,
        truncate,
        insert,
        remove,
        repeat,
        other_length,
        swap_tensors,
        edit_the_header,
        edit_the_metadata,
        nest,
    )
}


def must_be_refused_or_the_same(path: Path, original: Model) -> bool:
    """Whether it was refused."""
    try:
        found = load_model(path)
    except FileError as error:
        line = str(error)
        assert line.startswith(f"{path}: ")
        assert len(line.splitlines()) == 1
        return True
    assert found.network == original.network
    assert found.schema == original.schema
    assert [type(label) for label in found.schema.classes] == [type(label) for label in original.schema.classes]
    assert (found.seed, type(found.seed)) == (original.seed, int)
    assert found.parameters.shape == original.parameters.shape
    assert found.parameters.dtype == original.parameters.dtype
    assert found.parameters.numpy().tobytes() == original.parameters.numpy().tobytes()
    assert found.diverged == original.diverged
    return False


def must_survive(folder: Path, originals: list[tuple[bytes, Model]], name: str, count: int, seed: int) -> None:
    path = folder / "model.safetensors"
    chance = np.random.default_rng([seed, list(MUTATIONS).index(name)])
    wrong, refused = [], 0
    for number in range(count):
        content, model = originals[number % len(originals)]
        path.write_bytes(MUTATIONS[name](content, chance))
        try:
            refused += must_be_refused_or_the_same(path, model)
        except BaseException as error:  # PyO3's panics are no Exceptions
            wrong.append((number, type(error).__name__, str(error)[:300]))
    assert not wrong, f"{len(wrong)} of {count}, the first: {wrong[:5]}"
    assert refused > count // 10


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_mutated_model_is_refused_or_the_same(
    tmp_path: Path, originals: list[tuple[bytes, Model]], name: str
) -> None:
    """2,000 of them."""
    must_survive(tmp_path, originals, name, -(-2_000 // len(MUTATIONS)), seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("name", MUTATIONS)
def test_many_mutated_models_are_refused_or_the_same(
    tmp_path: Path, originals: list[tuple[bytes, Model]], name: str
) -> None:
    """20,000 of them."""
    must_survive(tmp_path, originals, name, -(-20_000 // len(MUTATIONS)), seed=2)


def test_every_truncation_is_refused(tmp_path: Path, originals: list[tuple[bytes, Model]]) -> None:
    path = tmp_path / "model.safetensors"
    content, model = originals[1]
    for length in range(len(content)):
        path.write_bytes(content[:length])
        assert must_be_refused_or_the_same(path, model), length


EDITS: dict[str, tuple[str, str]] = {  # each gives another valid model
    "a feature": ('"x1"', '"x2"'),
    "the target": ('"label"', '"lable"'),
    "the features' order": ('["x1", "\\u00e4, b"]', '["\\u00e4, b", "x1"]'),
    "a class": ('"yes"', '"yet"'),
    "the classes' order": ('["no", "yes"]', '["yes", "no"]'),
    "the activation": ('"relu"', '"relu6"'),
    "the seed": ('"seed": 7', '"seed": 8'),
}


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_that_gives_another_model_is_refused(
    tmp_path: Path, originals: list[tuple[bytes, Model]], name: str
) -> None:
    """It would predict, under names that are not its own."""
    path, (old, new) = tmp_path / "model.safetensors", EDITS[name]
    header, numbers = parts_of(originals[0][0])
    metadata = header["__metadata__"]
    assert old in metadata[METADATA_KEY]
    metadata[METADATA_KEY] = metadata[METADATA_KEY].replace(old, new)
    path.write_bytes(joined(header, numbers))
    assert must_be_refused_or_the_same(path, originals[0][1])


TYPES = ["BOOL", "U8", "I8", "F8_E5M2", "F8_E4M3", "F8_E8M0", "F4", "F6_E2M3", "F6_E3M2", "I16", "U16", "F16", "BF16"]
TYPES += ["I32", "U32", "F64", "I64", "U64", "C64", "F32x", ""]


@pytest.mark.parametrize("dtype", TYPES)
def test_tensors_of_any_other_type_are_refused(
    tmp_path: Path, originals: list[tuple[bytes, Model]], dtype: str
) -> None:
    """With as many bytes as they need, so that the format itself has nothing to say."""
    path, (content, model) = tmp_path / "model.safetensors", originals[1]
    header, _ = parts_of(content)
    bits = int("".join(filter(str.isdigit, dtype.partition("_")[0])) or 8)
    end = 0
    for name in sorted(name for name in header if name != "__metadata__"):
        size = -(-int(np.prod(header[name]["shape"])) * bits // 8)
        header[name] |= {"dtype": dtype, "data_offsets": [end, end + size]}
        end += size
    path.write_bytes(joined(header, bytes(end)))
    assert must_be_refused_or_the_same(path, model)


def test_what_is_no_file_is_named(tmp_path: Path) -> None:
    with pytest.raises((FileError, OSError), match=re.escape(str(tmp_path))):
        load_model(tmp_path)


# --- what could run code -------------------------------------------------------------------------------------------

BUILTINS = {"eval", "exec", "compile", "__import__"}
PICKLES = {"pickle", "_pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "jsonpickle"}
FORBIDDEN = PICKLES | {f"builtins.{name}" for name in BUILTINS}
FORBIDDEN |= {"code", "codeop", "os.system", "os.popen", "importlib.import_module", "pandas.read_pickle"}
FORBIDDEN |= {"torch.load", "torch.save", "torch.jit.load", "torch.hub", "torch.package", "torch.serialization"}
FORBIDDEN |= {"yaml.load_all", "yaml.unsafe_load", "yaml.unsafe_load_all", "yaml.full_load", "yaml.full_load_all"}
CONDITIONAL = {  # allowed with this argument only
    "numpy.load": ("allow_pickle", "False"),
    "yaml.load": ("Loader", "yaml.SafeLoader"),
    "ruamel.yaml.YAML": ("typ", "'safe'"),
}
METHODS = {"to_pickle", "read_pickle"}  # of whatever object


def dangers(source: str) -> list[str]:
    """What could run code that a file holds, as "line: name", by whatever name it was imported."""
    tree = ast.parse(source)
    imported: dict[str, str] = {}
    found: set[tuple[int, str]] = set()

    def is_forbidden(name: str) -> bool:
        parts = name.split(".")
        return any(".".join(parts[:k]) in FORBIDDEN for k in range(1, len(parts) + 1))

    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            for alias in node.names:
                whole = f"{node.module}.{alias.name}" if isinstance(node, ast.ImportFrom) else alias.name
                first = whole if alias.asname or isinstance(node, ast.ImportFrom) else whole.partition(".")[0]
                imported[alias.asname or first.rpartition(".")[2]] = first
                if is_forbidden(whole):
                    found.add((node.lineno, whole))

    def full(node: ast.AST) -> str:
        """A name with its modules, "" for what is no module's."""
        if isinstance(node, ast.Name):
            return imported.get(node.id, f"builtins.{node.id}" if node.id in BUILTINS else "")
        owner = full(node.value) if isinstance(node, ast.Attribute) else ""
        return f"{owner}.{node.attr}" if isinstance(node, ast.Attribute) and owner else ""

    allowed: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            given = {keyword.arg: full(keyword.value) or ast.unparse(keyword.value) for keyword in node.keywords}
            needed, value = CONDITIONAL.get(full(node.func), ("", ""))
            if needed and given.get(needed) == value:
                allowed.add(node.func)
            if given.get("allow_pickle", "False") != "False":
                found.add((node.lineno, "allow_pickle"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute) and node not in allowed:
            if is_forbidden(full(node)) or full(node) in CONDITIONAL:
                found.add((node.lineno, full(node)))
            elif isinstance(node, ast.Attribute) and node.attr in METHODS:
                found.add((node.lineno, node.attr))
    return [f"{line}: {name}" for line, name in sorted(found)]


FOLDERS = ("boundary", "stages", "tools", "benchmarks")
ELSEWHERE = {
    ROOT / "benchmarks/stopwatch/sitecustomize.py",  # stands in for import itself, in no program that a user runs
    ROOT / "benchmarks/cluster.py",  # weighs what Dask sends, and reads none of it
}
BY_ITS_OWN_TABLE = {  # not by names that come from elsewhere
    ROOT / "boundary/cli/__main__.py": "importlib.import_module",
    ROOT / "stages/_fork_server.py": "builtins.__import__",
}
PROGRAMS = sorted({path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")} - ELSEWHERE)


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_program_can_run_what_a_file_holds(path: Path) -> None:
    found = dangers(path.read_text(encoding="utf-8"))
    assert [danger for danger in found if danger.partition(": ")[2] != BY_ITS_OWN_TABLE.get(path)] == []


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from pickle import loads as f",
        "import pickle as json\njson.loads(b'')",
        "import joblib\njoblib.load('x')",
        "import torch\ntorch.load('x', weights_only=True)",
        "from torch import load\nload('x')",
        "import torch as t\nt.save({}, 'x')",
        "f = eval",
        "exec('1')",
        "import builtins\nbuiltins.exec('1')",
        "__import__('pickle')",
        "import importlib\nimportlib.import_module('pickle')",
        "import torch.hub\ntorch.hub.load('x', 'y')",
        "import yaml\nyaml.load(text)",
        "import yaml\nyaml.load(text, Loader=yaml.UnsafeLoader)",
        "from yaml import load\nload(text)",
        "import yaml\nyaml.unsafe_load(text)",
        "from ruamel.yaml import YAML\nYAML(typ='unsafe')",
        "import numpy as np\nnp.load('x', allow_pickle=True)",
        "import numpy as np\nnp.load('x')",
        "import numpy as np\nf = np.load",
        "read(path, allow_pickle=flag)",
        "import pandas as pd\npd.read_pickle('x')",
        "table.to_pickle('x')",
        "import os\nos.system('x')",
    ],
)
def test_what_could_is_found(source: str) -> None:
    assert dangers(source)


@pytest.mark.parametrize(
    "source",
    [
        "import json\njson.loads('1')",
        "model.eval()",
        "code = 1\ncode",
        "import re\nre.compile('x')",
        "from safetensors.torch import load\nload(b'')",
        "import numpy as np\nnp.load('x', allow_pickle=False)",
        "import yaml\nyaml.load(text, Loader=yaml.SafeLoader)",
        "from ruamel.yaml import YAML\nYAML(typ='safe').load('x')",
    ],
)
def test_what_could_not_is_not(source: str) -> None:
    assert dangers(source) == []
