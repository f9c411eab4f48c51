"""Which strategy a search follows where none is asked for."""

from typing import NamedTuple

from arts.proposers.base import Proposer
from arts.search.session import STEP_ENDS, Drawing
from arts.verifiers.base import ReadsSteps, Verifier


class DefaultStrategy(NamedTuple):
    """A strategy by name, and in a few words why."""

    name: str
    why: str


def default_strategy(verifier: Verifier | None, proposer: Proposer, drawing: Drawing) -> DefaultStrategy:
    """The best one in docs/search.md of those that can be used.

    A proposer of one's own whose attribute ``continues`` is False is asked for whole solutions.
    """
    if verifier is None:
        return DefaultStrategy("adaptive_majority", "there is no verifier")
    if not (isinstance(verifier, ReadsSteps) and verifier.soundness()):
        return DefaultStrategy("adaptive_flow_vote", f"{verifier.name} does not read single steps")
    if drawing.splitter not in STEP_ENDS:
        why = f"splitter {drawing.splitter} cannot tell where a step ends while it is drawn"
    elif drawing.sampling.stop:
        why = "stop strings are for whole solutions"
    elif not getattr(proposer, "continues", True):
        why = "not every server goes on with the beginning of a chat's answer"
    else:
        return DefaultStrategy("guided", f"{verifier.name} knows a sound step")
    return DefaultStrategy("adaptive_best_of_n", why)
