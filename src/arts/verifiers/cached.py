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
from arts.verifiers.encoding import Encoded, StepPlaces, encode
from arts.verifiers.features import layer_states, token_logprobs
from arts.verifiers.memory import MemoryLayout, Run, SlotTensors, TokenIndex, memory_layout
from arts.verifiers.modules import best_device, scorer_layout
from arts.verifiers.neural import Batch, NeuralVerifier, Scores, on_whole_paths, products_along_paths
from arts.verifiers.packing import TokenBatch, steps_of
from arts.verifiers.reading import Meaning, StepReader, along_paths

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
        self._steps = isinstance(verifier.scorer.head, StepReader)
        self._size = max(memory_tokens, verifier.window)
        self._forget()

    def soundness(self) -> "CachedScoring | None":
        """As the verifier's, with a memory of its own."""
        sound = self._verifier.soundness()
        return None if sound is None else CachedScoring(sound, memory_tokens=self._size)

    def values(self, scores: Floats) -> Floats:
        """As the verifier says."""
        return self._verifier.values(scores)

    def score(self, batch: Batch) -> Scores:
        """Scores per tree, shape ``(len(nodes),)``, in the order of the nodes."""
        if self._steps:
            return on_whole_paths(self._outputs, batch)
        if self._verifier.about.per_step:
            return products_along_paths(self._outputs, batch)
        return self._outputs(batch)

    def _forget(self) -> None:
        self._index, self._tensors = TokenIndex(self._size), SlotTensors(self._size)
        self._runs: list[Run] = []
        self._reads: list[tuple[Floats, Ints, list[Ints]]] = []

    def _outputs(self, batch: Batch) -> Scores:
        found = [np.zeros((len(nodes), 2 if self._steps else 1)) for _, nodes in batch]
        whole, uncached, self.last_tokens = list[Encoded](), dict[int, Floats](), []
        try:
            for (tree, nodes), out in zip(batch, found, strict=True):
                new, reused = self.tokens_new, self.tokens_reused
                encoded = encode(tree, nodes, self._verifier.tokenizer, self._verifier.window)
                whole.append(encoded)
                if self._steps and encoded.steps and not encoded.steps.within_rows(encoded.rows):
                    uncached[len(whole) - 1] = self._verifier.score([(tree, nodes)])[0]
                    self.last_tokens += self._verifier.last_tokens
                    self.tokens_new += sum(new for new, _ in self._verifier.last_tokens)
                    continue
                for row in np.unique(encoded.rows):
                    self._read(encoded, int(row), out)
                self.last_tokens.append((self.tokens_new - new, self.tokens_reused - reused))
            self._compute()
        except BaseException:
            self._forget()  # slots may be claimed that nothing was written to
            raise
        meaning = self._verifier.scorer.meaning
        scores = [_scores(out, encoded.steps, meaning) for out, encoded in zip(found, whole, strict=True)]
        return [uncached.get(i, column) for i, column in enumerate(scores)]

    def _read(self, encoded: Encoded, row: int, out: Floats) -> None:
        """Have ``out`` filled for the states that are read in a row, not later than by the next :meth:`_compute`."""
        at = np.flatnonzero(encoded.rows == row)
        columns = encoded.columns[at]
        ids = encoded.ids[row][: columns.max() + 1]
        while (claimed := self._index.claim(ids)) is None:
            self._compute()
        slots, known = claimed
        self.tokens_new += len(ids) - known
        self.tokens_reused += known
        spans = encoded.steps.of(at) if self._steps and encoded.steps else columns[:, None]
        self._reads.append((out, at, [slots[span] for span in spans]))
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
            found = self._values([span for *_, spans in self._reads for span in spans])
            for out, at, _ in self._reads:
                out[at], found = found[: len(at)], found[len(at) :]
        self._runs, self._reads = [], []
        self._index.release()

    def _values(self, spans: Sequence[Ints]) -> Floats:
        """What is read at each span of slots: a score (spans, 1), or what the reader says of a step (spans, 2)."""
        first, last = np.array([(span[0], span[-1]) for span in spans]).T
        if not self._steps:
            return self._kept("scores", last)[:, None]
        found = np.empty((len(spans), 2))
        fresh = self._index.begun[last] != first
        if not fresh.all():
            found[~fresh] = self._kept("steps", last[~fresh])
        if fresh.any():
            unread = [span for span, new in zip(spans, fresh, strict=True) if new]
            tokens = self._tensors["tokens"][torch.as_tensor(np.concatenate(unread), device=best_device())]
            sizes = torch.as_tensor([len(span) for span in unread], device=best_device())
            outputs = self._verifier.scorer.head(tokens, sizes)
            ends, one = np.unique(last[fresh], return_index=True)  # an empty step ends where the one before it does
            self._tensors.write("steps", torch.as_tensor(ends, device=best_device()), outputs[torch.as_tensor(one)])
            self._index.begun[ends] = first[fresh][one]
            found[fresh] = outputs.cpu().double().numpy()
        return found

    def _kept(self, name: str, slots: Ints) -> Floats:
        return np.asarray(self._tensors[name][torch.as_tensor(slots, device=best_device())].cpu().double())

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
        if isinstance(head := self._verifier.scorer.head, StepReader):
            self._tensors.write("tokens", layout.slots, head.tokens(self._verifier.scorer.encoder(batch)[0]))
            return
        scores = self._verifier.scorer(batch)
        self._tensors.write("scores", layout.slots, scores.sigmoid() if self.unit == "probability" else scores)

    def _features(self, model: Any, batch: TokenBatch, layout: MemoryLayout, before: Tensor) -> Tensor:
        """(1, N, L · D + 1), as :class:`arts.verifiers.features.FeatureCache` has them."""
        hidden, states = (x[0] for x in layer_states(model.base_model, batch, self._verifier.shape.read_layers))
        kept = self._tensors.write("hidden", layout.slots, hidden)
        logprob = token_logprobs(model, kept, before, batch.inputs[0])
        return torch.cat([states, logprob[:, None].to(hidden.dtype)], dim=-1)[None].float()


def _scores(found: Floats, steps: StepPlaces | None, meaning: Meaning) -> Floats:
    if steps is None or found.shape[1] == 1:
        return found[:, 0]
    scores = along_paths(torch.as_tensor(found), steps_of(steps, torch.as_tensor(steps.tokens[:, 1])), meaning)
    return np.asarray((scores.sigmoid() if meaning.unit == "probability" else scores).double())


def can_be_cached(verifier: NeuralVerifier) -> bool:
    """Whether every network of the verifier that attends does it through :mod:`arts.verifiers.attention`."""
    layouts = {scorer_layout(verifier.scorer)}
    if verifier.features is not None:
        layouts.add(layout_of(verifier.features.model))
    return "paths" not in layouts
