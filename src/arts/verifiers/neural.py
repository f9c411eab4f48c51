"""The neural verifier: one forward pass over whole trees scores all their states."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Self, final

import numpy as np
import torch

from arts.arrays import Floats
from arts.files import StrPath
from arts.trees.tree import ROOT, Tree
from arts.verifiers.base import Verifier
from arts.verifiers.calibration import success_probability
from arts.verifiers.checkpoint import SavedVerifier, load_checkpoint
from arts.verifiers.encoding import encode
from arts.verifiers.features import FeatureCache, batches
from arts.verifiers.modules import (
    Architecture,
    Scorer,
    best_device,
    load_feature_model,
    load_tokenizer,
    scorer_layout,
    window,
)
from arts.verifiers.packing import TokenTree, token_batch, token_tree

Batch = Sequence[tuple[Tree, Sequence[int]]]
Scores = list[Floats]

BATCH_TOKENS = 16_384
"""Tokens of one scoring batch."""


@final
class NeuralVerifier(Verifier):
    """A trained scorer with its tokenizer; ``about`` says what its scores mean.

    For the unit ``probability`` the logistic function is applied, the other units are the network's own output.
    """

    def __init__(self, about: SavedVerifier, scorer: Scorer, features: FeatureCache | None = None) -> None:
        self.about, self.name, self.unit, self.shape = about, about.name, about.unit, about.architecture
        self.splitter = about.splitter
        self.scorer = scorer.to(best_device()).eval()
        self.tokenizer, self.window = load_tokenizer(self.shape.backbone), window(self.shape)
        if self.shape.mode == "frozen" and features is None:
            features = FeatureCache(load_feature_model(self.shape), keep=False, layers=self.shape.read_layers)
        self.features = features
        self.last_tokens: list[tuple[int, int]] = []
        """Tokens of each item of the last batch, shared prefixes once; none is taken from memory."""

    def values(self, scores: Floats) -> Floats:
        """Success probabilities: calibrated where the checkpoint holds a calibration, else as the unit says."""
        if self.about.calibration is not None:
            return self.about.calibration(scores, self.unit)
        return success_probability(scores, self.unit, self.about.reward_contrast)

    def score(self, batch: Batch) -> Scores:
        """Scores per tree, shape ``(len(nodes),)``, in the order of the nodes."""
        if self.shape.reading == "steps":
            return on_whole_paths(self._outputs, batch)
        return products_along_paths(self._outputs, batch) if self.about.per_step else self._outputs(batch)

    def _outputs(self, batch: Batch) -> Scores:
        trees = [token_tree(encode(tree, nodes, self.tokenizer, self.window)) for tree, nodes in batch]
        self.last_tokens = [(len(tree), 0) for tree in trees]
        scores = [np.empty(0)] * len(trees)
        order = sorted((i for i, tree in enumerate(trees) if len(tree.reads)), key=lambda i: len(trees[i]))
        for part in batches([len(trees[i]) for i in order], BATCH_TOKENS):
            for i, values in zip(order[part], self._forward([trees[i] for i in order[part]]), strict=True):
                scores[i] = values
        return scores

    @torch.inference_mode()
    def _forward(self, trees: Sequence[TokenTree]) -> list[Floats]:
        if self.features is not None:
            trees = with_features(trees, self.features, self.shape)
        scores = self.scorer(token_batch(trees, scorer_layout(self.scorer)).to(best_device()))
        if self.unit == "probability":
            scores = scores.sigmoid()
        return np.split(np.asarray(scores.double().cpu()), np.cumsum([len(t.reads) for t in trees])[:-1])

    def soundness(self) -> "NeuralVerifier | None":
        """The same network without the promise of open states, see :class:`arts.verifiers.base.ReadsSteps`."""
        if self.shape.reading != "steps":
            return None
        meaning = replace(self.scorer.meaning, promise=False)
        scorer = Scorer(self.scorer.encoder, self.scorer.head, meaning)
        return NeuralVerifier(replace(self.about, name=f"{self.name}, steps so far"), scorer, self.features)

    @classmethod
    def load(cls, folder: StrPath) -> Self:
        """A verifier from its checkpoint folder; see :func:`arts.verifiers.checkpoint.load_checkpoint`."""
        return cls(*load_checkpoint(folder))


def products_along_paths(outputs: Callable[[Batch], Scores], batch: Batch) -> Scores:
    """Scores of states from the network's outputs for single steps: their product along the path, 1 at the root."""
    paths = [{n: tree.path(n) for n in nodes} for tree, nodes in batch]
    steps = [sorted({step for path in known.values() for step in path}) for known in paths]
    values = outputs([(tree, nodes) for (tree, _), nodes in zip(batch, steps, strict=True)])
    scores = []
    for (_, nodes), known, read, found in zip(batch, paths, steps, values, strict=True):
        sound = dict(zip(read, found, strict=True))
        scores.append(np.array([np.prod([sound[step] for step in known[n]]) for n in nodes]))
    return scores


def on_whole_paths(score: Callable[[Batch], Scores], batch: Batch) -> Scores:
    """Scores of states from a function that needs to be asked for all states on their paths together."""
    closed = [sorted({ROOT, *(step for n in nodes for step in tree.path(n))}) if nodes else [] for tree, nodes in batch]
    scores = score([(tree, whole) for (tree, _), whole in zip(batch, closed, strict=True)])
    return [
        found[np.searchsorted(whole, list(nodes))] if len(nodes) else found
        for (_, nodes), whole, found in zip(batch, closed, scores, strict=True)
    ]


def with_features(trees: Sequence[TokenTree], features: FeatureCache, shape: Architecture) -> list[TokenTree]:
    """Trees whose tokens are features; without a trunk only the tokens at which states are read are kept."""
    whole, found = shape.reading == "steps", list[TokenTree]()
    for part in batches([len(tree) for tree in trees], BATCH_TOKENS):  # what is not kept is never there all at once
        pairs = zip(trees[part], features.features(trees[part]), strict=True)
        featured = [tree.with_inputs(of) for tree, of in pairs]
        found += featured if shape.trunk_layers else [t.only_read(whole_steps=whole) for t in featured]
    return found
