"""Rebuild the bundled model by its recipe, and compare two models by what they do."""

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import tyro

from arts.cli.terminal import put, say
from arts.config import require_at_least
from arts.errors import UsageError
from arts.estimate import Estimate
from arts.evaluation.intervals import mean, paired_difference
from arts.models import BUNDLED
from arts.selection.expected import pass_at_k
from arts.testbed.measure import measure
from arts.testbed.recipe import Recipe, build_model
from arts.workflows.tasks import load_problems


@dataclass(frozen=True, kw_only=True)
class Config:
    """Flags of ``arts testbed``."""

    action: tyro.conf.Positional[Literal["build", "compare"]]
    """build: train the model from the demonstrations. compare: measure models on held-out problems."""
    models: tyro.conf.Positional[tuple[str, ...]] = (BUNDLED,)
    """compare: one or two models."""
    out: Path = Path("runs/testbed-model")
    """build: folder of the new model; it is then compared with the shipped one."""
    quick: bool = False
    """build: a twentieth of the updates, to see that it runs."""
    problems: int = 200
    """Validation problems to measure on."""
    n: int = 16
    """Samples per problem."""

    def __post_init__(self) -> None:
        require_at_least(self, 1, "problems", "n")


def run(config: Config) -> int:
    """Build or compare; the measurements go to stdout."""
    if config.action == "compare":
        return _compare(config, config.models)
    recipe = Recipe()
    if config.quick:
        recipe = replace(recipe, updates=recipe.updates // 20, demonstrations=recipe.demonstrations // 20)
    build_model(recipe, config.out, _progress)
    return _compare(config, (str(config.out), BUNDLED))


def _compare(config: Config, models: tuple[str, ...]) -> int:
    if not 1 <= len(models) <= 2:
        raise UsageError("give one or two models to compare")
    problems = load_problems("congruences:validation", limit=config.problems)
    correct = [asyncio.run(measure(model, problems, config.n)) for model in models]
    for k in (1, 4, config.n):
        per_model = [pass_at_k(c, k) for c in correct]
        cells = [f"{name}: {_text(mean(values))}" for name, values in zip(models, per_model, strict=True)]
        if len(models) == 2:
            cells.append(f"difference: {_text(paired_difference(per_model[0], per_model[1]))}")
        put(f"pass@{k}  " + "   ".join(cells))
    return 0


def _text(e: Estimate) -> str:
    return f"{100 * e.value:.1f} [{100 * e.low:.1f}, {100 * e.high:.1f}]"


def _progress(update: int, loss: float) -> None:
    if update % 100 == 0:
        say(f"update {update}: loss {loss:.3f}")
