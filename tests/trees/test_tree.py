import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arts.problems.base import Verdict
from arts.trees.tree import ROOT, Outcome, Rollout, Step, Tree

PATHS = st.lists(st.lists(st.sampled_from("abc"), min_size=1, max_size=4), min_size=1, max_size=8)


def grow(paths):
    tree = Tree(problem_id="p", question="q")
    for index, path in enumerate(paths):
        leaf = tree.add_path(ROOT, [Step(text=t, tokens=1, logprob=-1.0) for t in path], "stop")
        tree.rollouts.append(Rollout(backbone=index, leaf=leaf, tokens=len(path), stop="stop"))
    return tree


@given(PATHS)
def test_prefixes_are_merged_and_join_back(paths):
    tree = grow(paths)
    assert all(tree.parent[i] < i for i in range(1, len(tree)))
    for rollout, path in zip(tree.rollouts, paths, strict=True):
        assert tree.solution(rollout.leaf) == "".join(path)
        assert [tree.text[i] for i in tree.path(rollout.leaf)] == path
    prefixes = {tuple(p[:k]) for p in paths for k in range(1, len(p))}
    assert len(tree) == 1 + len(prefixes) + len({tuple(p) for p in paths})


@given(PATHS)
def test_merging_is_idempotent_and_visits_count_every_rollout(paths):
    once, twice = grow(paths), grow(paths + paths)
    assert len(once) == len(twice)
    assert once.visits()[ROOT] == 0
    assert once.visits()[once.children[ROOT]].sum() == len(paths)
    assert (2 * once.visits() == twice.visits()).all()


def test_a_text_that_ends_and_the_same_text_that_goes_on_are_two_nodes():
    tree = grow([["a"], ["a", "b"]])
    assert len(tree.children[ROOT]) == 2


def test_success_counts_use_each_rollout_where_its_rest_was_drawn():
    tree = grow([["a", "b"], ["a", "c"]])
    pivot = tree.path(tree.rollouts[0].leaf)[0]
    leaf = tree.add_path(pivot, [Step(text="d")], "stop")
    tree.rollouts.append(Rollout(backbone=0, pivot=1, leaf=leaf, tokens=1, stop="stop"))
    for rollout, verdict in zip(tree.rollouts, ("correct", "incorrect", "correct"), strict=True):
        tree.outcomes[rollout.leaf] = Outcome(answer="1", verdict=Verdict(verdict))
    graded, correct = tree.success_counts()
    assert (graded[ROOT], correct[ROOT]) == (2, 1)  # the fork was not drawn from the root
    assert (graded[pivot], correct[pivot]) == (3, 2)
    assert tree.visits()[pivot] == 2


def test_failed_and_ungraded_rollouts_are_no_evidence():
    tree = grow([["a"], ["b"]])
    tree.outcomes[tree.rollouts[0].leaf] = Outcome(answer=None, verdict=Verdict.UNGRADED, reason="time-out")
    tree.outcomes[tree.rollouts[1].leaf] = Outcome(answer="1", verdict=Verdict.CORRECT)
    tree.rollouts.append(Rollout(backbone=2, leaf=ROOT, tokens=0, stop="error", error="down"))
    graded, correct = tree.success_counts()
    assert (graded[ROOT], correct[ROOT]) == (1, 1)
    assert len(tree.backbones) == 2


@pytest.mark.parametrize(("verdict", "reward"), [("correct", 10.0), ("incorrect", 0.1)])
def test_rewards_of_the_paper(verdict, reward):
    assert Outcome(answer="1", verdict=Verdict(verdict)).reward == reward


def test_an_ungraded_outcome_has_no_reward():
    assert math.isnan(Outcome(answer="1", verdict=Verdict.UNGRADED).reward)
