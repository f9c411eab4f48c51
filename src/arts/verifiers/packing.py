"""Whole trees as batches of tokens: every prefix that trajectories share is in the batch once.

The tokens of a tree's trajectories form a trie. Laid out depth first, the tokens below any token are a contiguous
range, so that one number per token, the end of that range, is the whole attention mask: token q attends to token k
when k ≤ q < end(k). Positions are depths in the trie. A causal model then computes for each token exactly what it
would in the trajectory by itself.

Axes: U unique tokens of a tree, B sequences of a batch, T tokens of a sequence, N states that are read.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from arts.arrays import Ints
from arts.verifiers.encoding import Encoded, StepPlaces
from arts.verifiers.memory import MemoryLayout

BLOCK = 64
"""Queries that share one set of keys on a CPU; chosen by ``benchmarks/tree_kernels.py``."""
GROUPS = 4
"""Blocks are padded to the most keys of their group; more groups are less padding and more kernel calls."""
WORTHWHILE = 1.1
"""Packing has to save this factor of tokens to pay for making its masks; a packed token costs about as much as one on
a path, see ``benchmarks/packing.py``."""

Layout = Literal["auto", "packed", "paths", "tokens"]
"""``tokens``: side by side, for a network in which they do not see one another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenTree:
    """The tokens of a tree, each shared prefix once, depth first.

    ``ids`` (U,) are token ids and ``inputs`` what the network reads for them: the ids themselves, or features (U, D).
    ``parent`` (−1 at the first token of a trajectory), ``depth`` and ``end`` are (U,): see the module. ``paths`` holds
    the tokens of each trajectory, in the order of the encoding, ``reads`` (N,) the token at which each state is read,
    ``steps`` the tokens of each state's last step.
    """

    ids: Tensor
    inputs: Tensor
    parent: Ints
    depth: Ints
    end: Ints
    paths: tuple[Ints, ...]
    reads: Ints
    steps: "Steps | None" = None

    def __len__(self) -> int:
        return len(self.parent)

    def with_inputs(self, inputs: Tensor) -> "TokenTree":
        """The same tree with features (U, D) for its tokens."""
        return replace(self, inputs=inputs)

    def reading_all(self) -> "TokenTree":
        """The same tree, read at every token."""
        return replace(self, reads=np.arange(len(self)))

    def only_read(self, *, whole_steps: bool) -> "TokenTree":
        """Just the tokens that are read, for a network in which tokens do not see one another."""
        read = self.steps.tokens.numpy() if self.steps is not None and whole_steps else self.reads[:0]
        kept, places = np.unique(np.concatenate([self.reads, read]), return_inverse=True)
        reads, read = places[: len(self.reads)], places[len(self.reads) :]
        steps = replace(self.steps, tokens=torch.as_tensor(read)) if self.steps is not None and whole_steps else None
        at = torch.as_tensor(kept)
        place = np.arange(len(kept))
        return TokenTree(
            ids=self.ids[at],
            inputs=self.inputs[at],
            parent=np.full(len(kept), -1),
            depth=np.zeros(len(kept), dtype=np.int64),
            end=place + 1,
            paths=tuple(place[:, None]),
            reads=reads,
            steps=steps,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """The last steps of N states, see :class:`arts.verifiers.encoding.StepPlaces`; ``tokens`` (M,) are numbers."""

    tokens: Tensor
    sizes: Tensor
    judged: Tensor
    above: Tensor
    ended: Tensor

    def to(self, device: Any) -> "Steps":
        """The same steps on a device."""
        return Steps(**{f.name: getattr(self, f.name).to(device) for f in fields(self)})


def token_tree(encoded: Encoded) -> TokenTree:
    """Merge the trajectories of an encoded tree into its trie.

    Sorted trajectories share with the one before exactly the prefix that they share with any earlier one, so that each
    adds one run of new tokens, depth first.
    """
    rows = [np.asarray(row, dtype=np.int64) for row in encoded.ids]
    paths: list[Ints] = [np.empty(0, dtype=np.int64)] * len(rows)
    ids, parent, depth = ([np.empty(0, dtype=np.int64)] for _ in range(3))
    size, above, before = 0, np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    ends: dict[int, int] = {}
    for r in sorted(range(len(rows)), key=lambda r: tuple(rows[r])):
        shared = _common_prefix(before, rows[r])
        ends |= dict.fromkeys(above[shared:].tolist(), size)
        fresh = np.arange(size, size + len(rows[r]) - shared)
        ids.append(rows[r][shared:])
        parent.append(np.concatenate([above[shared - 1 : shared] if shared else [-1], fresh[:-1]])[: len(fresh)])
        depth.append(np.arange(shared, len(rows[r])))
        above, before = np.concatenate([above[:shared], fresh]), rows[r]
        size += len(fresh)
        paths[r] = above
    ends |= dict.fromkeys(above.tolist(), size)
    starts, every, found = np.cumsum([0, *map(len, paths)]), np.concatenate(paths), encoded.steps
    joined = torch.as_tensor(np.concatenate(ids))
    return TokenTree(
        ids=joined,
        inputs=joined,
        parent=np.concatenate(parent).astype(np.int64),
        depth=np.concatenate(depth),
        end=np.array([ends[i] for i in range(size)], dtype=np.int64),
        paths=tuple(paths),
        reads=every[starts[encoded.rows] + encoded.columns],
        steps=None
        if found is None
        else steps_of(found, torch.as_tensor(every[starts[found.tokens[:, 0]] + found.tokens[:, 1]])),
    )


def steps_of(places: StepPlaces, tokens: Tensor) -> Steps:
    """The same steps with the numbers of their tokens, (M,)."""
    return Steps(
        tokens=tokens,
        sizes=torch.as_tensor(places.sizes),
        judged=torch.as_tensor(places.judged),
        above=torch.as_tensor(places.above),
        ended=torch.as_tensor(places.ended),
    )


def _common_prefix(a: Ints, b: Ints) -> int:
    length = min(len(a), len(b))
    differ = np.flatnonzero(a[:length] != b[:length])
    return int(differ[0]) if len(differ) else length


class Blocks(NamedTuple):
    """Some blocks of queries with the keys they need.

    ``blocks`` (G,) numbers of the blocks; ``keys`` (G, L) tokens, padded with 0; ``mask`` (G, 1, BLOCK, L).
    """

    blocks: Tensor
    keys: Tensor
    mask: Tensor


@dataclass(frozen=True, kw_only=True)
class TreeLayout:
    """Who attends to whom in one packed sequence of T tokens; ``end`` is (T,), see the module.

    ``groups`` is the same for a kernel without arbitrary masks: queries in blocks of ``BLOCK`` tokens. All keys of a
    block lie in it or are ancestors of its first token, whatever trees it spans; ``order`` (blocks,) brings the groups'
    blocks back into sequence.
    """

    end: Tensor
    groups: tuple[Blocks, ...]
    order: Tensor

    @cached_property
    def block_mask(self) -> Any:
        """The mask for FlexAttention, made once for all layers."""
        from torch.nn.attention.flex_attention import create_block_mask

        end = self.end

        def sees(batch: Tensor, head: Tensor, q: Tensor, k: Tensor) -> Tensor:
            return (k <= q) & (q < end[k])

        size = len(end)
        return create_block_mask(sees, None, None, size, size, device=end.device, _compile=end.is_cuda)

    def to(self, device: torch.device) -> "TreeLayout":
        """The same layout on a device."""
        groups = tuple(Blocks(*(t.to(device) for t in g)) for g in self.groups)
        return TreeLayout(end=self.end.to(device), groups=groups, order=self.order.to(device))


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenBatch:
    """What a scorer reads: ``inputs`` (B, T) ids or (B, T, D) features, and where its N states are in them.

    ``positions`` (B, T) are depths. With ``layout`` the batch is one packed sequence, of whole trees or of what follows
    kept tokens; without, sequences are trajectories padded on the right, and causal attention is all that is needed.
    The tokens of ``steps`` are numbered row by row.
    """

    inputs: Tensor
    positions: Tensor
    rows: Tensor
    columns: Tensor
    layout: TreeLayout | MemoryLayout | None = None
    steps: Steps | None = None

    def to(self, device: Any) -> "TokenBatch":
        """The same batch on a device."""
        layout = None if self.layout is None else self.layout.to(device)
        inputs, positions = self.inputs.to(device), self.positions.to(device)
        rows, columns = self.rows.to(device), self.columns.to(device)
        steps = None if self.steps is None else self.steps.to(device)
        return TokenBatch(inputs=inputs, positions=positions, rows=rows, columns=columns, layout=layout, steps=steps)

    def model_inputs(self, name: str) -> dict[str, Tensor | TreeLayout | MemoryLayout]:
        """Arguments of a Hugging Face model that reads ``inputs`` under this name."""
        layout = {} if self.layout is None else {"layout": self.layout}
        return {name: self.inputs, "position_ids": self.positions, **layout}


def token_batch(trees: Sequence[TokenTree], layout: Layout = "auto") -> TokenBatch:
    """Trees side by side: packed where that saves enough tokens, else as padded trajectories."""
    if layout == "auto":
        packed_tokens, path_tokens = sum(map(len, trees)), _padded_tokens(trees)
        layout = "packed" if packed_tokens * WORTHWHILE < path_tokens else "paths"
    return _paths(trees) if layout == "paths" else _packed(trees, masked=layout == "packed")


def _padded_tokens(trees: Sequence[TokenTree]) -> int:
    return sum(len(t.paths) for t in trees) * max(len(p) for t in trees for p in t.paths)


def _packed(trees: Sequence[TokenTree], *, masked: bool) -> TokenBatch:
    starts = np.cumsum([0, *map(len, trees)])
    parent = np.concatenate([np.where(t.parent < 0, -1, t.parent + s) for t, s in zip(trees, starts, strict=False)])
    end = np.concatenate([t.end + s for t, s in zip(trees, starts, strict=False)])
    reads = np.concatenate([t.reads + s for t, s in zip(trees, starts, strict=False)])
    return TokenBatch(
        inputs=torch.cat([t.inputs for t in trees])[None],
        positions=torch.as_tensor(np.concatenate([t.depth for t in trees]))[None],
        rows=torch.zeros(len(reads), dtype=torch.long),
        columns=torch.as_tensor(reads),
        layout=tree_layout(parent, end) if masked else None,
        steps=_joined(
            [t.steps for t in trees], [torch.arange(len(t)) + s for t, s in zip(trees, starts.tolist(), strict=False)]
        ),
    )


def _joined(parts: Sequence[Steps | None], places: Sequence[Tensor]) -> Steps | None:
    """The steps of trees side by side; ``places`` are the numbers of each tree's tokens among all."""
    steps = [part for part in parts if part is not None]
    if len(steps) < len(parts):
        return None
    starts = np.cumsum([0, *(len(s.sizes) for s in steps)]).tolist()
    return Steps(
        tokens=torch.cat([place[s.tokens] for s, place in zip(steps, places, strict=True)]),
        sizes=torch.cat([s.sizes for s in steps]),
        judged=torch.cat([s.judged for s in steps]),
        above=torch.cat([torch.where(s.above < 0, s.above, s.above + n) for s, n in zip(steps, starts, strict=False)]),
        ended=torch.cat([s.ended for s in steps]),
    )


def _paths(trees: Sequence[TokenTree]) -> TokenBatch:
    inputs = pad_sequence([t.inputs[torch.as_tensor(p)] for t in trees for p in t.paths], batch_first=True)
    starts = np.cumsum([0, *(len(t.paths) for t in trees)])
    places = [_on_paths(t) for t in trees]
    width = inputs.shape[1]
    numbers = [
        torch.as_tensor((rows + s) * width + columns) for (rows, columns), s in zip(places, starts, strict=False)
    ]
    return TokenBatch(
        inputs=inputs,
        positions=torch.arange(inputs.shape[1]).expand(inputs.shape[:2]),
        rows=torch.as_tensor(
            np.concatenate([rows[t.reads] + s for t, (rows, _), s in zip(trees, places, starts, strict=False)])
        ),
        columns=torch.as_tensor(
            np.concatenate([columns[t.reads] for t, (_, columns) in zip(trees, places, strict=True)])
        ),
        steps=_joined([t.steps for t in trees], numbers),
    )


def _on_paths(tree: TokenTree) -> tuple[Ints, Ints]:
    """A trajectory through each token, and its place there."""
    row = np.zeros(len(tree), dtype=np.int64)
    column = np.zeros(len(tree), dtype=np.int64)
    for r, path in enumerate(tree.paths):
        row[path], column[path] = r, np.arange(len(path))
    return row, column


def tree_layout(parent: Ints, end: Ints) -> TreeLayout:
    """The layout of tokens that are depth first, trees one after another."""
    size = len(parent)
    firsts = range(0, size, BLOCK)
    keys = [np.array([*_ancestors(first, parent), *range(first, min(first + BLOCK, size))]) for first in firsts]
    by_length = np.argsort([len(k) for k in keys], kind="stable")
    groups = [_blocks(part, keys, end) for part in np.array_split(by_length, min(GROUPS, len(keys)))]
    order = torch.as_tensor(np.argsort(by_length, kind="stable"))
    return TreeLayout(end=torch.as_tensor(end), groups=tuple(groups), order=order)


def _ancestors(token: int, parent: Ints) -> list[int]:
    """Proper ancestors, the nearest last."""
    above = []
    while (token := int(parent[token])) >= 0:
        above.append(token)
    return above[::-1]


def _blocks(part: Ints, keys: Sequence[Ints], end: Ints) -> Blocks:
    most = max(len(keys[b]) for b in part)
    padded = np.zeros((len(part), most), dtype=np.int64)
    known = np.zeros((len(part), most), dtype=bool)
    for row, b in enumerate(part):
        padded[row, : len(keys[b])] = keys[b]
        known[row, : len(keys[b])] = True
    queries = np.minimum(part[:, None] * BLOCK + np.arange(BLOCK), len(end) - 1)
    q, k = queries[:, :, None], padded[:, None, :]
    mask = known[:, None, :] & (k <= q) & (q < end[k])
    return Blocks(torch.as_tensor(part), torch.as_tensor(padded), torch.as_tensor(mask)[:, None])
