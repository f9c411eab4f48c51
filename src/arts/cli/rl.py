"""Fine-tune a model by GRPO with the grader's verdict as reward; running the same command again resumes a killed run.

This is the baseline that a verifier on the frozen model is compared with, through TRL's GRPOTrainer. The folder it
writes is a model for every other command: arts sample --model OUT, or --model OUT/checkpoint-40 for one on the way.

More processes or GPUs: accelerate launch --multi_gpu --num_processes 2 $(command -v arts) rl --out FOLDER
(on a CPU too: the processes then talk through gloo). A model of 7B parameters: docs/rl.md in the repository.
"""

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated

import tyro

from arts.baselines.config import RLConfig
from arts.baselines.task import HeldOut, Task
from arts.cli.terminal import put, say
from arts.config import dump_toml, require_at_least
from arts.errors import UsageError, needs_extra
from arts.proposers.prompt import PromptFormat
from arts.workflows.tasks import load_problems, task_defaults


@dataclass(frozen=True, kw_only=True)
class Config:
    """Flags of ``arts rl``."""

    out: Path
    """Folder of the new model, its checkpoints and metrics.jsonl."""
    model: str = "bundled"
    """The model to start from: bundled, a model folder or a Hub id."""
    problems: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="PROBLEMS")] = "congruences:train"
    """Problem set to learn from."""
    limit: int | None = None
    """Take at most this many problems."""
    offset: int = 0
    """Skip this many problems first."""
    held_out: str | None = None
    """Problem set on which the pass rate is measured at every checkpoint; none unless given."""
    held_out_limit: int = 128
    """Take at most this many of them."""
    held_out_samples: int = 4
    """Solutions drawn of each of them."""
    max_tokens: int | None = None
    """Longest solution; default: what fits the problem set (congruences 46, others 1024)."""
    grader: str | None = None
    """Gives the reward: exact, math, either with -stated (takes no last numbers), or module:function of your own;
    default: what fits the problem set."""
    prompt: PromptFormat = field(default_factory=PromptFormat)
    """How a question becomes a prompt."""
    rl: RLConfig = field(default_factory=RLConfig)
    """The method and its settings."""

    def __post_init__(self) -> None:
        require_at_least(self, 1, "held_out_limit", "held_out_samples", "max_tokens")
        if self.held_out is None and (self.held_out_limit, self.held_out_samples) != (128, 4):
            raise UsageError("--held-out-limit and --held-out-samples need --held-out")


def run(config: Config) -> int:
    """Train; the model's folder goes to stdout."""
    from arts.problems.graders import make_grader

    task = _task(config)
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")  # TRL reports every run to its makers otherwise
    with needs_extra("arts rl", "rl"):
        from arts.baselines.grpo import train_policy
    grader = make_grader(config.grader or task_defaults(config.problems).grader)
    flags = dump_toml(replace(config, out=Path(config.out.name)))
    try:
        done = train_policy(task, grader, config.rl, config.out, say, flags=flags)
    finally:
        grader.close()
    if os.environ.get("RANK", "0") == "0":  # one line, however many processes accelerate has launched
        say(f"{done.updates} updates, {done.tokens:,.0f} tokens, {done.seconds:.0f} s")
        put(config.out)
    return 0


def _task(config: Config) -> Task:
    held_out = None
    if config.held_out:
        measured = load_problems(config.held_out, limit=config.held_out_limit)
        held_out = HeldOut(problems=measured, samples=config.held_out_samples)
    return Task(
        model=config.model,
        problems=load_problems(config.problems, limit=config.limit, offset=config.offset),
        max_tokens=config.max_tokens or task_defaults(config.problems).longest or 1024,
        prompt=config.prompt,
        held_out=held_out,
    )
