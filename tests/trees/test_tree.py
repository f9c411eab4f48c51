import math

import pytest
from hypothesis import given, strategies as st

from arts.problems.base import Verdict
from arts.trees.tree import ROOT, Outcome, Rollout, Step, Tree

RIGHT, WRONG = Outcome(answer="1", verdict=Verdict.CORRECT), Verdict.INCORRECT
PATHS = st.lists(st.lists(st.sampled_from("abc"), min_size=1, max_size=4), min_size=1, max_size=8)


def grow(paths):
    tree = Tree(problem_id="p", question="q")
    for index, path in enumerate(paths):
        tree.add_rollout([Step(text=t, tokens=1, logprob=-1.0) for t in path], backbone=index)
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
    tree.add_rollout([Step(text="d")], start=pivot, backbone=0)
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
    tree.add_rollout(stop="error", error="down")
    graded, correct = tree.success_counts()
    assert (graded[ROOT], correct[ROOT]) == (1, 1)
    assert len(tree.backbones) == 2


@pytest.mark.parametrize(("verdict", "reward"), [("correct", 10.0), ("incorrect", 0.1)])
def test_rewards_of_the_paper(verdict, reward):
    assert Outcome(answer="1", verdict=Verdict(verdict)).reward == reward


def test_an_ungraded_outcome_has_no_reward():
    assert math.isnan(Outcome(answer="1", verdict=Verdict.UNGRADED).reward)


@given(PATHS)
def test_a_rollout_goes_where_its_steps_lead(paths):
    tree = Tree(problem_id="p", question="q")
    for number, path in enumerate(paths):
        rollout = tree.add_rollout([Step(text=t, tokens=3) for t in path], outcome=RIGHT)
        assert rollout == Rollout(backbone=number, leaf=rollout.leaf, tokens=3 * len(path), stop="stop")
        assert tree.solution(rollout.leaf) == "".join(path)
        start = tree.path(rollout.leaf)[0]
        if tree.stop[start] is None:
            fork = tree.add_rollout([Step(text="z")], "length", start=start, backbone=number)
            assert (fork.key, tree.stop[fork.leaf]) == ((number, 1), "length")
    assert [r.backbone for r in tree.backbones] == list(range(len(paths)))
    assert set(tree.outcomes) == {r.leaf for r in tree.backbones}


def test_a_failed_rollout_leaves_the_tree_as_it_is():
    tree = grow([["a", "b"]])
    inner = tree.path(tree.rollouts[0].leaf)[0]
    failed = tree.add_rollout([Step(text="half")], "error", start=inner, tokens=0, error="down", outcome=RIGHT)
    assert failed == Rollout(backbone=1, pivot=1, leaf=inner, tokens=0, stop="error", error="down")
    assert (len(tree), tree.outcomes) == (3, {})


def test_after_one_step_a_search_can_go_on():
    tree = Tree(problem_id="p", question="q")
    first = tree.add_rollout([Step(text="a", tokens=1)], "step")
    second = tree.add_rollout([Step(text="b", tokens=1)], start=first.leaf)
    assert [tree.stop[r.leaf] for r in (first, second)] == [None, "stop"]
    assert (second.backbone, second.pivot, tree.solution(second.leaf)) == (1, 1, "ab")


def test_a_leaf_keeps_its_first_outcome():
    tree = Tree(problem_id="p", question="q")
    leaves = {tree.add_rollout([Step(text="a")], outcome=o).leaf for o in (RIGHT, Outcome(answer="2", verdict=WRONG))}
    assert tree.outcomes == dict.fromkeys(leaves, RIGHT)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("p1", "Tree('p1': 3 nodes, 3 rollouts, 50.0% correct)"),
        ("\x1b[31m\u202e\n", "Tree('\\x1b[31m\\u202e\\n': 3 nodes, 3 rollouts, 50.0% correct)"),
    ],
)
def test_a_tree_is_shown_in_a_line(name, shown):
    tree = Tree(problem_id=name, question="q")
    assert repr(tree).endswith(": 1 node, 0 rollouts, none graded)")
    tree.add_rollout([Step(text="a")], outcome=RIGHT)
    tree.add_rollout([Step(text="b")], outcome=Outcome(answer="2", verdict=WRONG))
    tree.add_rollout(stop="error")
    assert repr(tree) == shown


def test_however_long_a_name_is_the_line_is_short():
    assert len(repr(Tree(problem_id="\x00" * 10_000, question="q"))) < 200
