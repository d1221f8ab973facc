"""A value of params.yaml is the same to DVC and to the programs: what dvc.lock records is what they used."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from dvc.utils.serialize import load_yaml
from ruamel.yaml import YAML

from boundary.config.load import load_params
from boundary.errors import ParamsError
from boundary.validation.check import check
from tests.support.params_file import edited
from tests.support.repository import ROOT, run

SPELLINGS = """
0 1 2 -1 +1 007 010 0o10 0O10 0x10 0X10 0b11 1_000 1,000 12345678901234567890 1e3 1E3 1e+3 1e-3 1.e-3 .5 5. 0.1 -0.5
+.5 1e400 1e-400 .1e1 1.0 2.0 .inf -.inf .Inf .INF inf Infinity .nan .NaN nan NaN null Null ~ true True TRUE yes Yes on
On off No no n y t f False 1:30 190:20:30 2001-01-01 2001-01-01T10:00:00Z 12:30:45 1.5.2 1d 1f 0x1p3 1e 1e-e 0.1.0
\u00bd \u00b2 \u0663 \uff11 \u221e '1' '0.1' '1e-3' 'true' '${x}' '$x' '`x`' '%d' [1]
"""
TAGGED = ("!!float 3", '!!int "3"', '!!float "3"', "!!str 3", '!!bool "true"', '!!null ""', "!!binary aGk=", "{a: 1}")
WORDS = [*SPELLINGS.split(), *TAGGED]
KEYS = {
    "lr": "lr: 0.1",
    "epochs": "epochs: 2",
    "momentum": "lr: 0.1, momentum: 0.5",
    "nesterov": "lr: 0.1, momentum: 0.5, nesterov: true",
    "batch_size": "lr: 0.1, batch_size: 4",
    "activation": "activation: relu",
}


def same(used: Any, recorded: Any) -> bool:
    """A whole number may stand for a float: then the nearest one is used."""
    nearest = float(recorded) if isinstance(used, float) else recorded
    return nearest == used and isinstance(used, bool) == isinstance(recorded, bool)


def of_net(content: Any, key: str) -> Any:
    return content["variants"]["net"][key]


@pytest.fixture(scope="module")
def accepted(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Any]:
    """By key and spelling: the value that the programs use."""
    path = tmp_path_factory.mktemp("params") / "params.yaml"
    found = {}
    for key, text in KEYS.items():
        old = text.split(", ")[0]
        for word in WORDS:
            path.write_text(edited(old, f"{text.rpartition(': ')[0]}: {word}"), encoding="utf-8")
            try:
                checked = check(path)
            except ParamsError:
                continue
            found[key, word] = getattr(checked.variants["net"], key)
            assert load_params(path) == checked, word  # as a stage reads it
            assert same(found[key, word], of_net(load_yaml(str(path)), key)), word  # DVC's own reader
    return found


def test_many_spellings_are_accepted_and_more_refused(accepted: dict[tuple[str, str], Any]) -> None:
    assert len(WORDS) > 80
    assert 60 < len(accepted) < len(WORDS) * len(KEYS) / 2
    for word, value in {"010": 10, "0o10": 8, "0x10": 16}.items():
        assert accepted["epochs", word] == value
    assert accepted["lr", "1e-3"] == 0.001
    assert not {("lr", word) for word in ("yes", "'0.1'", ".inf", "1:30", "true")} & accepted.keys()
    assert ("nesterov", "on") not in accepted


def test_what_dvc_lock_records_is_what_the_programs_use(accepted: dict[tuple[str, str], Any], tmp_path: Path) -> None:
    """A variant for each accepted spelling, in one file; a stage prints what it loads of it."""
    lines = [line for line in edited("contrasts:", "contrasts: {}\nleft:").split("\n") if "pair:" not in line]
    text = "\n".join(lines[: lines.index("left:")])
    net = next(line for line in lines if line.startswith("  net: "))
    copies = [
        net.replace("  net:", f"  v{number}:").replace(
            KEYS[key].split(", ")[0], f"{KEYS[key].rpartition(': ')[0]}: {word}"
        )
        for number, (key, word) in enumerate(accepted)
    ]
    (tmp_path / "params.yaml").write_text(text.replace(net, "\n".join([net, *copies])) + "\n", encoding="utf-8")
    program = (
        "import json, pathlib; from boundary.config.load import load_params; "
        "found = load_params(pathlib.Path('params.yaml')).variants; "
        "names = ['lr', 'epochs', 'momentum', 'nesterov', 'batch_size', 'activation']; "
        "print(json.dumps({n: {k: getattr(v, k) for k in names} for n, v in found.items()}))"
    )
    (tmp_path / "program.py").write_text(f"import sys; sys.path.insert(0, {str(ROOT)!r}); {program}\n")
    stage = {"cmd": f"{sys.executable} program.py > used.json", "params": ["variants"], "outs": ["used.json"]}
    with (tmp_path / "dvc.yaml").open("w") as file:
        YAML().dump({"stages": {"use": stage}}, file)
    run(tmp_path, "git", "init", "-q")
    run(tmp_path, "dvc", "init", "-q")
    run(tmp_path, "dvc", "repro")
    used = json.loads((tmp_path / "used.json").read_text())
    lock = YAML(typ="safe").load((tmp_path / "dvc.lock").read_text())
    recorded = lock["stages"]["use"]["params"]["params.yaml"]["variants"]
    assert list(used) == list(recorded)
    assert len(used) > len(accepted) > 60
    for name, values in used.items():
        for key, value in values.items():
            if key in recorded[name]:
                assert same(value, recorded[name][key]), (name, key)
