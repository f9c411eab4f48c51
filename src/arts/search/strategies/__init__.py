"""The strategies by name. A new one is a file beside this one and a line in :data:`STRATEGIES`."""

import importlib
import math
from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Literal

from arts.config import from_dict, require_at_least
from arts.errors import UsageError
from arts.search.base import Strategy

STRATEGIES = {
    "best_of_n": "best_of_n.BestOfN",
    "adaptive_majority": "adaptive_vote.AdaptiveMajority",
    "adaptive_flow_vote": "adaptive_vote.AdaptiveFlowVote",
    "beam": "beam.Beam",
    "dvts": "dvts.DiverseTreeSearch",
    "flow_sampling": "flow_sampling.FlowSampling",
    "best_first": "best_first.BestFirst",
    "puct": "puct.Puct",
    "particles": "particles.ParticleFilter",
}
"""By name the module in this folder and the class in it."""

if TYPE_CHECKING:
    StrategyName = str
else:
    StrategyName = Literal[tuple(STRATEGIES)]


def strategy_factory(name: StrategyName, settings: Sequence[str] = ()) -> Callable[[], Strategy]:
    """Makes a fresh strategy for each problem; ``settings`` are ``NAME=VALUE``.

    Raises:
        UsageError: a setting is unknown, malformed, or out of its range.
    """
    module, _, attribute = STRATEGIES[name].partition(".")
    cls: type[Any] = getattr(importlib.import_module(f"{__name__}.{module}"), attribute)
    table: dict[str, Any] = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals:
            raise UsageError(f"'{setting}' is not NAME=VALUE; as in: --settings n=16")
        table[key] = _number(value, setting)
    made = from_dict(cls, table, f"strategy {name}")
    for setting_of in fields(cls):
        require_at_least(made, 1 if setting_of.type is int else 0, setting_of.name)
    return lambda: cls(**table)


def _number(text: str, setting: str) -> int | float:
    for read in (int, float):
        try:
            number = read(text)
        except ValueError:
            continue
        if math.isfinite(number):
            return number
    raise UsageError(f"'{setting}': {text} is not a number")
