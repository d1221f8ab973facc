"""Training on other machines: parts of a job, handed to the workers of a Dask cluster.

A replicate never notices another, so the same bits come out of any number of workers, and when some of them end early:
Dask then gives their parts to others. Dask also knows how to get workers from SLURM, Kubernetes and clouds: see
docs/scaling.md. Its packages are those of the extra `cluster`, and are imported here only, when a scheduler is
named.
"""

import hashlib
import logging
import math
import platform
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any

from boundary.errors import ClusterError
from boundary.training.job import TrainingData, TrainingJob, TrainingResult, merge

PARTS_PER_THREAD = 4  # so that fast workers take more, and a lost one costs little
REPLICATES = 1 << 10  # of a part, at most: so that workers that come later find some left
SECONDS = 10  # until a scheduler, and its first worker, must have answered
PACKAGES = ("torch", "dask", "distributed", "cloudpickle", "msgpack")


def train_on_cluster(
    job: TrainingJob,
    data: TrainingData,
    address: str,
    progress: Callable[[Iterable[Any], int], Iterable[Any]] = lambda each, _: each,
) -> TrainingResult:
    """The job, run by the workers of the scheduler at that address; `progress` wraps its so many parts as they end.

    Raises ClusterError, and ValueError where a worker lacks the device.
    """
    try:
        from distributed import Client, as_completed
        from distributed.comm import get_address_host_port
        from distributed.scheduler import KilledWorker
    except ImportError:
        raise ClusterError(
            "a scheduler is named, but Dask is not there: pip install -e '.[cluster]' -c constraints.txt"
        ) from None
    with _quiet():
        try:
            get_address_host_port(address)  # a client that is handed nonsense would not end
            client: Any = Client(address, timeout=SECONDS, set_as_default=False)
        except OSError:
            raise ClusterError(f"{address}: no scheduler answers within {SECONDS} seconds") from None
        except (ValueError, TypeError) as error:  # TypeError: tls:// without certificates
            raise ClusterError(f"{address}: not the address of a scheduler: {_line(error)}") from None
        with client:
            try:
                _must_be_ready(client, address)
                parts = job.parts(part_count(len(job), sum(client.nthreads().values())))
                everywhere = client.submit(_identity, data, pure=False)  # a task, to do again where a worker is lost
                futures = [client.submit(_run_part, part, everywhere, versions(), pure=False) for part in parts]
                found = {}
                for future in progress(as_completed(futures, loop=client.loop), len(futures)):
                    found[future.key] = future.result()  # at once: a worker that is lost later takes nothing along
                    future.release()
                return merge([found[future.key] for future in futures])
            except KilledWorker as error:
                last = error.last_worker.address if error.last_worker else "unknown"
                raise ClusterError(f"{address}: the same work ended worker after worker, the last was {last}") from None
            except (CancelledError, OSError):
                raise ClusterError(f"{address}: the scheduler is gone; nothing was recorded") from None


def part_count(replicates: int, threads: int) -> int:
    """In how many parts to hand out so many replicates to workers that have so many threads now."""
    return max(PARTS_PER_THREAD * threads, math.ceil(replicates / REPLICATES))


def _identity(data: TrainingData) -> TrainingData:
    return data


def _run_part(part: TrainingJob, data: TrainingData, expected: dict[str, str]) -> TrainingResult:
    where = f"a worker on {platform.node()}"
    if other := difference(versions(), expected):  # it has come since the others were asked
        raise ClusterError(f"{where} {other}")
    try:
        return part.run(data)
    except OSError as error:
        raise ClusterError(f"{where}: {error}") from None


def versions() -> dict[str, str]:
    """What the scheduler and each worker must have in common with who sends them work."""
    packages = {name: metadata.version(name) for name in PACKAGES}
    return {"Python": platform.python_version(), **packages, "code": CODE}


def _code_fingerprint() -> str:
    """A fingerprint of the library's files."""
    code = hashlib.sha256()
    folder = Path(__file__).parents[1]
    for path in sorted([*folder.rglob("*.py"), *folder.rglob("*.cpp")]):
        code.update(path.relative_to(folder).as_posix().encode() + path.read_bytes())
    return code.hexdigest()[:12]


CODE = _code_fingerprint()  # as it is imported: a worker that runs on while the files change is one with other code


def difference(found: dict[str, str] | Exception, expected: dict[str, str]) -> str | None:
    """In words, the first in which found versions, or what came instead of them, are not as expected."""
    if isinstance(found, Exception):
        return f"cannot run this code (see docs/scaling.md): {_line(found)}"
    for name, version in expected.items():
        if found.get(name) != version:
            return f"has {name} {found.get(name)}, expected {version} (see docs/scaling.md)"
    return None


def _must_be_ready(client: Any, address: str) -> None:
    """Raises ClusterError where there are no workers, or one, or the scheduler, is not what this program is."""
    try:
        client.wait_for_workers(1, timeout=SECONDS)
    except TimeoutError:
        raise ClusterError(f"{address}: the scheduler has no workers after {SECONDS} seconds") from None
    try:
        scheduler = client.run_on_scheduler(versions)
    except OSError:  # it is gone
        raise
    except Exception as error:  # of any class: it came from there
        scheduler = error
    for who, found in {"the scheduler": scheduler, **client.run(versions, on_error="return")}.items():
        if other := difference(found, versions()):
            raise ClusterError(f"{address}: {who} {other}")


def _line(error: Exception) -> str:
    return str(error).split("\n")[0] or type(error).__name__


@contextmanager
def _quiet() -> Iterator[None]:
    """Without Dask's own words to the user: what is wrong is raised here, in one line."""
    loggers = [logging.getLogger(name) for name in ("distributed", "distributed.client")]
    before = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Mismatched versions found|Sending large graph")
        for logger in loggers:
            logger.setLevel(logging.CRITICAL)
        try:
            yield
        finally:
            for logger, level in zip(loggers, before, strict=True):
                logger.setLevel(level)
