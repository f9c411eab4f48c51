"""Write a verifier's scores for every node of a store."""

from dataclasses import dataclass
from pathlib import Path

import tyro

from arts.trees.store import TreeStore
from arts.verifiers.load import load_verifier

CHUNK = 32
"""Trees scored together."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """Flags of ``arts score``."""

    store: tyro.conf.Positional[Path]
    """The store; scores are added to it."""
    verifier: tyro.conf.Positional[str]
    """A checkpoint folder, or: likelihood, length, random, oracle."""
    name: str = ""
    """Under which name the scores are stored; default: the verifier's own."""


def run(config: Config) -> int:
    """Score what is not scored yet; a killed run goes on where it stopped."""
    verifier = load_verifier(config.verifier)
    name = config.name or verifier.name
    with TreeStore.open(config.store, write=True) as store:
        trees = [t for t in store.trees() if store.scored(t.problem_id, name) < len(t)]
        for start in range(0, len(trees), CHUNK):
            chunk = trees[start : start + CHUNK]
            scores = verifier.score([(t, range(len(t))) for t in chunk])
            for tree, values in zip(chunk, scores, strict=True):
                store.write_scores(tree.problem_id, name, range(len(tree)), values)
    print(f"{config.store}: {sum(map(len, trees)):,} nodes of {len(trees)} trees scored as '{name}'")
    return 0
