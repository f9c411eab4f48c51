"""Write a verifier's scores for every node of a store."""

from dataclasses import dataclass
from pathlib import Path

import tyro

from arts.cli.options import call
from arts.cli.terminal import put
from arts.workflows.score import score


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
    done = call(score, config)
    put(f"{config.store}: {done.nodes:,} nodes of {done.trees} trees scored as '{done.name}'")
    return 0
