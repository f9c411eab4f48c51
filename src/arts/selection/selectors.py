"""The selectors by name: the same names in ``arts solve``, ``arts evaluate`` and the report."""

from arts.errors import UsageError
from arts.registry import find
from arts.selection.base import Selector
from arts.selection.single import BestOfN, OneSample, Oracle
from arts.selection.vote import FlowVote, Majority

SELECTORS: dict[str, Selector] = {
    "random": OneSample(),
    "majority": Majority(),
    "best_of_n": BestOfN(),
    "flow_vote": FlowVote(),
    "oracle": Oracle(),
}
"""Every way of deciding, in the order of tables. ``SELECTORS["mine"] = MySelector()`` adds one."""


def find_selector(name: str) -> Selector:
    """The selector of that name, or the one (or its class) that ``module:attribute`` names.

    Raises:
        UsageError: there is none, or it is no selector.
    """
    found = find(SELECTORS, name, "selector")
    made = found() if isinstance(found, type) else found
    if Selector not in type(made).__mro__:  # isinstance with a protocol takes ten times as long
        raise UsageError(f"selector {name}: not a Selector; inherit arts.selection.base.Selector")
    return made
