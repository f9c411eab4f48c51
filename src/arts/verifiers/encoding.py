"""Trees as token sequences: one per trajectory, with the token position at which each state is read."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from arts.arrays import Ints
from arts.trees.tree import ROOT, Tree


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """Some states of one tree.

    ``ids[r]`` are the tokens of trajectory r; the state of the i-th node asked for is read at token
    ``columns[i]`` of trajectory ``rows[i]``, the last token of its last step.
    """

    ids: list[list[int]]
    texts: list[str]
    rows: Ints
    columns: Ints


_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
"""Half a pair is one character here and no text to a tokenizer."""


def encode(tree: Tree, nodes: Sequence[int], tokenizer: Any, max_tokens: int) -> Encoded:
    """Tokenise the fewest trajectories that pass through all ``nodes``.

    The text is the question, a newline and the solution. A token that straddles two steps belongs to the step
    it begins in. Of a text longer than ``max_tokens`` the first tokens are kept; states beyond them are read at
    the last one that is left.
    """
    wanted = set(nodes)
    inner = {n for node in nodes for n in [ROOT, *tree.path(node)[:-1]]} if nodes else set()
    ends = [node for node in dict.fromkeys(nodes) if node not in inner] or [ROOT]
    opening = f"{tree.question}\n"
    texts = [_LONE_SURROGATE.sub("\ufffd", opening + tree.solution(end)) for end in ends]
    coded = tokenizer(texts, return_offsets_mapping=True, truncation=True, max_length=max_tokens)
    place: dict[int, tuple[int, int]] = {}
    for row, (end, offsets) in enumerate(zip(ends, coded["offset_mapping"], strict=True)):
        begins = np.array([begin for begin, _ in offsets])
        begins[_closing_marks(offsets) :] = len(texts[row]) + 1
        path = [ROOT, *tree.path(end)]
        lengths = np.cumsum([len(opening), *(len(tree.text[n]) for n in path[1:])])
        columns = np.searchsorted(begins, lengths, side="left") - 1
        for node, column in zip(path, columns, strict=True):
            if node in wanted:
                place.setdefault(node, (row, max(int(column), 0)))
    where = np.array([place[n] for n in nodes], dtype=np.int64).reshape(-1, 2)
    return Encoded(ids=coded["input_ids"], texts=texts, rows=where[:, 0], columns=where[:, 1])


def _closing_marks(offsets: Sequence[tuple[int, int]]) -> int:
    """Where the special tokens begin that a tokenizer has put behind the text; they stand for no text."""
    end = len(offsets)
    while end > 1 and tuple(offsets[end - 1]) == (0, 0):
        end -= 1
    return end
