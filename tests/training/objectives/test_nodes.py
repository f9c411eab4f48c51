"""Columns of nodes, and the sums over children, paths and problems that objectives are made of."""

from dataclasses import fields

import pytest
import torch
from hypothesis import given, strategies as st

from arts.training.objectives.nodes import (
    child_weights,
    depths,
    log_sum_children,
    mean_children,
    paths_to,
    problem_mean,
    sum_along_paths,
    weighted_problem_mean,
)

from .tables import NAN, OUTPUT, TREE, children, forest, path, shares, tensor, trees

close = torch.testing.assert_close
LOW = -float("inf")


def test_leaves_are_the_labelled_nodes():
    assert TREE.leaf.tolist() == [False, False, True, True, True]


@pytest.mark.parametrize("contrast", [4.0, 100.0])
def test_rewards_lie_around_one_and_their_ratio_is_the_contrast(contrast):
    right = contrast**0.5
    close(TREE.log_reward(contrast).exp(), tensor([NAN, NAN, 1 / right, right, 1 / right]), equal_nan=True)


def test_a_table_moves_to_a_device_as_a_whole():
    moved = TREE.to(torch.device("meta"))
    for f in fields(TREE):
        assert getattr(moved, f.name).device.type == "meta"
        assert getattr(moved, f.name).dtype == getattr(TREE, f.name).dtype


def test_sums_and_means_over_children_by_hand():
    close(log_sum_children(OUTPUT, TREE.parent), tensor([4 + 1, 2 + 3, 0, 0, 0]).log())
    weights = child_weights(TREE)
    close(weights, tensor([1, 3 / 4, 1 / 4, 2 / 3, 1 / 3]))
    close(mean_children(OUTPUT.exp(), TREE, weights), tensor([(3 * 4 + 1 * 1) / 4, (2 * 2 + 1 * 3) / 3, 0, 0, 0]))


@given(trees())
def test_children_are_summed_as_in_a_loop(case):
    nodes, output = case
    of = [children(nodes, i) for i in range(len(output))]
    close(log_sum_children(output, nodes.parent), torch.stack([output[c].logsumexp(0) for c in of]))
    close(child_weights(nodes), tensor(shares(nodes)))
    weights = tensor(shares(nodes))
    close(mean_children(output, nodes, weights), torch.stack([(weights[c] * output[c]).sum() for c in of]))


@given(trees())
def test_the_shares_of_siblings_add_up_to_one(case):
    nodes, output = case
    total = mean_children(torch.ones_like(output), nodes, child_weights(nodes))
    close(total, (~nodes.leaf).double())


@pytest.mark.parametrize("size", [1e3, -1e3])
def test_huge_flows_are_summed_without_overflow(size):
    output = (OUTPUT + size).requires_grad_()
    total = log_sum_children(output, TREE.parent)
    close(total[:2], tensor([5.0, 5.0]).log() + size)
    total[:2].sum().backward()
    close(output.grad, tensor([0, 4 / 5, 1 / 5, 2 / 5, 3 / 5]))  # each child's share of the sum


def test_a_node_without_children_has_no_flow_and_moves_nothing():
    output = OUTPUT.clone().requires_grad_()
    total = log_sum_children(output, TREE.parent)
    assert total[2:].tolist() == [LOW] * 3
    torch.where(TREE.leaf, torch.zeros_like(total), total).sum().backward()
    assert output.grad.isfinite().all()


def test_depths_and_paths_by_hand():
    assert depths(TREE.parent).tolist() == [0, 1, 1, 2, 2]
    assert paths_to(torch.tensor([2, 4, 3]), TREE.parent).tolist() == [[0, 2, -1], [0, 1, 4], [0, 1, 3]]
    assert paths_to(torch.tensor([0]), TREE.parent).tolist() == [[0]]


def test_sums_along_paths_by_hand():
    close(sum_along_paths(tensor([1.0, 2, 4, 8, 16]), TREE.parent), tensor([1.0, 1 + 2, 1 + 4, 1 + 2 + 8, 1 + 2 + 16]))


@given(trees(), trees(), st.data())
def test_depths_and_paths_are_those_of_climbing(one, other, data):
    nodes, output = forest(one[0], other[0]), torch.cat([one[1], other[1]])
    size = len(nodes.parent)
    climbed = [path(nodes, i) for i in range(size)]
    assert depths(nodes.parent).tolist() == [len(p) - 1 for p in climbed]
    close(sum_along_paths(output, nodes.parent), torch.stack([output[p].sum() for p in climbed]))
    ends = data.draw(st.lists(st.integers(0, size - 1), min_size=1))
    longest = max(len(climbed[end]) for end in ends)
    padded = [climbed[end] + [-1] * (longest - len(climbed[end])) for end in ends]
    assert paths_to(torch.tensor(ends), nodes.parent).tolist() == padded


def test_means_within_problems_then_over_problems_by_hand():
    values, problem = tensor([1.0, 2, 6, 5, 9]), torch.tensor([0, 0, 0, 2, 3])
    chosen = torch.tensor([True, False, True, True, False])
    close(problem_mean(values, chosen, problem), tensor(((1 + 6) / 2 + 5) / 2))
    weights = tensor([1.0, 1, 2, 7, 3])
    close(weighted_problem_mean(values, weights, problem), tensor(((1 + 2 + 2 * 6) / 4 + 5 + 9) / 3))


def test_the_mean_of_nothing_is_zero_and_can_be_differentiated():
    values = tensor([1.0, 2.0]).requires_grad_()
    mean = problem_mean(values, torch.tensor([False, False]), torch.tensor([0, 1]))
    mean.backward()
    assert mean == 0
    assert not values.grad.any()


@given(st.lists(st.tuples(st.floats(-9, 9), st.integers(1, 5), st.integers(0, 3), st.booleans()), min_size=1))
def test_problem_means_are_those_of_a_loop(rows):
    values, weights, problem, chosen = map(list, zip(*rows, strict=True))
    plain, weighted = [], []
    for p in set(problem):
        some = [v for v, q, c in zip(values, problem, chosen, strict=True) if q == p and c]
        plain += [sum(some) / len(some)] if some else []
        mine = [(v, w) for v, w, q in zip(values, weights, problem, strict=True) if q == p]
        weighted.append(sum(v * w for v, w in mine) / sum(w for _, w in mine))
    columns = tensor(values), torch.tensor(chosen), torch.tensor(problem)
    close(problem_mean(*columns), tensor(sum(plain) / len(plain) if plain else 0.0))
    close(weighted_problem_mean(columns[0], tensor(weights), columns[2]), tensor(sum(weighted) / len(weighted)))
