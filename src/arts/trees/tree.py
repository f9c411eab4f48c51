"""The reasoning tree: columnar, append-only, identical prefixes merged into one node."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from arts.arrays import Floats, Ints
from arts.problems.base import Verdict
from arts.text import quoted

MOST_STEPS = 100_000
"""Steps of one solution; of more, something has gone wrong in the file or in how it is cut."""
ROOT = 0
"""Index of the root: the problem before any step."""
NO_PARENT = -1

Stop = Literal["stop", "length", "error", "step"]
"""How a rollout ended: by itself (its last node is terminal), cut by its token limit, failed, or as the one step that a
search had asked for, from where it can go on."""

REWARDS = {Verdict.CORRECT: 10.0, Verdict.INCORRECT: 0.1, Verdict.UNGRADED: math.nan}
"""Terminal rewards of the paper (arXiv 2602.12846); the floor keeps log R finite ("Log-Flow Smoothing")."""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """A problem and the solution text so far; ``text`` is the concatenation of the steps, "" at the root.

    >>> State(problem_id="p1", question="What is 7 * 8?").text
    ''
    """

    problem_id: str
    question: str
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One appended segment of reasoning.

    ``tokens`` counts the proposer's tokens in it; ``logprob`` is their summed log-probability in nats given
    everything before, under the untempered proposer, NaN when the backend gave none.

    >>> Step(text="7 * 8 = 56", tokens=6, logprob=-0.2).tokens
    6
    """

    text: str
    tokens: int = 0
    logprob: float = math.nan


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What the grader said about an ended node; ``reward`` is NaN for an ungraded one.

    >>> Outcome(answer="56", verdict=Verdict.CORRECT).reward
    10.0
    """

    answer: str | None
    verdict: Verdict
    reason: str = ""

    @property
    def reward(self) -> float:
        """R(s_T) of the paper: 10 for correct, 0.1 for incorrect; NaN when ungraded."""
        return REWARDS[self.verdict]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """One continuation that was sampled to its end.

    ``backbone`` is the index of the whole solution it belongs to and ``pivot`` the depth it was forked at;
    pivot 0 is the backbone itself, sampled from the root. ``leaf`` is the node where it ended. ``tokens`` were
    generated for it. A failed rollout has ``stop == "error"``, its reason in ``error``, and its leaf is the
    node it started from.

    In the tree of a search a rollout is one draw: ``backbone`` is its number and ``pivot`` the depth it was drawn at.

    >>> Rollout(backbone=0, leaf=3, tokens=20, stop="stop").key
    (0, 0)
    """

    backbone: int
    pivot: int = 0
    leaf: int
    tokens: int
    stop: Stop
    error: str = ""

    @property
    def key(self) -> tuple[int, int]:
        """Its place in the sampling plan, unique within a tree."""
        return (self.backbone, self.pivot)


class Tree:
    """All sampled solutions of one problem.

    Node 0 is the root. Columns are parallel lists indexed by node; nodes are only ever appended, so
    ``parent[i] < i`` for i > 0 and an index stays valid for ever. Two rollouts that share a prefix share its
    nodes: children of one node differ in text or in how they ended (a text that ends there and the same
    text that goes on are two nodes).

    >>> tree = Tree(problem_id="p1", question="What is 7 * 8?")
    >>> for ending in ("So 56.", "So 54."):
    ...     rollout = tree.add_rollout([Step(text="7 * 8 = ?"), Step(text=ending)])
    >>> len(tree), tree.visits().tolist()
    (4, [0, 2, 1, 1])
    """

    def __init__(self, *, problem_id: str, question: str) -> None:
        self.problem_id = problem_id
        self.question = question
        self.parent: list[int] = [NO_PARENT]
        self.text: list[str] = [""]
        self.tokens: list[int] = [0]
        self.logprob: list[float] = [0.0]
        self.stop: list[Stop | None] = [None]
        """How the rollout ended that ends at this node; None for a node that goes on."""
        self.depth: list[int] = [0]
        self.children: list[list[int]] = [[]]
        self.rollouts: list[Rollout] = []
        self.outcomes: dict[int, Outcome] = {}
        self.scores: dict[str, Floats] = {}
        """Verifier name → score per node (NaN where not scored)."""
        self._index: dict[tuple[int, str, Stop | None], int] = {}

    def __len__(self) -> int:
        return len(self.parent)

    def __repr__(self) -> str:
        graded, correct = (int(counts[ROOT]) for counts in self.success_counts())
        rate = f"{correct / graded:.1%} correct" if graded else "none graded"
        nodes, rollouts = len(self), len(self.rollouts)
        return (
            f"Tree({quoted(self.problem_id)}: {nodes} node{'s' * (nodes != 1)},"
            f" {rollouts} rollout{'s' * (rollouts != 1)}, {rate})"
        )

    def add(self, parent: int, step: Step, stop: Stop | None = None) -> int:
        """The child of ``parent`` with this text and ending: the existing one, or a new node."""
        key = (parent, step.text, stop)
        known = self._index.get(key)
        if known is not None:
            return known
        node = len(self.parent)
        self.parent.append(parent)
        self.text.append(step.text)
        self.tokens.append(step.tokens)
        self.logprob.append(step.logprob)
        self.stop.append(stop)
        self.depth.append(self.depth[parent] + 1)
        self.children.append([])
        self.children[parent].append(node)
        self._index[key] = node
        return node

    def add_path(self, parent: int, steps: Sequence[Step], stop: Stop | None) -> int:
        """Append steps below ``parent``, the last one ending with ``stop``; returns the last node.

        An ended path without steps becomes one node with empty text, so that every rollout has a leaf of its
        own kind.
        """
        if stop is not None and not steps:
            steps = [Step(text="")]
        for i, step in enumerate(steps):
            parent = self.add(parent, step, stop if i == len(steps) - 1 else None)
        return parent

    def add_rollout(
        self,
        steps: Sequence[Step] = (),
        stop: Stop = "stop",
        *,
        start: int = ROOT,
        backbone: int | None = None,
        pivot: int | None = None,
        tokens: int | None = None,
        error: str = "",
        outcome: Outcome | None = None,
    ) -> Rollout:
        """Append a rollout and the steps that were sampled for it from node ``start``.

        A failed one (``stop="error"``) adds no node and has no outcome; its leaf is ``start``. After one step of a
        search (``stop="step"``) the leaf can be continued. Defaults: the next free ``backbone``, the depth of ``start``
        as ``pivot``, the sum over the steps as ``tokens``. A leaf that has an outcome keeps it.

        >>> tree = Tree(problem_id="p1", question="What is 2+2?")
        >>> right = Outcome(answer="4", verdict=Verdict.CORRECT)
        >>> tree.add_rollout([Step(text="2+2 = 4", tokens=5)], outcome=right).leaf
        1
        >>> tree
        Tree('p1': 2 nodes, 1 rollout, 100.0% correct)
        """
        failed = stop == "error"
        rollout = Rollout(
            backbone=max((r.backbone for r in self.rollouts), default=-1) + 1 if backbone is None else backbone,
            pivot=self.depth[start] if pivot is None else pivot,
            leaf=start if failed else self.add_path(start, steps, None if stop == "step" else stop),
            tokens=sum(step.tokens for step in steps) if tokens is None else tokens,
            stop=stop,
            error=error,
        )
        self.rollouts.append(rollout)
        if outcome is not None and not failed:
            self.outcomes.setdefault(rollout.leaf, outcome)
        return rollout

    def path(self, node: int) -> list[int]:
        """Nodes from the first step down to ``node``; the root is left out."""
        nodes = []
        while node > ROOT:
            nodes.append(node)
            node = self.parent[node]
        return nodes[::-1]

    def solution(self, node: int) -> str:
        """The solution text from the root to ``node``."""
        return "".join(self.text[i] for i in self.path(node))

    def state(self, node: int) -> State:
        """The state at ``node``, as a proposer sees it."""
        return State(problem_id=self.problem_id, question=self.question, text=self.solution(node))

    @property
    def backbones(self) -> list[Rollout]:
        """Whole solutions sampled independently from the root, in order of their index; failed ones left out.

        Only these are exchangeable draws from the proposer, so only these are candidates of a decision.
        """
        chosen = [r for r in self.rollouts if r.pivot == 0 and r.stop not in ("error", "step")]
        return sorted(chosen, key=lambda r: r.backbone)

    def visits(self) -> Ints:
        """How many successful rollouts pass through or end at each node, shape ``(len(self),)``.

        A fork counts from its pivot's children on: the states above it were not drawn again.
        """
        counts = np.zeros(len(self), dtype=np.int64)
        for rollout in self.rollouts:
            if rollout.stop != "error":
                counts[self.path(rollout.leaf)[rollout.pivot :]] += 1
        return counts

    def success_counts(self) -> tuple[Ints, Ints]:
        """Per node: graded rollouts at or below it, and correct ones among them (Monte-Carlo labels).

        A rollout counts at every node that was given when its remaining text was drawn: a backbone at all
        nodes of its path, a fork from its pivot node downwards. Each correct/graded ratio is therefore an
        unbiased estimate of the success probability from that node.
        """
        graded = np.zeros(len(self), dtype=np.int64)
        correct = np.zeros(len(self), dtype=np.int64)
        for rollout in self.rollouts:
            outcome = self.outcomes.get(rollout.leaf)
            if rollout.stop == "error" or outcome is None or outcome.verdict is Verdict.UNGRADED:
                continue
            nodes = [ROOT, *self.path(rollout.leaf)][rollout.pivot :]
            graded[nodes] += 1
            correct[nodes] += outcome.verdict is Verdict.CORRECT
        return graded, correct

    def set_scores(self, name: str, nodes: Iterable[int], values: Floats) -> None:
        """Set a verifier's scores of some nodes; other nodes keep theirs (NaN at first)."""
        column = np.full(len(self), np.nan)
        old = self.scores.get(name)
        if old is not None:
            column[: len(old)] = old
        column[list(nodes)] = values
        self.scores[name] = column
