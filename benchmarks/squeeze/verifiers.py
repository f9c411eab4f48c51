"""The other route: verifiers trained on trees of the frozen model, and their scores of samples."""

from pathlib import Path

import numpy as np
from plan import OBJECTIVES, SHAPE, Arrays, Size, training

from arts.cli.sample import Config as SampleConfig
from arts.cli.sample import sample
from arts.evaluation.candidates import Candidates, candidate_scores, score_nodes
from arts.selection.decide import voting_weights
from arts.testbed.measure import SAMPLING
from arts.training.fit import is_finished, train_verifier
from arts.trees.store import TreeStore
from arts.verifiers.features import FeatureCache
from arts.verifiers.modules import load_feature_model
from arts.verifiers.neural import NeuralVerifier


def grow_trees(store: Path, size: Size) -> None:
    """Sparse Deep Fork trees of the training problems, by the base model."""
    sample(
        SampleConfig(
            problems="congruences:train", store=store, limit=size.trees, n=8, fork_probability=0.5, sampling=SAMPLING
        )
    )


def train(store: Path, folder: Path, seed: int, size: Size) -> None:
    """A verifier of each objective with this seed, those that are there left out."""
    missing = [o for o in OBJECTIVES if not is_finished(folder / f"{o}-{seed}")]
    if not missing:
        return
    with TreeStore.open(store) as opened:
        trees = list(opened.trees())
    features = FeatureCache(load_feature_model(SHAPE), keep=True)
    for objective in missing:
        place = folder / f"{objective}-{seed}"
        train_verifier(trees, SHAPE, training(objective, seed, size), place, features=features)


def scores(found: Candidates, folder: Path, seed: int) -> Arrays:
    """Scores of P x N samples: ``OBJECTIVE last`` and ``OBJECTIVE min``, and their weights in a vote."""
    out: Arrays = {}
    features = FeatureCache(load_feature_model(SHAPE), keep=True)
    for objective in OBJECTIVES:
        verifier = NeuralVerifier.load(folder / f"{objective}-{seed}")
        verifier.features = features
        scored = score_nodes(verifier, found.trees, found.nodes())
        for s in candidate_scores(found, scored, ("last", "min")):
            out[f"{objective} {s.aggregation}"] = s.scores
            if s.aggregation == "last":
                out[f"{objective} weight"] = np.asarray(voting_weights(s.scores, s.unit))
    return out
