"""Reward models, by hand: each step, each pair of solutions, or each outcome by itself."""

from dataclasses import replace
from math import log, prod

import pytest
import torch
from hypothesis import given, strategies as st

from arts.training.objectives.reward import SURE

from .functions import noisy_and, orm, prm, rm
from .tables import NAN, OUTPUT, STEP, TREE, few, forest, path, table, tensor, trees

close = torch.testing.assert_close


def check(loss, value, residuals):
    close(loss.value, tensor(value))
    close(loss.residuals, tensor(residuals))


def entropy(rate, value):
    return -(rate * log(value) + (1 - rate) * log(1 - value))


def test_prm_by_hand():
    one, two, three, four = 4 / 5 - 1 / 2, 1 / 2 - 0, 2 / 3 - 1, 3 / 4 - 0
    value = (one**2 + two**2 + three**2 + four**2) / 4  # the root is no step
    check(prm(OUTPUT, TREE), value, [8 / 9 - 1 / 3, one, two, three, four])


def test_prm_with_cross_entropy_by_hand():
    value = (entropy(1 / 2, 4 / 5) + entropy(0, 1 / 2) + entropy(1, 2 / 3) + entropy(0, 3 / 4)) / 4
    residuals = prm(OUTPUT, TREE).residuals.tolist()
    check(prm(OUTPUT, TREE, loss="cross_entropy"), value, residuals)


def test_rm_by_hand():
    over_two, over_four = 2 / (2 + 1), 2 / (2 + 3)  # σ(log a − log b) = a / (a + b)
    check(rm(OUTPUT, TREE), -(log(over_two) + log(over_four)) / 2, [1 - over_two, 1 - over_four])


def test_orm_by_hand():
    two, three, four = 1 / 2, 2 / 3, 3 / 4
    value = (entropy(0, two) + entropy(1, three) + entropy(0, four)) / 3
    check(orm(OUTPUT, TREE), value, [0, 0, two, three - 1, four])


def test_noisy_and_by_hand():
    two, three, four = 1 / 2, 4 / 5 * 2 / 3, 4 / 5 * 3 / 4
    value = (entropy(0, two) + entropy(1, three) + entropy(0, four)) / 3
    check(noisy_and(OUTPUT, TREE), value, [0, 0, two, three - 1, four])


@pytest.mark.parametrize(
    ("objective", "read"), [(prm, [1, 2, 3, 4]), (rm, [2, 3, 4]), (orm, [2, 3, 4]), (noisy_and, [1, 2, 3, 4])]
)
def test_only_the_documented_states_are_read(objective, read):
    output = OUTPUT.clone().requires_grad_()
    objective(output, TREE).value.backward()
    assert output.grad.nonzero()[:, 0].tolist() == read


@pytest.mark.parametrize("loss", ["squared", "cross_entropy"])
@few
@given(case=trees(), away=st.floats(-3, 3))
def test_prm_is_smallest_at_the_success_rates(loss, case, away):
    nodes, _ = case
    nodes = replace(nodes, success=nodes.success.clamp(0.01, 0.99))
    best = nodes.success.logit().requires_grad_()
    there = prm(best, nodes, loss=loss)
    (gradient,) = torch.autograd.grad(there.value, best)
    assert gradient.abs().max() < 1e-12
    assert prm(best + away, nodes, loss=loss).value >= there.value - 1e-12
    close(there.residuals, torch.zeros_like(best))


@pytest.mark.parametrize("loss", ["squared", "cross_entropy"])
def test_prm_can_reach_certain_success_rates(loss):
    nodes = replace(TREE, success=tensor([0, 1, 0, 1, 0]))
    assert prm(tensor([7.0, 60, -60, 60, -60]), nodes, loss=loss).value < 1e-20


def test_a_step_nobody_graded_teaches_prm_nothing():
    nodes = replace(TREE, success=tensor([NAN, NAN, 0, 1, 0]))
    output = OUTPUT.clone().requires_grad_()
    for loss, value in {
        "squared": ((1 / 2) ** 2 + (1 / 3) ** 2 + (3 / 4) ** 2) / 3,
        "cross_entropy": (entropy(0, 1 / 2) + entropy(1, 2 / 3) + entropy(0, 3 / 4)) / 3,
    }.items():
        there = prm(output, nodes, loss=loss).value
        close(there, tensor(value))
        (gradient,) = torch.autograd.grad(there, output)
        assert gradient.nonzero()[:, 0].tolist() == [2, 3, 4]


def test_rm_compares_within_a_problem_only():
    nodes = forest(TREE, TREE)
    per_problem = tensor([3.0] * 5 + [-7.0] * 5)
    plain = rm(OUTPUT.repeat(2), nodes)
    assert len(plain.residuals) == 2 * 2
    close(rm(OUTPUT.repeat(2) + per_problem, nodes), plain)


def test_rm_weighs_problems_alike_and_skips_those_without_pairs():
    one_pair = table([-1, 0, 0], correct=[NAN, 1, 0])
    strengths = tensor([9.0, 5, 2]).log()
    both = rm(torch.cat([OUTPUT, strengths, OUTPUT[:2]]), forest(TREE, one_pair, STEP)).value
    first = (log(3 / 2) + log(5 / 2)) / 2  # as by hand above
    close(both, tensor((first + log(7 / 5)) / 2))


@pytest.mark.parametrize("verdict", [0.0, 1.0])
def test_rm_without_any_pair_is_zero_and_moves_nothing(verdict):
    output = tensor([1.0, 2.0]).requires_grad_()
    loss = rm(output, replace(STEP, correct=tensor([NAN, verdict])))
    loss.value.backward()
    assert (loss.value, len(loss.residuals)) == (0, 0)
    assert not output.grad.any()


@given(case=trees(), more=st.floats(0.1, 5))
def test_rm_falls_when_correct_solutions_gain_strength(case, more):
    nodes, output = case
    stronger = rm(output + more * nodes.correct.nan_to_num(), nodes)
    before = rm(output, nodes)
    assert (stronger.residuals < before.residuals).all()
    assert stronger.value < before.value or len(before.residuals) == 0


def test_orm_is_smallest_at_the_labels():
    assert orm(tensor([0.0, 0, -60, 60, -60]), TREE).value < 1e-20
    same = table([-1, 0, 0, 0, 0], correct=[NAN, 1, 0, 0, 0])
    shared = tensor(log(1 / 3)).requires_grad_()  # one number for all: the minimum is the share of correct ones
    orm(shared.expand(5), same).value.backward()
    close(shared.grad, tensor(0.0))


@given(trees())
def test_noisy_and_multiplies_the_steps_of_each_solution(case):
    nodes, output = case
    sound = output.sigmoid().tolist()
    ends = nodes.leaf.nonzero()[:, 0].tolist()
    correct = [prod(sound[step] for step in path(nodes, end)[1:]) for end in ends]
    labels = nodes.correct[ends].tolist()
    loss = noisy_and(output, nodes)
    close(loss.value, tensor(sum(map(entropy, labels, correct)) / len(ends)))
    close(loss.residuals[ends], tensor(correct) - nodes.correct[ends])


@pytest.mark.parametrize("verdict", [0.0, 1.0])
def test_noisy_and_blames_the_steps_that_are_already_doubted(verdict):
    nodes = table([-1, 0, 1, 2], correct=[NAN, NAN, NAN, verdict])
    logit = tensor([5.0, 2, -1, 0.5]).requires_grad_()
    noisy_and(logit, nodes).value.backward()
    sound = logit.detach().sigmoid()[1:]
    share = -1 if verdict else sound.prod() / (1 - sound.prod())
    close(logit.grad, torch.cat([tensor([0.0]), share * (1 - sound)]))
    assert logit.grad.abs().argmax() == 2


def test_a_correct_solution_clears_the_steps_that_it_shares():
    shared = table([-1, 0, 1, 1], correct=[NAN, NAN, 1, 0])
    logit = torch.zeros(4, dtype=torch.float64, requires_grad=True)
    noisy_and(logit, shared).value.backward()
    assert logit.grad[1] < 0 < logit.grad[3]  # descent trusts the shared step more and the other one less


def test_noisy_and_knows_no_more_certainty_than_its_limit():
    sure, surer = (noisy_and(tensor([0.0, z, z, z, z]), TREE).value for z in (SURE, 1e3))
    assert sure == surer
    assert sure.isfinite()
    assert noisy_and(tensor([0.0, 60, -60, 60, -60]), TREE).value < 1e-6


def test_noisy_and_learns_from_a_confident_mistake_in_single_precision():
    output = torch.full((5,), 60.0, requires_grad=True)
    noisy_and(output, replace(TREE, correct=TREE.correct.float())).value.backward()
    assert output.grad.isfinite().all()
    assert (output.grad[[2, 4]] > 0.1).all()  # the wrong ends are blamed although they were taken for certain
