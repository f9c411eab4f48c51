"""The policies that verifiers are compared with: GRPO as the squeeze study trains it, on the same test problems.

Their solutions are drawn as those that the verifiers decide between, with top-p 0.95.
"""

from functools import partial
from pathlib import Path

import numpy as np
from _study import Arrays, keep
from squeeze.plan import QUICK, Policy, Size, policies, sampling_seed
from squeeze.policy import reinforce, watched
from squeeze.samples import NUCLEUS, candidates, sampled

from arts.evaluation.candidates import Candidates
from arts.selection import expected

N = 64
"""Solutions of each test problem."""


def measure_policies(out: Path, few: int | None, seeds: int) -> None:
    """Train one policy per seed and draw its solutions of the test problems, unless that is done."""
    size = QUICK if few else Size()
    for policy in list(policies(size))[:seeds]:
        keep(policy_path(out, policy.config.seed), partial(_measure, out, policy, few or size.problems))


def policy_path(out: Path, seed: int) -> Path:
    """Where the figures of a policy are kept."""
    return out / f"grpo-{seed}.npz"


def _measure(out: Path, policy: Policy, problems: int) -> Arrays:
    folder = out / policy.name
    reinforce(folder, policy.config, watched())
    store = out / f"{policy.name}.db"
    sampled(str(folder), store, problems=problems, n=N, seed=sampling_seed(policy), sampling=NUCLEUS)
    return _decided(candidates(store, N))


def _decided(found: Candidates) -> Arrays:
    equal = np.ones(found.correct.shape)
    votes = {f"majority {k}": expected.vote_at_k(found.correct, found.classes, equal, k) for k in (16, N)}
    return {"one": found.correct.mean(axis=1)} | votes
