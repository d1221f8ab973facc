"""The same bits everywhere: whole pipelines and hard trainings, in processes that differ as machines do.

Of pipelines every published byte is compared; of trainings every bit of their float64 weights and logs, not only what
is left after publishing as float32.
"""

import json
import platform
import re
import shutil
import sys
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from boundary.artifacts import splits
from boundary.config.load import load_params
from boundary.models import snapshots
from boundary.numerics.arithmetic import BLOCK
from boundary.numerics.elementary import SMALLEST_NORMAL
from stages import train as train_stage
from tests.support.exact_run import CASES, HARD, THREADS, WIDE, train
from tests.support.repository import ROOT, SIDE_BY_SIDE, copy_of_repository, run

# --- what processes differ by ----------------------------------------------------------------------------------------

pytestmark = pytest.mark.usefixtures("one_thread")
NATIVE = torch.backends.cpu.get_cpu_capability().lower()
CAPABILITIES = ["default", "avx2", "avx512"]  # PyTorch's; one that a CPU lacks would crash
CAPABILITIES = CAPABILITIES[: CAPABILITIES.index(NATIVE) + 1] if NATIVE in CAPABILITIES else ["default"]
NUMPY = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])  # NumPy refuses others
NUMPY_512 = [name for name in NUMPY if "512" in name or name == "X86_V4"]

MACHINES: dict[str, dict[str, str]] = {
    "as it is": {},
    "no vectors": {"ATEN_CPU_CAPABILITY": "default", "MKL_CBWR": "COMPATIBLE"},
    "AVX2": {"ATEN_CPU_CAPABILITY": CAPABILITIES[:2][-1], "MKL_CBWR": "AVX2,STRICT"},
    "no vectors but MKL's": {"ATEN_CPU_CAPABILITY": "default", "MKL_CBWR": "AUTO"},
    "no vectors in MKL": {"ATEN_CPU_CAPABILITY": CAPABILITIES[-1], "MKL_CBWR": "COMPATIBLE"},
}
QUICK = [*MACHINES][:3]

PIPELINES: dict[str, dict[str, str]] = {
    "an old processor, in 1999": {
        "OMP_NUM_THREADS": "1",
        "ATEN_CPU_CAPABILITY": "default",
        "MKL_CBWR": "COMPATIBLE",
        "NPY_DISABLE_CPU_FEATURES": " ".join(NUMPY),
        "OPENBLAS_CORETYPE": "Nehalem",
        "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-FMA,-FMA4,-AVX512F",  # other sin, exp and pow in Python and C
        "PYTHONHASHSEED": "1",
        "LC_ALL": "C",
        "TZ": "<+14>-14",
        "CLOCK_SHIFT": str(-27 * 365 * 86400),
    },
    "two threads of AVX2, in 2050": {
        "OMP_NUM_THREADS": "2",
        "ATEN_CPU_CAPABILITY": CAPABILITIES[:2][-1],
        "MKL_CBWR": "AVX2,STRICT",
        "NPY_DISABLE_CPU_FEATURES": " ".join(NUMPY_512),
        "OPENBLAS_CORETYPE": "Haswell",
        "PYTHONHASHSEED": "4294967295",
        "LANG": "tr_TR.UTF-8",  # where the system has it: in its capitals an i keeps its dot
        "TZ": "NST3:30NDT",
        "CLOCK_SHIFT": str(24 * 365 * 86400),
    },
    "four threads of AVX-512": {
        "OMP_NUM_THREADS": "4",
        "ATEN_CPU_CAPABILITY": CAPABILITIES[-1],
        "MKL_CBWR": "AUTO",
        "PYTHONHASHSEED": "0",
        "LANG": "de_DE.UTF-8",
        "TZ": "UTC",
        "SOURCE_DATE_EPOCH": "0",
    },
    "no setting at all": {},
}
HARD_EPOCHS = {"long": 5000, "long, in batches": 500, "perfect": 1500, "vanishing": 625, "many rows": 3}
CHOSEN_ELSEWHERE = sorted({name for settings in (*MACHINES.values(), *PIPELINES.values()) for name in settings})
CLOCK = r"""
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
int clock_gettime(clockid_t clock, struct timespec *now) {
    int status = syscall(SYS_clock_gettime, clock, now);
    const char *shift = getenv("CLOCK_SHIFT");
    if (status == 0 && shift && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += atol(shift);
    return status;
}
int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    struct timespec fine;
    int status = clock_gettime(CLOCK_REALTIME, &fine);
    now->tv_sec = fine.tv_sec;
    now->tv_usec = fine.tv_nsec / 1000;
    return status;
}
time_t time(time_t *result) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (result) *result = now.tv_sec;
    return now.tv_sec;
}
"""


@pytest.fixture(scope="session")
def clock(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Variables under which CLOCK_SHIFT moves the date; none where there is no C compiler to make that of."""
    compiler = shutil.which("cc")
    if sys.platform != "linux" or compiler is None:
        return {}
    folder = tmp_path_factory.mktemp("clock")
    (folder / "clock.c").write_text(CLOCK)
    run(folder, compiler, "-shared", "-fPIC", "-O1", "-o", "clock.so", "clock.c")
    return {"LD_PRELOAD": str(folder / "clock.so")}


def under(settings: Mapping[str, str], *command: str) -> list[str]:
    """A command with these environment variables, and none that another setting chooses."""
    unset = [word for name in CHOSEN_ELSEWHERE for word in ("-u", name)]
    return [
        "env",
        *unset,
        "OMP_WAIT_POLICY=passive",
        *(f"{name}={value}" for name, value in settings.items()),
        *command,
    ]


# --- pipelines -------------------------------------------------------------------------------------------------------

TINY = """
seed: 7
replicates: 3
precision: exact
device: auto
generators:
  moons: {kind: moons, n_samples: 120, noise: 0.1, seed: 1}
  spirals: {kind: spirals, points_per_class: 40, classes: 3, noise: 0.2, seed: 1}
  line: {kind: line, weight: 0.7, bias: 0.3, start: 0, end: 1, step: 0.01}
  noise: {kind: moons, n_samples: 120, noise: 0.6, seed: 2}
datasets:
  noise: {table: data/raw/noise.parquet, target: label,
    split: {kind: random, test_size: 0.2, validation_size: 0.3, seed: 1}}
  moons: {table: data/raw/moons.parquet, target: label, split: {kind: random, test_size: 0.2, seed: 1}}
  spirals: {table: data/raw/spirals.parquet, target: label, split: {kind: stratified, test_size: 0.2, seed: 1}}
  line: {table: data/raw/line.parquet, target: y, split: {kind: ordered, test_size: 0.2}}
variants:
  moons: {dataset: moons, hidden_units: [16, 16], activation: silu, optimizer: adam, lr: 0.01, epochs: 40, log_every: 9}
  spirals: {dataset: spirals, hidden_units: [12], activation: gelu_tanh, optimizer: adamw, lr: 0.02, weight_decay: 0.01,
    epochs: 40, log_every: 10, batch_size: 25}
  line: {dataset: line, hidden_units: [8], activation: tanh, optimizer: sgd, lr: 0.01, momentum: 0.9, epochs: 100,
    log_every: 10, loss: mse}
  stopping: {dataset: noise, hidden_units: [16, 16], activation: tanh, optimizer: adam, lr: 0.05, epochs: 60,
    log_every: 2, patience: 8}
contrasts:
  sides: {dataset: moons, left: moons, right: moons}
"""
UNUSUAL = "a folder, Übung 1 數據"


def published_files(folder: Path) -> dict[str, bytes]:
    """Every file but git's, DVC's and Python's own: dvc.lock, data, models, metrics, plots, and code."""
    paths = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    named = {str(path.relative_to(folder)): path for path in paths}
    return {name: path.read_bytes() for name, path in named.items() if name.split("/")[0] not in (".git", ".dvc")}


def emptied_copy(folder: Path, settings: str | None = None) -> Path:
    """A copy of the repository without any result, with a params.yaml of one's own."""
    copy_of_repository(folder)
    for name in ("metrics", "plots"):
        shutil.rmtree(folder / name, ignore_errors=True)
    (folder / "dvc.lock").unlink()
    if settings is not None:
        (folder / "params.yaml").write_text(settings)
    return folder


def reproduced(folder: Path, settings: Mapping[str, str], *command: str) -> dict[str, bytes]:
    """All that a command publishes there under these environment variables."""
    run(folder, *under(settings, *command))
    return published_files(folder)


def different(found: dict[str, bytes], expected: dict[str, bytes]) -> list[str]:
    """The files that are not the same, or missing in one of the two."""
    return [name for name in sorted({*found, *expected}) if found.get(name) != expected.get(name)]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory, clock: dict[str, str]) -> dict[str, Path]:
    """The tiny pipeline, run with settings and without. Read only."""
    settings, plain = (emptied_copy(tmp_path_factory.mktemp("tiny") / name, TINY) for name in (UNUSUAL, "plain"))
    run(plain, *SIDE_BY_SIDE)
    reproduced(settings, PIPELINES["an old processor, in 1999"] | clock, *SIDE_BY_SIDE)
    return {"an old processor, in 1999": settings, "no setting at all": plain}


def test_a_tiny_pipeline_publishes_the_same_bytes(tiny: dict[str, Path]) -> None:
    found, expected = map(published_files, tiny.values())
    assert {file.split("/")[0] for file in found} >= {"dvc.lock", "data", "models", "metrics", "plots"}
    assert different(found, expected) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", PIPELINES)
def test_the_default_pipeline_publishes_the_same_bytes(
    published: Path, tmp_path: Path, clock: dict[str, str], name: str
) -> None:
    """dvc.lock, with the hash of everything, and every file."""
    found = reproduced(emptied_copy(tmp_path / UNUSUAL), PIPELINES[name] | clock, "dvc", "repro")
    assert different(found, published_files(published)) == []


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="settings of x86-64 processors")
def test_the_settings_reach_the_programs(clock: dict[str, str]) -> None:
    """They are not misspelt: what can be asked for answers as it was set, the date where it can be moved.

    MKL has nothing to ask; that its setting arrives is seen in test_plain_float32_does_differ.
    """
    code = """if True:
        import json, time, numpy, numpy.linalg, torch
        from numpy._core._multiarray_umath import __cpu_features__ as features
        from threadpoolctl import threadpool_info
        core = next(library["architecture"] for library in threadpool_info() if library["internal_api"] == "openblas")
        on = [name for name in %r if features[name]]
        print(json.dumps([torch.backends.cpu.get_cpu_capability(), core, on, time.gmtime().tm_year, time.tzname[0]]))
    """
    command = under(PIPELINES["an old processor, in 1999"] | clock, sys.executable, "-c", code % NUMPY)
    capability, core, on, year, zone = json.loads(run(ROOT, *command).stdout)
    assert (capability, core, on, zone) == ("DEFAULT", "Nehalem", [], "+14")
    assert (year < time.gmtime().tm_year - 20) == bool(clock)


def test_a_matplotlibrc_of_ones_own_changes_no_picture(tmp_path: Path) -> None:
    (tmp_path / "matplotlibrc").write_text("axes.grid: True\n")
    for image, settings in {"plain.png": {}, "own.png": {"MATPLOTLIBRC": str(tmp_path)}}.items():
        command = [sys.executable, "-m", "stages.plot_activations", "--image", str(tmp_path / image)]
        run(ROOT, *under(settings, *command))
    assert (tmp_path / "own.png").read_bytes() == (tmp_path / "plain.png").read_bytes()


# --- numbers of replicates -------------------------------------------------------------------------------------------


def by_replicate(folder: Path, data: Path, settings: str, name: str, replicates: int) -> list[list[bytes]]:
    """What the train stage publishes of each replicate: rows of its history, weights, predictions by part, snapshots.

    With early stopping its snapshots end where its history does; they must stand still from there on.
    """
    (folder / "params.yaml").write_text(re.sub(r"(?m)^replicates: \d+", f"replicates: {replicates}", settings))
    split = data / load_params(folder / "params.yaml").variants[name].dataset
    names = ("--model", "--history", "--snapshots", "--predictions")
    outputs = {name: folder / name.removeprefix("--") for name in names}
    options = {"--params": folder / "params.yaml", "--data": split, **outputs}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")  # else torch's threads would be set for all tests
        patch.setattr(sys, "argv", ["train", name, *(str(word) for option in options.items() for word in option)])
        train_stage.main()
    history = pd.read_csv(outputs["--history"], dtype=str)
    parts = [pd.read_parquet(path) for path in splits.part_paths(outputs["--predictions"]).values()]
    tensors = load_file(outputs["--model"])
    assert history["replicate"].nunique() == parts[1]["replicate"].nunique() == replicates
    frames = [1 + (history["replicate"] == str(r)).sum() for r in range(replicates)]
    films = snapshots.load_snapshots(outputs["--snapshots"]).parameters.unbind(1)
    for count, film in zip(frames, films, strict=False):
        assert (film[count:] == film[count - 1]).all()
    return [
        [
            history[history["replicate"] == str(r)].to_csv(index=False).encode(),
            *(part[part["replicate"] == r].to_numpy().tobytes() for part in parts),
            *(tensors[key][r].numpy().tobytes() for key in sorted(tensors)),
            *(film[: frames[r]].numpy().tobytes() for film in films[r : r + 1]),
        ]
        for r in range(replicates)
    ]


def the_same_among_any_number(folder: Path, workspace: Path, name: str) -> bool:
    """Whether a replicate is trained the same beside none, one, two, 15, 16 or 63 others."""
    settings = (workspace / "params.yaml").read_text()
    many = by_replicate(folder, workspace / "data/split", settings, name, 64)
    assert len({tuple(replicate) for replicate in many}) == 64
    return all(
        by_replicate(folder, workspace / "data/split", settings, name, count) == many[:count]
        for count in (1, 2, 3, 16, 17)
    )


@pytest.mark.parametrize("name", ["spirals", "line", "stopping"])
def test_a_replicate_is_the_same_among_any_number(tiny: dict[str, Path], tmp_path: Path, name: str) -> None:
    assert the_same_among_any_number(tmp_path, tiny["no setting at all"], name)


@pytest.mark.slow
@pytest.mark.parametrize("name", load_params(ROOT / "params.yaml").variants)
def test_so_it_is_in_the_default_pipeline(published: Path, tmp_path: Path, name: str) -> None:
    assert the_same_among_any_number(tmp_path, published, name)


# --- trainings -------------------------------------------------------------------------------------------------------


def trained(settings: Mapping[str, str], cases: Mapping[str, int]) -> dict[str, dict[str, list[str]]]:
    """What support/exact_run.py prints of these cases and their epochs under these environment variables."""
    words = [str(word) for case in cases.items() for word in case]
    script = [sys.executable, "-m", "tests.support.exact_run", *words]
    return json.loads(run(ROOT, *under({"PYTHONPATH": str(ROOT), **settings}, *script)).stdout)


def hashes_by_seed(cases: Mapping[str, int], machines: Iterable[str]) -> dict[tuple[str, int], set[str]]:
    """By case and seed: the hashes of all machines, numbers of threads and companies of replicates."""
    found: dict[tuple[str, int], set[str]] = {}
    with ThreadPoolExecutor(2) as pool:
        printed = list(pool.map(lambda machine: trained(MACHINES[machine], cases), machines))
    for by_case in printed:
        for name, by_setting in by_case.items():
            for threads, (company, seeds) in product(THREADS, CASES[name].companies.items()):
                for seed, digest in zip(seeds, by_setting[f"{company}, {threads} threads"], strict=True):
                    found.setdefault((name, seed), set()).add(digest)
    return found


def differing(cases: Mapping[str, int], machines: Iterable[str]) -> list[tuple[str, int]]:
    """The cases and seeds with more than one hash; asserts that no two seeds or cases have the same one."""
    found = hashes_by_seed(cases, machines)
    assert len(set().union(*found.values())) >= len(found) >= 2 * len(cases)
    return [key for key, digests in found.items() if len(digests) > 1]


def test_a_replicate_has_one_hash_over_machines_threads_and_company() -> None:
    assert differing({"circle_v2": 20, "64-64-64": 3}, QUICK) == []


@pytest.mark.slow
def test_so_it_has_after_many_epochs() -> None:
    assert differing({"circle_v2": 1000, "64-64-64": 100}, QUICK) == []


@pytest.mark.slow
def test_so_has_every_activation_with_every_optimizer_in_wide_networks() -> None:
    assert differing(dict.fromkeys(WIDE, 3), MACHINES) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", HARD)
def test_so_has_a_hard_training(name: str) -> None:
    assert differing({name: HARD_EPOCHS[name]}, MACHINES) == []


@pytest.mark.slow
def test_so_has_a_deep_one_after_many_epochs() -> None:
    """Four layers of 64, a thousand steps of Adam: an error of one bit anywhere would have grown into all of them."""
    assert differing({"deep": 1200}, [*MACHINES][:2]) == []


def test_the_hard_trainings_are_hard() -> None:
    """One ends with a loss below 1e-12, one with subnormal weights, one sums over more rows than two blocks."""
    _, logged = train(CASES["perfect"], [42], HARD_EPOCHS["perfect"])
    assert logged[: len(logged) // 4][-1] < 1e-12
    weights, _ = train(CASES["vanishing"], [42], HARD_EPOCHS["vanishing"])
    assert ((weights != 0) & (weights.abs() < SMALLEST_NORMAL)).double().mean() > 0.9
    assert len(CASES["many rows"].data().train) > 2 * BLOCK


@pytest.mark.slow
@pytest.mark.skipif(len(CAPABILITIES) < 2, reason="a CPU with other vector instructions")
def test_plain_float32_does_differ() -> None:
    """So these settings do reach the arithmetic."""
    assert differing({"float32": 20}, QUICK) == [("float32", 42), ("float32", 43)]
