"""From candidates to the decision between them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from arts.arrays import Floats
from arts.errors import UsageError
from arts.problems.graders import GraderLike, equivalence_classes, opened_grader
from arts.selection.base import SCORES, Pool, Selector
from arts.selection.selectors import find_selector
from arts.verifiers.base import Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The chosen answer.

    ``candidate`` is the index of the solution that stands for it, ``share`` its share of the vote (of the weights
    for a flow vote; NaN where nothing was voted on). ``shares`` are those of all answer classes, in the order of the
    classes; empty without a vote. ``answer`` is None when no candidate stated any. ``confidence`` is the probability
    that the solution is right, as the verifier of a search says it, calibrated where it was trained with held-out
    problems; NaN where it says none or there is no answer.
    """

    answer: str | None
    candidate: int
    selector: str
    share: float
    shares: tuple[float, ...] = ()
    confidence: float = math.nan


def decide(
    candidates: Sequence[str],
    scores: Sequence[float] | Floats | None = None,
    *,
    selector: str = "",
    unit: Unit = "log_flow",
    grader: GraderLike = "exact",
) -> Decision:
    """The decision between solution texts, by ``scores`` (one each, NaN for none) and by the answers they state.

    ``selector`` is a name of :data:`arts.selection.selectors.SELECTORS` or ``module:attribute``; default: flow_vote
    with scores, majority without. ``unit`` says what the scores mean. The grader reads the answers and says which are
    equal.

    Raises:
        UsageError: there is no candidate, not one score for each, or the selector needs what is not given.

    >>> solutions = ["so the answer is 50", "the answer is 62", "it is 8, the answer is 50.0"]
    >>> decide(solutions).answer
    '50'
    >>> decision = decide(solutions, [0.1, 2.0, 0.3], selector="best_of_n")
    >>> decision.answer, decision.candidate
    ('62', 1)
    """
    name = selector or ("majority" if scores is None else "flow_vote")
    if not candidates or isinstance(candidates, str):
        raise UsageError("no candidates to decide between; give a list of solutions")
    if scores is None and usable(name).needs & SCORES:
        raise UsageError(f"selector {name} needs scores; give one for each candidate, or use majority")
    if scores is not None and len(scores) != len(candidates):
        raise UsageError(f"{len(scores)} scores for {len(candidates)} candidates; give one for each")
    with opened_grader(grader) as judge:
        answers = [judge.extract(text) for text in candidates]
        classes = equivalence_classes(judge, answers)
    return decided(name, answers, Pool.of(len(answers), classes=classes, scores=scores, unit=unit))


def usable(selector: str) -> Selector:
    """The selector of that name, for who does not know what is correct.

    Raises:
        UsageError: there is none, or it needs the answer key.
    """
    found = find_selector(selector)
    if "key" in found.needs:
        raise UsageError(f"selector {selector} needs the answer key, which is what solving is about; use another")
    return found


def decided(selector: str, answers: Sequence[str | None], pool: Pool) -> Decision:
    """The decision between the N candidates of a pool, whose answers are given; see :func:`decide`."""
    candidate, shares = usable(selector).choose(pool)
    if candidate < 0:
        return Decision(answer=None, candidate=0, selector=selector, share=math.nan)
    label = int(pool.classes[candidate])
    share = shares[label] if 0 <= label < len(shares) else math.nan
    return Decision(answer=answers[candidate], candidate=candidate, selector=selector, share=share, shares=shares)
