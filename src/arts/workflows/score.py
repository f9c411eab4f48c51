"""Write a verifier's scores for every node of a store; a run that was killed goes on where it stopped."""

import os
from collections.abc import Callable
from typing import NamedTuple

from arts.files import StrPath
from arts.trees.store import open_store
from arts.verifiers.base import Verifier
from arts.verifiers.load import load_verifier

CHUNK = 32
"""Trees scored together."""


class Scored(NamedTuple):
    """How many ``nodes`` of how many ``trees`` were scored, and under which ``name``."""

    nodes: int
    trees: int
    name: str


def score(
    store: StrPath,
    verifier: Verifier | StrPath,
    *,
    name: str = "",
    on_tree: Callable[[int, int], None] = lambda done, trees: None,
) -> Scored:
    """Score every node that this verifier has not scored yet, in the store.

    ``name`` is what the scores are called there, by default the verifier's own name. ``on_tree`` is told how many of
    the trees are done.

    Raises:
        InputError: no such store or verifier.
        StoreError: another process is writing to the store.

    >>> import arts
    >>> scored = arts.score("test.db", "flow")  # doctest: +SKIP
    >>> print(scored.nodes)  # doctest: +SKIP
    """
    judge = load_verifier(verifier) if isinstance(verifier, str | os.PathLike) else verifier
    called = name or judge.name
    with open_store(store, write=True) as opened:
        trees = [t for t in opened.trees() if opened.scored(t.problem_id, called) < len(t)]
        for start in range(0, len(trees), CHUNK):
            chunk = trees[start : start + CHUNK]
            scores = judge.score([(t, range(len(t))) for t in chunk])
            for tree, values in zip(chunk, scores, strict=True):
                opened.write_scores(tree.problem_id, called, range(len(tree)), values)
            on_tree(start + len(chunk), len(trees))
    return Scored(nodes=sum(map(len, trees)), trees=len(trees), name=called)
