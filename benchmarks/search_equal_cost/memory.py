"""Draws and scores that are remembered, so that strategies which come to the same state share them.

The k-th draw at a state has the same seed in every strategy; remembering it changes no result and saves the time.
"""

from collections.abc import AsyncIterator, Sequence

import numpy as np
from _study import Floats

from arts.problems.base import Grader, Problem, Verdict
from arts.proposers.base import Completion, Proposer, Request, Sampling
from arts.testbed.congruences import line_is_valid, parse_question
from arts.trees.tree import ROOT, Tree
from arts.verifiers.base import Verifier


class RememberedDraws:
    """A proposer that asks another one only for what it has not drawn before."""

    concurrent, reproducible = False, True

    def __init__(self, proposer: Proposer) -> None:
        self._proposer = proposer
        self.name, self.batch_size = proposer.name, 4 * proposer.batch_size
        self._known: dict[tuple[int, str, int | None, bool], Completion] = {}

    async def propose(self, requests: Sequence[Request], sampling: Sampling) -> AsyncIterator[tuple[int, Completion]]:
        """Yield what is known and what is new, in the order of the requests."""
        keys = [(r.seed, r.state.problem_id, r.max_tokens, bool(sampling.stop)) for r in requests]
        new = {key: request for key, request in zip(keys, requests, strict=True) if key not in self._known}
        order, asked = list(new), list(new.values())
        async for index, completion in self._proposer.propose(asked, sampling):
            short = Completion(
                text=completion.text,
                tokens=completion.tokens,
                stop=completion.stop,
                boundary=completion.boundary,
                token_ends=completion.token_ends if not sampling.stop else (),
                token_logprobs=completion.token_logprobs if not sampling.stop else (sum(completion.token_logprobs),),
            )
            self._known[order[index]] = short
        for index, key in enumerate(keys):
            yield index, self._known[key]

    async def aclose(self) -> None:
        """Release the model."""
        await self._proposer.aclose()


class RememberedScores:
    """A verifier that scores each text once, a finished one apart from one that could go on."""

    def __init__(self, verifier: Verifier) -> None:
        self.name, self.unit, self._verifier = verifier.name, verifier.unit, verifier
        self._known: dict[tuple[str, str, bool], float] = {}

    def values(self, scores: Floats) -> Floats:
        """Those of the verifier."""
        return self._verifier.values(scores)

    def score(self, batch: Sequence[tuple[Tree, Sequence[int]]]) -> list[Floats]:
        """Scores per tree, shape ``(len(nodes),)``."""
        keys = [[_text(tree, n) for n in nodes] for tree, nodes in batch]
        new = [
            (tree, [n for n, key in zip(nodes, row, strict=True) if key not in self._known])
            for (tree, nodes), row in zip(batch, keys, strict=True)
        ]
        asked = [(tree, nodes) for tree, nodes in new if nodes]
        for (tree, nodes), scores in zip(asked, self._verifier.score(asked), strict=True):
            for node, score in zip(nodes, scores.tolist(), strict=True):
                self._known[_text(tree, node)] = score
        return [np.array([self._known[key] for key in row]) for row in keys]


def _text(tree: Tree, node: int) -> tuple[str, str, bool]:
    return tree.problem_id, tree.solution(node), tree.stop[node] == "stop"


class Soundness:
    """The testbed's oracle: of a finished solution whether its answer is right, else whether its last line is.

    A sound state may still fail, and an unsound one may come to the right answer by a second mistake.
    """

    name, unit = "oracle", "probability"

    def __init__(self, problems: Sequence[Problem], grader: Grader) -> None:
        self._keys, self._grader = {p.id: p.answer for p in problems}, grader

    def values(self, scores: Floats) -> Floats:
        """They are."""
        return scores

    def score(self, batch: Sequence[tuple[Tree, Sequence[int]]]) -> list[Floats]:
        """Scores per tree, shape ``(len(nodes),)``."""
        return [np.array([float(self.sound(tree, node)) for node in nodes]) for tree, nodes in batch]

    def sound(self, tree: Tree, node: int) -> bool:
        """Whether nothing is wrong so far."""
        if tree.stop[node] == "stop":
            answer = self._grader.extract(tree.solution(node))
            return self._grader.grade([(self._keys[tree.problem_id], answer)])[0].verdict is Verdict.CORRECT
        congruence = parse_question(tree.question)
        assert congruence is not None
        return node == ROOT or line_is_valid(congruence, tree.text[node])
