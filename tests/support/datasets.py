"""Settings of data sets."""

from typing import Any

from boundary.config.params import Dataset, Split

NAN = float("nan")


def of(**settings: Any) -> Dataset:
    """A data set with target y."""
    return Dataset(**{"table": "data/t.csv", "target": "y", "split": Split("ordered", 0.2), **settings})
