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
from torch.nn import functional

from arts.files import StrPath
from arts.verifiers.attention import layout_of
from arts.verifiers.packing import TokenBatch, TokenTree, token_batch

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
    """Per tree the tensor (U, L · D + 1): hidden states of ``layers`` layers, and each token's log-probability.

    Which layers: :func:`layer_states`. The log-probability is given the tokens before; the first token has none, its
    own is set to 0. ``keep`` remembers in memory what was computed
    (training passes over the same texts many times), otherwise nothing is kept (scoring). With ``folder`` features
    are written there and read again by later runs, in files named after the model's weights and the token ids, which
    stand for tokenizer and text; a file that cannot be read is computed again, one that cannot be written left out.
    """

    def __init__(self, model: Any, *, keep: bool, folder: StrPath | None = None, layers: int = 1) -> None:
        self.model, self.layers = model, layers
        self._keep = keep
        self._folder = Path(folder, fingerprint(model)) if folder else None
        self._known: dict[str, Tensor] = {}

    def features(self, trees: Sequence[TokenTree]) -> list[Tensor]:
        """Features of the tokens of each tree, in the model's own precision, on the CPU."""
        keys = [_key(tree, self.layers) for tree in trees]
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
        return [found[key] for key in keys]

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
        last, states = layer_states(self.model.base_model, batch, self.layers)
        hidden, states = (found[batch.rows, batch.columns] for found in (last, states))
        lengths = [len(tree) for tree in trees]
        starts = np.cumsum([0, *lengths[:-1]])
        parents = [np.where(t.parent < 0, -1, t.parent + s) for t, s in zip(trees, starts, strict=True)]
        ids = torch.cat([t.ids for t in trees]).to(device)
        logprob = token_logprobs(self.model, hidden, torch.as_tensor(np.concatenate(parents)).to(device), ids)
        joined = torch.cat([states, logprob[:, None].to(hidden.dtype)], dim=-1).cpu()
        return [part.clone() for part in torch.split(joined, lengths)]


def layer_states(model: Any, batch: TokenBatch, layers: int) -> tuple[Tensor, Tensor]:
    """The last hidden states of a batch of tokens (B, T, D), and those of several layers side by side (B, T, L · D).

    One layer is the last, as it is. More are spread evenly from the embeddings to the last, or all where the model has
    no more, each divided by its root mean square: what is read does not grow with the depth of the model.
    """
    if layers == 1:
        last = model(use_cache=False, **batch.model_inputs("input_ids")).last_hidden_state
        return last, last
    out = model(use_cache=False, output_hidden_states=True, **batch.model_inputs("input_ids"))
    depth = len(out.hidden_states)
    chosen = np.unique(np.linspace(0, depth - 1, min(layers, depth)).round().astype(int)).tolist()
    states = [functional.rms_norm(out.hidden_states[at], out.hidden_states[at].shape[-1:]) for at in chosen]
    return out.last_hidden_state, torch.cat(states, dim=-1)


def token_logprobs(model: Any, hidden: Tensor, parent: Tensor, ids: Tensor) -> Tensor:
    """Log p(token | those before it), (tokens,): ``hidden[parent]`` is the state before it; 0 for first tokens (−1)."""
    head = model.get_output_embeddings()
    out = torch.zeros(len(ids), device=hidden.device)
    for at in torch.split((parent >= 0).nonzero()[:, 0], LOGIT_TOKENS):
        logits = head(hidden[parent[at]]).float()
        out[at] = logits.gather(1, ids[at, None])[:, 0] - logits.logsumexp(-1)
    return out


def _key(tree: TokenTree, layers: int) -> str:
    seen = hashlib.blake2b(b"" if layers == 1 else str(layers).encode(), digest_size=16)
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
