"""dvc repro with several stages side by side: `python -m tools.repro 2`, what `make repro` runs."""

import sqlite3
import sys

from tools.repro import dvc_adapter
from tools.repro.runner import Reproduction, ReproError


def main() -> None:
    """Reproduce the pipeline in the current folder; exit status 0 only where all is up to date."""
    if len(sys.argv) != 2 or not sys.argv[1].isdecimal() or int(sys.argv[1]) < 1:
        sys.exit(f"JOBS: found {' '.join(sys.argv[1:])!r}, expected how many stages may run at once, 1 or more")
    try:
        with dvc_adapter.project() as repo:
            reproduction = Reproduction(dvc_adapter.plan(repo), int(sys.argv[1]))
            reproduction.run()
    except (ReproError, dvc_adapter.DvcError) as error:
        sys.exit(str(error))
    except (OSError, sqlite3.Error) as error:
        sys.exit(f"DVC cannot write its own files ({error}); the next run goes on from here")
    changed = sum(reproduction.ran.values())
    print(f"{len(reproduction.plan)} stages are up to date" + (f", {changed} of them since now" if changed else ""))


if __name__ == "__main__":
    main()
