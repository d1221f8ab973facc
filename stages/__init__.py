"""The programs of dvc.yaml, one per stage: parse arguments, read files, call the library, write files.

This file is read before a program's own, and what that imports takes seconds.
"""

from stages import _dvc, _forks, _python

_python.use_projects()
_forks.run_in_fork()
_dvc.end_with_dvc()
