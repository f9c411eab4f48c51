"""Features of a frozen backbone, computed once per text."""

from collections.abc import Iterator, Sequence
from typing import Any, final

import torch
from torch import Tensor

BATCH_TOKENS = 8192
"""Padded tokens of one forward pass."""


def batches(lengths: Sequence[int], most: int) -> Iterator[slice]:
    """Consecutive batches of rows with ascending lengths: at most ``most`` tokens with padding, or one row."""
    start = 0
    for stop, length in enumerate(lengths):
        if stop > start and length * (stop + 1 - start) > most:
            yield slice(start, stop)
            start = stop
    if start < len(lengths):
        yield slice(start, len(lengths))


@final
class FeatureCache:
    """Per text the tensor (T, D + 1): last hidden states, and each token's log-probability given those before.

    The first token has no predecessor; its log-probability is set to 0. ``keep`` remembers what was computed
    (training passes over the same texts many times), otherwise nothing is kept (scoring).
    """

    def __init__(self, model: Any, *, keep: bool) -> None:
        self._model = model
        self._keep = keep
        self._known: dict[tuple[int, ...], Tensor] = {}

    @property
    def width(self) -> int:
        """D + 1."""
        return int(self._model.config.hidden_size) + 1

    def features(self, ids: Sequence[Sequence[int]]) -> list[Tensor]:
        """Features of each token sequence, on the CPU."""
        keys = [tuple(row) for row in ids]
        missing = sorted({k for k in keys if k not in self._known}, key=len)
        fresh: dict[tuple[int, ...], Tensor] = {}
        for part in batches([len(row) for row in missing], BATCH_TOKENS):
            fresh |= zip(missing[part], self._compute(missing[part]), strict=True)
        if self._keep:
            self._known |= fresh
            fresh = self._known
        return [fresh[k] if k in fresh else self._known[k] for k in keys]

    @torch.inference_mode()
    def _compute(self, rows: Sequence[tuple[int, ...]]) -> list[Tensor]:
        device = self._model.device
        ids = torch.nn.utils.rnn.pad_sequence([torch.tensor(r) for r in rows], batch_first=True).to(device)
        lengths = torch.tensor([len(r) for r in rows], device=device)
        mask = torch.arange(ids.shape[1], device=device)[None] < lengths[:, None]
        out = self._model.base_model(input_ids=ids, attention_mask=mask.long(), use_cache=False)
        hidden = out.last_hidden_state
        logits = self._model.get_output_embeddings()(hidden[:, :-1]).float()
        logprob = logits.gather(2, ids[:, 1:, None])[..., 0] - logits.logsumexp(-1)
        logprob = torch.nn.functional.pad(logprob, (1, 0))
        joined = torch.cat([hidden.float(), logprob[..., None]], dim=-1).cpu()
        return [row[: len(r)].clone() for row, r in zip(joined, rows, strict=True)]
