"""Tokens that were run through a network, kept so that what follows them need not run them again.

A *slot* holds one token after those before it: its keys and values in every attention layer, and what else was computed
for it. New tokens attend to the slots of the tokens before them, wherever those were computed: in an earlier pass, or
in the same one by another row, because a layer writes all its keys and values before it attends.

Axes: S slots, N new tokens of a pass, G chunks, Q queries of a chunk, L keys of a chunk.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, final

import numpy as np
import torch
from torch import Tensor

from arts.arrays import Ints

CHUNK = 64
"""Most queries that share one set of keys."""
GROUPS = 4
"""Chunks are padded to the most keys of their group; more groups are less padding and more kernel calls."""
SHARE = 16
"""When slots run out, one in so many is freed."""
NOTHING = -1
"""Stands for the slot before a first token."""
_WIDTH = 1 << 32  # more than any depth


@final
class TokenIndex:
    """Which slot holds which token: a trie over token ids, so that equal beginnings of texts are there once.

    New tokens take the slots that were not used for longest, of one text those of its last tokens first, so that no
    token is given up before those that follow it. What was claimed since the last :meth:`release` stays.
    """

    def __init__(self, size: int) -> None:
        self._next: dict[tuple[int, int], int] = {}
        self._place: list[tuple[int, int]] = [(NOTHING, NOTHING)] * size
        self.begun = np.full(size, NOTHING)
        """Slot of the first token of the step that was read to its end at each slot; :data:`NOTHING` for none."""
        self._used = np.zeros(size, dtype=np.int64)  # time of last use · _WIDTH − depth, so what can go first is least
        self._free = np.arange(size)
        self._now = 1

    def __len__(self) -> int:
        return len(self._next)

    def claim(self, ids: Sequence[int]) -> tuple[Ints, int] | None:
        """The slots of these tokens, and how many of them, from the first on, hold their token already.

        None where that needs slots that are claimed.
        """
        known = self._known(ids)
        found = np.array(known, dtype=np.int64)
        self._used[found] = self._now * _WIDTH - np.arange(len(known))
        fresh = self._take(len(ids) - len(known))
        if fresh is None:
            return None
        before = known[-1] if known else NOTHING
        for token, slot in zip(ids[len(known) :], fresh.tolist(), strict=True):
            self._place[slot] = (before, token)
            self._next[before, token] = slot
            before = slot
        self._used[fresh] = self._now * _WIDTH - np.arange(len(known), len(ids))
        self.begun[fresh] = NOTHING
        return np.concatenate([found, fresh]), len(known)

    def release(self) -> None:
        """Unpin all claimed slots."""
        self._now += 1

    def _known(self, ids: Sequence[int]) -> list[int]:
        slots, at = list[int](), NOTHING
        for token in ids:
            slot = self._next.get((at, token))
            if slot is None:
                break
            slots.append(at := slot)
        return slots

    def _take(self, count: int) -> Ints | None:
        """Slots that nothing holds any more; None where too few can be given up."""
        if len(self._free) < count:
            self._give_up(count - len(self._free))
        if len(self._free) < count:
            return None
        taken, self._free = self._free[:count], self._free[count:]
        return taken

    def _give_up(self, least: int) -> None:
        """Free the slots that were not used for longest: at least so many, where that many are not claimed.

        A share of the memory at a time, because finding them takes a look at all of it.
        """
        held = np.flatnonzero((self._used > 0) & (self._used <= (self._now - 1) * _WIDTH))
        count = min(len(held), max(least, len(self._used) // SHARE))
        oldest = held[np.argpartition(self._used[held], count - 1)[:count]] if count else held[:0]
        for slot in oldest.tolist():
            del self._next[self._place[slot]]
        self._used[oldest] = 0
        self._free = np.concatenate([self._free, oldest])


@final
class SlotTensors:
    """Per name one tensor (S, …), made when first written to; slots that were never written hold anything."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._kept: dict[Hashable, Tensor] = {}

    def write(self, name: Hashable, slots: Tensor, rows: Tensor) -> Tensor:
        """Put rows (N, …) into slots (N,); returns the whole tensor."""
        if name not in self._kept:
            self._kept[name] = rows.new_empty((self._size, *rows.shape[1:]))
        return self._kept[name].index_copy_(0, slots, rows)

    def __getitem__(self, name: Hashable) -> Tensor:
        return self._kept[name]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """New tokens at the end of a text: ``slots`` of all its tokens ``ids``, of which the first ``known`` are filled."""

    ids: Sequence[int]
    slots: Ints
    known: int

    @property
    def before(self) -> Ints:
        """Per new token the slot of the one before it."""
        return np.concatenate([[NOTHING], self.slots])[self.known : -1]


class Chunks(NamedTuple):
    """Some chunks of queries with the keys they need.

    ``queries`` (G, Q) are new tokens, padded with the chunk's last; ``keys`` (G, L) slots, padded with one that the
    chunk may see, so that nothing unwritten is ever read; ``mask`` (G, 1, Q, L).
    """

    queries: Tensor
    keys: Tensor
    mask: Tensor


@dataclass(frozen=True, kw_only=True)
class MemoryLayout:
    """Who attends to whom when N new tokens follow kept ones.

    ``slots`` (N,) is where the new tokens go in ``tensors``; ``order`` (N,) is where each is among the padded queries
    of all groups.
    """

    tensors: SlotTensors
    slots: Tensor
    groups: tuple[Chunks, ...]
    order: Tensor

    def to(self, device: torch.device) -> "MemoryLayout":
        """The same layout on a device; the slots' tensors are where they are."""
        groups = tuple(Chunks(*(t.to(device) for t in g)) for g in self.groups)
        return replace(self, slots=self.slots.to(device), groups=groups, order=self.order.to(device))


class _Chunk(NamedTuple):
    first: int
    """Number of its first query among the new tokens."""
    keys: Ints
    """Slots of all tokens up to its last query."""
    size: int


def memory_layout(tensors: SlotTensors, runs: Sequence[Run]) -> MemoryLayout:
    """The layout of the new tokens of some runs, one run after another."""
    chunks, new = list[_Chunk](), 0
    for run in runs:
        for start in range(run.known, len(run.slots), CHUNK):
            size = min(CHUNK, len(run.slots) - start)
            chunks.append(_Chunk(new, run.slots[: start + size], size))
            new += size
    chunks.sort(key=lambda chunk: len(chunk.keys))
    order, padded, groups = np.empty(new, dtype=np.int64), 0, []
    for part in np.array_split(np.arange(len(chunks)), min(GROUPS, len(chunks))):
        of_part = [chunks[i] for i in part]
        groups.append(group := _group(of_part))
        for chunk in of_part:
            order[chunk.first : chunk.first + chunk.size] = padded + np.arange(chunk.size)
            padded += group.queries.shape[1]
    slots = np.concatenate([run.slots[run.known :] for run in runs])
    return MemoryLayout(
        tensors=tensors, slots=torch.as_tensor(slots), groups=tuple(groups), order=torch.as_tensor(order)
    )


def _group(chunks: Sequence[_Chunk]) -> Chunks:
    first, size, lengths = np.array([(c.first, c.size, len(c.keys)) for c in chunks]).T[:, :, None]
    place = np.minimum(np.arange(size.max()), size - 1)  # (G, Q)
    keys = np.stack([np.pad(c.keys, (0, int(lengths.max()) - len(c.keys)), constant_values=c.keys[0]) for c in chunks])
    depth = lengths - size + place
    mask = np.arange(keys.shape[1]) <= depth[:, :, None]
    return Chunks(torch.as_tensor(first + place), torch.as_tensor(keys), torch.as_tensor(mask)[:, None])
