"""Reasoning Flow Matching against torchgfn's flow matching, another implementation of the same balance."""

from importlib.util import find_spec

import pytest
import torch
from hypothesis import given

from .functions import rfm
from .tables import TREE, children, few, path, trees

if find_spec("gfn") is None:
    pytest.skip("torchgfn is not installed", allow_module_level=True)

from gfn.env import DiscreteEnv
from gfn.estimators import DiscretePolicyEstimator
from gfn.gflownet import FMGFlowNet
from gfn.preprocessors import EnumPreprocessor
from gfn.utils.modules import Tabular


class TreeEnv(DiscreteEnv):
    """States are the nodes of a tree; action k goes to the k-th child, and only leaves can exit."""

    def __init__(self, nodes):
        size = len(nodes.parent)
        self.below = [children(nodes, node) for node in range(size)]
        exit_action = max(map(len, self.below))
        self.forward = torch.zeros(size, exit_action + 1, dtype=torch.bool)
        self.backward = torch.zeros(size, exit_action, dtype=torch.bool)
        self.next = torch.full((size, exit_action), -1)
        self.above = nodes.parent
        for node, below in enumerate(self.below):
            self.next[node, : len(below)] = torch.tensor(below, dtype=torch.long)
            self.forward[node, range(len(below))] = True
            self.backward[below, range(len(below))] = True
        self.forward[:, exit_action] = nodes.leaf
        super().__init__(n_actions=exit_action + 1, s0=torch.tensor([0]), state_shape=(1,), debug=True)

    def make_states_class(self):
        env = self

        class Nodes(super().make_states_class()):
            def _compute_forward_masks(self):
                return env.forward[self.tensor[..., 0]]

            def _compute_backward_masks(self):
                return env.backward[self.tensor[..., 0]]

        return Nodes

    def step(self, states, actions):
        return self.states_from_tensor(self.next[states.tensor[:, 0], actions.tensor[:, 0]][:, None])

    def backward_step(self, states, actions):
        assert (self.next[self.above[states.tensor[:, 0]], actions.tensor[:, 0]] == states.tensor[:, 0]).all()
        return self.states_from_tensor(self.above[states.tensor])


def flow_matching(nodes, log_flow):
    """torchgfn's squared residuals at nodes other than the root, and at leaves against their rewards.

    On a tree the flow into a node is the flow of its one incoming edge; the edge out of a leaf carries the leaf's own
    flow, which is what torchgfn compares with the reward.
    """
    env = TreeEnv(nodes)
    edges = Tabular(len(log_flow), env.n_actions)
    for node, below in enumerate(env.below):
        edges.table.data[node, : len(below)] = log_flow[below].float()
    edges.table.data[nodes.leaf, -1] = log_flow[nodes.leaf].float()
    states = EnumPreprocessor(get_states_indices=lambda states: states.tensor[..., 0])
    estimator = DiscretePolicyEstimator(edges, env.n_actions, preprocessor=states)
    network = FMGFlowNet(estimator, debug=True)
    steps = env.states_from_tensor(torch.arange(1, len(log_flow))[:, None])
    ends = env.states_from_tensor(nodes.leaf.nonzero())
    reward = nodes.log_reward(100)[nodes.leaf].float()
    with torch.no_grad():
        balance = network.flow_matching_loss(env, steps, reduction="none")
        return balance, network.reward_matching_loss(env, ends, reward, reduction="none")


def check(nodes, log_flow):
    balance, terminal = flow_matching(nodes, log_flow)
    loss = rfm(log_flow, nodes, leaf_weight=0.5)
    squares = loss.residuals.square()
    inner, leaf = ~nodes.leaf[1:], nodes.leaf
    torch.testing.assert_close(balance[inner].double(), squares[1:][inner], rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(balance[~inner], torch.zeros_like(balance[~inner]))  # what flows in flows out
    torch.testing.assert_close(terminal.double(), squares[leaf], rtol=1e-5, atol=1e-5)
    whole = (squares[0] + balance[inner].sum()) / (~leaf).sum() + 0.5 * terminal.mean()
    torch.testing.assert_close(loss.value, whole, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("seed", range(3))
def test_residuals_are_those_of_torchgfn_for_unbalanced_flows(seed):
    log_flow = torch.randn(5, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    check(TREE, 3 * log_flow)


@few
@given(case=trees())
def test_residuals_are_those_of_torchgfn_on_any_tree(case):
    check(*case)


def test_the_trees_of_both_are_the_same():
    env = TreeEnv(TREE)
    for leaf in TREE.leaf.nonzero()[:, 0].tolist():
        states = env.reset(1)
        for node in path(TREE, leaf)[1:]:
            action = env.below[int(states.tensor)].index(node)
            states = env._step(states, env.actions_from_tensor(torch.tensor([[action]])))
            assert int(states.tensor) == node
        ended = env._step(states, env.actions_from_tensor(env.exit_action[None]))
        assert ended.is_sink_state.all()
