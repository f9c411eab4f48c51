"""Train a verifier on a store of trees; running the same command again resumes a killed run.

More processes or GPUs: accelerate launch --multi_gpu --num_processes 2 $(command -v arts) train STORE --out FOLDER
(on a CPU too: the processes then talk through gloo)
"""

import os
import sys
from dataclasses import dataclass, field, fields
from pathlib import Path

import tyro

from arts.cli.options import call
from arts.errors import needs_extra
from arts.trees.store import open_store

with needs_extra("arts train"):
    from arts.training.config import TrainConfig
    from arts.training.fit import is_finished
    from arts.training.objectives import OBJECTIVES
    from arts.verifiers.modules import Architecture
    from arts.workflows.train import train_verifier

__doc__ += "\n\nObjectives, and their options:\n" + "\n".join(
    f"  {name}: {cls.about} ({', '.join(f'{f.name}={f.default}' for f in fields(cls)) or 'no options'})"
    for name, cls in OBJECTIVES.items()
)


@dataclass(frozen=True, kw_only=True)
class Config:
    """Flags of ``arts train``."""

    store: tyro.conf.Positional[Path]
    """The store with the trees."""
    out: Path
    """Folder of the checkpoint; its name becomes the verifier's."""
    architecture: Architecture = field(default_factory=lambda: Architecture(backbone="bundled"))
    """The network; the defaults are the paper's."""
    training: TrainConfig = field(default_factory=TrainConfig)
    """What it is trained for, and how."""
    keep_features: bool = True
    """Mode frozen keeps the backbone's features in the cache folder (ARTS_CACHE or ~/.cache/arts), for later runs."""


def run(config: Config) -> int:
    """Train; the checkpoint's folder goes to stdout."""
    finished = is_finished(config.out)
    with open_store(config.store) as store:
        call(
            train_verifier,
            config,
            trees=store.trees(),
            config=config.training,
            on_progress=lambda line: print(line, file=sys.stderr),
        )
    if finished:
        print(f"{config.out}: is trained already; use another --out to train again", file=sys.stderr)
    if os.environ.get("RANK", "0") == "0":  # one line, however many processes accelerate has launched
        print(config.out)
    return 0
