"""What all stages share: a user's mistake ends the program with its line on stderr and status 1, never a traceback."""

import sys
from collections.abc import Callable

from boundary.files import FileError
from boundary.schema import TableError


def run(main: Callable[[], None], *mistakes: type[Exception]) -> None:
    """Run a stage's main; `mistakes` are errors of its own that carry a line for the user."""
    expected: tuple[type[Exception], ...] = (FileError, TableError, OSError, *mistakes)
    try:
        main()
    except expected as error:
        sys.exit(str(error))
