"""What is trained: one row of the tables is a way of sampling trees, a network and an objective."""

from dataclasses import dataclass, field, replace
from typing import Any

from arts.training.config import TrainConfig
from arts.verifiers.modules import Architecture

STEPS = Architecture(backbone="bundled")
"""The default network."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One row; ``advice`` is what we do, where the row is part of an ablation."""

    name: str
    group: str
    problems: int
    n: int = 16
    fork_probability: float = 0.0
    shape: Architecture = STEPS
    training: TrainConfig = field(default_factory=TrainConfig)
    advice: str = ""

    @property
    def store(self) -> str:
        """Rows of the same trees share them."""
        return f"train-{self.n}-{self.fork_probability:g}"

    @property
    def stem(self) -> str:
        """Of its files."""
        return "".join(c if c.isalnum() else "-" for c in f"{self.group} {self.name}")


def _row(name: str, group: str, problems: int, n: int = 16, p: float = 0.0, **how: Any) -> Row:
    shape, advice = how.pop("shape", STEPS), how.pop("advice", "")
    return Row(
        name=name,
        group=group,
        problems=problems,
        n=n,
        fork_probability=p,
        shape=shape,
        training=TrainConfig(**how),
        advice=advice,
    )


ALL = 6309
DEFAULT = (_row("3,000 problems × 16", "default", 3000), _row("all 6,309 problems × 16", "default", ALL))

BASE = _row("1,600 problems × 16 whole solutions", "ablation", 1600, advice="what the others are compared with")
ABLATION = (
    BASE,
    _row("6,309 problems × 4", "ablation", ALL, 4, advice="take every problem there is, with four solutions of each"),
    _row("3,200 problems × 8", "ablation", 3200, 8, advice="level; take more problems"),
    _row("800 problems × 32", "ablation", 800, 32, advice="do not draw more of few problems"),
    _row("1,600 problems × 11, forks p = .25", "ablation", 1600, 11, 0.25, advice="leave out forks"),
    _row("1,600 problems × 8, forks p = .5", "ablation", 1600, 8, 0.5, advice="leave out forks"),
    _row("1,600 problems × 5, forks p = 1", "ablation", 1600, 5, 1.0, advice="leave out forks"),
    _row("last layer only", "ablation", 1600, shape=replace(STEPS, layers=1), advice="read more than the last layer"),
    _row(
        "two layers",
        "ablation",
        1600,
        shape=replace(STEPS, layers=2),
        advice="halve the features where memory is short",
    ),
    _row(
        "with a trunk that sees the steps before",
        "ablation",
        1600,
        shape=replace(STEPS, trunk_layers=1),
        advice="leave out the trunk",
    ),
    _row("10 passes", "ablation", 1600, epochs=10.0, advice="enough for a first look"),
    _row("40 passes", "ablation", 1600, epochs=40.0, advice="stop at twenty"),
    _row("bootstrapped (trace 0)", "ablation", 1600, options=("trace=0",), advice="either will do"),
    _row("every rollout counts", "ablation", 1600, options=("per=rollout",), advice="leave every node its weight"),
    _row("leaves weigh 3 times", "ablation", 1600, options=("leaf_weight=3",), advice="leave the weights equal"),
)
REWARDS = tuple(
    _row(
        f"rfm, R(correct) / R(incorrect) = {c:,}",
        "rewards",
        1600,
        objective="rfm",
        options=(f"reward_contrast={c}",),
        advice="keep it at 100 or above" if c < 100 else "",
    )
    for c in (100, 10, 1_000, 10_000)
)
ADAPTERS = (
    _row("frozen", "adapters", 400),
    _row("LoRA", "adapters", 400, shape=replace(STEPS, mode="lora")),
    _row("all weights", "adapters", 400, shape=replace(STEPS, mode="full")),
)
ROWS = (*DEFAULT, *ABLATION, *REWARDS, *ADAPTERS)
