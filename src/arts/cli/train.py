"""Train a verifier on a store of trees; running the same command again resumes a killed run.

More processes or GPUs: accelerate launch --multi_gpu --num_processes 2 $(command -v arts) train STORE --out FOLDER
(on a CPU too: the processes then talk through gloo)
"""

import os
import shutil
from dataclasses import dataclass, field, fields
from pathlib import Path

import tyro

from arts.cli.options import call
from arts.cli.terminal import put, say
from arts.errors import UsageError, needs_extra
from arts.models import cache_folder
from arts.trees.store import StoredTrees, open_store

with needs_extra("arts train"):
    from arts.training.config import TrainConfig
    from arts.training.fit import is_finished
    from arts.training.objectives import OBJECTIVES
    from arts.verifiers.modules import Architecture
    from arts.workflows.cross_fit import cross_fit
    from arts.workflows.train import train_verifier

REMEDIES = {
    "better than majority": "",
    "worse than majority": "; vote with it, sample more problems (arts sample --limit) or train for more passes"
    " (--training.epochs)",
    "too few problems to tell": "; sample more problems (arts sample --limit)",
}
"""What to try, by verdict."""
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
    architecture: Architecture = field(default_factory=Architecture)
    """The network; the defaults are what did best on the testbed, see docs/training.md."""
    training: TrainConfig = field(default_factory=TrainConfig)
    """What it is trained for, and how."""
    cross_fit: int = 2
    """At the end, tell by so many folds what the verifier is worth on problems it has not seen; 0 does not,
    nor do several processes."""
    keep_features: bool = True
    """Mode frozen keeps the backbone's features in the cache folder (ARTS_CACHE or ~/.cache/arts), for later runs."""

    def __post_init__(self) -> None:
        if self.cross_fit < 0 or self.cross_fit == 1:
            raise UsageError(f"cross_fit is {self.cross_fit}; use 2 or more folds, or 0 for none")


def run(config: Config) -> int:
    """Train; the checkpoint's folder goes to stdout."""
    alone = os.environ.get("WORLD_SIZE", "1") == "1"
    finished, first = is_finished(config.out), os.environ.get("RANK", "0") == "0"
    with open_store(config.store) as store:
        call(train_verifier, config, trees=store.trees(), config=config.training, on_progress=say)
        if config.cross_fit and alone and (not finished or _folds(config).is_dir()):
            _tell_worth(config, store.trees())
    if finished:
        say(f"{config.out}: is trained already; use another --out to train again")
    if first:  # one line, however many processes accelerate has launched
        put(config.out)
    return 0


def _folds(config: Config) -> Path:
    """Where cross-fitting keeps its verifiers until it is done."""
    return config.out / "cross-fit"


def _tell_worth(config: Config, trees: StoredTrees) -> None:
    """Selection accuracy on problems that were not learned from, and what follows from it."""
    _folds(config).mkdir(exist_ok=True)  # says that a run which was killed has this left to do
    try:
        found = cross_fit(
            trees,
            _folds(config),
            architecture=config.architecture,
            config=config.training,
            folds=config.cross_fit,
            feature_folder=cache_folder() / "features" if config.keep_features else None,
            on_progress=say,
        )
    except UsageError as error:
        shutil.rmtree(_folds(config), ignore_errors=True)
        say(f"not cross-fitted: {error}")
        return
    shutil.rmtree(_folds(config), ignore_errors=True)
    rows = {"random": found.random, "majority": found.majority, "verifier": found.best_of_n, "oracle": found.oracle}
    say(f"deciding between {found.n} candidates of {found.random.n} problems, each by a verifier that has not seen it:")
    for name, of in rows.items():
        say(f"  {name:<9} {100 * of.value:5.1f} [{100 * of.low:.1f}, {100 * of.high:.1f}]")
    difference = found.difference
    margin = f"{100 * difference.value:+.1f} [{100 * difference.low:+.1f}, {100 * difference.high:+.1f}] points"
    say(f"{found.verdict}: {margin}{REMEDIES[found.verdict]}")
