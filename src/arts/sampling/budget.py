"""How a budget of generated tokens is best spent on trees to learn from."""

from dataclasses import dataclass

LEAST_SOLUTIONS = 4
"""Solutions of each problem while there are more problems to be had."""
MOST_SOLUTIONS = 16
"""Beyond so many of each problem, more solutions of the same problems were not measured to help."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TreePlan:
    """So many ``problems``, ``n`` whole solutions of each and no forks, for about so many generated ``tokens``."""

    problems: int
    n: int
    tokens: int


def plan_trees(
    budget_tokens: int, tokens_per_solution: float, problems: int, held: int = 0, least: int = LEAST_SOLUTIONS
) -> TreePlan:
    """The plan that the ablation of docs/verifiers.md recommends, of at most so many ``problems``.

    ``held`` problems are in the store already, with ``least`` solutions of each; they are not given up.

    At equal generated tokens a verifier learns most from many problems with few solutions of each; forks gained
    nothing. So first every problem with four solutions, then more solutions of each. At least one problem is taken,
    whatever the budget.

    >>> plan_trees(40_000, 20.0, 10_000)
    TreePlan(problems=500, n=4, tokens=40000)
    >>> plan_trees(40_000, 20.0, 200)
    TreePlan(problems=200, n=10, tokens=40000)
    """
    solutions = budget_tokens / max(tokens_per_solution, 1.0)
    problems = max(problems, held)
    taken = max(1, held, min(problems, int(solutions / least)))
    n = max(least, int(solutions / taken)) if taken == problems else least
    return TreePlan(problems=taken, n=n, tokens=round(taken * n * tokens_per_solution))
