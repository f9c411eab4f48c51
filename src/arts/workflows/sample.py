"""Grow Sparse Deep Fork trees into a store; the same call again resumes or extends it."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from arts.config import to_dict
from arts.files import StrPath
from arts.models import BUNDLED
from arts.problems.base import Problem
from arts.problems.graders import GraderLike, opened_grader
from arts.proposers.base import Proposer, Sampling
from arts.proposers.load import opened_proposer
from arts.proposers.options import BackendOptions
from arts.proposers.prompt import PromptFormat
from arts.sampling.fork import SparseDeepFork
from arts.sampling.grow import Grower, GrowthPlan, OnRollout, Spent, spent
from arts.trees.runs import RunConfig
from arts.trees.splitting import SplitterName
from arts.versions import versions
from arts.workflows.blocking import blocking
from arts.workflows.runs import open_run
from arts.workflows.tasks import named_problems, task_defaults


@dataclass(frozen=True, kw_only=True)
class SampleSettings:
    """What decides the samples of a store; it has to be the same when the store is taken up again."""

    problems: str
    model: str
    n: int
    fork_probability: float
    max_forks_per_trajectory: int
    splitter: SplitterName
    grader: str
    sampling: Sampling
    prompt: PromptFormat
    seed: int


VERSIONS = ("arts", "numpy", "math-verify", "torch", "transformers", "xllamacpp")


async def sample_async(
    problems: StrPath | Sequence[Problem],
    store: StrPath,
    *,
    model: StrPath | Proposer = BUNDLED,
    limit: int | None = None,
    offset: int = 0,
    n: int = 16,
    fork_probability: float = 0.5,
    max_forks_per_trajectory: int = 0,
    splitter: SplitterName | None = None,
    grader: GraderLike | None = None,
    sampling: Sampling = Sampling(),
    prompt: PromptFormat = PromptFormat(),
    backend: BackendOptions = BackendOptions(),
    seed: int = 0,
    on_start: Callable[[int, int], None] = lambda problems, rollouts: None,
    on_rollout: OnRollout = lambda rollout, outcome: None,
) -> Spent:
    """Bring a store to what is asked for; returns what all its trees have cost.

    ``problems`` is a name or file as for :func:`load_problems`, of which ``limit`` are taken after ``offset``, or
    problems. ``n`` whole solutions are drawn of each, and one more from every inner state with ``fork_probability``,
    at most ``max_forks_per_trajectory`` (0: no limit) of a solution. ``splitter`` and ``grader`` default to what fits
    the problem set. Each rollout's own seed follows from ``seed``, the problem and the place in the tree, so a killed
    run goes on where it was, and one with larger ``n`` or ``fork_probability`` only adds rollouts. ``on_start`` is
    told the numbers of problems and of rollouts that are there, ``on_rollout`` of each one that comes.

    Raises:
        UsageError: the store was sampled with other settings.
        EndpointError: the model fails as a whole; what has succeeded is in the store.

    >>> import arts
    >>> arts.sample("congruences:train", "train.db", limit=500, n=4).rollouts  # doctest: +SKIP
    4829
    """
    named, wanted = named_problems(problems, limit=limit, offset=offset)
    defaults = task_defaults(named)
    splitter, grader = splitter or defaults.splitter, grader or defaults.grader
    method = SparseDeepFork(
        n=n,
        fork_probability=fork_probability,
        max_forks_per_trajectory=max_forks_per_trajectory,
        splitter=splitter,
    )
    with opened_grader(grader) as judge:
        async with opened_proposer(model, prompt, backend) as proposer:
            unit = max(1, proposer.batch_size // method.n)
            plan = GrowthPlan(method=method, sampling=sampling, run_seed=seed, unit_problems=unit)
            settings = SampleSettings(
                problems=named,
                model=os.fspath(model) if isinstance(model, str | os.PathLike) else proposer.name,
                n=n,
                fork_probability=fork_probability,
                max_forks_per_trajectory=max_forks_per_trajectory,
                splitter=method.splitter,
                grader=judge.name,
                sampling=sampling,
                prompt=prompt,
                seed=seed,
            )
            run = RunConfig(
                command="sample",
                backend=to_dict(backend),
                sample=to_dict(settings),
                unit_problems=unit,
                proposer=proposer.name,
                versions=versions(*VERSIONS),
            )
            with open_run(Path(store), run, wanted) as opened:
                on_start(len(wanted), sum(len(t.rollouts) for t in opened.trees()))
                await Grower(opened, proposer, judge, plan, on_rollout).run()
                return spent(opened.trees())


sample = blocking(sample_async)
