"""Probes: which states, how many continuations, and what is counted."""

import asyncio
from collections import Counter

import pytest

from arts.problems.base import Problem
from arts.problems.graders import make_grader
from arts.proposers.base import Completion, Sampling
from arts.proposers.scripted import ScriptedProposer
from arts.sampling.fork import SparseDeepFork
from arts.sampling.grow import Grower, GrowthPlan, grow_tree
from arts.sampling.probe import are_of, choose_states, probe_phase, success_counts
from arts.trees.exchange import export_trees
from arts.trees.store import TreeStore

SCRIPT = {
    f"question {i}": {
        "a\nb\nc\n#### 1": 3.0,
        f"a\nb\nd\n#### {i}": 2.0,
        "a\ne\n#### 2": 2.0,
        "f\n#### 1": 1.0,
        "g\nh\n#### 2": 2.0,
    }
    for i in range(12)
}
PROBLEMS = [Problem(id=f"p{i}", question=q, answer="1") for i, q in enumerate(SCRIPT)]
NAMES = [p.id for p in PROBLEMS]


def grown(problem, n=8, fork_probability=0.5):
    method = SparseDeepFork(n=n, fork_probability=fork_probability)
    return asyncio.run(grow_tree(problem.question, ScriptedProposer(SCRIPT), method, seed=1, problem_id=problem.id))


TREES = {p.id: grown(p) for p in PROBLEMS}
STATES = choose_states(TREES.values(), 5, seed=0)


def probe(path, states=STATES, n=6, seed=0, proposer=None, **changes):
    plan = GrowthPlan(
        method=SparseDeepFork(n=n, fork_probability=0.0),
        sampling=Sampling(),
        run_seed=seed,
        unit_problems=3,
        phases=(probe_phase(states),),
    )
    store = TreeStore.open(path, write=True) if path.exists() else TreeStore.create(path)
    with store:
        store.add_problems(PROBLEMS)
        grower = Grower(store, proposer or ScriptedProposer(SCRIPT), make_grader("exact"), plan, **changes)
        asyncio.run(grower.run())
        return {t.problem_id: t for t in store.trees()}


def dump(path):
    with TreeStore.open(path) as store:
        export_trees(store, path.with_suffix(".jsonl"))
    return path.with_suffix(".jsonl").read_bytes()


def texts(state):
    return [s.text for s in state.steps]


def exact(state):
    """The success probability from a state, by the script."""
    question = TREES[state.problem_id].question
    rest = {t: w for t, w in SCRIPT[question].items() if t.startswith("".join(texts(state)))}
    return sum(w for t, w in rest.items() if t.endswith("#### 1")) / sum(rest.values())


def test_states_are_inner_ones_of_different_problems_at_each_depth():
    for depth, count in Counter(s.depth for s in STATES).items():
        assert count <= 5
        assert len({s.problem_id for s in STATES if s.depth == depth}) == count
    for state in STATES:
        tree = TREES[state.problem_id]
        assert tree.stop[state.node] is None and tree.depth[state.node] == state.depth > 0
        assert tree.solution(state.node) == "".join(texts(state))
    assert {s.depth for s in STATES} == {1, 2, 3}


def test_the_same_seed_gives_the_same_states_and_another_one_others():
    assert choose_states(TREES.values(), 5, seed=0) == STATES
    assert choose_states(TREES.values(), 5, seed=1) != STATES


def test_more_states_are_the_same_ones_and_more():
    few = choose_states(TREES.values(), 2, seed=0)
    assert len(few) < len(STATES)
    assert all(state in STATES for state in few)


def test_states_are_drawn_as_often_as_the_proposer_visits_them():
    trees = [grown(PROBLEMS[0], n=40, fork_probability=0.0)]
    first = Counter(texts(s)[0] for seed in range(600) for s in choose_states(trees, 1, seed) if s.depth == 1)
    inner = Counter(trees[0].text[trees[0].path(r.leaf)[0]] for r in trees[0].backbones)
    for text, count in inner.items():
        assert first[text] / 600 == pytest.approx(count / 40, abs=0.08)


def test_trees_without_inner_states_have_none_to_probe():
    assert choose_states([], 5, seed=0) == []
    script = ScriptedProposer({"q": {"#### 1": 1.0}})
    tree = asyncio.run(grow_tree("q", script, SparseDeepFork(n=2)))
    assert choose_states([tree], 5, seed=0) == []


def test_every_state_gets_so_many_continuations(tmp_path):
    trees = probe(tmp_path / "probes.db")
    for state in STATES:
        tree = trees[state.problem_id]
        probes = [r for r in tree.rollouts if r.pivot == state.depth]
        assert sorted(r.backbone for r in probes) == list(range(6))
        assert {tuple(tree.text[n] for n in tree.path(r.leaf)[: r.pivot]) for r in probes} == {tuple(texts(state))}
        assert all(tree.solution(r.leaf) in SCRIPT[tree.question] for r in probes)
    assert sum(len(t.rollouts) for t in trees.values()) == 6 * len(STATES)
    assert are_of(STATES, trees)


def test_counts_approach_the_probability_that_they_estimate(tmp_path):
    graded, correct = success_counts(STATES, probe(tmp_path / "probes.db", n=400))
    assert graded.tolist() == [400] * len(STATES)
    assert (correct / graded).tolist() == pytest.approx([exact(s) for s in STATES], abs=0.1)
    assert len({exact(s) for s in STATES}) > 3


def test_counts_of_a_state_do_not_depend_on_the_others(tmp_path):
    both = success_counts(STATES, probe(tmp_path / "all.db"))
    for state, *counts in zip(STATES, *both, strict=True):
        path = tmp_path / f"{state.problem_id}-{state.depth}.db"
        alone = success_counts([state], probe(path, [state]))
        assert [c[0] for c in alone] == counts


@pytest.mark.parametrize("after", [1, 20, 50])
def test_interrupted_probes_resume_to_the_same_store(tmp_path, after):
    probe(tmp_path / "whole.db")
    left = iter(range(after))

    def interrupt(rollout, outcome):
        if next(left, None) is None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        probe(tmp_path / "cut.db", on_rollout=interrupt)
    probe(tmp_path / "cut.db")
    assert dump(tmp_path / "cut.db") == dump(tmp_path / "whole.db")


def test_larger_numbers_add_probes_and_change_none(tmp_path):
    few = probe(tmp_path / "probes.db", choose_states(TREES.values(), 2, seed=0), n=3)
    more = probe(tmp_path / "probes.db")
    for name, before in few.items():
        assert more[name].rollouts[: len(before.rollouts)] == before.rollouts
        assert more[name].text[: len(before)] == before.text
    graded, _ = success_counts(STATES, more)
    assert graded.tolist() == [6] * len(STATES)


def test_probes_of_other_states_are_recognised(tmp_path):
    trees = probe(tmp_path / "probes.db")
    others = [s for seed in range(1, 20) for s in choose_states(TREES.values(), 5, seed)]
    place = {(s.problem_id, s.depth): texts(s) for s in STATES}
    other = next(s for s in others if place.get((s.problem_id, s.depth), texts(s)) != texts(s))
    assert not are_of([other], trees)


class Deaf:
    """Fails whatever begins with ``prefix``."""

    name, reproducible, batch_size, concurrent = "deaf", True, 8, False

    def __init__(self, prefix):
        self.prefix, self.inner = prefix, ScriptedProposer(SCRIPT)

    async def propose(self, requests, sampling):
        async for i, completion in self.inner.propose(requests, sampling):
            failed = Completion(text="", tokens=0, stop="error", error="boom", refused=True)
            yield i, failed if requests[i].state.text.startswith(self.prefix) else completion

    async def aclose(self):
        pass


def test_a_state_whose_probes_fail_counts_nothing(tmp_path):
    trees = probe(tmp_path / "probes.db", proposer=Deaf("a\nb\n"))
    graded, correct = success_counts(STATES, trees)
    lost = [texts(s)[:2] == ["a\n", "b\n"] for s in STATES]
    assert any(lost) and not all(lost)
    assert [g == 0 for g in graded] == lost
    assert (correct <= graded).all()
    assert are_of(STATES, trees)
