"""What counts once in a flow's loss: a node, or a rollout that went through it."""

import pytest
import torch

from arts.training.objectives import make_objective
from arts.training.objectives.nodes import NodeTable

PARENT = torch.tensor([-1, 0, 0, 1])
VISITS = torch.tensor([5, 3, 2, 3])


def table(visits):
    correct = torch.tensor([torch.nan, torch.nan, 0.0, 1.0])
    zeros = torch.zeros(4)
    return NodeTable(
        parent=PARENT, visits=visits, correct=correct, success=zeros, logprob=zeros, problem=torch.zeros(4).long()
    )


@pytest.mark.parametrize("name", ["rfm", "value_flow"])
def test_a_rollout_that_was_drawn_three_times_counts_three_times(name):
    output = torch.tensor([0.3, -0.2, 1.5, -2.0])
    by_rollout = make_objective(name, ["per=rollout"])
    by_node = make_objective(name, [])
    given = by_rollout(output, table(VISITS)).value
    errors = by_node(output, table(VISITS)).residuals
    if name == "rfm":
        square = errors.square()
        wanted = (5 * square[0] + 3 * square[1]) / 8 + (2 * square[2] + 3 * square[3]) / 5
        torch.testing.assert_close(given, wanted)
    assert not torch.isclose(given, by_node(output, table(VISITS)).value)


@pytest.mark.parametrize("name", ["rfm", "value_flow"])
def test_where_each_was_drawn_once_both_are_the_same(name):
    output, once = torch.randn(4, generator=torch.Generator().manual_seed(0)), torch.ones(4).long()
    values = [make_objective(name, [f"per={what}"])(output, table(once)).value for what in ("node", "rollout")]
    torch.testing.assert_close(*values)
