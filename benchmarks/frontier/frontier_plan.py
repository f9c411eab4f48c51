"""What is measured for the frontier: GRPO at several lengths, verifiers of several sizes, and both together."""

from dataclasses import dataclass, replace

from step_reader.trained_rows import ADAPTERS, BASE, DEFAULT, Row

from arts.baselines.config import RLConfig

NS = (1, 4, 16, 64)
"""Samples that are decided between."""
VERIFIERS: tuple[Row, ...] = (ADAPTERS[0], BASE, *DEFAULT)
"""On the frozen model, by rising number of problems."""
SHOWN = {ADAPTERS[0].name: "400 problems × 16", BASE.name: "1,600 problems × 16"}
"""Rows that are called otherwise in another study."""
FULL = DEFAULT[-1]
"""The one that is searched with at several budgets."""
BUDGETS = (1, 4, 16, 64)
"""No search may cost a problem more tokens than so many samples."""
BUDGET = 64
"""Of the other searches."""
POWERS = (2.0, 4.0, 8.0)
"""Of the model's probability, that power sampling draws by; one is chosen on validation problems."""
MOVES = (1, 4, 16)
"""Proposals of power sampling after each line."""


@dataclass(frozen=True, kw_only=True)
class Size:
    """How much of everything."""

    problems: int = 400
    """Test problems, and validation problems."""
    seeds: int = 3
    stages: tuple[int, ...] = (80, 160, 240, 400)
    """Updates of the chosen setting of GRPO, 256 solutions each, after which the policy is measured."""
    sweep_updates: int = 160
    own_problems: int = 3000
    """Training problems of which a GRPO model draws 16 solutions, for a verifier that reads that model."""
    few: int | None = None


QUICK = Size(problems=16, seeds=2, stages=(2, 4), sweep_updates=4, own_problems=40, few=40)


def sweep(size: Size) -> dict[str, RLConfig]:
    """The settings that are tried with one seed; what squeeze.md found to matter is varied."""
    main = RLConfig(
        updates=size.sweep_updates, save_updates=size.sweep_updates // 4, problems_per_update=16, group_size=16
    )
    wide = replace(main, problems_per_update=64, group_size=4)
    return {
        "16 problems × 16": main,
        "64 problems × 4": wide,
        "64 problems × 4, rate 1e-3": replace(wide, learning_rate=1e-3),
        "64 problems × 4, KL 0.1": replace(wide, kl=0.1),
    }


def longest(config: RLConfig, size: Size, seed: int) -> RLConfig:
    """The chosen setting at its full length; checkpoints are what is measured on the way."""
    return replace(config, updates=size.stages[-1], save_updates=size.stages[0], seed=seed)


def stem(name: str) -> str:
    """Of files."""
    return "".join(c if c.isalnum() else "-" for c in name)
