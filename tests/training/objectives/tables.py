"""Node tables for these tests: one by hand, those that trajectories grow, and random ones.

The tree by hand, with how often each node was drawn::

    0 ─┬─ 1 (3) ─┬─ 3 (2)  right
       │         └─ 4 (1)  wrong
       └─ 2 (1)            wrong
"""

from collections import Counter
from dataclasses import fields, replace
from math import log

import torch
from hypothesis import settings, strategies as st

from arts.training.objectives.nodes import NodeTable

NAN = float("nan")
few = settings(max_examples=settings.default.max_examples // 4)
"""For laws that are checked for several objectives or options."""


def tensor(values):
    return torch.tensor(values, dtype=torch.float64)


def table(parent, *, correct, visits=None, success=None, logprob=None):
    """One problem; by default each node was drawn once, half of everything succeeds, and every step is certain."""
    size = len(parent)
    return NodeTable(
        parent=torch.tensor(parent),
        visits=torch.tensor(visits or [1] * size),
        correct=tensor(correct),
        success=tensor(success or [0.5] * size),
        logprob=tensor(logprob or [0.0] * size),
        problem=torch.zeros(size, dtype=torch.long),
    )


TREE = table(
    [-1, 0, 0, 1, 1],
    visits=[1, 3, 1, 2, 1],
    correct=[NAN, NAN, 0, 1, 0],
    success=[1 / 3, 1 / 2, 0, 1, 0],
    logprob=[0, log(1 / 2), log(1 / 4), log(1 / 3), log(1 / 6)],
)
OUTPUT = tensor([8.0, 4, 1, 2, 3]).log()
"""The network's numbers: flows 8, 4, 1, 2, 3; read as odds these are probabilities 8/9, 4/5, 1/2, 2/3, 3/4."""
STEP = table([-1, 0], correct=[NAN, 1])
"""A problem with one solution of one step."""


def grow(*trajectories):
    """The table of equally likely trajectories, with exact policy and success rates, and its nodes' names.

    A trajectory is written as its steps, one letter each, and its verdict, ``+`` or ``-``. Nodes are named by the
    trajectory so far; the root is ``""`` and comes first.
    """
    drawn = Counter(node for t in trajectories for node in ["", *(t[:i] for i in range(1, len(t) - 1)), t])
    right = Counter(node for t in trajectories if t[-1] == "+" for node in [*(t[:i] for i in range(len(t) - 1)), t])
    names = sorted(drawn)
    above = {name: name[:-2] if name[-1:] in {"+", "-"} else name[:-1] for name in names if name}
    nodes = table(
        [names.index(above[name]) if name else -1 for name in names],
        visits=[drawn[name] for name in names],
        correct=[{"+": 1.0, "-": 0.0}.get(name[-1:], NAN) for name in names],
        success=[right[name] / drawn[name] for name in names],
        logprob=[log(drawn[name] / drawn[above[name]]) if name else 0.0 for name in names],
    )
    return nodes, names


def children(nodes, node):
    return [i for i, above in enumerate(nodes.parent.tolist()) if above == node]


def path(nodes, node):
    """From the root to ``node``."""
    return [*path(nodes, above), node] if (above := int(nodes.parent[node])) >= 0 else [node]


def shares(nodes):
    """Share of each node among the draws from its parent."""
    visits, parent = nodes.visits.tolist(), nodes.parent.tolist()
    total = Counter()
    for above, count in zip(parent, visits, strict=True):
        total[above] += count
    return [count / total[above] if above >= 0 else 1.0 for above, count in zip(parent, visits, strict=True)]


def policy_mean(nodes, leaves):
    """Expectation of ``leaves`` below each node, children drawn as their shares say; children come after parents."""
    values, share = torch.where(nodes.leaf, leaves, torch.zeros_like(leaves)).tolist(), shares(nodes)
    for node in range(len(values) - 1, 0, -1):
        values[nodes.parent[node]] += share[node] * values[node]
    return tensor(values)


def reward_sums(nodes, contrast=100.0):
    """Sum of the rewards below each node: the exact flow."""
    flows = nodes.log_reward(contrast).exp().nan_to_num().tolist()
    for node in range(len(flows) - 1, 0, -1):
        flows[nodes.parent[node]] += flows[node]
    return tensor(flows)


def permuted(nodes, order):
    """The table whose i-th node is the old ``order[i]``-th."""
    columns = {f.name: getattr(nodes, f.name)[order] for f in fields(nodes)}
    place = torch.argsort(order)
    columns["parent"] = torch.where(columns["parent"] < 0, -1, place[columns["parent"]])
    return NodeTable(**columns)


def forest(*tables):
    """The tables one after another, each a problem of its own."""
    columns = {f.name: [getattr(t, f.name) for t in tables] for f in fields(NodeTable)}
    columns["problem"] = [t.problem + i for i, t in enumerate(tables)]
    starts = torch.tensor([0, *(len(t.parent) for t in tables)]).cumsum(0)
    columns["parent"] = [torch.where(t.parent < 0, -1, t.parent + s) for t, s in zip(tables, starts, strict=False)]
    return NodeTable(**{name: torch.cat(parts) for name, parts in columns.items()})


def with_twin(nodes, node):
    """The tree with a second copy of ``node`` and all below it beside the first, and which old node each one is."""
    below = [i for i in range(len(nodes.parent)) if node in path(nodes, i)]
    order = torch.tensor([*range(len(nodes.parent)), *below])
    columns = {f.name: getattr(nodes, f.name)[order] for f in fields(nodes)}
    copy = {old: len(nodes.parent) + i for i, old in enumerate(below)}
    for old, new in copy.items():
        columns["parent"][new] = copy.get(int(nodes.parent[old]), int(nodes.parent[old]))
    return NodeTable(**columns), order


def with_visits(nodes, visits):
    """The table with other visits at some nodes."""
    changed = [visits.get(node, count) for node, count in enumerate(nodes.visits.tolist())]
    return replace(nodes, visits=torch.tensor(changed))


@st.composite
def trees(draw):
    """A random tree with random visits, verdicts and log-probabilities, and random network outputs for it.

    Its visits need not add up, as with forks; a child comes after its parent.
    """
    size = draw(st.integers(2, 12))
    column = lambda of: draw(st.lists(of, min_size=size, max_size=size))  # noqa: E731
    parent = [-1, *(draw(st.integers(0, i - 1)) for i in range(1, size))]
    nodes = table(
        parent,
        visits=[1, *column(st.integers(1, 4))[1:]],
        correct=[NAN if i in parent else draw(st.sampled_from([0.0, 1.0])) for i in range(size)],
        success=column(st.floats(0, 1)),
        logprob=[0.0, *column(st.floats(-5, 0))[1:]],
    )
    return nodes, tensor(column(st.floats(-8, 8)))


def trajectories(verdicts="+-"):
    """Some equally likely trajectories of up to three steps."""
    return st.lists(st.from_regex(f"[ab]{{1,3}}[{verdicts}]", fullmatch=True), min_size=1, max_size=8)
