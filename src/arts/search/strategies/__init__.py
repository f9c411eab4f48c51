"""The strategies by name. A new one is a file beside this one and a line in :data:`STRATEGIES`."""

from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any, Literal, get_args

from arts.config import from_dict, require_at_least
from arts.errors import UsageError
from arts.search.base import Strategy
from arts.search.strategies.adaptive_vote import AdaptiveFlowVote, AdaptiveMajority
from arts.search.strategies.beam import Beam
from arts.search.strategies.best_first import BestFirst
from arts.search.strategies.best_of_n import BestOfN
from arts.search.strategies.dvts import DiverseTreeSearch
from arts.search.strategies.flow_sampling import FlowSampling
from arts.search.strategies.particles import ParticleFilter
from arts.search.strategies.puct import Puct

StrategyName = Literal[
    "best_of_n", "adaptive_majority", "adaptive_flow_vote", "beam", "dvts", "flow_sampling", "best_first", "puct",
    "particles",
]  # fmt: skip

STRATEGIES: dict[StrategyName, type[Any]] = {
    "best_of_n": BestOfN,
    "adaptive_majority": AdaptiveMajority,
    "adaptive_flow_vote": AdaptiveFlowVote,
    "beam": Beam,
    "dvts": DiverseTreeSearch,
    "flow_sampling": FlowSampling,
    "best_first": BestFirst,
    "puct": Puct,
    "particles": ParticleFilter,
}
assert tuple(STRATEGIES) == get_args(StrategyName)


def strategy_factory(name: StrategyName, settings: Sequence[str] = ()) -> Callable[[], Strategy]:
    """Makes a fresh strategy for each problem; ``settings`` are ``NAME=VALUE``.

    Raises:
        UsageError: a setting is unknown, malformed, or out of its range.
    """
    cls = STRATEGIES[name]
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
            return read(text)
        except ValueError:
            continue
    raise UsageError(f"'{setting}': {text} is not a number")
