from dataclasses import replace

import pytest
from hypothesis import given, strategies as st
from world import DRAWING, HUNCH, LONGEST, PROBLEMS, Reciter, drive, make, solve

from arts.errors import StoreError, UsageError
from arts.proposers.base import Completion, Sampling
from arts.search.base import Expansion, finished
from arts.search.budget import Budget, Ledger, Spend
from arts.search.session import Drawing, Search
from arts.trees.tree import ROOT, Rollout, Tree

NOTHING = Completion(text="", tokens=0, stop="error", error="as told")


class Told:
    """A strategy that asks for given rounds, each a list of expansions or a function of the results before."""

    needs, answers = "nothing", False

    def __init__(self, *rounds):
        self.candidates, self.results, self._rounds = [], [], list(rounds)

    def ask(self, tree, rng):
        if not self._rounds:
            return []
        asked = self._rounds.pop(0)
        return asked(self.results[-1]) if callable(asked) else asked

    def tell(self, tree, results):
        self.results.append(list(results))
        self.candidates += finished(results)

    def settled(self, results):
        return False


def step(node=ROOT, times=1):
    return [Expansion(node=node)] * times


def whole(node=ROOT, times=1):
    return [Expansion(node=node, whole=True)] * times


def onwards(results):
    return [Expansion(node=g.node) for g in results if g.status == "open"]


def searching(*rounds, budget=None, seed=0, problem=PROBLEMS[0], tree=None, **drawing):
    tree = tree or Tree(problem_id=problem.id, question=problem.question)
    return Search(tree, Told(*rounds), replace(DRAWING, **drawing), budget or Budget(), seed=seed)


def answer(search, *completions):
    """Give the calls that are due these completions, and go on; returns the calls."""
    calls = search.due()
    for call, completion in zip(calls, completions, strict=True):
        search.receive(call, completion)
    search.advance()
    return calls


def drawn(text, *, boundary=False, stop="stop", tokens=None):
    return Completion(text=text, tokens=len(text) + 1 if tokens is None else tokens, stop=stop, boundary=boundary)


def seeds(search):
    """By state and kind, the seeds in the order of the draws."""
    found = {}
    for call in drive(search, verifier=HUNCH):
        key = call.request.state.text, call.expansion.whole
        found.setdefault(key, []).append(call.request.seed)
    return found


def test_the_same_draw_at_the_same_state_has_the_same_seed_whatever_the_strategy():
    tree = {"problem_id": "p3", "question": "q3"}
    names = ("best_of_n", "adaptive_majority", "beam", "dvts", "flow_sampling", "best_first", "puct", "particles")
    found = [seeds(Search(Tree(**tree), make(name)(), DRAWING, Budget(), seed=5)) for name in names]
    compared = 0
    for first in found:
        for second in found:
            for key in first.keys() & second.keys():
                both = min(len(first[key]), len(second[key]))
                assert first[key][:both] == second[key][:both]
                compared += both
    assert compared > 200
    every = [seed for one in found for many in one.values() for seed in set(many)]
    assert all(0 <= seed < 2**63 for seed in every)
    for one in found:
        together = [seed for many in one.values() for seed in many]
        assert len(set(together)) == len(together)


def test_seeds_depend_on_the_run_the_problem_the_state_and_the_kind():
    def first(expansion, **options):
        return searching([expansion], **options).due()[0].request.seed

    (a,), (b,) = step(), whole()
    assert len({first(a), first(b), first(a, seed=1), first(a, problem=PROBLEMS[1])}) == 4
    assert first(a) == first(a)


@pytest.mark.parametrize("splitter, mark", [("newline", "\n"), ("gsm8k", "\n"), ("paragraph", "\n\n")])
def test_a_step_ends_with_the_mark_of_its_splitter(splitter, mark):
    search = searching(step(), onwards, splitter=splitter)
    assert search.drawing.step_sampling.stop == (mark,)
    answer(search, drawn("one", boundary=True))
    assert (search.tree.text, search.tree.stop) == (["", f"one{mark}"], [None, None])
    assert search.tree.rollouts[0].stop == "step"
    (call,) = search.due()
    assert call.request.state.text == f"one{mark}"


def test_a_stop_string_of_the_sampling_stays():
    drawing = Drawing(sampling=Sampling(stop=("Q:",)), splitter="newline")
    assert drawing.step_sampling.stop == ("Q:", "\n")


@pytest.mark.parametrize("splitter", ["numbered", "sentence"])
def test_a_splitter_without_a_mark_draws_only_whole_solutions(splitter):
    drawing = Drawing(sampling=Sampling(), splitter=splitter)
    with pytest.raises(UsageError, match="newline or paragraph"):
        drawing.step_sampling  # noqa: B018


def test_a_step_that_was_cut_goes_on_where_it_was():
    search = searching(step(), onwards, onwards, step_tokens=4)
    (first,) = answer(search, drawn("one ", stop="length", tokens=4))
    assert (first.granted, first.request.max_tokens) == (4, 4)
    (second,) = answer(search, drawn("two", boundary=True))
    assert second.request.state.text == "one "
    answer(search, drawn("= 3"))
    assert search.due() == []
    assert search.tree.text == ["", "one ", "two\n", "= 3"]
    assert [r.stop for r in search.tree.rollouts] == ["step", "step", "stop"]
    assert [r.pivot for r in search.tree.rollouts] == [0, 1, 2]
    assert search.candidates == [3]
    assert search.stopped == "complete"


def test_an_ended_solution_is_no_open_state():
    search = searching(step(times=2), onwards)
    answer(search, drawn("= 1"), drawn("= 1", boundary=True))
    assert [(g.node, g.status) for g in search.strategy.results[0]] == [(1, "finished"), (2, "open")]
    assert search.tree.text == ["", "= 1", "= 1\n"]
    assert len(search.due()) == 1


def test_an_ending_that_was_taken_for_a_boundary_ends_with_nothing_more():
    search = searching(step(), onwards)
    answer(search, drawn("= 1", boundary=True))
    answer(search, drawn("", tokens=1))
    assert search.tree.solution(search.candidates[0]) == "= 1\n"
    assert search.tree.text == ["", "= 1\n", ""]
    assert [r.stop for r in search.tree.rollouts] == ["step", "stop"]


def test_a_whole_solution_is_cut_into_steps_and_shares_them():
    search = searching(whole(times=2))
    answer(search, drawn("one\n= 1"), drawn("one\n= 2"))
    assert search.tree.text == ["", "one\n", "= 1", "= 2"]
    assert search.tree.parent == [-1, 0, 1, 1]
    assert search.candidates == [2, 3]


def test_a_failed_draw_adds_nothing_and_says_so():
    search = searching(step(times=2), onwards)
    answer(search, NOTHING, drawn("one", boundary=True))
    failed, good = search.strategy.results[0]
    assert (failed.node, failed.status, good.status) == (ROOT, "failed", "open")
    assert len(search.tree) == 2
    assert search.tree.rollouts[0] == Rollout(backbone=0, leaf=ROOT, tokens=0, stop="error", error="as told")
    assert search.ledger.spend.failed_calls == 1


def test_the_limit_of_a_solution_holds_along_its_path():
    search = searching(step(), onwards, onwards, onwards, step_tokens=10, sampling=Sampling(max_tokens=24))
    limits = [answer(search, drawn("0123456789", stop="length", tokens=10))[0].granted for _ in range(2)]
    (last,) = search.due()
    assert [*limits, last.granted] == [10, 10, 4]
    search.receive(last, drawn("0123", stop="length", tokens=4))
    search.advance()
    assert [g.status for g in search.strategy.results[-1]] == ["cut"]
    assert search.tree.stop[-1] == "length"
    answer(search, NOTHING)  # what was to finish it after all
    assert (search.due(), search.stopped, search.candidates) == ([], "complete", [])


def test_a_step_that_ends_with_the_last_token_is_cut_too():
    search = searching(step(), onwards, sampling=Sampling(max_tokens=4))
    answer(search, drawn("one", boundary=True, tokens=4))
    assert [g.status for g in search.strategy.results[0]] == ["cut"]


def test_the_rest_of_a_solution_has_the_rest_of_its_tokens():
    search = searching(step(), lambda results: whole(results[0].node), step_tokens=10)
    answer(search, drawn("one", boundary=True, tokens=5))
    (call,) = search.due()
    assert call.request.max_tokens == LONGEST - 5


def test_a_state_without_room_is_cut_without_a_call():
    search = searching(step(), lambda results: step(1) + whole(1), sampling=Sampling(max_tokens=4))
    answer(search, drawn("one", boundary=True, tokens=4))
    assert search.due() == []
    search.advance()
    assert [g.status for g in search.strategy.results[1]] == ["cut", "cut"]
    assert search.ledger.spend.proposer_calls == 1


def test_results_come_in_the_order_they_were_asked_for():
    search = searching(step(times=3))
    a, b, c = search.due()
    for call, text in ((c, "three"), (a, "one")):
        search.receive(call, drawn(text, boundary=True))
        search.advance()
    assert search.strategy.results == []
    search.receive(b, drawn("two", boundary=True))
    search.advance()
    assert [search.tree.text[g.node] for g in search.strategy.results[0]] == ["one\n", "two\n", "three\n"]


@given(
    requests=st.lists(st.tuples(st.integers(1, 30), st.floats(0, 1), st.integers(0, 20)), min_size=1, max_size=12),
    tokens=st.none() | st.integers(1, 150),
    calls=st.none() | st.integers(1, 10),
    orders=st.tuples(st.randoms(use_true_random=False), st.randoms(use_true_random=False)),
)
def test_grants_depend_on_the_order_of_requests_and_not_on_that_of_results(requests, tokens, calls, orders):
    budget = Budget(generated_tokens=tokens, proposer_calls=calls)
    histories = [granted(requests, budget, order) for order in orders]
    assert histories[0] == histories[1]
    grants, spend = histories[0]
    assert spend.generated_tokens <= (tokens or spend.generated_tokens)
    assert spend.proposer_calls == len(grants) <= (calls or len(grants))
    assert all(0 < grant <= limit for grant, (limit, *_) in zip(grants, requests, strict=False))
    if tokens is calls is None:
        assert grants == [limit for limit, *_ in requests]


def granted(requests, budget, order):
    """Grants of the requests, one after the other, where results come back in some order and at some time."""
    ledger, out, grants = Ledger(budget), [], []
    for limit, share, reserve in requests:
        while out and order.random() < 0.5:
            ledger.settle(*out.pop(order.randrange(len(out))))
        while not (grant := ledger.admit(limit, reserve)) and out:
            ledger.settle(*out.pop(order.randrange(len(out))))
        if not grant:
            break
        grants.append(grant)
        out.append((grant, round(share * grant)))
        promised = sum(held for held, _ in out)
        if budget.generated_tokens is not None:
            assert ledger.spend.generated_tokens + promised <= budget.generated_tokens - (
                reserve if len(out) > 1 else 0
            )
    while out:
        ledger.settle(*out.pop(order.randrange(len(out))))
    return grants, ledger.spend


def test_what_was_cancelled_is_free_again_but_for_its_call():
    ledger = Ledger(Budget(generated_tokens=10, proposer_calls=3))
    assert ledger.admit(10) == 10
    assert ledger.admit(1) == 0
    ledger.cancel(10)
    assert ledger.admit(8) == 8
    ledger.settle(8, 8, 5, failed=True)
    assert ledger.admit(8) == 2
    assert ledger.admit(8) == 0
    assert ledger.exhausted() == "proposer calls"
    ledger.settle(2, 2)
    assert ledger.spend == Spend(
        generated_tokens=10, proposer_calls=3, failed_calls=1, cancelled_calls=1, prompt_tokens=5
    )


def test_a_reserve_is_left_of_tokens_and_of_calls():
    ledger = Ledger(Budget(generated_tokens=20, proposer_calls=3))
    assert ledger.admit(8, reserve=10) == 8
    ledger.settle(8, 8)
    assert ledger.admit(8, reserve=10) == 2
    ledger.settle(2, 1)
    assert ledger.admit(1, reserve=10) == 0  # the last call is for it
    assert ledger.admit(10) == 10


@pytest.mark.parametrize("budget", [Budget(generated_tokens=LONGEST + 13), Budget(proposer_calls=3)])
def test_what_was_kept_back_finishes_the_best_open_state(budget):
    search = searching(step(times=2), onwards, onwards, budget=budget)
    bad, good = search.due() if budget.proposer_calls else [*search.due(), None]
    search.receive(bad, drawn("a", boundary=True, tokens=6))
    if good is None:
        (good,) = search.due()
    search.receive(good, drawn("bb", boundary=True, tokens=6))
    search.scores |= {1: (-2.0, 0.1), 2: (-1.0, 0.9)}
    search.advance()
    while calls := search.due():
        (call,) = calls
        if call.expansion.whole:
            break
        search.receive(call, drawn("x", boundary=True, tokens=1))
        search.advance()
    assert call.expansion == Expansion(node=2, whole=True)
    assert call.request.max_tokens == LONGEST - 6
    search.receive(call, drawn("x\n= 1", tokens=8))
    search.advance()
    while calls := search.due():
        for call in calls:
            search.receive(call, NOTHING)
        search.advance()
    assert search.tree.solution(search.candidates[0]) == "bb\nx\n= 1"
    assert search.ledger.spend.generated_tokens <= LONGEST + 13


def test_a_budget_that_ends_before_any_step_goes_into_one_solution():
    for budget in (Budget(generated_tokens=LONGEST), Budget(proposer_calls=1)):
        (solved,) = solve(PROBLEMS[:1], make("beam"), budget=budget)
        assert [r.pivot for r in solved.tree.rollouts] == [0]
        assert solved.decision is not None
        assert solved.spend.proposer_calls == 1


def test_a_strategy_that_ends_without_a_solution_gets_its_best_state_finished():
    proposer = Reciter()
    (solved,) = solve(PROBLEMS[:1], make("puct", "n=1"), proposer=proposer, verifier=HUNCH)
    assert (solved.stop_reason, len(solved.candidates)) == ("complete", 1)
    assert len(proposer.asked) == 4
    scores = solved.tree.scores["hunch"]
    started = solved.tree.path(solved.candidates[0])[0]
    assert scores[started] == max(scores[r.leaf] for r in solved.tree.rollouts if r.stop == "step")


def test_after_a_solution_nothing_is_kept_back():
    search = searching(whole(), step(times=3), budget=Budget(generated_tokens=20, proposer_calls=4))
    answer(search, drawn("= 1", tokens=5))
    assert [call.granted for call in search.due()] == [12]  # of 15, and then no whole step is left
    assert search.stopped is None


def test_a_record_of_another_search_is_refused():
    tree = Tree(problem_id="p0", question="q0")
    search = searching(step(), onwards, tree=tree)
    answer(search, drawn("one", boundary=True))
    answer(search, drawn("two", boundary=True))
    again = searching(step(times=2), tree=tree)
    with pytest.raises(StoreError, match="different state"):
        again.due()


def test_what_is_on_record_is_known_with_its_scores_before_the_strategy_is_told():
    tree = Tree(problem_id="p0", question="q0")
    budget = Budget(proposer_calls=2)
    answer(searching(step(times=2), budget=budget, tree=tree), drawn("one", boundary=True))
    again = searching(step(times=2), budget=budget, tree=tree)
    assert (again.due(), again.recalled, again.unscored()) == ([], True, [1])
    assert again.strategy.results == []
    again.scores[1] = (-1.0, 0.5)
    again.advance()
    (call,) = again.due()
    assert call.expansion == Expansion(node=1, whole=True)
    assert not again.recalled
    assert again.strategy.results[0][0].log_flow == -1.0


def test_whether_a_round_is_settled_is_asked_of_its_first_results_only():
    search, asked = searching(whole(times=4)), []
    search.strategy.answers = True
    search.strategy.settled = lambda results: bool(asked.append([g.node for g in results]))
    calls = search.due()
    for place in (2, 1, 0):
        search.receive(calls[place], drawn(f"= {place}"))
        search.advance()
    assert asked == [[3], [3, 2], [3, 2, 1]]


def test_what_settles_a_round_does_not_depend_on_what_else_has_arrived():
    for arriving in ((0, 1), (1, 0), (3, 2, 1, 0), (0, 1, 2, 3)):
        search = searching(whole(times=4))
        search.strategy.answers = True
        search.strategy.settled = lambda results: len(results) >= 2
        calls = search.due()
        for place in arriving:
            search.receive(calls[place], drawn(f"= {place}"))
        search.advance()
        texts = [search.tree.text[node] for node in search.candidates]
        assert (search.stopped, texts, search.out) == ("settled", ["= 0", "= 1"], [])


def test_stopping_tells_what_has_come_back_and_cancels_the_rest():
    search = searching(whole(times=3))
    first, *_ = search.due()
    search.receive(first, drawn("= 1"))
    search.stop("deadline")
    assert [g.status for g in search.strategy.results[0]] == ["finished", "failed", "failed"]
    assert (search.candidates, search.stopped, search.out) == ([1], "deadline", [])
    assert search.ledger.spend.cancelled_calls == 2
    assert search.due() == []
