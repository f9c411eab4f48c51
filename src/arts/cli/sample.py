"""Grow Sparse Deep Fork trees into a store; running the same command again resumes or extends it."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from arts.cli.options import call
from arts.cli.progress import SamplingProgress
from arts.cli.terminal import put, say
from arts.config import require_at_least
from arts.errors import UsageError
from arts.proposers.base import Sampling
from arts.proposers.options import BackendOptions
from arts.proposers.prompt import PromptFormat
from arts.sampling.budget import MOST_SOLUTIONS, TreePlan
from arts.sampling.grow import Spent
from arts.trees.splitting import SplitterName
from arts.workflows.sample import sample
from arts.workflows.sample_within import sample_within

DRAWN = ("model", "splitter", "grader", "sampling", "prompt", "backend", "seed")
"""Flags that say how solutions are drawn, not how many."""
DISCORDANT = (0.1, 0.3)
"""Shares of problems on which two ways of deciding may disagree: an alike and a different pair."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """Flags of ``arts sample``."""

    problems: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="PROBLEMS")]
    """Problem set: congruences:train, math500, gsm8k:train, svamp, hf:REPO#SPLIT or a .jsonl file."""
    store: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="STORE")]
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
    budget_tokens: int | None = None
    """Spend about so many generated tokens on trees to learn from; chooses --n and how many problems, no forks."""
    splitter: SplitterName | None = None
    """How text is cut into steps; default: what fits the problem set."""
    grader: str | None = None
    """How answers are graded: exact, math, either with -stated (takes no last numbers), or module:function of your own;
    default: what fits the problem set."""
    sampling: Sampling = field(default_factory=Sampling)
    """How text is drawn from the model."""
    prompt: PromptFormat = field(default_factory=PromptFormat)
    """How a question becomes a prompt."""
    backend: BackendOptions = field(default_factory=BackendOptions)
    """Where and how the model runs."""
    seed: int = 0
    """Seed of the run; each rollout's own seed follows from it, the problem and the place in the tree."""

    def __post_init__(self) -> None:
        if self.budget_tokens is None:
            return
        require_at_least(self, 1, "budget_tokens")
        for name in ("n", "fork_probability", "max_forks_per_trajectory"):
            if getattr(self, name) != getattr(type(self), name):
                raise UsageError(f"--budget-tokens chooses --{name.replace('_', '-')}; leave out one of the two")


def run(config: Config) -> int:
    """Sample; what so many problems can show and what was spent goes to stderr, the store's path to stdout."""

    def on_start(problems: int, rollouts: int) -> None:
        if config.fork_probability == 0:  # trees with forks are for training
            _say_what_can_be_shown(problems)
        progress.start(rollouts)

    with SamplingProgress("sampling") as progress:
        if config.budget_tokens is None:
            total = call(sample, config, on_start=on_start, on_rollout=progress.count)
        else:
            drawn = {name: getattr(config, name) for name in DRAWN}
            total = sample_within(
                config.problems,
                config.store,
                config.budget_tokens,
                limit=config.limit,
                offset=config.offset,
                on_plan=_say_plan,
                on_start=on_start,
                on_rollout=progress.count,
                **drawn,
            )
    say(f"{config.store}: {describe(total)}")
    put(config.store)
    return 0


def _say_plan(plan: TreePlan) -> None:
    say(
        f"{plan.problems:,} problems × {plan.n} solutions, no forks: about {plan.tokens:,} tokens, spent as"
        " docs/verifiers.md found best"
    )
    if plan.n > MOST_SOLUTIONS:
        say(f"more than {MOST_SOLUTIONS} solutions of a problem were not measured to help; more problems were")


def _say_what_can_be_shown(problems: int) -> None:
    """The smallest differences that an evaluation on so many problems finds, before anything is spent."""
    from arts.evaluation.power import POWER, detectable_difference, paired_sd

    found = {share: detectable_difference(problems, paired_sd(share)) for share in DISCORDANT}
    shown = " and ".join(
        f"{100 * d:.1f} points where they disagree on {s:.0%} of the problems" for s, d in found.items() if d == d
    )
    say(
        f"{problems} problems tell two ways of deciding apart (with probability {POWER:g}) from a true difference of"
        f" {shown or 'no size'} on"
    )


def describe(total: Spent) -> str:
    """One line about what was spent."""
    failed = f", {total.failed} failed" if total.failed else ""
    return (
        f"{total.problems} problems, {total.rollouts:,} rollouts{failed}, {total.tokens:,} tokens generated"
        f" ({total.unique_tokens:,} unique), {total.solve_rate:.1%} correct"
    )
