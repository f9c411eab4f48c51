"""The strategies by name. A new one is a file beside this one and a line in :data:`STRATEGIES`."""

from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any

from arts.config import from_settings, require_at_least
from arts.errors import UsageError
from arts.registry import find
from arts.search.base import Strategy

STRATEGIES: dict[str, type[Strategy] | str] = {
    "best_of_n": f"{__name__}.best_of_n:BestOfN",
    "adaptive_majority": f"{__name__}.adaptive_vote:AdaptiveMajority",
    "adaptive_flow_vote": f"{__name__}.adaptive_vote:AdaptiveFlowVote",
    "adaptive_best_of_n": f"{__name__}.adaptive_best:AdaptiveBestOfN",
    "guided": f"{__name__}.guided:GuidedSearch",
    "beam": f"{__name__}.beam:Beam",
    "dvts": f"{__name__}.dvts:DiverseTreeSearch",
    "flow_sampling": f"{__name__}.flow_sampling:FlowSampling",
    "best_first": f"{__name__}.best_first:BestFirst",
    "puct": f"{__name__}.puct:Puct",
    "particles": f"{__name__}.particles:ParticleFilter",
}
"""By name the class, or the ``module:class`` that is imported on use. Its fields are its settings."""


def strategy_factory(name: str, settings: Sequence[str] = ()) -> Callable[[], Strategy]:
    """Makes a fresh strategy for each problem; ``settings`` are ``NAME=VALUE``.

    ``name`` is one of :data:`STRATEGIES`, or ``module:class`` names a dataclass of your own that is a
    :class:`~arts.search.base.Strategy`; what its settings may be, its ``__post_init__`` checks.

    Raises:
        UsageError: there is no such strategy; a setting is unknown, malformed, or out of its range.
    """
    cls: type[Any] = find(STRATEGIES, name, "strategy")

    def make() -> Strategy:
        made: Strategy = from_settings(cls, settings, f"strategy {name}")
        return made

    made = make()
    if not isinstance(made, Strategy):
        raise UsageError(f"strategy {name}: not a {Strategy.__module__}:{Strategy.__name__}; see its methods")
    if cls.__module__.startswith(f"{__name__}."):
        for setting in fields(cls):
            require_at_least(made, 1 if setting.type is int else 0, setting.name)
    return make
