"""Probes: continuations of sampled states, which step scores are held against."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from arts.config import Settings, check_same_run, from_dict, require_at_least, to_dict
from arts.errors import UsageError
from arts.evaluation.steps import Reference, own_reference
from arts.logs.samples import Samples
from arts.problems.graders import opened_grader
from arts.proposers.load import opened_proposer
from arts.proposers.options import BackendOptions
from arts.sampling.fork import SparseDeepFork
from arts.sampling.grow import Grower, GrowthPlan, OnRollout
from arts.sampling.probe import ProbeState, are_of, choose_states, probe_phase, success_counts
from arts.trees.runs import RunConfig
from arts.trees.store import TreeStore, open_store
from arts.workflows.sample import SampleSettings
from arts.workflows.tasks import task_defaults


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


async def count_success(
    source: Samples,
    probes: Probes,
    backend: BackendOptions,
    path: Path,
    *,
    on_start: Callable[[int, int], None] = lambda states, rollouts: None,
    on_rollout: OnRollout = lambda rollout, outcome: None,
) -> Reference:
    """Success from states of the source's trees, by probes in the store ``path``: what is missing there is sampled.

    Without probes, or where the source does not remember how it was sampled, its own rollouts are counted. What is set
    of the ``backend`` goes before what the source remembers. ``on_start`` is told the numbers of states and of rollouts
    that are there before any is sampled, ``on_rollout`` of each that comes.

    Raises:
        UsageError: the probes that are there are others.
    """
    if not probes.states or source.run_config.sample is None:
        if probes.model:
            raise UsageError(f"{source.path}: is not probed, so --probes.model would be ignored; leave it out")
        return own_reference(source.trees)
    settings = _settings(source, source.run_config.sample, probes)
    options = _backend(source.run_config.backend or {}, backend, source.path)
    states = choose_states(source.trees, probes.states, probes.seed)
    with _open(path, _run_config(settings, probes), states) as store:
        names = {s.problem_id for s in states}
        store.add_problems([p for p in source.problems if p.id in names])
        held = {(t.problem_id, *r.key) for t in store.trees() for r in t.rollouts}
        wanted = {(s.problem_id, i, s.depth) for s in states for i in range(probes.rollouts)}
        if not wanted <= held:  # a complete store needs no model
            on_start(len(states), len(held & wanted))
            await _sample(store, settings, options, states, probes, on_rollout)
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


def _settings(source: Samples, sample: Settings, probes: Probes) -> SampleSettings:
    """The run that made the source."""
    defaults = task_defaults(str(sample.get("problems", "")))
    table = {"splitter": defaults.splitter, "grader": defaults.grader, **sample}
    settings = from_dict(SampleSettings, table, str(source.path))
    return replace(settings, model=probes.model or settings.model)


def _backend(remembered: Settings, given: BackendOptions, path: Path) -> BackendOptions:
    usual = to_dict(BackendOptions())
    changed = {name: value for name, value in to_dict(given).items() if value != usual.get(name)}
    return from_dict(BackendOptions, remembered | changed, str(path))


def _run_config(settings: SampleSettings, probes: Probes) -> RunConfig:
    kept = to_dict(settings)
    same = {key: kept.get(key) for key in ("model", "sampling", "prompt", "splitter", "grader")}
    return RunConfig(command="evaluate --calibration", probes={**same, "seed": probes.seed}, rollouts=probes.rollouts)


def _open(path: Path, config: RunConfig, states: Sequence[ProbeState]) -> TreeStore:
    """The store of these probes: a new one, or the one that is there if it holds no others."""
    if not path.exists():
        return TreeStore.create(path, config)
    store = open_store(path, write=True)
    try:
        probed = {tree.problem_id: tree for tree in store.trees() if tree.rollouts}
        if probed:
            before, now = (_with_rollouts(known) for known in (store.run_config(), config))
            check_same_run(path, before, now, may_grow=("rollouts",), remedy="remove it or use another --out")
        if not are_of(states, probed):
            raise UsageError(f"{path}: holds probes of other states; remove it or use another --out")
    except UsageError:
        store.close()
        raise
    store.set_run_config(config)
    return store


def _with_rollouts(config: RunConfig) -> Settings:
    return {**(config.probes or {}), "rollouts": config.rollouts}


async def _sample(
    store: TreeStore,
    settings: SampleSettings,
    backend: BackendOptions,
    states: Sequence[ProbeState],
    probes: Probes,
    on_rollout: OnRollout,
) -> None:
    """Whatever is missing."""
    with opened_grader(settings.grader) as grader:
        async with opened_proposer(settings.model, settings.prompt, backend) as proposer:
            plan = GrowthPlan(
                method=SparseDeepFork(n=probes.rollouts, fork_probability=0.0, splitter=settings.splitter),
                sampling=settings.sampling,
                run_seed=probes.seed,
                unit_problems=max(1, proposer.batch_size // probes.rollouts),
                phases=(probe_phase(states),),
            )
            await Grower(store, proposer, grader, plan, on_rollout).run()
