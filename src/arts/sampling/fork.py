"""Sparse Deep Fork: whole solutions first, then whole continuations from randomly chosen states of them.

The plan of a tree (which rollouts exist, with which seeds) is a pure function of the run seed, the problem and
the backbones' texts; arXiv 2602.12846, section on training data. Growing ``n`` or ``fork_probability`` adds
rollouts to a plan and changes none of those already in it.
"""

import hashlib
from bisect import bisect_left
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise

import numpy as np

from arts.errors import UsageError
from arts.proposers.base import Completion, Proposer, Request, Sampling
from arts.trees.splitting import SPLITTERS, SplitterName
from arts.trees.tree import ROOT, Outcome, Rollout, State, Step, Tree


@dataclass(frozen=True, slots=True, kw_only=True)
class SparseDeepFork:
    """How a tree is sampled.

    ``n`` backbones from the root; every state strictly inside a backbone is a pivot with probability
    ``fork_probability``, at most ``max_forks_per_trajectory`` of them (0: no limit); one more continuation is
    rolled out from each pivot. Expected rollouts per tree: n · (1 + p · (depth − 1)) without the limit.
    """

    n: int = 16
    fork_probability: float = 0.5
    max_forks_per_trajectory: int = 0
    splitter: SplitterName = "newline"

    def __post_init__(self) -> None:
        if self.n < 1:
            raise UsageError(f"n is {self.n}; sample at least 1 solution per problem")
        if not 0 <= self.fork_probability <= 1:
            raise UsageError(f"fork_probability is {self.fork_probability}; use a number in [0, 1]")
        if self.max_forks_per_trajectory < 0:
            raise UsageError("max_forks_per_trajectory is negative; 0 means no limit")


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """One rollout that the plan asks for: continue ``tree`` from ``node``, or from ``prefix`` below it.

    ``prefix`` are steps that the tree may not hold yet; they come into it with the rollout.
    """

    tree: Tree
    node: int
    backbone: int
    pivot: int
    seed: int
    prefix: tuple[Step, ...] = ()

    @property
    def key(self) -> tuple[int, int]:
        """Its place in the plan, equal to :attr:`arts.trees.tree.Rollout.key`."""
        return (self.backbone, self.pivot)

    @property
    def state(self) -> State:
        """What is continued."""
        before = self.tree.state(self.node)
        return replace(before, text=before.text + "".join(step.text for step in self.prefix))

    def add(self, completion: Completion, splitter: SplitterName, outcome: Outcome | None = None) -> Rollout:
        """Put what was drawn for it into the tree."""
        return self.tree.add_rollout(
            [*self.prefix, *completion_steps(completion, splitter)],
            completion.stop,
            start=self.node,
            backbone=self.backbone,
            pivot=self.pivot,
            tokens=completion.tokens,
            error=completion.error,
            outcome=outcome,
        )


def derive_seed(run_seed: int, problem_id: str, *path: int | str) -> int:
    """The seed, in [0, 2**63), of everything random at a place of a tree; independent between places."""
    text = "\x1f".join([str(run_seed), problem_id, *map(str, path)])
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


def plan_backbones(tree: Tree, method: SparseDeepFork, run_seed: int) -> list[Planned]:
    """All ``n`` backbones of a tree, whether done or not."""
    return [
        Planned(tree=tree, node=ROOT, backbone=i, pivot=0, seed=derive_seed(run_seed, tree.problem_id, i, 0))
        for i in range(method.n)
    ]


def plan_forks(tree: Tree, method: SparseDeepFork, run_seed: int) -> list[Planned]:
    """All forks of the backbones that are in the tree, whether done or not."""
    forks = []
    for rollout in (r for r in tree.backbones if r.backbone < method.n):
        path = tree.path(rollout.leaf)
        for depth in _pivots(tree.problem_id, rollout.backbone, len(path), method, run_seed):
            seed = derive_seed(run_seed, tree.problem_id, rollout.backbone, depth)
            node = path[depth - 1]
            forks.append(Planned(tree=tree, node=node, backbone=rollout.backbone, pivot=depth, seed=seed))
    return forks


def _pivots(problem_id: str, backbone: int, length: int, method: SparseDeepFork, run_seed: int) -> list[int]:
    """Depths of the pivots; those of a smaller probability or limit are among those of a larger one."""
    seed = derive_seed(run_seed, problem_id, backbone, "pivots")
    draws = np.random.default_rng(seed).random(max(length - 1, 0))
    chosen = [d for d in np.argsort(draws, kind="stable") if draws[d] < method.fork_probability]
    if method.max_forks_per_trajectory:
        chosen = chosen[: method.max_forks_per_trajectory]
    return sorted(int(d) + 1 for d in chosen)


async def roll_out(
    proposer: Proposer, planned: Sequence[Planned], sampling: Sampling
) -> AsyncIterator[tuple[Planned, Completion]]:
    """Continue every planned node once; yields as rollouts finish."""
    requests = [Request(state=p.state, seed=p.seed) for p in planned]
    async for index, completion in proposer.propose(requests, sampling):
        yield planned[index], completion


def completion_steps(completion: Completion, splitter: SplitterName) -> list[Step]:
    """The completion cut into steps; each token counts for the step in which it begins.

    An end-of-sequence marker has no text: it counts for the last step, so that token counts and
    log-probabilities of the steps sum to those of the completion.
    """
    pieces = (SPLITTERS[splitter](completion.text) if completion.text else []) or [""]
    if not completion.token_ends:
        return _without_alignment(pieces, completion.tokens)
    begins = (0, *completion.token_ends[:-1])
    cuts = [bisect_left(begins, end) for end in accumulate(map(len, pieces[:-1]))]
    return [
        Step(text=piece, tokens=stop - start, logprob=float(sum(completion.token_logprobs[start:stop])))
        for piece, (start, stop) in zip(pieces, pairwise([0, *cuts, len(begins)]), strict=True)
    ]


def _without_alignment(pieces: Sequence[str], tokens: int) -> list[Step]:
    """Token counts shared out by length when the backend does not align tokens with text."""
    if len(pieces) == 1:
        return [Step(text=pieces[0], tokens=tokens)]
    edges = np.cumsum([0, *(len(p) for p in pieces)], dtype=float)
    shares = np.diff(np.round(edges / max(edges[-1], 1.0) * tokens)).astype(int)
    return [Step(text=piece, tokens=int(share)) for piece, share in zip(pieces, shares, strict=True)]
