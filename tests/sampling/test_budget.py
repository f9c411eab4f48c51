"""A budget of tokens goes to problems first, then to more solutions of each, never to forks."""

from hypothesis import given, strategies as st

from arts.sampling.budget import LEAST_SOLUTIONS, plan_trees

BUDGETS = st.integers(1, 10**9)
LENGTHS = st.floats(1, 5000)
COUNTS = st.integers(1, 10**5)


@given(budget=BUDGETS, length=LENGTHS, problems=COUNTS)
def test_a_budget_is_kept_where_it_buys_one_problem(budget, length, problems):
    plan = plan_trees(budget, length, problems)
    assert 1 <= plan.problems <= problems and plan.n >= LEAST_SOLUTIONS
    if budget >= LEAST_SOLUTIONS * length:
        assert plan.problems * plan.n * length <= budget * (1 + 1e-9)


@given(budget=BUDGETS, length=LENGTHS, problems=COUNTS)
def test_no_second_helping_while_there_are_problems_left(budget, length, problems):
    plan = plan_trees(budget, length, problems)
    assert plan.problems == problems or plan.n == LEAST_SOLUTIONS


@given(budget=BUDGETS, length=LENGTHS, problems=COUNTS, more=st.floats(1, 100), held=COUNTS)
def test_a_larger_budget_never_takes_less(budget, length, problems, more, held):
    before, after = (plan_trees(b, length, problems) for b in (budget, int(budget * more)))
    assert after.problems >= before.problems and after.n >= before.n
    assert plan_trees(budget, length, problems, held).problems >= held
