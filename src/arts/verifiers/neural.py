"""The neural verifier: one forward pass per trajectory scores all its states."""

from collections.abc import Sequence
from typing import Any, Self, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from arts.trees.tree import Tree
from arts.verifiers.base import Unit
from arts.verifiers.encoding import encode
from arts.verifiers.features import FeatureCache, batches
from arts.verifiers.modules import Architecture, Scorer, best_device, load_feature_model, load_tokenizer

BATCH_TOKENS = 16_384
"""Padded tokens of one scoring batch."""


@final
class NeuralVerifier:
    """A trained scorer with its tokenizer.

    ``unit`` says what the scores mean: for ``probability`` the logistic function is applied, the other units are
    the network's own output.
    """

    def __init__(
        self, name: str, unit: Unit, shape: Architecture, scorer: Scorer, features: FeatureCache | None = None
    ) -> None:
        self.name, self.unit, self.shape = name, unit, shape
        self.scorer = scorer.to(best_device()).eval()
        self._tokenizer = load_tokenizer(shape.backbone)
        if shape.mode == "frozen" and features is None:
            features = FeatureCache(load_feature_model(shape.backbone), keep=False)
        self._features = features

    def score(self, batch: Sequence[tuple[Tree, Sequence[int]]]) -> list[NDArray[np.float64]]:
        """Scores per tree, shape ``(len(nodes),)``, in the order of the nodes."""
        encoded = [encode(tree, nodes, self._tokenizer, self.shape.max_tokens) for tree, nodes in batch]
        starts = np.cumsum([0, *(len(e.ids) for e in encoded)])
        ids = [row for e in encoded for row in e.ids]
        rows = np.concatenate([e.rows + s for e, s in zip(encoded, starts, strict=False)] or [np.empty(0, int)])
        columns = np.concatenate([e.columns for e in encoded] or [np.empty(0, int)])
        scores = self._score_states(ids, rows, columns)
        return np.split(scores, np.cumsum([len(e.rows) for e in encoded])[:-1]) if encoded else []

    def _score_states(
        self, ids: Sequence[Sequence[int]], rows: NDArray[np.int64], columns: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """Trajectories go through in batches of similar length; scores come back in the order asked for."""
        out = np.empty(len(rows))
        order = np.argsort([len(row) for row in ids], kind="stable")
        by_row = np.argsort(rows, kind="stable")
        bounds = np.searchsorted(rows[by_row], np.arange(len(ids) + 1))
        for part in batches([len(ids[r]) for r in order], BATCH_TOKENS):
            chosen = order[part]
            states = [by_row[bounds[r] : bounds[r + 1]] for r in chosen]
            local = np.repeat(np.arange(len(chosen)), [len(s) for s in states])
            where = np.concatenate(states)
            out[where] = self._forward([ids[r] for r in chosen], local, columns[where])
        return out

    @torch.inference_mode()
    def _forward(
        self, ids: Sequence[Sequence[int]], rows: NDArray[np.int64], columns: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        device = best_device()
        inputs = padded(ids if self._features is None else self._features.features(ids))
        scores = self.scorer(inputs.to(device), torch.as_tensor(rows).to(device), torch.as_tensor(columns).to(device))
        if self.unit == "probability":
            scores = scores.sigmoid()
        return np.asarray(scores.double().cpu())

    @classmethod
    def load(cls, folder: Any) -> Self:
        """A verifier from its checkpoint folder; see :func:`arts.verifiers.checkpoint.load_checkpoint`."""
        from arts.verifiers.checkpoint import load_checkpoint

        saved, scorer = load_checkpoint(folder)
        return cls(saved.name, saved.unit, saved.architecture, scorer)


def padded(rows: Sequence[Sequence[int]] | Sequence[Tensor]) -> Tensor:
    """Right-padded token ids (B, T) or features (B, T, D)."""
    return pad_sequence([torch.as_tensor(row) for row in rows], batch_first=True)
