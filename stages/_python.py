"""Which Python runs a stage: `python` on PATH is another one where dvc was started without `source activate`.

Read by any Python 3, to say so or to hand over.
"""

import importlib.util
import os
import sys

from stages import _dvc

LIBRARY = "msgspec"  # every stage needs it, and no other Python is likely to have it
TRIED = "BOUNDARY_PYTHON_TRIED"  # the Pythons that had not, so that none is tried twice


def use_projects() -> None:
    """Run this program by the Python that has the project's libraries; ends with a line where none is found."""
    tried = os.environ.pop(TRIED, "")
    if sys.argv[0] != "-m" or importlib.util.find_spec(LIBRARY):
        return
    known = [*filter(None, tried.split(os.pathsep)), sys.executable]
    for python in _candidates():
        if python not in known and os.access(python, os.X_OK):
            os.environ[TRIED] = os.pathsep.join(known)
            os.execv(python, [python, *sys.orig_argv[1:]])
    sys.exit(f"{sys.executable}: lacks the project's libraries; source .venv/bin/activate, or make repro")


def _candidates() -> "list[str]":
    """The Python by which dvc runs, where the system tells, and the one that make installs."""
    found: list[str] = []
    if sys.platform == "win32" or not hasattr(sys, "orig_argv"):
        return found  # there a program cannot hand over, or does not know its own command
    dvc = _dvc.process() if "DVC_STAGE" in os.environ else None
    if dvc is not None:
        found += _dvc.command(dvc)[:1]  # of a script, its first line names it
    project = os.environ.get("DVC_ROOT") or os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    return [*found, os.path.join(project, ".venv", "bin", "python")]
