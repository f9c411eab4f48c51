"""Features of a frozen backbone, computed once per text."""

import contextlib
import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, final

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from arts.files import StrPath
from arts.verifiers.attention import layout_of
from arts.verifiers.packing import TokenTree, token_batch

BATCH_TOKENS = 8192
"""Tokens of one forward pass."""
LOGIT_TOKENS = 1024
"""Tokens whose logits over the vocabulary are in memory together."""


def batches(lengths: Sequence[int], most: int) -> Iterator[slice]:
    """Consecutive batches of at most ``most`` tokens in all, or of one item."""
    start, total = 0, 0
    for stop, length in enumerate(lengths):
        if stop > start and total + length > most:
            yield slice(start, stop)
            start, total = stop, 0
        total += length
    if start < len(lengths):
        yield slice(start, len(lengths))


@final
class FeatureCache:
    """Per tree the tensor (U, D + 1): last hidden states, and each token's log-probability given those before.

    The first token has no predecessor; its log-probability is set to 0. ``keep`` remembers in memory what was computed
    (training passes over the same texts many times), otherwise nothing is kept (scoring). With ``folder`` features
    are written there and read again by later runs, in files named after the model's weights and the token ids, which
    stand for tokenizer and text; a file that cannot be read is computed again, one that cannot be written left out.
    """

    def __init__(self, model: Any, *, keep: bool, folder: StrPath | None = None) -> None:
        self.model = model
        self._keep = keep
        self._folder = Path(folder, fingerprint(model)) if folder else None
        self._known: dict[str, Tensor] = {}

    def features(self, trees: Sequence[TokenTree]) -> list[Tensor]:
        """Features of the tokens of each tree, in fp32 on the CPU."""
        keys = [_key(tree) for tree in trees]
        found = {key: self._known[key] for key in keys if key in self._known}
        missing = {key: tree for key, tree in zip(keys, trees, strict=True) if key not in found}
        found |= {key: known for key in missing if (known := self._read(key)) is not None}
        todo = [key for key in missing if key not in found]
        for part in batches([len(missing[key]) for key in todo], BATCH_TOKENS):
            fresh = self._compute([missing[key] for key in todo[part]])
            for key, tensor in zip(todo[part], fresh, strict=True):
                found[key] = tensor
                self._write(key, tensor)
        if self._keep:
            self._known |= found
        return [found[key].float() for key in keys]

    def _read(self, key: str) -> Tensor | None:
        if self._folder is None:
            return None
        try:
            known: Tensor = load_file(self._folder / f"{key}.safetensors")["features"]
            return known
        except (OSError, SafetensorError, KeyError):
            return None

    def _write(self, key: str, tensor: Tensor) -> None:
        if self._folder is None:
            return
        with contextlib.suppress(OSError, SafetensorError):
            self._folder.mkdir(parents=True, exist_ok=True)
            unfinished = self._folder / f".{key}.{os.getpid()}.new"
            save_file({"features": tensor}, unfinished)
            unfinished.replace(self._folder / f"{key}.safetensors")

    @torch.inference_mode()
    def _compute(self, trees: Sequence[TokenTree]) -> list[Tensor]:
        """In the model's own precision, shared prefixes once."""
        device = self.model.device
        batch = token_batch([tree.reading_all() for tree in trees], layout_of(self.model)).to(device)
        out = self.model.base_model(use_cache=False, **batch.model_inputs("input_ids"))
        hidden = out.last_hidden_state[batch.rows, batch.columns]
        lengths = [len(tree) for tree in trees]
        starts = np.cumsum([0, *lengths[:-1]])
        parents = [np.where(t.parent < 0, -1, t.parent + s) for t, s in zip(trees, starts, strict=True)]
        ids = torch.cat([t.ids for t in trees]).to(device)
        logprob = token_logprobs(self.model, hidden, torch.as_tensor(np.concatenate(parents)).to(device), ids)
        joined = torch.cat([hidden, logprob[:, None].to(hidden.dtype)], dim=-1).cpu()
        return [part.clone() for part in torch.split(joined, lengths)]


def token_logprobs(model: Any, hidden: Tensor, parent: Tensor, ids: Tensor) -> Tensor:
    """Log p(token | those before it), (tokens,): ``hidden[parent]`` is the state before it; 0 for first tokens (−1)."""
    head = model.get_output_embeddings()
    out = torch.zeros(len(ids), device=hidden.device)
    for at in torch.split((parent >= 0).nonzero()[:, 0], LOGIT_TOKENS):
        logits = head(hidden[parent[at]]).float()
        out[at] = logits.gather(1, ids[at, None])[:, 0] - logits.logsumexp(-1)
    return out


def _key(tree: TokenTree) -> str:
    seen = hashlib.blake2b(digest_size=16)
    for column in (np.asarray(tree.ids), tree.parent):
        seen.update(column.astype(np.int64).tobytes())
    return seen.hexdigest()


def fingerprint(model: Any) -> str:
    """A name for a model's weights: a hash of every parameter's name, shape, type and some hundred of its values."""
    seen = hashlib.blake2b(digest_size=12)
    for name, weight in model.state_dict().items():
        flat = weight.detach().flatten()
        sample = flat[:: max(1, len(flat) // 256)].float().cpu().numpy()
        seen.update(f"{name}{tuple(weight.shape)}{weight.dtype}".encode() + sample.tobytes())
    return seen.hexdigest()
