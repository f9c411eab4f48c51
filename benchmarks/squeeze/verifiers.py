"""The other route: verifiers trained on trees of the frozen model, and their scores of samples."""

from functools import cache
from pathlib import Path

import numpy as np
from _study import TESTBED_SHAPE, Arrays, testbed_training, trained, trees_of
from squeeze.plan import OBJECTIVES, Size

from arts.evaluation.candidates import Candidates, candidate_scores, score_nodes
from arts.selection.scores import voting_weights
from arts.verifiers.checkpoint import load_checkpoint
from arts.verifiers.features import FeatureCache
from arts.verifiers.modules import load_feature_model
from arts.verifiers.neural import NeuralVerifier


def train(store: Path, folder: Path, seed: int, size: Size) -> None:
    """A verifier of each objective with this seed."""
    trees = cache(lambda: trees_of(store))
    features = FeatureCache(load_feature_model(TESTBED_SHAPE), keep=True)
    for objective in OBJECTIVES:
        training = testbed_training(objective, seed, size.verifier_updates)
        trained(folder / f"{objective}-{seed}", trees, TESTBED_SHAPE, training, features)


def scores(found: Candidates, folder: Path, seed: int) -> Arrays:
    """Scores of P x N samples: ``OBJECTIVE last`` and ``OBJECTIVE min``, and their weights in a vote."""
    out: Arrays = {}
    features = FeatureCache(load_feature_model(TESTBED_SHAPE), keep=True)
    for objective in OBJECTIVES:
        verifier = NeuralVerifier(*load_checkpoint(folder / f"{objective}-{seed}"), features)
        scored = score_nodes(verifier, found.trees, found.nodes())
        for s in candidate_scores(found, scored, ("last", "min")):
            out[f"{objective} {s.aggregation}"] = s.scores
            if s.aggregation == "last":
                out[f"{objective} weight"] = np.asarray(voting_weights(s.scores, s.unit))
    return out
