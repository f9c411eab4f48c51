"""Grow Sparse Deep Fork trees into a store; running the same command again resumes or extends it."""

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from arts.cli.options import call
from arts.cli.progress import SamplingProgress
from arts.proposers.base import Sampling
from arts.proposers.options import BackendOptions
from arts.proposers.prompt import PromptFormat
from arts.sampling.grow import Spent
from arts.trees.splitting import SplitterName
from arts.workflows.sample import sample

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

    def on_start(problems: int, rollouts: int) -> None:
        if config.fork_probability == 0:  # trees with forks are for training
            _say_what_can_be_shown(problems)
        progress.start(rollouts)

    with SamplingProgress("sampling") as progress:
        total = call(sample, config, on_start=on_start, on_rollout=progress.count)
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


def describe(total: Spent) -> str:
    """One line about what was spent."""
    failed = f", {total.failed} failed" if total.failed else ""
    return (
        f"{total.problems} problems, {total.rollouts:,} rollouts{failed}, {total.tokens:,} tokens generated"
        f" ({total.unique_tokens:,} unique), {total.solve_rate:.1%} correct"
    )
