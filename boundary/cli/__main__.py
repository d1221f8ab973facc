"""`boundary COMMAND ...`: what users run besides dvc. Each command is a module of this package."""

import argparse
import sys
from importlib import import_module

from boundary.errors import UserError, did_you_mean

COMMANDS = {  # the module that adds the arguments and runs it, and what it does; imported when it is asked for
    "repro": ("repro", "train and evaluate what params.yaml says, several stages side by side"),
    "predict": ("predict", "what a trained model says of a new table"),
    "compare": ("compare", "what improved or regressed beyond luck since a commit"),
    "verify": ("verify", "run everything again from nothing, and compare every byte"),
    "changes": ("changes", "what is new since a commit, as Markdown for a pull request"),
    "schema": ("params_schema", "write params.schema.json and docs/params.md from the types of params.yaml"),
}
USAGE = "usage: boundary COMMAND ...   (boundary COMMAND --help says more)\n\n" + "\n".join(
    f"  {name:9}{what}" for name, (_, what) in COMMANDS.items()
)


def main() -> None:
    """Run the command that the command line names. A user's mistake ends it with a line and status 1."""
    if len(sys.argv) < 2 or sys.argv[1] in ("-h", "--help"):
        print(USAGE)
        sys.exit(len(sys.argv) < 2)
    name, words = sys.argv[1], sys.argv[2:]
    if name not in COMMANDS:
        sys.exit(f"boundary: no command {name!r}{did_you_mean(name, COMMANDS)}")
    command = import_module(f"boundary.cli.{COMMANDS[name][0]}")
    parser = argparse.ArgumentParser(
        prog=f"boundary {name}", description=command.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    command.add_arguments(parser)
    try:
        sys.exit(command.run(parser.parse_args(words)))
    except (UserError, OSError) as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit("interrupted")


if __name__ == "__main__":
    main()
