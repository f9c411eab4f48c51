"""Trees and verifier of a row, each made once."""

from dataclasses import replace
from pathlib import Path

from _study import testbed_trees, trained, trees_of
from step_reader.trained_rows import ROWS, Row

from arts.trees.tree import Tree
from arts.verifiers.features import FeatureCache
from arts.verifiers.modules import load_feature_model
from arts.verifiers.neural import NeuralVerifier


def row_verifier(out: Path, row: Row, seed: int, few: int | None) -> NeuralVerifier:
    """The row's verifier of a seed, trained first unless that is done; a rehearsal takes ``few`` problems."""
    features = None
    if row.shape.mode == "frozen":
        features = FeatureCache(load_feature_model(row.shape), keep=True, layers=row.shape.read_layers)
    training = replace(row.training, seed=seed, **({"epochs": 2.0} if few else {}))
    return trained(out / f"{row.stem}-{seed}", lambda: row_trees(out, row, few), row.shape, training, features)


def row_trees(out: Path, row: Row, few: int | None) -> list[Tree]:
    """The trees of a row's problems, from a store that all rows sampled alike share."""
    most = max(other.problems for other in ROWS if other.store == row.store)
    store = out / f"{row.store}.db"
    testbed_trees(store, "train", few or most, n=row.n, fork_probability=row.fork_probability)
    return trees_of(store)[: few or row.problems]
