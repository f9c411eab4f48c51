"""Train a verifier on a store of trees; running the same command again resumes a killed run.

More processes or GPUs: accelerate launch --multi_gpu --num_processes 2 $(command -v arts) train STORE --out FOLDER
(on a CPU too: the processes then talk through gloo)
"""

import os
import sys
from dataclasses import dataclass, field, fields
from pathlib import Path

import tyro

from arts.errors import UsageError
from arts.logs.samples import require_samples
from arts.models import cache_folder
from arts.training.config import TrainConfig
from arts.training.fit import check_same, is_finished, train_verifier
from arts.training.objectives import OBJECTIVES
from arts.trees.store import TreeStore
from arts.verifiers.modules import Architecture

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
    if is_finished(config.out):
        check_same(config.out, config.architecture, config.training)
        print(f"{config.out}: is trained already; use another --out to train again", file=sys.stderr)
        print(config.out)
        return 0
    _check_flags(config.architecture)
    with TreeStore.open(config.store) as store:
        require_samples(config.store, store.config())
        trees = list(store.trees())
    train_verifier(
        trees,
        config.architecture,
        config.training,
        config.out,
        name=config.out.name,
        feature_folder=cache_folder() / "features" if config.keep_features else None,
        about={"store": config.store.name},
        on_progress=lambda line: print(line, file=sys.stderr),
    )
    if os.environ.get("RANK", "0") == "0":  # one line, however many processes accelerate has launched
        print(config.out)
    return 0


def _check_flags(shape: Architecture) -> None:
    """Refuse flags that would be ignored."""
    plain = Architecture(backbone=shape.backbone)
    lora = (shape.lora_r, shape.lora_alpha, shape.lora_dropout)
    if shape.mode != "lora" and lora != (plain.lora_r, plain.lora_alpha, plain.lora_dropout):
        raise UsageError(f"mode {shape.mode} has no adapters; leave out the --architecture.lora-* flags")
    if shape.mode != "frozen" and (shape.trunk_layers or shape.trunk_width != plain.trunk_width):
        raise UsageError(f"mode {shape.mode} has no trunk; leave out --architecture.trunk-* or use mode frozen")
