"""Answer one question, or every problem of a file, by a search strategy under a budget."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import tyro

from arts.cli.options import call
from arts.cli.progress import SolveProgress
from arts.cli.terminal import console, put, put_text, say
from arts.config import require_at_least
from arts.errors import ArtsError, UsageError
from arts.problems.base import Problem
from arts.proposers.base import Sampling
from arts.proposers.options import BackendOptions
from arts.proposers.prompt import PromptFormat
from arts.search.answer import Solved
from arts.search.budget import Budget
from arts.search.strategies import STRATEGIES
from arts.selection.scores import Aggregation
from arts.text import well_formed
from arts.trees.splitting import SplitterName
from arts.verifiers.base import Verifier
from arts.workflows.solve import SolveRun, solve_problems

__doc__ += f"\n\nStrategies: {', '.join(STRATEGIES)}, or module:class of your own"


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
    """How solutions are searched for; default: guided with a verifier that reads steps (adaptive_best_of_n where the
    model cannot be asked for single steps), adaptive_flow_vote with another verifier, else adaptive_majority."""
    n: int | None = None
    """Size of the search: solutions, beams, particles, simulations, first draws of a guided search; default: the
    strategy's (mostly 16)."""
    settings: tuple[str, ...] = ()
    """Other settings of the strategy, NAME=VALUE, as in: --settings width=2."""
    verifier: str = ""
    """A checkpoint folder, likelihood or length; none: majority, and likelihood where the strategy needs scores."""
    selector: str | None = None
    """How to decide between solutions: majority, best_of_n, flow_vote, random, or one of your own as module:attribute;
    default: with a verifier as fits the strategy, else majority."""
    aggregation: Aggregation = "last"
    """How step scores become a solution's score."""
    abstain_below: float = 0.0
    """Give no answer where the verifier holds the chosen solution for less likely right than this, in [0, 1]."""
    budget_tokens: int | None = None
    """Generated tokens per problem at most."""
    budget_calls: int | None = None
    """Requests to the model per problem at most."""
    budget_verifier_tokens: int | None = None
    """Tokens per problem that the verifier may read."""
    deadline_s: float | None = None
    """Seconds per problem; then the best answer so far is given."""
    in_flight: int = 64
    """Problems that are solved concurrently."""
    store: Path | None = None
    """Keep every draw in this tree store; the same command goes on from there."""
    grader: str | None = None
    """Says which answers are equal: exact, math, either with -stated (takes no last numbers), or module:function of
    your own; default: what fits the problem set or the bundled model, else math."""
    splitter: SplitterName | None = None
    """How text is cut into steps; default: what fits the problem set or the bundled model, else paragraph."""
    step_tokens: int = 256
    """Tokens of a step at most; a longer one is cut there and goes on as the next."""
    show_tree: bool = False
    """Draw the tree: probabilities of the steps, flows of the states, the chosen path."""
    sampling: Sampling = field(default_factory=lambda: Sampling(max_tokens=1024))
    """How text is drawn from the model; max-tokens is for a whole solution, of the bundled model 46 at most."""
    prompt: PromptFormat = field(default_factory=PromptFormat)
    """How a question becomes a prompt."""
    backend: BackendOptions = field(default_factory=BackendOptions)
    """Where and how the model runs."""
    seed: int = 0
    """Seed of the run."""

    def __post_init__(self) -> None:
        require_at_least(self, 1, "n", "in_flight", "step_tokens", "budget_tokens", "budget_calls")
        require_at_least(self, 1, "budget_verifier_tokens")
        if not 0 <= self.abstain_below <= 1:
            raise UsageError(f"abstain_below is {self.abstain_below:g}; use a probability")
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
    settings: dict[str, object] = {"verifier": config.verifier or None, "budget": config.budget()}
    if config.question:
        runs: list[SolveRun] = []
        problem = Problem(id="question", question=well_formed(config.question), answer="")
        settings |= {"problems": [problem], "score_all": config.show_tree, "on_start": _begins(config, runs.append)}
        (solved,) = call(solve_problems, config, **settings)
        _say_strategy(runs[0])
        _show(config, solved, runs[0].verifier)
        return 0

    def on_solved(solved: Solved) -> None:
        progress.count(solved)
        put(json.dumps(_row(solved)))

    with SolveProgress(config.budget_tokens) as progress:
        call(solve_problems, config, **settings, on_start=_begins(config, progress.start), on_solved=on_solved)
    return 0 if progress.answered else 1


def _begins(config: Config, also: Callable[[SolveRun], None]) -> Callable[[SolveRun], None]:
    """What is done when a run begins: say what is used where nothing was named."""

    def begin(run: SolveRun) -> None:
        if config.problems:
            _say_strategy(run)
        if run.verifier is not None and not config.verifier:
            say(f"no --verifier: {run.strategy} goes by the {run.verifier.name} of the text")
        also(run)

    return begin


def _say_strategy(run: SolveRun) -> None:
    """Of one question it is said with the answer, so that a failure has one line."""
    if run.why:
        say(f"strategy {run.strategy}: {run.why}")


def _row(solved: Solved) -> dict[str, Any]:
    spend = {"solutions": len(solved.candidates), **asdict(solved.spend)}
    row: dict[str, Any] = {"id": solved.tree.problem_id}
    if solved.decision is None:
        return {**row, "error": solved.error, "stop_reason": solved.stop_reason, **spend}
    said = asdict(solved.decision)
    row |= {key: None if isinstance(value, float) and not np.isfinite(value) else value for key, value in said.items()}
    row |= {"answer": solved.answer, "stop_reason": solved.stop_reason, **spend}
    if solved.abstained:
        row["abstained"] = True
    return row if solved.correct is None else {**row, "correct": solved.correct}


def _show(config: Config, solved: Solved, verifier: Verifier | None) -> None:
    from rich.table import Table
    from rich.text import Text

    from arts.cli.drawing import draw_tree, legend

    screen = console(stderr=True)
    if config.show_tree:
        screen.print(draw_tree(solved.tree, solved.chosen, verifier), no_wrap=True, overflow="ellipsis")
        screen.print(Text(legend(verifier), style="dim"))
    if solved.decision is None or solved.chosen is None:
        raise ArtsError(solved.error)
    screen.print(Text(solved.tree.solution(solved.chosen).strip()))
    if solved.classes:
        table = Table("answer", "solutions", "share of the vote", title=solved.decision.selector.replace("_", " "))
        shares = dict(enumerate(solved.decision.shares))
        for label in sorted(set(solved.classes), key=lambda c: (-shares.get(c, 0.0), c)):
            first = solved.answers[solved.classes.index(label)]
            share = f"{shares[label]:.0%}" if label in shares else "–"
            count = str(solved.classes.count(label))
            table.add_row(Text(first if first is not None else "(none)"), count, share)
        screen.print(table)
    say(_spent(solved))
    confidence = solved.decision.confidence
    if not np.isnan(confidence):
        say(f"confidence {confidence:.0%}")
    if solved.abstained:
        put(f"no answer: less sure than --abstain-below {config.abstain_below:g}")
    else:
        put_text(solved.answer if solved.answer is not None else "no answer")


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
