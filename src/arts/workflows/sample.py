"""Grow Sparse Deep Fork trees into a store; the same call again resumes or extends it."""

from collections.abc import Callable, Sequence
from pathlib import Path

from arts.config import to_dict
from arts.files import StrPath
from arts.models import BUNDLED
from arts.problems.base import Grader, Problem
from arts.problems.graders import opened_grader
from arts.proposers.base import Proposer, Sampling
from arts.proposers.load import BackendOptions, load_proposer
from arts.proposers.prompt import PromptFormat
from arts.sampling.fork import SparseDeepFork
from arts.sampling.grow import Grower, GrowthPlan, OnRollout, Spent, spent
from arts.trees.runs import RunConfig
from arts.trees.splitting import SplitterName
from arts.versions import versions
from arts.workflows.blocking import blocking
from arts.workflows.runs import open_run
from arts.workflows.tasks import load_problems, task_defaults

VERSIONS = ("arts", "numpy", "math-verify", "torch", "transformers", "xllamacpp")


async def sample_async(
    problems: str | Sequence[Problem],
    store: StrPath,
    *,
    model: str | Proposer = BUNDLED,
    limit: int | None = None,
    offset: int = 0,
    n: int = 16,
    fork_probability: float = 0.5,
    max_forks_per_trajectory: int = 0,
    splitter: SplitterName | None = None,
    grader: str | Grader | None = None,
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
    wanted = load_problems(problems, limit=limit, offset=offset) if isinstance(problems, str) else list(problems)
    defaults = task_defaults(problems if isinstance(problems, str) else "")
    splitter, grader = splitter or defaults.splitter, grader or defaults.grader
    method = SparseDeepFork(
        n=n,
        fork_probability=fork_probability,
        max_forks_per_trajectory=max_forks_per_trajectory,
        splitter=splitter,
    )
    proposer = load_proposer(model, prompt=prompt, options=backend) if isinstance(model, str) else model
    unit = max(1, proposer.batch_size // method.n)
    plan = GrowthPlan(method=method, sampling=sampling, run_seed=seed, unit_problems=unit)
    try:
        with opened_grader(grader) as judge:
            run = RunConfig(
                command="sample",
                backend=to_dict(backend),
                sample={
                    "problems": problems if isinstance(problems, str) else "given",
                    "model": model if isinstance(model, str) else proposer.name,
                    **to_dict(method),
                    **{"grader": judge.name, "sampling": to_dict(sampling), "prompt": to_dict(prompt), "seed": seed},
                },
                unit_problems=unit,
                proposer=proposer.name,
                versions=versions(*VERSIONS),
            )
            with open_run(Path(store), run, wanted) as opened:
                on_start(len(wanted), sum(len(t.rollouts) for t in opened.trees()))
                await Grower(opened, proposer, judge, plan, on_rollout).run()
                return spent(list(opened.trees()))
    finally:
        if isinstance(model, str):
            await proposer.aclose()


sample = blocking(sample_async)
