"""Probes for ``arts evaluate --calibration``: what step scores are held against."""

import asyncio
import dataclasses
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from arts.cli.progress import sampling_progress
from arts.cli.sample import Config as SampleConfig
from arts.cli.sources import task_defaults
from arts.config import from_dict, require_at_least, to_dict
from arts.errors import UsageError
from arts.evaluation.steps import Reference, own_reference
from arts.logs.samples import Samples
from arts.problems.graders import make_grader
from arts.problems.rows import part
from arts.proposers.load import BackendOptions, open_proposer
from arts.sampling.fork import SparseDeepFork
from arts.sampling.grow import Grower, GrowthPlan
from arts.sampling.probe import ProbeState, are_of, choose_states, probe_phase, success_counts
from arts.trees.store import TreeStore


@dataclass(frozen=True, kw_only=True)
class Probes:
    """How success is counted."""

    rollouts: int = 32
    """Continuations of each state, with the model and all the settings that the store was sampled with."""
    states: int = 25
    """States of every depth, each of another problem; 0: no probes, the rollouts of the source itself are counted."""
    model: str = ""
    """Where the model is now, if it has moved; default: as the store was sampled."""
    seed: int = 0
    """Decides the states and their continuations."""

    def __post_init__(self) -> None:
        require_at_least(self, 2, "rollouts")
        require_at_least(self, 0, "states", "seed")


def count_success(source: Samples, probes: Probes, backend: BackendOptions, path: Path) -> Reference:
    """Success from states of the source's trees, by probes in the store ``path``: what is missing there is sampled.

    Without probes, or where the source does not remember how it was sampled, its own rollouts are counted.

    Raises:
        UsageError: the probes that are there are others.
    """
    if not probes.states or "sample" not in source.run_config:
        if probes.model:
            raise UsageError(f"{source.path}: is not probed, so --probes.model would be ignored; leave it out")
        return own_reference(source.trees)
    settings = _settings(source, probes, backend)
    states = choose_states(source.trees, probes.states, probes.seed)
    with _open(path, _record(settings, probes), states) as store:
        names = {s.problem_id for s in states}
        store.add_problems([p for p in source.problems if p.id in names])
        _sample(store, settings, states, probes)
        graded, correct = success_counts(states, {name: store.tree(name) for name in names})
    place = {tree.problem_id: i for i, tree in enumerate(source.trees)}
    return Reference(
        kind="probes",
        tree=np.array([place[s.problem_id] for s in states], dtype=np.int64),
        node=np.array([s.node for s in states], dtype=np.int64),
        depth=np.array([s.depth for s in states], dtype=np.int64),
        graded=graded,
        correct=correct,
        lost=probes.rollouts * len(states) - int(graded.sum()),
    ).part(graded > 0)


def _settings(source: Samples, probes: Probes, backend: BackendOptions) -> SampleConfig:
    """The run that made the source; what the user has set of the backend goes before what it remembers."""
    run_config = source.run_config
    table = {**part(run_config, "sample"), "backend": run_config.get("backend", {}), "store": str(source.path)}
    config = from_dict(SampleConfig, table, str(source.path))
    given = {f.name: getattr(backend, f.name) for f in dataclasses.fields(backend)}
    changed = {name: value for name, value in given.items() if value != getattr(BackendOptions(), name)}
    defaults = task_defaults(config.problems)
    return dataclasses.replace(
        config,
        model=probes.model or config.model,
        splitter=config.splitter or defaults.splitter,
        grader=config.grader or defaults.grader,
        backend=dataclasses.replace(config.backend, **changed),
    )


def _record(settings: SampleConfig, probes: Probes) -> dict[str, Any]:
    kept = to_dict(settings)
    same = {key: kept.get(key) for key in ("model", "sampling", "prompt", "splitter", "grader")}
    return {"command": "evaluate --calibration", "probes": {**same, "seed": probes.seed}, "rollouts": probes.rollouts}


def _open(path: Path, record: Mapping[str, Any], states: Sequence[ProbeState]) -> TreeStore:
    """The store of these probes: a new one, or the one that is there if it holds no others."""
    if not path.exists():
        return TreeStore.create(path, record)
    store = TreeStore.open(path, write=True)
    try:
        probed = {tree.problem_id: tree for tree in store.trees() if tree.rollouts}
        if probed:
            _check_same_probes(path, store.config(), record)
        if not are_of(states, probed):
            raise UsageError(f"{path}: holds probes of other states; remove it or use another --out")
    except UsageError:
        store.close()
        raise
    store.set_config(record)
    return store


def _check_same_probes(path: Path, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    before, now = old.get("probes", {}), new["probes"]
    for key, value in now.items():
        if before.get(key) != value:
            raise UsageError(
                f"{path}: holds probes with {key} = {before.get(key)}, not {value}; remove it or use another --out"
            )
    if new["rollouts"] < old["rollouts"]:
        raise UsageError(f"{path}: holds {old['rollouts']} rollouts per state; use as many --probes.rollouts or more")


def _sample(store: TreeStore, settings: SampleConfig, states: Sequence[ProbeState], probes: Probes) -> None:
    """Whatever is missing; a complete store needs no model."""
    held = {(t.problem_id, *r.key) for t in store.trees() for r in t.rollouts}
    wanted = {(s.problem_id, i, s.depth) for s in states for i in range(probes.rollouts)}
    if wanted <= held:
        return
    assert settings.splitter and settings.grader
    print(f"probing {len(states)} states with {probes.rollouts} rollouts each: {store.path}", file=sys.stderr)
    grader = make_grader(settings.grader)
    proposer = open_proposer(settings.model, prompt=settings.prompt, options=settings.backend)
    plan = GrowthPlan(
        method=SparseDeepFork(n=probes.rollouts, fork_probability=0.0, splitter=settings.splitter),
        sampling=settings.sampling,
        run_seed=probes.seed,
        unit_problems=max(1, proposer.batch_size // probes.rollouts),
        phases=(probe_phase(states),),
    )

    async def grow(grower: Grower) -> None:
        try:
            await grower.run()
        finally:
            await proposer.aclose()

    try:
        with sampling_progress(len(held & wanted), "probing") as show:
            asyncio.run(grow(Grower(store, proposer, grader, plan, show)))
    finally:
        grader.close()
