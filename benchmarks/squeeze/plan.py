"""What the study runs: how much of everything, the GRPO runs, the verifiers."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from arts.baselines.config import RLConfig

BASE = "base"
BASE_SEED = 1
"""Of the base model's samples."""
MAIN = "GRPO"
OBJECTIVES = ("value_flow", "rfm", "prm", "rm", "orm")
"""The default verifier, the published one, and its published rivals."""


@dataclass(frozen=True, kw_only=True)
class Size:
    """How much of everything."""

    problems: int = 400
    """Test problems."""
    samples: int = 256
    """Solutions of each by the base model and by each GRPO model; halves of them label and are evaluated."""
    fewer_problems: int = 200
    fewer_samples: int = 64
    """The same for checkpoints on the way and for the other settings of GRPO, on the first of the problems."""
    updates: int = 160
    """Of GRPO; the other settings are run for half as many."""
    seeds: int = 3
    """Of GRPO, and of every verifier."""
    trees: int = 1600
    """Training problems that the verifiers learn from."""
    verifier_updates: int = 540


QUICK = Size(
    problems=24, samples=32, fewer_problems=12, fewer_samples=16, updates=8, seeds=2, trees=60, verifier_updates=20
)


@dataclass(frozen=True, kw_only=True)
class Policy:
    """One GRPO run: a setting with a seed."""

    setting: str
    config: RLConfig

    @property
    def name(self) -> str:
        """For files."""
        return f"{self.setting.replace(' ', '-').replace(',', '').replace('.', '')}-{self.config.seed}"


def settings(size: Size) -> dict[str, RLConfig]:
    """GRPO as it is compared with verifiers, then one change each; all draw 256 solutions per update."""
    main = RLConfig(
        updates=size.updates,
        save_updates=size.updates // 4,
        problems_per_update=16,
        group_size=16,
        batch=256,
        learning_rate=5e-4,
    )
    half = replace(main, updates=size.updates // 2, save_updates=size.updates // 2)
    return {
        MAIN: main,
        "groups of 4": replace(half, group_size=4, problems_per_update=64),
        "groups of 64": replace(half, group_size=64, problems_per_update=4),
        "temperature 0.6": replace(half, temperature=0.6),
        "KL 0.1": replace(half, kl=0.1),
        "Dr. GRPO": replace(half, recipe="dr_grpo"),
        "two passes": replace(half, passes=2),
        "DAPO, two passes": replace(half, recipe="dapo", passes=2),
    }


def policies(size: Size) -> Iterator[Policy]:
    """All runs; the main ones first, then one seed of everything before the next."""
    found = settings(size)
    for seed in range(size.seeds):
        yield Policy(setting=MAIN, config=replace(found[MAIN], seed=seed))
    for seed in range(size.seeds):
        for name, config in list(found.items())[1:]:
            yield Policy(setting=name, config=replace(config, seed=seed))


def sampling_seed(policy: Policy) -> int:
    """One of its own for every GRPO seed, and none of them the base model's."""
    return BASE_SEED + 1 + policy.config.seed
