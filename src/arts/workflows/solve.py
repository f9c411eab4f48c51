"""Answer one question, or every problem of a set, by a search strategy under a budget."""

import asyncio
import hashlib
import os
from collections.abc import Callable, Coroutine, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Concatenate, ParamSpec

import numpy as np

from arts.config import to_dict
from arts.errors import UsageError
from arts.files import StrPath
from arts.models import BUNDLED
from arts.problems.base import Grader, Problem, Verdict
from arts.problems.graders import GraderLike, opened_grader
from arts.proposers.base import Proposer, Sampling
from arts.proposers.load import opened_proposer
from arts.proposers.options import BackendOptions
from arts.proposers.prompt import PromptFormat
from arts.search.answer import Solved
from arts.search.base import Strategy
from arts.search.budget import Budget
from arts.search.engine import Engine, Plan, Progress
from arts.search.session import Drawing
from arts.search.strategies import strategy_factory
from arts.selection.base import SCORES
from arts.selection.decide import usable
from arts.selection.scores import Aggregation
from arts.trees.runs import RunConfig
from arts.trees.splitting import SplitterName
from arts.verifiers.base import ReadsSteps, Verifier
from arts.verifiers.load import cached, load_verifier
from arts.workflows.blocking import blocking, like
from arts.workflows.runs import open_run
from arts.workflows.strategy import default_strategy
from arts.workflows.tasks import CONGRUENCES, GIVEN, named_problems, task_defaults

P = ParamSpec("P")


@dataclass(frozen=True, slots=True, kw_only=True)
class SolveRun:
    """A run that has begun: its live ``progress``, how many ``problems`` it has, and the verifier that is asked.

    ``why`` says why this ``strategy`` was chosen; empty where it was asked for.
    """

    progress: Progress
    problems: int
    verifier: Verifier | None
    strategy: str
    why: str = ""


async def solve_problems_async(
    problems: StrPath | Sequence[Problem],
    *,
    limit: int | None = None,
    model: StrPath | Proposer = BUNDLED,
    strategy: str | None = None,
    n: int | None = None,
    settings: Sequence[str] = (),
    verifier: StrPath | Verifier | None = None,
    selector: str | None = None,
    aggregation: Aggregation = "last",
    budget: Budget = Budget(),
    in_flight: int = 64,
    store: StrPath | None = None,
    grader: GraderLike | None = None,
    splitter: SplitterName | None = None,
    step_tokens: int = 256,
    sampling: Sampling = Sampling(max_tokens=1024),
    prompt: PromptFormat = PromptFormat(),
    backend: BackendOptions = BackendOptions(),
    abstain_below: float = 0.0,
    score_all: bool = False,
    seed: int = 0,
    on_start: Callable[[SolveRun], None] = lambda run: None,
    on_solved: Callable[[Solved], None] = lambda solved: None,
) -> list[Solved]:
    """Search for a solution of every problem; one :class:`Solved` for each, in the order in which they were solved.

    ``problems`` is a name or file as for :func:`load_problems`, or problems. ``strategy`` is a name of ``STRATEGIES``,
    ``n`` its size and ``settings`` its other settings, NAME=VALUE; by default a guided search with a ``verifier`` (a
    name, a checkpoint's folder or an object) that reads steps, an adaptive flow vote with another one, an adaptive
    majority without. ``selector`` decides between the solutions that were found, by default as fits the strategy,
    majority without a verifier. ``budget`` is that of one problem; at its end the best answer so far is given. Where a
    decision's confidence is below ``abstain_below``, none is. With a ``store`` every draw is kept, and the same call
    goes on from there. ``score_all`` scores every state, for looking at the tree. ``on_start`` and ``on_solved`` are
    told of the run and of each result as it is there.

    Raises:
        UsageError: strategy, settings, splitter and verifier do not fit together.
        EndpointError: the model fails as a whole; draws that succeeded are in the store.

    >>> import arts
    >>> solved = arts.solve_problems("congruences:test", limit=50, verifier="flow")  # doctest: +SKIP
    >>> print(sum(bool(s.correct) for s in solved), "right")  # doctest: +SKIP
    """
    named, wanted = named_problems(problems, limit=limit)
    defaults = task_defaults(CONGRUENCES if named == GIVEN and model == BUNDLED else named)
    splitter, grader = splitter or defaults.splitter, grader or defaults.grader
    settings = (*settings, *([] if n is None else [f"n={n}"]))
    if strategy is not None:
        strategy_factory(strategy, settings)  # refused before anything is loaded
    if selector is not None:
        usable(selector)
    if (
        model == BUNDLED and defaults.longest is not None
    ):  # what is kept back for a solution should not be more than one can need
        sampling = replace(sampling, max_tokens=min(sampling.max_tokens, defaults.longest))
    drawing = Drawing(sampling=sampling, splitter=splitter, step_tokens=step_tokens)
    judge = None if verifier is None else _loaded(verifier)
    keys = {p.id: p.answer for p in wanted}
    found: list[Solved] = []
    with opened_grader(grader) as answers:
        async with opened_proposer(model, prompt, backend) as proposer:
            strategy, why = (strategy, "") if strategy else default_strategy(judge, proposer, drawing)
            factory = strategy_factory(strategy, settings)
            selector = selector or ("majority" if judge is None else factory().selector)
            judge = _for_search(judge, strategy, factory())
            if abstain_below and (judge is None or np.isnan(judge.values(np.zeros(1))).all()):
                raise UsageError("abstaining needs success probabilities; give a verifier that 'arts train' made")
            if abstain_below and not usable(selector).needs & SCORES:
                raise UsageError(f"abstaining goes by scores, selector {selector} does not; use best_of_n or flow_vote")
            plan = Plan(
                strategy=factory,
                drawing=drawing,
                budget=budget,
                selector=selector,
                aggregation=aggregation,
                in_flight=in_flight,
                seed=seed,
                score_all=score_all,
            )
            run = {
                "problems": named,
                "model": os.fspath(model) if isinstance(model, str | os.PathLike) else proposer.name,
                "strategy": strategy,
                "settings": list(settings),
                **_identity(verifier),
                **{"selector": selector, "aggregation": aggregation, "budget": to_dict(budget), "grader": answers.name},
                **{"splitter": splitter, "step_tokens": step_tokens, "sampling": to_dict(sampling)},
                **{"prompt": to_dict(prompt), "seed": seed},
            }
            config = RunConfig(command="solve", backend=to_dict(backend), sample=run, proposer=proposer.name)
            with nullcontext() if store is None else open_run(Path(store), config, wanted) as opened:
                engine = Engine(proposer, plan, answers, verifier=judge, store=opened)
                begun = SolveRun(
                    progress=engine.progress, problems=len(wanted), verifier=judge, strategy=strategy, why=why
                )
                on_start(begun)
                async for solved in engine.solve(wanted):
                    if abstain_below and solved.decision and not solved.decision.confidence >= abstain_below:
                        solved = replace(solved, abstained=True)
                    correct = await asyncio.to_thread(_correct, solved, keys[solved.tree.problem_id], answers)
                    found.append(replace(solved, correct=correct))
                    on_solved(found[-1])
    return found


def _for_one(
    many: Callable[Concatenate[Sequence[Problem], P], Coroutine[Any, Any, list[Solved]]],
) -> Callable[Concatenate[str, P], Coroutine[Any, Any, Solved]]:
    async def solve_async(question: str, *args: P.args, **kwargs: P.kwargs) -> Solved:
        """The answer to one ``question``; everything else is as for :func:`solve_problems`.

        >>> import arts
        >>> solved = arts.solve("solve 41 x = 15 mod 47", verifier="flow", n=16)  # doctest: +SKIP
        >>> print(solved.answer, solved.spend.generated_tokens)  # doctest: +SKIP
        """
        problem = Problem(id="question", question=question, answer="")
        return (await many([problem], *args, **kwargs))[0]

    return like(many, solve_async, first="question", returns=Solved)  # type: ignore[return-value] # question by name too


solve_async = _for_one(solve_problems_async)
solve_problems, solve = blocking(solve_problems_async), blocking(solve_async)


def _loaded(verifier: StrPath | Verifier) -> Verifier:
    loaded = load_verifier(verifier) if isinstance(verifier, str | os.PathLike) else verifier
    if loaded.name == "oracle":
        raise UsageError("the oracle needs answer keys, which solve does not have; use another verifier")
    return loaded


def _for_search(verifier: Verifier | None, name: str, strategy: Strategy) -> Verifier | None:
    """The verifier that the search asks; likelihood where the strategy needs scores and there is none."""
    if verifier is None and strategy.needs == "value":
        raise UsageError(f"{name} needs success probabilities; give --verifier, a folder that 'arts train' made")
    if verifier is None and strategy.needs != "nothing":
        verifier = load_verifier("likelihood")
    if verifier is None:
        return None
    so_far = verifier.soundness() if strategy.soundness and isinstance(verifier, ReadsSteps) else None
    return cached(so_far or verifier)


def _identity(verifier: StrPath | Verifier | None) -> dict[str, str]:
    """What tells verifiers apart in a store; a folder that was trained again is another one."""
    if isinstance(verifier, str | os.PathLike):
        return {"verifier": str(verifier), "verifier_weights": fingerprint(Path(verifier))}
    return {"verifier": "" if verifier is None else verifier.name, "verifier_weights": ""}


def fingerprint(checkpoint: Path) -> str:
    """A hash of a checkpoint's files; nothing for a verifier without any."""
    seen = hashlib.blake2b(digest_size=12)
    files = sorted(checkpoint.glob("verifier.*")) if checkpoint.name and checkpoint.is_dir() else []
    for file in files:
        seen.update(file.read_bytes())
    return seen.hexdigest() if files else ""


def _correct(solved: Solved, key: str, grader: Grader) -> bool | None:
    """Whether the answer is right; None without a key, an answer or a verdict."""
    if not key or solved.decision is None or solved.abstained:
        return None
    verdict = grader.grade([(key, solved.decision.answer)])[0].verdict
    return None if verdict is Verdict.UNGRADED else verdict is Verdict.CORRECT
