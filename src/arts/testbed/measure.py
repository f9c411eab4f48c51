"""What a model does on the bundled task."""

from collections.abc import Sequence

import numpy as np

from arts.arrays import Bools
from arts.problems.base import Problem, Verdict
from arts.problems.graders import make_grader
from arts.proposers.base import Request, Sampling
from arts.proposers.load import load_proposer
from arts.proposers.options import BackendOptions
from arts.proposers.prompt import PromptFormat
from arts.sampling.fork import derive_seed
from arts.trees.tree import State

SAMPLING = Sampling(temperature=1.0, top_p=0.95, max_tokens=46)
"""How the task is sampled: nine lines of five tokens and the end mark."""


async def measure(model: str, problems: Sequence[Problem], n: int, seed: int = 0) -> Bools:
    """Which of ``n`` samples per problem are correct, shape (P, n)."""
    proposer = load_proposer(model, prompt=PromptFormat(), options=BackendOptions())
    grader = make_grader("exact")
    asked = [(p, i) for p in problems for i in range(n)]
    requests = [
        Request(state=State(problem_id=p.id, question=p.question), seed=derive_seed(seed, p.id, i, 0)) for p, i in asked
    ]
    correct = np.zeros(len(requests), dtype=bool)
    async for index, completion in proposer.propose(requests, SAMPLING):
        answer = grader.extract(completion.text) if completion.stop == "stop" else None
        correct[index] = grader.grade([(asked[index][0].answer, answer)])[0].verdict is Verdict.CORRECT
    await proposer.aclose()
    return correct.reshape(len(problems), n)
