"""Answer one question, or every problem of a file, by a search strategy under a budget."""

import asyncio
import dataclasses
import hashlib
import json
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import tyro

from arts.cli.progress import SolveMeter, solve_progress
from arts.cli.sample import open_store
from arts.cli.sources import CONGRUENCES, open_problems, task_defaults
from arts.config import require_at_least, to_dict
from arts.errors import ArtsError, UsageError
from arts.models import BUNDLED
from arts.problems.base import Grader, Problem, Verdict
from arts.problems.graders import make_grader
from arts.proposers.base import Proposer, Sampling
from arts.proposers.load import BackendOptions, open_proposer
from arts.proposers.prompt import PromptFormat
from arts.search.answer import Solved
from arts.search.budget import Budget
from arts.search.engine import Engine, Plan
from arts.search.session import Drawing
from arts.search.strategies import STRATEGIES, strategy_factory
from arts.selection.scores import Aggregation
from arts.selection.selectors import SELECTORS
from arts.text import visible
from arts.trees.splitting import SplitterName
from arts.trees.store import TreeStore
from arts.verifiers.base import Verifier
from arts.verifiers.load import cached, load_verifier

__doc__ += f"\n\nStrategies: {', '.join(STRATEGIES)}, or module:class of your own"

RUN_CONTROL = ("store", "limit", "backend", "in_flight", "show_tree")
"""Flags that may differ when a store is taken up again."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """Flags of ``arts solve``."""

    question: tyro.conf.Positional[str] = ""
    """The question."""
    problems: str = ""
    """Instead of a question: a problem set or .jsonl file; one JSON line per problem on stdout, as they are solved."""
    limit: int | None = None
    """At most this many problems of the set."""
    model: str = "bundled"
    """bundled, a GGUF file, a model folder, a Hub id, openai:URL#NAME, or module:function of your own."""
    strategy: str | None = None
    """How solutions are searched for; default: adaptive_flow_vote with a verifier, else adaptive_majority."""
    n: int | None = None
    """Size of the search: solutions, beams, particles, simulations; default: what the literature uses (mostly 16)."""
    settings: tuple[str, ...] = ()
    """Other settings of the strategy, NAME=VALUE, as in: --settings width=2."""
    verifier: str = ""
    """A checkpoint folder, likelihood or length; none: majority, and likelihood where the strategy needs scores."""
    selector: Annotated[str | None, tyro.conf.arg(aliases=["--rule"], help_behavior_hint=", ".join(SELECTORS))] = None
    """How to decide between solutions: majority, best_of_n, flow_vote, random, or one of your own as module:attribute;
    default: flow_vote with a verifier, else majority."""
    aggregation: Aggregation = "last"
    """How step scores become a solution's score."""
    budget_tokens: int | None = None
    """Generated tokens per problem at most."""
    budget_calls: int | None = None
    """Requests to the model per problem at most."""
    budget_verifier_tokens: int | None = None
    """Tokens per problem that the verifier may read."""
    deadline_s: float | None = None
    """Seconds per problem; then the best answer so far is given."""
    in_flight: int = 64
    """Problems in work together."""
    store: Path | None = None
    """Keep every draw in this tree store; the same command goes on from there."""
    grader: str | None = None
    """Says which answers are equal: exact, math, or module:function of your own; default: what fits the problem set or
    the bundled model, else math."""
    splitter: SplitterName | None = None
    """How text is cut into steps; default: what fits the problem set or the bundled model, else paragraph."""
    step_tokens: int = 256
    """Tokens of a step at most; a longer one is cut there and goes on as the next."""
    show_tree: bool = False
    """Draw the tree: probabilities of the steps, flows of the states, the chosen path."""
    sampling: Sampling = field(default_factory=lambda: Sampling(max_tokens=1024))
    """How text is drawn from the model; max-tokens is for a whole solution."""
    prompt: PromptFormat = field(default_factory=PromptFormat)
    """How a question becomes a prompt."""
    backend: BackendOptions = field(default_factory=BackendOptions)
    """Where and how the model runs."""
    seed: int = 0
    """Seed of the run."""

    def __post_init__(self) -> None:
        require_at_least(self, 1, "n", "in_flight", "step_tokens", "budget_tokens", "budget_calls")
        require_at_least(self, 1, "budget_verifier_tokens")
        if self.deadline_s is not None and not self.deadline_s > 0:
            raise UsageError(f"deadline_s is {self.deadline_s:g}; use more than 0 seconds")

    def budget(self) -> Budget:
        """The limits of each problem's search."""
        return Budget(
            generated_tokens=self.budget_tokens,
            proposer_calls=self.budget_calls,
            verifier_tokens=self.budget_verifier_tokens,
            seconds=self.deadline_s,
        )


def run(config: Config) -> int:
    """Answers go to stdout; the vote and what was spent to stderr (one question) or into the JSON lines."""
    if bool(config.question) == bool(config.problems):
        raise UsageError('give either a question, as in: arts solve "What is 2+2?", or --problems FILE')
    if config.show_tree and config.problems:
        raise UsageError("--show-tree is for one question; leave it out, or give a question instead of --problems")
    config = _resolved(config)
    assert config.grader
    grader = make_grader(config.grader)
    plan, verifier = _plan(config)
    problems = (
        open_problems(config.problems, limit=config.limit)
        if config.problems
        else [Problem(id="question", question=config.question, answer="")]
    )
    proposer = open_proposer(config.model, prompt=config.prompt, options=config.backend)
    try:
        with _store(config, proposer, problems) as store:
            engine = Engine(proposer, plan, grader, verifier=verifier, store=store)
            return 0 if asyncio.run(_solve_all(config, engine, problems, proposer, grader, verifier)) else 1
    finally:
        grader.close()


def _resolved(config: Config) -> Config:
    """With what follows from the problem set and the model filled in; ``n`` becomes one of the settings."""
    defaults = task_defaults(config.problems or (CONGRUENCES if config.model == BUNDLED else ""))
    return dataclasses.replace(
        config,
        splitter=config.splitter or defaults.splitter,
        grader=config.grader or defaults.grader,
        strategy=config.strategy or ("adaptive_flow_vote" if config.verifier else "adaptive_majority"),
        settings=(*config.settings, *([f"n={config.n}"] if config.n is not None else [])),
        n=None,
    )


def _plan(config: Config) -> tuple[Plan, Verifier | None]:
    """What is done with each problem.

    Raises:
        UsageError: strategy, settings, splitter and verifier do not fit together.
    """
    assert config.strategy
    strategy = strategy_factory(config.strategy, config.settings)
    needs = strategy().needs
    name = config.verifier
    if not name and needs == "value":
        raise UsageError(
            f"{config.strategy} needs success probabilities; give --verifier, a folder that 'arts train' made"
        )
    if name == "oracle":
        raise UsageError("the oracle knows only answers that are known already; use another --verifier")
    if not name and needs != "nothing":
        name = "likelihood"
        print(f"no --verifier: {config.strategy} goes by the likelihood of the text", file=sys.stderr)
    verifier = cached(load_verifier(name)) if name else None
    assert config.splitter
    drawing = Drawing(sampling=config.sampling, splitter=config.splitter, step_tokens=config.step_tokens)
    plan = Plan(
        strategy=strategy,
        drawing=drawing,
        budget=config.budget(),
        selector=config.selector or ("flow_vote" if config.verifier else "majority"),
        aggregation=config.aggregation,
        in_flight=config.in_flight,
        seed=config.seed,
        score_all=config.show_tree,
    )
    return plan, verifier


def _store(config: Config, proposer: Proposer, problems: Sequence[Problem]) -> AbstractContextManager[TreeStore | None]:
    if config.store is None:
        return nullcontext()
    settings = {k: v for k, v in to_dict(config).items() if k not in RUN_CONTROL}
    settings["verifier_weights"] = fingerprint(Path(config.verifier))  # a folder that was trained again is another one
    record = {"command": "solve", "backend": to_dict(config.backend), "sample": settings, "proposer": proposer.name}
    return open_store(config.store, record, problems)


def fingerprint(checkpoint: Path) -> str:
    """A hash of a checkpoint's files; nothing for a verifier without any."""
    seen = hashlib.blake2b(digest_size=12)
    files = sorted(checkpoint.glob("verifier.*")) if checkpoint.name and checkpoint.is_dir() else []
    for file in files:
        seen.update(file.read_bytes())
    return seen.hexdigest() if files else ""


async def _solve_all(
    config: Config,
    engine: Engine,
    problems: Sequence[Problem],
    proposer: Proposer,
    grader: Grader,
    verifier: Verifier | None,
) -> int:
    """How many problems have got an answer; of several, one that has none is a line with the reason."""
    keys = {p.id: p.answer for p in problems}
    meter = SolveMeter(engine.progress, len(problems), config.budget_tokens)
    try:
        async with solve_progress(meter, show=bool(config.problems)):
            async for solved in engine.solve(problems):
                if not config.problems:
                    _show(config, solved, verifier)
                    meter.count(None)
                    continue
                correct = await asyncio.to_thread(_correct, solved, keys[solved.tree.problem_id], grader)
                if solved.decision is not None:
                    meter.count(correct)
                print(json.dumps(_row(solved, correct)), flush=True)
    finally:
        await proposer.aclose()
    return meter.answered


def _correct(solved: Solved, key: str, grader: Grader) -> bool | None:
    """Whether the answer is right; None without a key, an answer or a verdict."""
    if not key or solved.decision is None:
        return None
    verdict = grader.grade([(key, solved.decision.answer)])[0].verdict
    return None if verdict is Verdict.UNGRADED else verdict is Verdict.CORRECT


def _row(solved: Solved, correct: bool | None) -> dict[str, Any]:
    spend = {"solutions": len(solved.candidates), **asdict(solved.spend)}
    row: dict[str, Any] = {"id": solved.tree.problem_id}
    if solved.decision is None:
        return {**row, "error": solved.error, "stop_reason": solved.stop_reason, **spend}
    share = None if np.isnan(solved.decision.share) else solved.decision.share
    row |= {**asdict(solved.decision), "share": share, "stop_reason": solved.stop_reason, **spend}
    return row if correct is None else {**row, "correct": correct}


def _show(config: Config, solved: Solved, verifier: Verifier | None) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from arts.cli.drawing import draw_tree, legend

    console = Console(stderr=True)
    if config.show_tree:
        console.print(draw_tree(solved.tree, solved.chosen, verifier), no_wrap=True, overflow="ellipsis")
        console.print(Text(legend(verifier), style="dim"))
    if solved.decision is None or solved.chosen is None:
        raise ArtsError(solved.error)
    console.print(Text(visible(solved.tree.solution(solved.chosen)).strip()))
    if solved.classes:
        table = Table("answer", "solutions", "share of the vote", title=solved.decision.selector.replace("_", " "))
        shares = dict(enumerate(solved.decision.shares))
        for label in sorted(set(solved.classes), key=lambda c: (-shares.get(c, 0.0), c)):
            first = solved.answers[solved.classes.index(label)]
            share = f"{shares[label]:.0%}" if label in shares else "–"
            count = str(solved.classes.count(label))
            table.add_row(Text(visible(first) if first is not None else "(none)"), count, share)
        console.print(table)
    print(_spent(solved), file=sys.stderr)
    print(visible(solved.decision.answer) if solved.decision.answer is not None else "no answer")


def _spent(solved: Solved) -> str:
    spend, ended = solved.spend, solved.stop_reason
    verifier = spend.verifier_tokens_new + spend.verifier_tokens_reused
    parts = [
        f"{len(solved.candidates)} solutions",
        f"{spend.generated_tokens:,} tokens generated in {spend.proposer_calls:,} calls",
        f"{spend.prompt_tokens:,} prompt tokens" if spend.prompt_tokens else "",
        f"verifier {spend.verifier_tokens_new:,} tokens new, {spend.verifier_tokens_reused:,} reused"
        if verifier
        else "",
        f"{spend.seconds:.1f} s",
        f"ended by: {ended}",
    ]
    return ", ".join(part for part in parts if part)
