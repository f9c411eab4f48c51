"""Does a sound line of reasoning survive a beam as the visibility-amplification formula says?

arXiv 2602.12846: with K proposals per step, of which the verifier keeps the right one with recall r_h, a trace whose
steps have probability p_h is found with probability Π_h r_h · (1 − (1 − p_h)^K).
"""

from collections.abc import Sequence

import numpy as np
from _study import Arrays
from search_equal_cost.memory import Soundness

from arts.search.answer import Solved
from arts.trees.tree import ROOT

DEPTHS = 9


def survival(solved: Sequence[Solved], oracle: Soundness) -> Arrays:
    """Per problem and depth h, shape (P, DEPTHS): what the draws of a beam search were and what became of them.

    ``draws``: from sound states of depth h that were kept; ``sound``: of those, into sound states. ``kept``: sound
    states of depth h + 1 that were drawn from again, or are finished solutions. Solutions that finish early stay alive
    below.
    """
    shape = (len(solved), DEPTHS)
    draws, sound, kept = (np.zeros(shape, dtype=np.int64) for _ in range(3))
    for p, one in enumerate(solved):
        tree = one.tree
        is_sound = [oracle.sound(tree, n) for n in range(len(tree))]
        start = {r.backbone: tree.path(r.leaf)[r.pivot - 1] if r.pivot else ROOT for r in tree.rollouts}
        continued = set(start.values())
        for rollout in tree.rollouts:
            if rollout.pivot < DEPTHS and is_sound[start[rollout.backbone]] and rollout.stop != "error":
                draws[p, rollout.pivot] += 1
                sound[p, rollout.pivot] += is_sound[rollout.leaf]
        for node in range(1, len(tree)):
            if is_sound[node] and tree.depth[node] <= DEPTHS and (node in continued or tree.stop[node] == "stop"):
                kept[p, tree.depth[node] - 1 :] += tree.stop[node] == "stop"
                kept[p, tree.depth[node] - 1] += tree.stop[node] is None
    return {"draws": draws, "sound": sound, "kept": kept}
