"""Say how many of the mutants that mutmut made were killed, and show those that survived.

A mutant is a copy of the library with one small change. It is killed where a test fails (or never ends) under it; one
that survives does something that no test looks at, or changes nothing that can be seen. The latter are listed, each
with the reason, in the file that EXPLAINED names.
"""

import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

AIM = 90  # percent, of every module
KILLED = ("killed", "timeout")
EXPLAINED = Path("tests/mutation/equivalent_mutants.md")


def results(text: str) -> dict[str, str]:
    """The status of each mutant, from lines of `mutmut results --all`: "boundary.scores.x_of__mutmut_1: killed"."""
    pairs = (line.rpartition(": ") for line in text.splitlines() if line.strip())
    return {name.strip(): status for name, _, status in pairs}


def change(text: str) -> str:
    """The lines that a mutant takes away and puts in, "- old" then "+ new", from the diff of `mutmut show`."""
    lines = [line for line in text.splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")]
    return "\n".join(f"{line[0]} {line[1:].strip()}" for line in lines)


def table(statuses: Mapping[str, str]) -> tuple[list[str], bool]:
    """The lines of a table, a module each and all together, and whether the AIM is reached in each."""
    mutants: Counter[str] = Counter()
    killed: Counter[str] = Counter()
    for name, status in statuses.items():
        for module in (name.rpartition(".")[0], "all"):
            mutants[module] += 1
            killed[module] += status in KILLED
    lines = [f"{'module':<20} {'mutants':>8} {'killed':>8} {'survived':>8} {'killed':>8}"]
    for module in sorted(mutants, key=lambda module: (module == "all", module)):
        number, dead = mutants[module], killed[module]
        lines.append(f"{module:<20} {number:>8} {dead:>8} {number - dead:>8} {100 * dead / number:>7.1f}%")
    return lines, bool(mutants) and all(100 * killed[module] >= AIM * mutants[module] for module in mutants)


def _mutmut(*arguments: str) -> str:
    return subprocess.run(["mutmut", *arguments], stdout=subprocess.PIPE, text=True, check=True).stdout


def main() -> None:
    """Print the survivors and the table; status 1 where the AIM is missed, or a survivor is not explained."""
    statuses = results(_mutmut("results", "--all", "true"))
    explained = EXPLAINED.read_text(encoding="utf-8")
    unexplained = 0
    for name, status in statuses.items():
        if status in KILLED:
            continue
        changed = change(_mutmut("show", name))
        known = changed in explained
        unexplained += not known
        print(f"{name}: {status}{f', see {EXPLAINED}' if known else ''}\n{changed}\n")
    lines, reached = table(statuses)
    print("\n".join(lines))
    if not reached or unexplained:
        sys.exit(f"expected {AIM}% killed in each module, and no survivor without a reason in {EXPLAINED}")


if __name__ == "__main__":
    main()
