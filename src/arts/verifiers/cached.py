"""Scoring during tree search: of each state only the tokens that were not scored before run through the network."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, final

import numpy as np
import torch
from torch import Tensor

from arts.arrays import Floats, Ints
from arts.errors import ModelError
from arts.verifiers.attention import layout_of
from arts.verifiers.base import MEMORY_TOKENS, Verifier
from arts.verifiers.encoding import encode
from arts.verifiers.features import token_logprobs
from arts.verifiers.memory import MemoryLayout, Run, SlotTensors, TokenIndex, memory_layout
from arts.verifiers.modules import best_device, scorer_layout
from arts.verifiers.neural import Batch, NeuralVerifier, Scores, products_along_paths
from arts.verifiers.packing import TokenBatch

BATCH_TOKENS = 8192
"""New tokens of one pass; the last text of a pass may go beyond."""


@final
class CachedScoring(Verifier):
    """A neural verifier that keeps what it has computed; for one caller at a time.

    Laws: scores equal those of the verifier for the same batch, whatever was asked before and however small the memory
    is. What is kept belongs to texts, not to trees, so no tree is kept alive and equal texts of different trees share.
    ``memory_tokens`` tokens are kept, or as many as the verifier reads of one text if that is more.
    """

    def __init__(self, verifier: NeuralVerifier, *, memory_tokens: int = MEMORY_TOKENS) -> None:
        if not can_be_cached(verifier):
            raise ModelError(f"{verifier.name}: its backbone has an attention of its own; score without a cache")
        self.name, self.unit, self.splitter = verifier.name, verifier.unit, verifier.splitter
        self.tokens_new = 0
        """Tokens that ran through the network so far."""
        self.tokens_reused = 0
        """Tokens that were kept instead; with the new ones all tokens of all texts up to where they are read."""
        self.last_tokens: list[tuple[int, int]] = []
        """New and reused tokens of each item of the last batch."""
        self._verifier = verifier
        self._size = max(memory_tokens, verifier.shape.max_tokens)
        self._forget()

    def values(self, scores: Floats) -> Floats:
        """As the verifier says."""
        return self._verifier.values(scores)

    def score(self, batch: Batch) -> Scores:
        """Scores per tree, shape ``(len(nodes),)``, in the order of the nodes."""
        if self._verifier.about.per_step:
            return products_along_paths(self._outputs, batch)
        return self._outputs(batch)

    def _forget(self) -> None:
        self._index, self._tensors = TokenIndex(self._size), SlotTensors(self._size)
        self._runs: list[Run] = []
        self._reads: list[tuple[Floats, Ints, Ints]] = []

    def _outputs(self, batch: Batch) -> Scores:
        scores = [np.empty(len(nodes)) for _, nodes in batch]
        self.last_tokens = []
        try:
            for (tree, nodes), out in zip(batch, scores, strict=True):
                new, reused = self.tokens_new, self.tokens_reused
                encoded = encode(tree, nodes, self._verifier.tokenizer, self._verifier.shape.max_tokens)
                for row in np.unique(encoded.rows):
                    at = np.flatnonzero(encoded.rows == row)
                    self._read(encoded.ids[row], encoded.columns[at], out, at)
                self.last_tokens.append((self.tokens_new - new, self.tokens_reused - reused))
            self._compute()
        except BaseException:
            self._forget()  # slots may be claimed that nothing was written to
            raise
        return scores

    def _read(self, ids: Sequence[int], columns: Ints, out: Floats, at: Ints) -> None:
        """Have ``out[at]`` filled, not later than by the next :meth:`_compute`, with the scores at tokens of a text."""
        ids = ids[: columns.max() + 1]
        while (claimed := self._index.claim(ids)) is None:
            self._compute()
        slots, known = claimed
        self.tokens_new += len(ids) - known
        self.tokens_reused += known
        self._reads.append((out, at, slots[columns]))
        if known < len(ids):
            self._runs.append(Run(ids=ids, slots=slots, known=known))
        if sum(len(run.ids) - run.known for run in self._runs) >= BATCH_TOKENS:
            self._compute()

    @torch.inference_mode()
    def _compute(self) -> None:
        """One pass over the new tokens of the texts to read, and their scores; then their slots may be given up."""
        if self._runs:
            self._forward(self._runs)
        if self._reads:
            slots = np.concatenate([slots for *_, slots in self._reads])
            found = self._tensors["scores"][torch.as_tensor(slots, device=best_device())].cpu().double().numpy()
            for out, at, _ in self._reads:
                out[at], found = found[: len(at)], found[len(at) :]
        self._runs, self._reads = [], []
        self._index.release()

    def _forward(self, runs: Sequence[Run]) -> None:
        ids = torch.as_tensor(np.concatenate([run.ids[run.known :] for run in runs]).astype(np.int64))
        layout = memory_layout(self._tensors, runs).to(best_device())
        batch = TokenBatch(
            inputs=ids[None],
            positions=torch.as_tensor(np.concatenate([np.arange(run.known, len(run.ids)) for run in runs]))[None],
            rows=torch.zeros(len(ids), dtype=torch.long),
            columns=torch.arange(len(ids)),
            layout=layout,
        ).to(best_device())
        if self._verifier.features is not None:
            before = torch.as_tensor(np.concatenate([run.before for run in runs]), device=best_device())
            batch = replace(batch, inputs=self._features(self._verifier.features.model, batch, layout, before))
        scores = self._verifier.scorer(batch)
        self._tensors.write("scores", layout.slots, scores.sigmoid() if self.unit == "probability" else scores)

    def _features(self, model: Any, batch: TokenBatch, layout: MemoryLayout, before: Tensor) -> Tensor:
        """(1, N, D + 1), as :class:`arts.verifiers.features.FeatureCache` has them."""
        hidden = model.base_model(use_cache=False, **batch.model_inputs("input_ids")).last_hidden_state[0]
        kept = self._tensors.write("hidden", layout.slots, hidden)
        logprob = token_logprobs(model, kept, before, batch.inputs[0])
        return torch.cat([hidden, logprob[:, None].to(hidden.dtype)], dim=-1)[None].float()


def can_be_cached(verifier: NeuralVerifier) -> bool:
    """Whether every network of the verifier that attends does it through :mod:`arts.verifiers.attention`."""
    layouts = {scorer_layout(verifier.scorer)}
    if verifier.features is not None:
        layouts.add(layout_of(verifier.features.model))
    return "paths" not in layouts
