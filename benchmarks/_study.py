"""What the studies share: flags, kept parts, verifiers trained once, trees of the testbed, where results go.

A study is a list of parts. Each writes one file, whole or not at all, and is left out where its file is there: a study
that was stopped goes on from there.
"""

import argparse
import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from _page import Part, as_json, write_json
from numpy.typing import NDArray

from arts.testbed.measure import SAMPLING
from arts.training.config import TrainConfig
from arts.training.fit import fit_verifier, is_finished
from arts.trees.store import TreeStore
from arts.trees.tree import Tree
from arts.verifiers.checkpoint import load_checkpoint
from arts.verifiers.features import FeatureCache
from arts.verifiers.modules import Architecture
from arts.verifiers.neural import NeuralVerifier
from arts.workflows.sample import sample

BENCHMARKS = Path(__file__).resolve().parent
DOCS = BENCHMARKS.parent / "docs"
RECORDED = BENCHMARKS / "recorded"
TESTBED_SHAPE = Architecture(
    backbone="bundled", mode="frozen", reading="state", trunk_layers=2, trunk_width=96, max_tokens=64
)
"""Of every verifier on the testbed; chosen on validation problems for docs/objectives.md."""

Floats = NDArray[np.float64]
Arrays = dict[str, NDArray[Any]]
"""What a part of a study keeps, by name."""


def study_parser(about: str | None, out: str, *, jobs: bool = False) -> argparse.ArgumentParser:
    """The flags that every study has; one that runs ``jobs`` has their number, the others the number of threads."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(out), help=f"where runs are kept; default: {out}")
    parser.add_argument("--quick", action="store_true", help="a rehearsal with little of everything, only in --out")
    if jobs:
        parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes of one thread each")
    else:
        parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    return parser


def runs(given: argparse.Namespace) -> Path:
    """The folder of the runs, made if missing; a rehearsal has its own."""
    out: Path = given.out / "quick" if given.quick else given.out
    out.mkdir(parents=True, exist_ok=True)
    return out


def publish(
    given: argparse.Namespace, results: dict[str, Any], write_page: Callable[[Part, Path], None], study: str, page: str
) -> None:
    """Write the results beside the study's modules and its page in docs; those of a rehearsal stay with its runs."""
    write_json(results, runs(given) / "results.json" if given.quick else BENCHMARKS / study / "results.json")
    write_page(as_json(results), runs(given) / "page.md" if given.quick else DOCS / page)


def keep(path: Path, found: Callable[[], Arrays]) -> Path:
    """Find arrays unless they are there."""
    return _keep(path, lambda unfinished: np.savez_compressed(unfinished, **found()))


def keep_json(path: Path, found: Callable[[], Any]) -> Any:
    """Find something JSON can hold unless it is there; what the file holds."""
    _keep(path, lambda unfinished: write_json(found(), unfinished))
    return json.loads(path.read_text(encoding="utf-8"))


def _keep(path: Path, write: Callable[[Path], None]) -> Path:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f".{path.name}")
        write(unfinished)
        unfinished.replace(path)
    return path


def arrays(path: Path) -> Arrays:
    """What :func:`keep` has kept."""
    with np.load(path) as found:
        return dict(found)


def testbed_trees(store: Path, split: str, limit: int, **how: Any) -> None:
    """Bring a store of trees of the first testbed problems to its full size.

    Sampled as verifiers learn from them, unless ``how`` says otherwise: 8 backbones, half of their states forked.
    """
    usual: dict[str, Any] = {"n": 8, "fork_probability": 0.5, "sampling": SAMPLING}
    sample(f"congruences:{split}", store, limit=limit, **usual | how)


def trees_of(store: Path) -> list[Tree]:
    """All trees of a store."""
    with TreeStore.open(store) as opened:
        return list(opened.trees())


def testbed_training(objective: str, seed: int, updates: int, options: Sequence[str] = ()) -> TrainConfig:
    """The same for all but objective and seed; 540 updates are three passes over 1,440 trees."""
    return TrainConfig(
        objective=objective,
        options=tuple(options),
        learning_rate=2e-3,
        updates=updates,
        epochs=100,
        trees_per_batch=8,
        seed=seed,
    )


def trained(
    place: Path,
    trees: Callable[[], Sequence[Tree]],
    shape: Architecture,
    training: TrainConfig,
    features: FeatureCache | None,
) -> NeuralVerifier:
    """The verifier of a folder, trained first unless that is done; only then the trees are asked for.

    ``features`` are those of a frozen backbone.
    """
    if is_finished(place):
        return NeuralVerifier(*load_checkpoint(place), features)
    return fit_verifier(trees(), shape, training, place, features=features)


def keep_measured(parts: Mapping[Path, Callable[[NeuralVerifier], Arrays]], make: Callable[[], NeuralVerifier]) -> bool:
    """Measure one verifier part by part; False where all parts are there, and the verifier was not needed."""
    if all(path.exists() for path in parts):
        return False
    verifier = make()
    for path, measure in parts.items():
        keep(path, lambda measure=measure: measure(verifier))
    return True
