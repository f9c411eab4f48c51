import asyncio
import threading
from collections import Counter

import numpy as np
import pytest
from world import DRAWING, GRADER, HUNCH, LONGEST, PROBLEMS, SOLUTIONS, UNKNOWN, Reciter, by_text, make, solve, told

from arts.errors import EndpointError, UsageError
from arts.sampling.failures import MAX_FAILURES_IN_A_ROW
from arts.search.budget import Budget
from arts.search.dispatch import Dispatcher, Mailbox
from arts.search.engine import Engine, Plan
from arts.search.scoring import ScoringDesk
from arts.search.session import Search
from arts.trees.store import TreeStore
from arts.trees.tree import Tree
from arts.verifiers.simple import LikelihoodVerifier, length_verifier, random_verifier


class Counting:
    """Scores as another verifier does, and notes its batches; a token is a character of the state."""

    def __init__(self, inner=HUNCH, fails=False):
        self._inner, self._fails, self.name, self.unit, self.values = inner, fails, inner.name, inner.unit, inner.values
        self.batches, self.last_tokens, self.threads = [], [], set()

    def score(self, batch):
        if self._fails:
            raise ZeroDivisionError("broken verifier")
        self.threads.add(threading.current_thread())
        self.batches.append([(tree.problem_id, list(nodes)) for tree, nodes in batch])
        self.last_tokens = [(sum(len(tree.solution(n)) for n in nodes), 1) for tree, nodes in batch]
        return self._inner.score(batch)


def engine(strategy, *, proposer=None, verifier=HUNCH, store=None, grader=GRADER, **plan):
    plan = Plan(strategy=strategy, drawing=DRAWING, **plan)
    return Engine(proposer or Reciter(), plan, grader, verifier=verifier, store=store)


def left_over():
    return asyncio.all_tasks() - {asyncio.current_task()}


def run_and_look(body):
    """Run a coroutine; nothing may be left of it, and nothing may complain to the loop."""
    complaints = []

    async def watched():
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: complaints.append(context))
        try:
            return await body()
        finally:
            await asyncio.sleep(0)
            assert left_over() == set()

    try:
        return asyncio.run(watched())
    finally:
        assert complaints == []


def test_requests_of_many_problems_are_one_batch():
    proposer = Reciter()
    solve(PROBLEMS[:10], make("best_of_n", "n=4"), proposer=proposer)
    assert proposer.batches == [40]


def test_who_comes_a_little_later_comes_along():
    proposer, verifier = Reciter(), Counting()

    async def run():
        async with asyncio.TaskGroup() as tasks:
            dispatcher, desk = Dispatcher(proposer, DRAWING, tasks), ScoringDesk(verifier, tasks)

            async def ask(turns):
                tree = Tree(problem_id=f"p{turns}", question=f"q{turns}")
                search = Search(tree, make("best_of_n", "n=2")(), DRAWING, Budget())
                for _ in range(turns):
                    await asyncio.sleep(0)
                dispatcher.submit(Mailbox(), search.due())
                await desk.score(tree, [0])

            for turns in range(2):
                tasks.create_task(ask(turns))

    asyncio.run(run())
    assert proposer.batches == [4]
    assert verifier.batches == [[("p0", [0]), ("p1", [0])]]


def test_steps_of_many_problems_are_one_batch_for_each_depth():
    proposer = Reciter()
    solve(PROBLEMS[:10], make("beam"), proposer=proposer, verifier=HUNCH)
    assert sum(proposer.batches) > 100
    assert len(proposer.batches) <= 6


@pytest.mark.parametrize("concurrent", [False, True])
def test_never_more_than_the_batch_size_are_out(concurrent):
    proposer = Reciter(batch_size=7, concurrent=concurrent, delay=lambda count: 0)
    solve(PROBLEMS[:10], make("best_of_n", "n=4"), proposer=proposer)
    assert proposer.most_out == 7
    assert len(proposer.asked) == 40
    assert set(proposer.batches) == ({1} if concurrent else {7, 5})


@pytest.mark.parametrize("concurrent", [False, True])
def test_one_request_does_not_wait_behind_a_thousand_of_another_problem(concurrent):
    proposer = Reciter(batch_size=10, concurrent=concurrent, delay=lambda count: 0)
    sizes = iter([1, 1000, 1])  # the first is for the engine's own look
    order = []

    async def run():
        async for solved in engine(lambda: make("best_of_n", f"n={next(sizes)}")(), proposer=proposer).solve(
            PROBLEMS[:2]
        ):
            order.append((solved.tree.problem_id, len(proposer.asked)))

    asyncio.run(run())
    assert [name for name, _ in order] == ["p1", "p0"]
    assert order[0][1] <= 40
    assert order[1][1] == 1001


def test_searches_take_turns_while_there_is_more_than_fits():
    proposer = Reciter(batch_size=3)
    solve(PROBLEMS[:3], make("best_of_n", "n=4"), proposer=proposer)
    asked = [request.state.problem_id for request in proposer.asked]
    assert all(Counter(asked[i : i + 3]) == {"p0": 1, "p1": 1, "p2": 1} for i in range(0, 12, 3))


def test_a_deadline_ends_one_search_with_the_best_so_far():
    proposer = Reciter(concurrent=True, delay=lambda count: 0 if count < 5 else 60)
    problems = PROBLEMS[:2]
    found = solve(problems, make("best_of_n", "n=4"), proposer=proposer, budget=Budget(seconds=0.3))
    assert [s.stop_reason for s in found] in (["complete", "deadline"], ["deadline", "deadline"])
    assert [len(s.candidates) for s in found] == [4, 1]
    assert found[1].decision is not None
    assert (found[1].spend.cancelled_calls, proposer.cancelled, proposer.out) == (3, 3, 0)
    assert 0.3 <= found[1].spend.seconds < 5


@pytest.mark.parametrize("concurrent", [False, True])
def test_a_deadline_without_any_result_says_so(concurrent):
    proposer = Reciter(concurrent=concurrent, delay=lambda count: 0.2)
    (solved,) = solve(PROBLEMS[:1], make("beam"), proposer=proposer, budget=Budget(seconds=0.05), verifier=HUNCH)
    assert (solved.decision, solved.stop_reason) == (None, "deadline")
    assert "out of deadline" in solved.error


def test_problems_after_a_deadline_are_solved_as_if_nothing_had_been():
    proposer = Reciter(concurrent=True, delay=lambda count: 60 if count < 4 else 0)
    first, second = solve(
        PROBLEMS[:2], make("best_of_n", "n=4"), proposer=proposer, budget=Budget(seconds=0.2), in_flight=1
    )
    assert (first.stop_reason, second.stop_reason) == ("deadline", "complete")
    assert told(second) == told(solve(PROBLEMS[1:2], make("best_of_n", "n=4"))[0])


def test_states_of_many_problems_are_scored_together_beside_the_loop():
    verifier = Counting()
    solve(PROBLEMS[:10], make("beam"), verifier=verifier, selector="flow_vote")
    assert len(verifier.batches[0]) == 10
    assert len(verifier.batches) <= 12
    assert threading.main_thread() not in verifier.threads
    scored = [(name, node) for batch in verifier.batches for name, nodes in batch for node in nodes]
    assert len(set(scored)) == len(scored)


@pytest.mark.parametrize("most", [1, 30, 60, 10_000])
def test_a_verifier_budget_is_never_exceeded(most):
    (solved,) = solve(PROBLEMS[:1], make("beam"), verifier=Counting(), budget=Budget(verifier_tokens=most))
    assert solved.spend.verifier_tokens_new <= most
    assert solved.stop_reason == ("complete" if most == 10_000 else "verifier tokens")
    assert (solved.decision is None) == bool(solved.error)


def test_what_scoring_cost_is_told_for_each_problem():
    verifier = Counting()
    for solved in solve(PROBLEMS[:5], make("beam"), verifier=verifier):
        mine = [nodes for batch in verifier.batches for name, nodes in batch if name == solved.tree.problem_id]
        scored = [node for nodes in mine for node in nodes]
        assert solved.spend.verifier_tokens_new == sum(len(solved.tree.solution(node)) for node in scored)
        assert solved.spend.verifier_tokens_reused == len(mine)


@pytest.mark.parametrize("score_all", [False, True])
def test_every_state_is_scored_only_where_that_is_wanted(score_all):
    (solved,) = solve(PROBLEMS[:1], make("best_of_n"), verifier=HUNCH, selector="flow_vote", score_all=score_all)
    known = np.flatnonzero(~np.isnan(solved.tree.scores["hunch"])).tolist()
    assert known == (list(range(len(solved.tree))) if score_all else sorted(set(solved.candidates)))


@pytest.mark.parametrize(
    "name, verifier, words",
    [
        ("beam", None, "needs a verifier"),
        ("puct", None, "needs a verifier"),
        ("particles", random_verifier(), "random only orders them"),
        ("flow_sampling", length_verifier(), "length only orders them"),
        ("adaptive_flow_vote", length_verifier(), "length only orders them"),
        ("puct", LikelihoodVerifier(), "likelihood says nothing"),
        ("puct", random_verifier(), "random says nothing"),
    ],
)
def test_a_verifier_that_is_missing_or_does_not_fit_is_refused(name, verifier, words):
    with pytest.raises(UsageError, match=words):
        engine(make(name), verifier=verifier)


@pytest.mark.parametrize("name", ["best_of_n", "adaptive_majority"])
def test_a_vote_needs_no_verifier(name):
    (solved,) = solve(PROBLEMS[:1], make(name), verifier=None, selector="majority")
    assert solved.decision.selector == "majority"


def test_other_rules_need_one():
    with pytest.raises(UsageError, match="selector best_of_n needs a verifier"):
        solve(PROBLEMS[:1], make("best_of_n"), verifier=None, selector="best_of_n")


def test_an_order_suffices_to_compare():
    for verifier in (length_verifier(), random_verifier()):
        (solved,) = solve(PROBLEMS[:1], make("beam"), verifier=verifier, selector="best_of_n")
        assert solved.decision is not None


def test_many_problems_go_through_few_places():
    proposer = Reciter()
    running = engine(make("adaptive_majority"), proposer=proposer, verifier=None)
    taken, seen = [], []

    def problems():
        for problem in PROBLEMS:
            taken.append(problem.id)
            yield problem

    async def run():
        async for solved in running.solve(problems()):
            seen.append((solved.tree.problem_id, len(taken), running.progress.in_flight))
            assert solved.decision is not None

    run_and_look(run)
    assert Counter(name for name, *_ in seen) == Counter(p.id for p in PROBLEMS)
    assert max(flying for *_, flying in seen) <= 64
    assert all(begun <= at + 1 + 2 * 64 for at, (_, begun, _) in enumerate(seen))
    assert (running.progress.done, running.progress.in_flight) == (500, 0)
    assert running.progress.generated_tokens > 500
    assert len(proposer.batches) < 500


def test_no_problems_have_no_results():
    assert solve([], make("beam"), verifier=HUNCH) == []


class Exploding(Reciter):
    """Raises at one of its requests."""

    def __init__(self, error, at=20, **options):
        super().__init__(**options)
        self._error, self._at = error, at

    async def propose(self, requests, sampling):
        last = len(self.asked) + len(requests)
        async for pair in super().propose(requests, sampling):
            yield pair
        if last >= self._at:
            raise self._error


@pytest.mark.parametrize("name", ["best_of_n", "beam", "puct"])
@pytest.mark.parametrize("concurrent", [False, True])
@pytest.mark.parametrize("error", [EndpointError("gone"), ZeroDivisionError("a bug")], ids=repr)
@pytest.mark.parametrize("delay", [None, lambda count: 0.001 * (count % 3)], ids=["at once", "later"])
def test_an_exception_of_a_proposer_comes_out_as_itself_and_leaves_nothing(name, concurrent, error, delay):
    proposer = Exploding(error, batch_size=4, concurrent=concurrent, delay=delay)

    async def run():
        async for _ in engine(make(name), proposer=proposer).solve(PROBLEMS[:8]):
            pass

    with pytest.raises(type(error)) as caught:
        run_and_look(run)
    assert caught.value is error
    assert proposer.out == 0


def test_an_exception_of_a_verifier_or_grader_comes_out_as_itself_and_leaves_nothing():
    class BrokenGrader:
        name = "broken"

        def extract(self, text):
            raise ZeroDivisionError("broken grader")

    async def run(**options):
        async for _ in engine(make("adaptive_flow_vote"), **options).solve(PROBLEMS[:8]):
            pass

    for options, words in (({"verifier": Counting(fails=True)}, "verifier"), ({"grader": BrokenGrader()}, "grader")):
        with pytest.raises(ZeroDivisionError, match=f"broken {words}"):
            run_and_look(lambda options=options: run(**options))


@pytest.mark.parametrize("concurrent", [False, True])
@pytest.mark.parametrize("after", [0, 1, 5])
def test_a_run_that_is_given_up_leaves_nothing_running(concurrent, after):
    proposer = Reciter(batch_size=6, concurrent=concurrent, delay=lambda count: 0)

    async def run():
        solving, seen = engine(make("beam"), proposer=proposer, in_flight=5).solve(PROBLEMS[:50]), 0
        while seen < after:
            await anext(solving)
            seen += 1
        await solving.aclose()
        assert left_over() == set()
        assert proposer.out == 0

    run_and_look(run)
    assert len(proposer.asked) < 300


@pytest.mark.parametrize("concurrent", [False, True])
def test_a_run_that_is_cancelled_leaves_nothing_running(concurrent):
    proposer = Reciter(batch_size=6, concurrent=concurrent, delay=lambda count: 0.001)

    async def consume():
        async for _ in engine(make("beam"), proposer=proposer).solve(PROBLEMS[:50]):
            pass

    async def run():
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(consume(), 0.05)
        assert left_over() == set()

    run_and_look(run)
    assert proposer.out == 0
    assert proposer.asked


@pytest.mark.parametrize("concurrent", [False, True])
def test_a_backend_that_only_fails_ends_the_run_and_nothing_is_recorded(concurrent, tmp_path):
    proposer = Reciter(batch_size=8, concurrent=concurrent, delay=lambda count: 0, fails=lambda count: True)
    with TreeStore.create(tmp_path / "s.db", {}) as store:
        store.add_problems(PROBLEMS[:20])

        async def run():
            async for _ in engine(make("best_of_n"), proposer=proposer, store=store).solve(PROBLEMS[:20]):
                pass

        with pytest.raises(EndpointError, match="as told"):
            run_and_look(run)
        assert all(not tree.rollouts for tree in store.trees())
    assert MAX_FAILURES_IN_A_ROW <= len(proposer.asked) < 20 * 6


def test_failures_are_recorded_once_a_later_success_has_shown_that_the_backend_lives(tmp_path):
    problems = [UNKNOWN, *PROBLEMS[:2]]
    with TreeStore.create(tmp_path / "s.db", {}) as store:
        store.add_problems(problems)
        solve(problems, make("best_of_n"), store=store)
        assert [r.stop for r in store.tree("unknown").rollouts] == ["error"] * 6
        proposer = Reciter()
        again = solve(problems, make("best_of_n"), store=store, proposer=proposer)
        assert proposer.asked == []  # failures are data
        assert again[0].stop_reason == "nothing succeeded"


def test_scores_on_record_are_not_computed_again(tmp_path):
    with TreeStore.create(tmp_path / "s.db", {}) as store:
        store.add_problems(PROBLEMS[:3])
        first = solve(PROBLEMS[:3], make("beam"), store=store, selector="flow_vote")
        verifier = Counting(by_text("truth", "probability", lambda question, text: 1 / 0))
        again = solve(PROBLEMS[:3], make("beam"), store=store, selector="flow_vote", verifier=verifier)
    assert verifier.batches == []
    assert [told(s, replayed=True) for s in again] == [told(s, replayed=True) for s in first]


def test_tokens_of_a_whole_run_are_those_of_its_requests():
    proposer = Reciter()
    found = solve(PROBLEMS[:10], make("beam"), proposer=proposer, verifier=HUNCH)
    assert sum(s.spend.proposer_calls for s in found) == len(proposer.asked)
    assert sum(s.spend.prompt_tokens for s in found) == sum(
        len(r.state.question) + len(r.state.text) for r in proposer.asked
    )
    assert all(r.max_tokens <= LONGEST for r in proposer.asked)
    assert all(r.state.question in SOLUTIONS for r in proposer.asked)
