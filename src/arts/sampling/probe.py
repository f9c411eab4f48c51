"""Probes: many continuations of a few states, so that what follows from a state can be counted.

The states are inner ones of sampled trees; the probes go into trees of their own, which hold the path to each state
and its continuations. All is a pure function of the trees, a seed and the two numbers, and larger numbers add to a
plan and change nothing in it.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter

import numpy as np

from arts.arrays import Ints
from arts.problems.base import Verdict
from arts.sampling.fork import Planned, SparseDeepFork, derive_seed
from arts.sampling.grow import Phase
from arts.trees.tree import ROOT, Step, Tree


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeState:
    """A state to probe: ``node`` of a sampled tree, and the ``steps`` that lead to it."""

    problem_id: str
    node: int
    steps: tuple[Step, ...]

    @property
    def depth(self) -> int:
        """Its number of steps, at least 1."""
        return len(self.steps)


def choose_states(trees: Iterable[Tree], per_depth: int, seed: int) -> list[ProbeState]:
    """At most ``per_depth`` states of every depth, each of another problem; neither roots nor ends.

    A problem's state at a depth is that of one of its backbones that go on from there, all being equally likely: so
    states are drawn as the proposer visits them.
    """
    found: dict[int, list[tuple[int, ProbeState]]] = defaultdict(list)
    for tree in trees:
        paths = [tree.path(r.leaf) for r in tree.backbones]
        for depth in range(1, max(map(len, paths), default=0)):
            inner = [path for path in paths if len(path) > depth]
            drawn = derive_seed(seed, tree.problem_id, "probe", depth, "backbone")
            path = inner[drawn % len(inner)][:depth]
            steps = tuple(Step(text=tree.text[n], tokens=tree.tokens[n], logprob=tree.logprob[n]) for n in path)
            state = ProbeState(problem_id=tree.problem_id, node=path[-1], steps=steps)
            found[depth].append((derive_seed(seed, tree.problem_id, "probe", depth, "problem"), state))
    return [state for depth in sorted(found) for _, state in sorted(found[depth], key=itemgetter(0))[:per_depth]]


def probe_phase(states: Sequence[ProbeState]) -> Phase:
    """The plan of a tree of probes: ``n`` continuations of each of its states, in the order of the states."""
    of_problem: dict[str, list[ProbeState]] = defaultdict(list)
    for state in states:
        of_problem[state.problem_id].append(state)

    def plan(tree: Tree, method: SparseDeepFork, run_seed: int) -> list[Planned]:
        return [
            Planned(
                tree=tree,
                node=ROOT,
                prefix=state.steps,
                backbone=i,
                pivot=state.depth,
                seed=derive_seed(run_seed, tree.problem_id, "probe", state.depth, i),
            )
            for state in of_problem.get(tree.problem_id, ())
            for i in range(method.n)
        ]

    return plan


def are_of(states: Sequence[ProbeState], trees: Mapping[str, Tree]) -> bool:
    """Whether all the probes at the places of these states are probes of these states; problems may have no tree."""
    for state in (s for s in states if s.problem_id in trees):
        tree = trees[state.problem_id]
        node = _find(tree, state)
        leaves = [r.leaf for r in tree.rollouts if r.pivot == state.depth and r.stop != "error"]
        if any(tree.path(leaf)[state.depth - 1] != node for leaf in leaves):
            return False
    return True


def success_counts(states: Sequence[ProbeState], trees: Mapping[str, Tree]) -> tuple[Ints, Ints]:
    """Graded probes of each state and correct ones among them, both (S,); 0 where all have failed.

    Only a state's own probes count, not those from above that happen to pass it: so the counts do not depend on which
    other states were probed.
    """
    counts = np.zeros((2, len(states)), dtype=np.int64)
    for i, state in enumerate(states):
        tree = trees[state.problem_id]
        probes = [tree.outcomes.get(r.leaf) for r in tree.rollouts if r.pivot == state.depth]
        verdicts = [o.verdict for o in probes if o is not None and o.verdict is not Verdict.UNGRADED]
        counts[:, i] = len(verdicts), verdicts.count(Verdict.CORRECT)
    return counts[0], counts[1]


def _find(tree: Tree, state: ProbeState) -> int | None:
    """The node of a state in the tree of its probes; None when all of them have failed."""
    node = ROOT
    for step in state.steps:
        below = [n for n in tree.children[node] if tree.text[n] == step.text and tree.stop[n] is None]
        if not below:
            return None
        node = below[0]
    return node
