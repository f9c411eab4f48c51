"""Grow Sparse Deep Fork trees into a store; running the same command again resumes or extends it."""

import asyncio
import dataclasses
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from arts.cli.progress import sampling_progress
from arts.cli.sources import open_problems, task_defaults
from arts.config import to_dict
from arts.errors import UsageError
from arts.problems.base import Problem
from arts.proposers.base import Proposer, Sampling
from arts.proposers.load import BackendOptions, open_proposer
from arts.proposers.prompt import PromptFormat
from arts.sampling.fork import SparseDeepFork
from arts.sampling.grow import Grower, GrowthPlan, Spent, spent
from arts.trees.splitting import SplitterName
from arts.trees.store import TreeStore
from arts.versions import versions

GROWS = ("n", "fork_probability", "max_forks_per_trajectory")
"""Settings that may differ when a store is taken up again: larger values add rollouts and change none."""
UNLIMITED = float("inf")
DISCORDANT = (0.1, 0.3)
"""Shares of problems on which two ways of deciding may disagree: an alike and a different pair."""
VERSIONS = ("arts", "numpy", "math-verify", "torch", "transformers", "xllamacpp")


@dataclass(frozen=True, kw_only=True)
class Config:
    """Flags of ``arts sample``."""

    problems: str
    """Problem set: congruences:train, math500, gsm8k:train, svamp, hf:REPO#SPLIT or a .jsonl file."""
    store: Path
    """The store (one SQLite file); made if missing, resumed or extended if there."""
    model: str = "bundled"
    """bundled, a GGUF file, a model folder, a Hub id, openai:URL#NAME, or module:function of your own."""
    limit: int | None = None
    """Take at most this many problems."""
    offset: int = 0
    """Skip this many problems first."""
    n: int = 16
    """Backbones (whole solutions) per problem."""
    fork_probability: float = 0.5
    """Probability that an inner state of a backbone is a pivot, from which one more solution is rolled out."""
    max_forks_per_trajectory: int = 0
    """At most this many forks per backbone; 0 is no limit."""
    splitter: SplitterName | None = None
    """How text is cut into steps; default: what fits the problem set."""
    grader: str | None = None
    """How answers are graded: exact, math, or module:function of your own; default: what fits the problem set."""
    sampling: Sampling = field(default_factory=Sampling)
    """How text is drawn from the model."""
    prompt: PromptFormat = field(default_factory=PromptFormat)
    """How a question becomes a prompt."""
    backend: BackendOptions = field(default_factory=BackendOptions)
    """Where and how the model runs."""
    seed: int = 0
    """Seed of the run; each rollout's own seed follows from it, the problem and the place in the tree."""


def run(config: Config) -> int:
    """Sample; what so many problems can show and what was spent goes to stderr, the store's path to stdout."""
    total = sample(config, on_start=_say_what_can_be_shown)
    print(f"{config.store}: {describe(total)}", file=sys.stderr)
    print(config.store)
    return 0


def _say_what_can_be_shown(problems: int) -> None:
    """The smallest differences that an evaluation on so many problems finds, before anything is spent."""
    from arts.evaluation.power import POWER, detectable_difference, paired_sd

    found = {share: detectable_difference(problems, paired_sd(share)) for share in DISCORDANT}
    shown = " and ".join(
        f"{100 * d:.1f} points where they disagree on {s:.0%} of the problems" for s, d in found.items() if d == d
    )
    print(
        f"{problems} problems tell two ways of deciding apart (with probability {POWER:g}) from a true difference of"
        f" {shown or 'no size'} on",
        file=sys.stderr,
    )


def sample(config: Config, on_start: Callable[[int], None] | None = None) -> Spent:
    """Bring the store to what the configuration asks for; returns what all its trees have cost.

    ``on_start`` is told the number of problems before anything is sampled.
    """
    from arts.problems.graders import make_grader

    problems = open_problems(config.problems, limit=config.limit, offset=config.offset)
    if on_start is not None and config.fork_probability == 0:  # trees with forks are for training
        on_start(len(problems))
    defaults = task_defaults(config.problems)
    config = dataclasses.replace(
        config, splitter=config.splitter or defaults.splitter, grader=config.grader or defaults.grader
    )
    assert config.splitter and config.grader
    method = SparseDeepFork(
        n=config.n,
        fork_probability=config.fork_probability,
        max_forks_per_trajectory=config.max_forks_per_trajectory,
        splitter=config.splitter,
    )
    grader = make_grader(config.grader)
    proposer = open_proposer(config.model, prompt=config.prompt, options=config.backend)
    plan = GrowthPlan(
        method=method,
        sampling=config.sampling,
        run_seed=config.seed,
        unit_problems=max(1, proposer.batch_size // method.n),
    )
    try:
        with open_store(config.store, run_record(config, proposer, plan), problems) as store:
            before = sum(len(t.rollouts) for t in store.trees())
            with sampling_progress(before, "sampling") as show:
                asyncio.run(_grow(Grower(store, proposer, grader, plan, show), proposer))
            return spent(list(store.trees()))
    finally:
        grader.close()


async def _grow(grower: Grower, proposer: Proposer) -> None:
    try:
        await grower.run()
    finally:
        await proposer.aclose()


def run_record(config: Config, proposer: Proposer, plan: GrowthPlan) -> dict[str, Any]:
    """What a store remembers of its run.

    ``sample`` has to be the same when it is taken up again; the rest is for the reader, though single texts may
    depend on backend and versions.
    """
    resolved = to_dict(config)
    for key in ("store", "limit", "offset"):
        resolved.pop(key, None)
    return {
        "command": "sample",
        "backend": resolved.pop("backend", {}),
        "sample": resolved,
        "unit_problems": plan.unit_problems,
        "proposer": proposer.name,
        "versions": versions(*VERSIONS),
    }


def open_store(path: Path, record: Mapping[str, Any], problems: Sequence[Problem]) -> TreeStore:
    """The store of this run: a new one, or the existing one when its run was the same but for its size.

    Raises:
        UsageError: the store was made with other settings.
    """
    if not path.exists():
        store = TreeStore.create(path, record)
    else:
        store = TreeStore.open(path, write=True)
        try:
            _check_same_run(path, store.config(), record)
        except UsageError:
            store.close()
            raise
        store.set_config(record)
    store.add_problems(problems)
    return store


def _check_same_run(path: Path, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    before, now = (dict(c.get("sample", {})) for c in (old, new))
    for key in GROWS:
        wanted, had = (c.pop(key, 0) or (UNLIMITED if key == "max_forks_per_trajectory" else 0) for c in (now, before))
        if wanted < had:
            raise UsageError(f"{path}: was sampled with a larger {key}; use the same or a larger value")
    for key in sorted({*before, *now}):
        if before.get(key) != now.get(key):
            raise UsageError(
                f"{path}: was sampled with {key} = {before.get(key)}, not {now.get(key)};"
                " use the same value or another --store"
            )


def describe(total: Spent) -> str:
    """One line about what was spent."""
    failed = f", {total.failed} failed" if total.failed else ""
    return (
        f"{total.problems} problems, {total.rollouts:,} rollouts{failed}, {total.tokens:,} tokens generated"
        f" ({total.unique_tokens:,} unique), {total.solve_rate:.1%} correct"
    )
