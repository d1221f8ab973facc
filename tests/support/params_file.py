"""A whole, minimal params.yaml, and the same with one thing changed."""

VALID = """\
seed: 1
replicates: 2
precision: exact
device: cpu
generators:
  dots: {kind: circles, n_samples: 20, noise: 0.1, factor: 0.5, seed: 1}
  ramp: {kind: line, weight: 1, bias: 0, start: 0, end: 1, step: 0.1}
  bows: {kind: moons, n_samples: 20, noise: 0.1, seed: 1}
  heaps: {kind: blobs, n_samples: 20, n_features: 2, centers: 3, cluster_std: 1, center_box: [-1, 1], seed: 1}
  arms: {kind: spirals, points_per_class: 20, classes: 3, noise: 0.1, seed: 1}
datasets:
  dots: {table: data/raw/dots.parquet, target: label, split: {kind: random, test_size: 0.2, seed: 1}}
  ramp: {table: data/raw/ramp.parquet, target: y, split: {kind: ordered, test_size: 0.2}}
variants:
  net: {dataset: dots, hidden_units: [3], activation: relu, optimizer: sgd, lr: 0.1, epochs: 2, log_every: 1}
  flat: {dataset: dots, hidden_units: [], activation: none, optimizer: adam, lr: 0.2, epochs: 2, log_every: 1}
contrasts:
  pair: {dataset: dots, left: flat, right: net}
"""


def edited(old: str, new: str) -> str:
    """The valid document with the first `old` replaced."""
    assert old in VALID
    return VALID.replace(old, new, 1)
