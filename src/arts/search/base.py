"""The Strategy protocol: which states of a tree to draw from next. It knows no model, no clock and no network."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple, Protocol, runtime_checkable

import numpy as np

from arts.trees.tree import Tree
from arts.verifiers.base import Unit

Needs = Literal["nothing", "order", "flow", "value"]
"""What a strategy needs of a verifier: no scores, their order, flows (or weights in their place), success
probabilities."""

Status = Literal["open", "finished", "cut", "failed"]
"""``open``: the state can be continued. ``finished``: the solution ended there. ``cut``: it has no tokens left.
``failed``: the request failed, nothing was drawn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expansion:
    """Draw once from the proposer at ``node``: one step, or with ``whole`` the rest of the solution."""

    node: int
    whole: bool = False


class Grown(NamedTuple):
    """What came of one expansion.

    ``node`` is where the drawn text ends, after a failure the state that was to be continued. ``log_flow`` is what the
    verifier says of it, see :func:`log_flow`, and ``value`` its success probability; NaN where nothing was asked
    or can be said. ``answer`` is the class of a finished solution's answer, −1 for none.
    """

    node: int
    status: Status
    log_flow: float = float("nan")
    value: float = float("nan")
    answer: int = -1


@runtime_checkable
class Strategy(Protocol):
    """One search over one tree, in rounds.

    Laws: a strategy looks only at nodes that it has been told of, so that a search whose results are on record can be
    replayed over the tree that it left; all its randomness comes from the generator it is handed; its state is plain
    data, which can be copied and pickled between two rounds.

    >>> from arts.search.strategies import strategy_factory
    >>> strategy = strategy_factory("beam", ["n=4"])()
    >>> isinstance(strategy, Strategy), strategy.needs
    (True, 'order')
    """

    candidates: list[int]
    """Solutions to decide between, so far: a node for each time one was reached."""

    @property
    def needs(self) -> Needs:
        """What must be known of the states that are grown."""

    answers: ClassVar[bool] = False
    """Whether it must be told the answers of finished solutions."""
    selector: ClassVar[str] = "flow_vote"
    """What decides between its solutions where there is a verifier and nothing else is asked for."""
    soundness: ClassVar[bool] = False
    """Whether states are to be scored by the steps that they have, and not by what is to be expected after them, where
    a verifier can tell these apart."""

    def ask(self, tree: Tree, rng: np.random.Generator) -> Sequence[Expansion]:
        """The next round; none ends the search."""

    def tell(self, tree: Tree, results: Sequence[Grown]) -> None:
        """What came of the last round, in its order; a draw that was cancelled or never made counts as failed."""

    def settled(self, results: Sequence[Grown]) -> bool:
        """Whether the search need not go on, given the first results of the round that is under way.

        Within a round only a strategy that is told the :attr:`answers` is asked.
        """
        return False


def finished(results: Sequence[Grown]) -> list[int]:
    """Nodes of the solutions that ended in a round."""
    return [g.node for g in results if g.status == "finished"]


def log_flow(score: float, unit: Unit) -> float:
    """What a search takes for log F: the logarithm of a probability, any other score as it is.

    Log-flows, log-probabilities and log-odds are logarithms of weights, as in a flow vote; a rank orders only.
    """
    if unit != "probability":
        return score
    return float(np.log(score)) if score > 0 else (-np.inf if score <= 0 else score)


def order(grown: Grown) -> float:
    """A number to sort by; states without a score come last."""
    return -np.inf if np.isnan(grown.log_flow) else grown.log_flow
