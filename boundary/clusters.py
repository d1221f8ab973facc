"""Training on other machines: parts of a work, handed to the workers of a Dask cluster.

A replicate never notices another, so the same bits come out of any number of workers, and when some of them end early:
Dask then gives their parts to others. Dask also knows how to get workers from SLURM, Kubernetes and clouds: see
docs/scaling.md. Its packages are those of requirements-cluster.txt, and are imported here only, when a scheduler is
named.
"""

import hashlib
import platform
import warnings
from collections.abc import Callable, Iterable
from concurrent.futures import CancelledError
from pathlib import Path
from typing import Any

import torch

from boundary.work import Data, Trained, Work, together

PARTS_PER_THREAD = 4  # so that fast workers take more, and a lost one costs little
SECONDS = 10  # until a scheduler, and its first worker, must have answered
DASK = ("dask", "distributed", "cloudpickle", "msgpack")


class ClusterError(Exception):
    """Why a cluster cannot do the work, in one line."""


def done(
    work: Work, data: Data, address: str, progress: Callable[[Iterable[Any], int], Iterable[Any]] = lambda each, _: each
) -> Trained:
    """The work, done by the workers of the scheduler at that address; `progress` wraps its so many parts as they end.

    Raises ClusterError, and ValueError where a worker lacks the device.
    """
    try:
        from distributed import Client, as_completed
        from distributed.scheduler import KilledWorker
        from distributed.versions import VersionMismatchWarning
    except ImportError:
        raise ClusterError(
            "a scheduler is named, but Dask is not there: pip install -r requirements-cluster.txt"
        ) from None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", VersionMismatchWarning)  # a table, of what is an error below
            client: Any = Client(address, timeout=SECONDS, set_as_default=False)
    except (OSError, ValueError):
        raise ClusterError(f"{address}: no scheduler answers within {SECONDS} seconds") from None
    with client:
        _must_be_ready(client, address)
        parts = work.parts(PARTS_PER_THREAD * sum(client.nthreads().values()))
        everywhere = client.submit(_itself, data, pure=False)  # a task: where a worker is lost, it can be done again
        futures = [client.submit(_done, part, everywhere, version(), pure=False) for part in parts]
        try:
            for _ in progress(as_completed(futures, loop=client.loop), len(futures)):
                pass
            return together(client.gather(futures))
        except KilledWorker as error:
            last = error.last_worker.address if error.last_worker else "unknown"
            raise ClusterError(f"{address}: the same work ended worker after worker, the last was {last}") from None
        except (CancelledError, OSError):
            raise ClusterError(f"{address}: the scheduler is gone; nothing was recorded") from None


def _itself(data: Data) -> Data:
    return data


def _done(work: Work, data: Data, expected: str) -> Trained:
    if version() != expected:  # a worker that has come since the others were asked
        raise ClusterError(f"a worker on {platform.node()} has {version()}, expected {expected} (see docs/scaling.md)")
    return work.done(data)


def version() -> str:
    """What a worker must have in common with who sends it work."""
    code = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        code.update(path.name.encode() + path.read_bytes())
    return f"Python {platform.python_version()}, PyTorch {torch.__version__}, code {code.hexdigest()[:12]}"


def _must_be_ready(client: Any, address: str) -> None:
    """Raises ClusterError where there are no workers, or one that is not what this program is."""
    try:
        client.wait_for_workers(1, timeout=SECONDS)
    except TimeoutError:
        raise ClusterError(f"{address}: the scheduler has no workers after {SECONDS} seconds") from None
    packages = client.get_versions()
    own = {name: packages["client"]["packages"][name] for name in DASK}
    others = {"the scheduler": packages["scheduler"], **packages["workers"]}
    for who, found in others.items():
        for name in DASK:
            if found["packages"][name] != own[name]:
                raise ClusterError(
                    f"{address}: {who} has {name} {found['packages'][name]}, expected {own[name]} as here"
                )
    for worker, said in client.run(version, on_error="return").items():
        if said != version():
            raise ClusterError(f"{address}: {worker} has {said}, expected {version()} (see docs/scaling.md)")
