import asyncio
import itertools
import math

import pytest
from hypothesis import given, strategies as st

from arts.errors import EndpointError, UsageError
from arts.problems.base import Problem
from arts.problems.graders import make_grader
from arts.proposers.base import Completion, Sampling
from arts.proposers.scripted import ScriptedProposer
from arts.sampling.failures import MAX_FAILURES_IN_A_ROW
from arts.sampling.fork import SparseDeepFork, completion_steps, derive_seed, plan_backbones, plan_forks
from arts.sampling.grow import Grower, GrowthPlan, grow_tree, spent
from arts.trees.exchange import export_trees
from arts.trees.store import TreeStore
from arts.trees.tree import ROOT

SCRIPT = {f"question {i}": {f"a\nb{i}\n#### 1": 3.0, f"a\nc\n#### {i}": 2.0, "d\ne\nf\n#### 1": 1.0} for i in range(6)}
PROBLEMS = [Problem(id=f"p{i}", question=q, answer="1") for i, q in enumerate(SCRIPT)]


def grow(path, method=None, proposer=None, **changes):
    plan = GrowthPlan(method=method or SparseDeepFork(n=4), sampling=Sampling(), run_seed=3, unit_problems=2)
    store = TreeStore.open(path, write=True) if path.exists() else TreeStore.create(path)
    with store:
        store.add_problems(PROBLEMS)
        grower = Grower(store, proposer or ScriptedProposer(SCRIPT), make_grader("exact"), plan, **changes)
        asyncio.run(grower.run())
        return list(store.trees())


def dump(path):
    out = path.with_suffix(".jsonl")
    with TreeStore.open(path) as store:
        export_trees(store, out)
    return out.read_bytes()


def test_the_same_run_gives_the_same_store(tmp_path):
    grow(tmp_path / "a.db")
    grow(tmp_path / "b.db")
    assert dump(tmp_path / "a.db") == dump(tmp_path / "b.db")


@pytest.mark.parametrize("after", [1, 5, 11, 17])
def test_an_interrupted_run_resumes_to_the_same_store(tmp_path, after):
    grow(tmp_path / "whole.db")
    count = 0

    def interrupt(rollout, outcome):
        nonlocal count
        count += 1
        if count == after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        grow(tmp_path / "cut.db", on_rollout=interrupt)
    grow(tmp_path / "cut.db")
    assert dump(tmp_path / "cut.db") == dump(tmp_path / "whole.db")


def test_extending_adds_rollouts_and_changes_none(tmp_path):
    small = grow(tmp_path / "a.db", SparseDeepFork(n=3, fork_probability=0.3))
    large = grow(tmp_path / "a.db", SparseDeepFork(n=6, fork_probability=0.9))
    for before, after in zip(small, large, strict=True):
        assert after.rollouts[: len(before.rollouts)] == before.rollouts
        assert after.text[: len(before)] == before.text
        assert len(after.rollouts) > len(before.rollouts)


@pytest.mark.parametrize(("probability", "forks"), [(0.0, 0), (1.0, None)])
def test_every_inner_state_is_a_pivot_at_probability_one(tmp_path, probability, forks):
    for tree in grow(tmp_path / "a.db", SparseDeepFork(n=4, fork_probability=probability)):
        inner = sum(tree.depth[r.leaf] - 1 for r in tree.backbones)
        assert sum(r.pivot > 0 for r in tree.rollouts) == (inner if forks is None else forks)


def test_at_most_so_many_forks_per_trajectory(tmp_path):
    method = SparseDeepFork(n=4, fork_probability=1.0, max_forks_per_trajectory=1)
    for tree in grow(tmp_path / "a.db", method):
        assert [sum(r.backbone == b and r.pivot > 0 for r in tree.rollouts) for b in range(4)] == [1] * 4


def test_forks_share_the_prefix_of_their_backbone(tmp_path):
    for tree in grow(tmp_path / "a.db", SparseDeepFork(n=4, fork_probability=1.0)):
        backbone = {r.backbone: tree.path(r.leaf) for r in tree.backbones}
        for r in tree.rollouts:
            assert tree.path(r.leaf)[: r.pivot] == backbone[r.backbone][: r.pivot]


def test_logprobs_of_a_path_are_those_of_the_script(tmp_path):
    for tree in grow(tmp_path / "a.db"):
        for r in tree.backbones:
            weights = SCRIPT[tree.question]
            expected = math.log(weights[tree.solution(r.leaf)] / sum(weights.values()))
            assert sum(tree.logprob[n] for n in tree.path(r.leaf)) == pytest.approx(expected)


def test_what_was_spent_is_counted_once(tmp_path):
    trees = grow(tmp_path / "a.db")
    total = spent(trees)
    assert total.rollouts == sum(len(t.rollouts) for t in trees)
    assert total.tokens == sum(r.tokens for t in trees for r in t.rollouts)
    assert total.unique_tokens < total.tokens
    assert 0 < total.solve_rate < 1


class Failing:
    """Fails the requests, counted over all calls, that ``fails`` picks."""

    name, reproducible, batch_size, concurrent = "failing", True, 8, False

    def __init__(self, fails):
        self.fails, self.asked, self.inner = fails, itertools.count(), ScriptedProposer(SCRIPT)

    async def propose(self, requests, sampling):
        async for i, completion in self.inner.propose(requests, sampling):
            failed = Completion(text="", tokens=0, stop="error", error="boom")
            yield i, failed if self.fails(next(self.asked)) else completion

    async def aclose(self):
        pass


def flaky(every):
    return Failing(lambda k: k % every == 0)


def dying(after):
    return Failing(lambda k: k >= after)


def test_failed_rollouts_are_kept_with_their_reason(tmp_path):
    trees = grow(tmp_path / "a.db", SparseDeepFork(n=4, fork_probability=0), flaky(2))
    assert spent(trees).failed == spent(trees).rollouts / 2
    assert {r.error for t in trees for r in t.rollouts if r.stop == "error"} == {"boom"}
    assert all(len(t.backbones) == 2 for t in trees)


def in_memory(problem, method, proposer):
    return asyncio.run(grow_tree(problem.question, proposer, method, seed=3, problem_id=problem.id))


def test_a_tree_in_memory_is_the_one_of_a_store(tmp_path):
    method = SparseDeepFork(n=4)
    for problem, stored in zip(PROBLEMS, grow(tmp_path / "a.db", method), strict=True):
        tree = in_memory(problem, method, ScriptedProposer(SCRIPT))
        for column in ("problem_id", "question", "parent", "text", "tokens", "logprob", "stop", "rollouts"):
            assert getattr(tree, column) == getattr(stored, column)


def test_a_tree_in_memory_keeps_failed_rollouts_with_their_reason():
    tree = in_memory(PROBLEMS[0], SparseDeepFork(n=4, fork_probability=0), flaky(2))
    failed = [(r.backbone, r.leaf, r.error) for r in tree.rollouts if r.stop == "error"]
    assert failed == [(0, ROOT, "boom"), (2, ROOT, "boom")]
    assert [r.backbone for r in tree.backbones] == [1, 3]


def test_a_dead_backend_ends_the_run_and_records_nothing(tmp_path):
    with pytest.raises(EndpointError, match="boom"):
        grow(tmp_path / "a.db", SparseDeepFork(n=MAX_FAILURES_IN_A_ROW), flaky(1))
    trees = grow(tmp_path / "a.db", SparseDeepFork(n=MAX_FAILURES_IN_A_ROW))
    assert spent(trees).failed == 0


def test_a_small_run_without_a_success_raises_and_records_nothing(tmp_path):
    with pytest.raises(EndpointError, match="boom; mend the backend and run the same command again"):
        grow(tmp_path / "a.db", SparseDeepFork(n=1), flaky(1))
    grow(tmp_path / "a.db", SparseDeepFork(n=1))
    with pytest.raises(EndpointError, match="boom"):  # what the store holds is no success of this run
        grow(tmp_path / "a.db", SparseDeepFork(n=2), flaky(1))
    assert spent(grow(tmp_path / "a.db", SparseDeepFork(n=2))).failed == 0


def test_failures_held_when_the_backend_dies_are_not_recorded(tmp_path):
    method = SparseDeepFork(n=MAX_FAILURES_IN_A_ROW, fork_probability=0)
    with pytest.raises(EndpointError, match="boom"):
        grow(tmp_path / "a.db", method, dying(5))
    with TreeStore.open(tmp_path / "a.db") as store:
        assert [r.stop for t in store.trees() for r in t.rollouts] == ["stop"] * 5


def test_a_rollout_computed_again_shows_that_the_backend_is_alive(tmp_path):
    """Else a run that was cut before its last failures could never be finished."""
    method = SparseDeepFork(n=4, fork_probability=0)
    with pytest.raises(EndpointError):
        grow(tmp_path / "a.db", method, flaky(1))
    cut = iter(range(len(PROBLEMS) * 2))

    def interrupt(rollout, outcome):
        if rollout.stop == "error" and rollout.backbone == 2 and next(cut) == 0:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        grow(tmp_path / "a.db", method, flaky(2), on_rollout=interrupt)
    grow(tmp_path / "a.db", method, flaky(2))
    grow(tmp_path / "whole.db", method, flaky(2))
    assert dump(tmp_path / "a.db") == dump(tmp_path / "whole.db")


def test_a_fork_is_graded_by_its_whole_solution(tmp_path):
    script = {"question 0": {"#### 1\nso it is": 1.0, "#### 1\nand that is all": 1.0}}
    trees = grow(tmp_path / "a.db", SparseDeepFork(n=2, fork_probability=1), ScriptedProposer(SCRIPT | script))
    outcomes = [trees[0].outcomes[r.leaf] for r in trees[0].rollouts]
    assert any(r.pivot for r in trees[0].rollouts)
    assert {o.answer for o in outcomes} == {"1"}


@pytest.mark.parametrize("name, value", [("temperature", math.nan), ("temperature", math.inf), ("top_p", math.nan)])
def test_sampling_refuses_what_is_no_number(name, value):
    with pytest.raises(UsageError, match=name):
        Sampling(**{name: value})


@given(st.lists(st.sampled_from(["ab", "\n", "c\n", "  "]), max_size=12), st.data())
def test_steps_keep_all_tokens_and_logprobs(tokens, data):
    text = "".join(tokens)
    ends = [sum(map(len, tokens[: i + 1])) for i in range(len(tokens))] + [len(text)]
    logprobs = tuple(-float(data.draw(st.integers(0, 9))) for _ in ends)
    completion = Completion(text=text, tokens=len(ends), stop="stop", token_ends=tuple(ends), token_logprobs=logprobs)
    steps = completion_steps(completion, "newline")
    assert "".join(s.text for s in steps) == text
    assert sum(s.tokens for s in steps) == len(ends)
    assert sum(s.logprob for s in steps) == pytest.approx(sum(logprobs))


@given(st.integers(0, 2**31), st.text(max_size=5))
def test_seeds_are_in_range_and_differ_between_places(seed, problem):
    seeds = {derive_seed(seed, problem, i, j) for i in range(4) for j in range(4)}
    assert len(seeds) == 16
    assert all(0 <= s < 2**63 for s in seeds)


def test_plans_of_an_empty_tree():
    from arts.trees.tree import Tree

    tree = Tree(problem_id="p", question="q")
    assert len(plan_backbones(tree, SparseDeepFork(n=5), 0)) == 5
    assert plan_forks(tree, SparseDeepFork(n=5), 0) == []
