"""Fine-tune a model by GRPO with the grader's verdict as reward; running the same command again resumes a killed run.

This is the baseline that a verifier on the frozen model is compared with, through TRL's GRPOTrainer. The folder it
writes is a model for every other command: arts sample --model OUT, or --model OUT/checkpoint-40 for one on the way.

More processes or GPUs: accelerate launch --num_processes 8 $(command -v arts) rl --config rl-qwen2.5-7b.toml
"""

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

from arts.baselines.config import RLConfig
from arts.baselines.task import HeldOut, Task
from arts.cli.sources import open_problems, task_defaults
from arts.config import require_at_least
from arts.errors import MissingExtraError
from arts.problems.base import GraderName
from arts.proposers.prompt import PromptFormat


@dataclass(frozen=True, kw_only=True)
class Config:
    """Flags of ``arts rl``."""

    out: Path
    """Folder of the new model, its checkpoints and metrics.jsonl."""
    model: str = "bundled"
    """The model to start from: bundled, a model folder or a Hub id."""
    problems: str = "congruences:train"
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
    grader: GraderName | None = None
    """Gives the reward; default: what fits the problem set."""
    prompt: PromptFormat = field(default_factory=PromptFormat)
    """How a question becomes a prompt."""
    rl: RLConfig = field(default_factory=RLConfig)
    """The method and its settings."""

    def __post_init__(self) -> None:
        require_at_least(self, 1, "held_out_limit", "held_out_samples", "max_tokens")


def run(config: Config) -> int:
    """Train; the model's folder goes to stdout."""
    try:
        from arts.baselines.grpo import train_policy
    except ModuleNotFoundError as error:
        if error.name not in ("trl", "torch", "transformers", "accelerate", "datasets", "safetensors"):
            raise
        raise MissingExtraError("arts rl", "rl") from error
    from arts.problems.graders import make_grader

    problems = open_problems(config.problems, limit=config.limit, offset=config.offset)
    held_out = None
    if config.held_out:
        measured = open_problems(config.held_out, limit=config.held_out_limit)
        held_out = HeldOut(problems=measured, samples=config.held_out_samples)
    defaults = task_defaults(config.problems)
    task = Task(
        model=config.model,
        problems=problems,
        max_tokens=config.max_tokens or defaults.max_tokens,
        prompt=config.prompt,
        held_out=held_out,
    )
    grader = make_grader(config.grader or defaults.grader)
    try:
        done = train_policy(task, grader, config.rl, config.out, lambda line: print(line, file=sys.stderr, flush=True))
    finally:
        grader.close()
    if os.environ.get("RANK", "0") == "0":  # one line, however many processes accelerate has launched
        print(f"{done['updates']} updates, {done['tokens']:,.0f} tokens, {done['seconds']:.0f} s", file=sys.stderr)
        print(config.out)
    return 0
