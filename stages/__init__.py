"""The programs of dvc.yaml, one per stage: parse arguments, read files, call the library, write files."""

from stages import _program

_program.end_with_dvc()  # this file is read before a stage's own, and what that imports takes seconds
