"""What decides a run of reinforcement learning."""

from dataclasses import dataclass
from math import inf
from typing import Literal

from arts.config import require_at_least
from arts.errors import UsageError

Recipe = Literal["grpo", "dr_grpo", "dapo"]
"""Published forms of the objective, as far as TRL's trainer offers them.

``grpo`` (arXiv 2402.03300): advantages divided by the group's standard deviation, losses averaged within each solution
first. ``dr_grpo`` (arXiv 2503.20783): neither of the two divisions. ``dapo`` (arXiv 2503.14476): every token weighs the
same, the upper clip is 0.28, solutions cut at the token limit teach nothing; its dynamic sampling and its penalty that
grows towards the limit are not offered.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class RLConfig:
    """Settings of Group Relative Policy Optimization; the defaults suit the bundled model of 0.6 M parameters."""

    recipe: Recipe = "grpo"
    """Form of the objective: grpo, dr_grpo or dapo."""
    updates: int = 160
    """Optimiser updates."""
    problems_per_update: int = 16
    """Groups per update, over all processes."""
    group_size: int = 16
    """Solutions drawn of each problem; their rewards are normalised against one another."""
    passes: int = 1
    """Updates made with the same solutions. With one, the policy is the one that drew them and no clip is active."""
    learning_rate: float = 5e-4
    """1e-6 is usual for models of billions of parameters."""
    warmup_updates: int = 0
    """Linear warm-up; the rate is constant afterwards."""
    temperature: float = 1.0
    """Of drawing solutions."""
    top_p: float = 1.0
    """Of drawing solutions; below 1 what is drawn is not the policy that is updated."""
    kl: float = 0.0
    """Coefficient of the KL divergence to the model before training."""
    clip_low: float = 0.2
    """Probability ratios below 1 − this get no further gradient."""
    clip_high: float | None = None
    """Probability ratios above 1 + this get no further gradient; default: the recipe's."""
    batch: int = 256
    """Solutions that go through the network at once, per process; what an update lacks is accumulated."""
    save_updates: int = 40
    """Updates between checkpoints; a killed run resumes from the last one."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """Of the computation; weights and optimiser are in float32."""
    gradient_checkpointing: bool = False
    """Computes activations twice instead of keeping them."""
    vllm: bool = False
    """Draw solutions with vLLM in the training processes (needs a GPU and the package vllm)."""
    vllm_memory: float = 0.3
    """Share of a GPU's memory for vLLM."""
    report_to: str = "none"
    """Where the trainer logs besides metrics.jsonl: none, tensorboard, wandb, …"""
    seed: int = 0

    def __post_init__(self) -> None:
        require_at_least(self, 1, "updates", "problems_per_update", "passes", "batch", "save_updates")
        require_at_least(self, 2, "group_size")
        require_at_least(self, 0, "warmup_updates", "kl", "clip_low", "clip_high", "seed")
        for name in ("learning_rate", "temperature"):
            if not 0 < getattr(self, name) < inf:
                raise UsageError(f"{name} is {getattr(self, name)}; use a finite number above 0")
        for name in ("top_p", "vllm_memory"):
            if not 0 < getattr(self, name) <= 1:
                raise UsageError(f"{name} is {getattr(self, name)}; use a number in (0, 1]")
        if self.save_updates % self.passes:
            raise UsageError(
                f"save_updates {self.save_updates} is no multiple of passes {self.passes}; a run can only be taken up"
                " where new solutions are drawn"
            )

    def accumulation(self, processes: int) -> int:
        """Batches that each process computes per update.

        Raises:
            UsageError: the solutions of an update do not divide into whole batches.
        """
        solutions, at_once = self.problems_per_update * self.group_size, self.batch * processes
        if solutions % at_once:
            raise UsageError(
                f"an update has {self.problems_per_update} x {self.group_size} = {solutions} solutions, which"
                f" {processes} process(es) with batch {self.batch} do not divide; use a batch that does"
            )
        return solutions // at_once

    def held_out_batch(self, problems: int, samples: int, processes: int) -> int:
        """Solutions of held-out problems that each process draws at once, such that all rounds are full.

        The trainer averages over rounds whatever their size, and tops up a last one with problems it has had.

        Raises:
            UsageError: no number does that.
        """
        rounds = [n for n in range(1, problems + 1) if problems % n == 0 and n * samples % processes == 0]
        if not rounds:
            raise UsageError(
                f"{problems} held-out problems with {samples} solution(s) each do not divide among {processes}"
                " processes; use another --held-out-limit"
            )
        sizes = [n * samples // processes for n in rounds]
        return max((size for size in sizes if size <= self.batch), default=min(sizes))
