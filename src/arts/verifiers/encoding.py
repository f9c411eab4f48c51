"""Trees as token sequences: where each state is read, and which tokens are those of its last step."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from arts.arrays import Bools, Ints
from arts.trees.tree import NO_PARENT, ROOT, Tree


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """Some states of one tree.

    ``ids[r]`` are the tokens of a trajectory, or of a window of one that is longer than the network reads. The state
    of the i-th node asked for is read at token ``columns[i]`` of row ``rows[i]``, the last token of its last step.
    ``texts[r]`` is what the trajectory says; ``steps`` where the tokens of the steps are,
    None where only states are read.
    """

    ids: list[list[int]]
    texts: list[str]
    rows: Ints
    columns: Ints
    steps: "StepPlaces | None" = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepPlaces:
    """The last steps of N states: ``tokens`` (M, 2) are row and column of all their tokens, one step after another.

    ``sizes`` (N,): tokens of each step, at least 1: of the root and of a step without text the one that the state is
    read at. ``judged`` (N,): whether the step is sound or not; the root is no step, and one without text says nothing,
    unless the whole solution does. ``above`` (N,): which of the states is the one before, −1 for none of them.
    ``ended`` (N,): whether the solution ends there by itself.
    """

    tokens: Ints
    sizes: Ints
    judged: Bools
    above: Ints
    ended: Bools

    def of(self, states: Ints) -> list[Ints]:
        """Columns of the tokens of some of the steps."""
        ends = np.cumsum(self.sizes)
        return [self.tokens[ends[i] - self.sizes[i] : ends[i], 1] for i in states]

    def within_rows(self, rows: Ints) -> bool:
        """Whether all tokens of every step are in the row in which its state is read."""
        return bool((self.tokens[:, 0] == np.repeat(rows, self.sizes)).all())


_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
"""Half a pair is one character here and no text to a tokenizer."""


def encode(tree: Tree, nodes: Sequence[int], tokenizer: Any, max_tokens: int) -> Encoded:
    """Tokenise the fewest trajectories that pass through all ``nodes``.

    The text is the question, a newline and the solution. A token that straddles two steps belongs to the step
    it begins in. A text longer than ``max_tokens`` is read in windows that all begin with its first tokens (the
    question, or half a window of a longer one) and overlap by half of the rest: see :func:`windows`.
    """
    wanted = set(nodes)
    inner = {n for node in nodes for n in [ROOT, *tree.path(node)[:-1]]} if nodes else set()
    ends = [node for node in dict.fromkeys(nodes) if node not in inner] or [ROOT]
    opening = f"{tree.question}\n"
    texts = [_LONE_SURROGATE.sub("\ufffd", opening + tree.solution(end)) for end in ends]
    coded = tokenizer(texts, return_offsets_mapping=True)
    rows, said = list[list[int]](), list[str]()
    place: dict[int, Ints] = {}
    steps: dict[int, Ints] = {}
    for row, (end, offsets) in enumerate(zip(ends, coded["offset_mapping"], strict=True)):
        begins = np.array([begin for begin, _ in offsets])
        begins[_closing_marks(offsets) :] = len(texts[row]) + 1
        path = [ROOT, *tree.path(end)]
        lengths = np.cumsum([len(opening), *(len(tree.text[n]) for n in path[1:])])
        columns = np.maximum(np.searchsorted(begins, lengths, side="left") - 1, 0)
        parts, where = windows(coded["input_ids"][row], int(columns[0]) + 1, max_tokens)
        where[:, 0] += len(rows)
        rows, said = rows + parts, said + [texts[row]] * len(parts)
        for node, before, column in zip(path, [columns[0], *columns[:-1]], columns, strict=True):
            if node in wanted and node not in place:
                place[node], steps[node] = where[column], where[before + 1 : column + 1]
    at = np.array([place[n] for n in nodes], dtype=np.int64).reshape(-1, 2)
    return Encoded(ids=rows, texts=said, rows=at[:, 0], columns=at[:, 1], steps=_places(tree, nodes, place, steps))


def _places(tree: Tree, nodes: Sequence[int], place: Mapping[int, Ints], steps: Mapping[int, Ints]) -> StepPlaces:
    index = {node: i for i, node in enumerate(nodes)}
    read = [steps[n] if len(steps[n]) else place[n][None] for n in nodes]
    silent = [tree.stop[n] == "stop" and not any(len(steps.get(m, ())) for m in tree.path(n)) for n in nodes]
    return StepPlaces(
        tokens=np.concatenate([np.empty((0, 2), dtype=np.int64), *read]),
        sizes=np.array([len(tokens) for tokens in read], dtype=np.int64),
        judged=np.array(
            [n != ROOT and (len(steps[n]) > 0 or nothing) for n, nothing in zip(nodes, silent, strict=True)], dtype=bool
        ),
        above=np.array([index.get(tree.parent[n], NO_PARENT) for n in nodes], dtype=np.int64),
        ended=np.array([tree.stop[n] == "stop" for n in nodes], dtype=bool),
    )


def windows(ids: list[int], opening: int, most: int) -> tuple[list[list[int]], Ints]:
    """Windows of at most ``most`` tokens that cover a text, and window and column of each of its tokens: (T, 2).

    All begin with the same tokens: the ``opening`` ones, or half a window of them. Behind these, a window begins half
    a window's room after the one before, and of what both hold the earlier one counts: every token is read once, with
    what came before it reaching back over at least half of the room. Texts that begin alike have the same first
    windows.

    >>> windows([7, 1, 2, 3, 4, 5], 1, 5)[0]
    [[7, 1, 2, 3, 4], [7, 3, 4, 5]]
    """
    if len(ids) <= most:
        return [ids], np.stack([np.zeros(len(ids), dtype=np.int64), np.arange(len(ids))], axis=1)
    kept = min(opening, most // 2)
    room = most - kept
    stride = max(room // 2, 1)
    starts = range(kept, max(len(ids) - room + stride, kept + 1), stride)
    place = np.arange(len(ids))
    window = np.clip((place - kept - room + stride) // stride, 0, len(starts) - 1)
    column = np.where(place < kept, place, place - window * stride)
    return [[*ids[:kept], *ids[s : s + room]] for s in starts], np.stack([window, column], axis=1)


def _closing_marks(offsets: Sequence[tuple[int, int]]) -> int:
    """Where the special tokens begin that a tokenizer has put behind the text; they stand for no text."""
    end = len(offsets)
    while end > 1 and tuple(offsets[end - 1]) == (0, 0):
        end -= 1
    return end
