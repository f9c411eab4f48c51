"""The objectives by name. A new one is a file beside this one and a line in :data:`OBJECTIVES`."""

from collections.abc import Sequence

from arts.config import from_settings
from arts.errors import UsageError
from arts.registry import find
from arts.training.objectives.base import Objective
from arts.training.objectives.flow import FlowMatching, SubTrajectoryBalance, ValueFlow
from arts.training.objectives.reward import NoisyAnd, OutcomeReward, PairwiseReward, ProcessReward

OBJECTIVES: dict[str, type[Objective]] = {
    "rfm": FlowMatching,
    "value_flow": ValueFlow,
    "subtb": SubTrajectoryBalance,
    "prm": ProcessReward,
    "rm": PairwiseReward,
    "orm": OutcomeReward,
    "noisy_and": NoisyAnd,
}


def make_objective(name: str, options: Sequence[str] = ()) -> Objective:
    """The objective called ``name``, or the class of your own that ``module:class`` names; options are ``NAME=VALUE``.

    Raises:
        UsageError: there is no such objective, or it does not have an option or refuses its value.

    >>> make_objective("value_flow", ["trace=0.5"]).trace
    0.5
    """
    cls = find(OBJECTIVES, name, "objective")
    if not (isinstance(cls, type) and issubclass(cls, Objective)):
        raise UsageError(f"objective {name}: not a subclass of {Objective.__module__}:{Objective.__name__}")
    return from_settings(cls, options, f"objective {name}")
