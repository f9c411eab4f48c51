"""The Verifier protocol: states in, numbers out. A verifier never generates and never sees the answer key."""

from collections.abc import Sequence
from typing import Literal, Protocol, runtime_checkable

import numpy as np

from arts.arrays import Floats
from arts.errors import UsageError
from arts.registry import find
from arts.trees.splitting import SPLITTERS, SplitterName
from arts.trees.tree import ROOT, Step, Tree

MEMORY_TOKENS = 65_536
"""Tokens that cached scoring keeps, unless told otherwise."""
_LARGEST = 1e300

Unit = Literal["log_flow", "probability", "logit", "log_probability", "rank"]
"""What a score means. ``log_flow``: log F(s). ``probability``: of success, in [0, 1]. ``logit``: log-odds or a
Bradley-Terry strength. ``log_probability``: nats under the proposer. ``rank``: order only."""


class Verifier(Protocol):
    """Scores states of trees; higher is better. Inherit from it.

    Laws: output order equals input order; an empty batch gives an empty list; the same states give the same
    scores, independent of the batch they came in (to 1e-5 for neural verifiers).

    >>> from arts.verifiers.load import load_verifier
    >>> verifier = load_verifier("length")
    >>> verifier.score_texts("What is 7 * 8?", ["56", "It is 56"]).tolist()
    [-2.0, -8.0]
    """

    name: str
    """Short name, for reports and as the key of stored scores."""
    unit: Unit
    """What the numbers mean."""
    splitter: SplitterName | None = None
    """What cuts a text into the steps that it was trained on; None where that is not known."""
    needs: str = ""
    """What it reads of a tree that plain texts do not have; empty for nothing."""

    def score(self, batch: Sequence[tuple[Tree, Sequence[int]]]) -> list[Floats]:
        """For each ``(tree, nodes)`` the scores of those nodes, shape ``(len(nodes),)``."""

    def values(self, scores: Floats) -> Floats:
        """The success probability that each score stands for, same shape; NaN where the unit says nothing of it."""

    def score_texts(self, question: str, candidates: Sequence[str], *, splitter: str | None = None) -> Floats:
        """Scores of whole solutions of one question, in their order, shape ``(len(candidates),)``.

        ``splitter`` cuts them into steps; default: the verifier's own. Equal texts have equal scores.

        >>> from arts.verifiers.load import load_verifier
        >>> load_verifier("length").score_texts("What is 2+2?", ["4", "2+2 = 4"])
        array([-1., -7.])

        Raises:
            UsageError: the verifier reads more than texts, or does not know its splitter.
        """
        if self.needs:
            raise UsageError(f"{self.name}: needs {self.needs}, which plain texts do not have; score trees instead")
        if not (splitter or self.splitter):
            raise UsageError(f"{self.name}: does not say how its steps were cut; give splitter=, as in training")
        cut = find(SPLITTERS, splitter or self.splitter or "", "splitter")
        tree = Tree(problem_id=question, question=question)
        leaves = [tree.add_path(ROOT, [Step(text=piece) for piece in cut(text)], "stop") for text in candidates]
        return self.score([(tree, leaves)])[0]


@runtime_checkable
class CountsTokens(Protocol):
    """A verifier that says what its scores have cost.

    ``last_tokens``: for each item of the last batch the tokens that ran through the network, and those whose state was
    taken from memory instead.
    """

    last_tokens: Sequence[tuple[int, int]]


@runtime_checkable
class ReadsSteps(Protocol):
    """A verifier that multiplies what it says of single steps."""

    def soundness(self) -> Verifier | None:
        """The verifier that scores a state by its steps so far only, without what is to be expected after them.

        Finished solutions have the same score. None where it reads no single steps.
        """


def flow_weights(scores: Floats, unit: Unit) -> Floats:
    """Non-negative voting weights that belong to scores of a unit, same shape.

    Log-flows and log-probabilities are exponentiated (stabilised by the maximum along the last axis, which
    scales all weights of one problem alike and so changes no vote); logits become odds in the same way;
    probabilities are weights already; ranks weigh by their order (lowest 1, equal ones share their places).
    """
    match unit:
        case "log_flow" | "log_probability" | "logit":
            finite = np.clip(scores, -_LARGEST, _LARGEST)
            return np.asarray(np.exp(finite - np.max(finite, axis=-1, keepdims=True)))
        case "probability":
            return scores
        case "rank":
            below = (scores[..., None, :] < scores[..., :, None]).sum(axis=-1)
            level = (scores[..., None, :] == scores[..., :, None]).sum(axis=-1)
            return np.asarray(below + (level + 1) / 2)
