"""One guided search over all problems, with any model and the verifier that reads it."""

import asyncio
from collections.abc import Sequence

import numpy as np
from _study import Arrays

from arts.problems.base import Problem, Verdict
from arts.problems.graders import make_grader
from arts.proposers.load import load_proposer
from arts.proposers.options import BackendOptions
from arts.proposers.prompt import PromptFormat
from arts.search.budget import Budget
from arts.search.engine import Engine, Plan
from arts.search.session import Drawing
from arts.search.strategies.guided import GuidedSearch
from arts.testbed.measure import SAMPLING
from arts.verifiers.neural import NeuralVerifier

LINE = 5
"""Tokens; a step may have a few more."""


def guided(model: str, verifier: NeuralVerifier, problems: Sequence[Problem], *, tokens: float, seed: int) -> Arrays:
    """By problem, whether the answer is right and how many tokens were generated; never more than ``tokens``."""
    plan = Plan(
        strategy=GuidedSearch,
        drawing=Drawing(sampling=SAMPLING, splitter="newline", step_tokens=LINE + 3),
        budget=Budget(generated_tokens=round(tokens)),
        selector="best_of_n",
        in_flight=len(problems),
        seed=seed,
    )
    proposer = load_proposer(model, prompt=PromptFormat(), options=BackendOptions(batch_size=1024))
    grader = make_grader("exact")
    engine = Engine(proposer, plan, grader, verifier=verifier.soundness())

    async def found() -> Arrays:
        solved = {s.tree.problem_id: s async for s in engine.solve(problems)}
        answers = [(p.answer, solved[p.id].answer) for p in problems]
        return {
            "correct": np.array([g.verdict is Verdict.CORRECT for g in grader.grade(answers)], dtype=float),
            "tokens": np.array([solved[p.id].spend.generated_tokens for p in problems], dtype=float),
        }

    return asyncio.run(found())
