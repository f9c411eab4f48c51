"""Answer one question, or every problem of a file, by sampling solutions and deciding between them."""

import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import tyro

from arts.cli.sources import CONGRUENCES, open_problems, task_defaults
from arts.errors import ArtsError, EndpointError, UsageError
from arts.models import BUNDLED
from arts.problems.base import Grader, GraderName, Problem
from arts.problems.graders import equivalence_classes, make_grader
from arts.proposers.base import Proposer, Sampling
from arts.proposers.fork import SparseDeepFork
from arts.proposers.grow import grow_tree
from arts.proposers.load import BackendOptions, open_proposer
from arts.proposers.prompt import PromptFormat
from arts.search.decide import Aggregation, Decision, Rule, aggregate, decide
from arts.text import visible
from arts.trees.splitting import SplitterName
from arts.trees.tree import ROOT, Tree
from arts.verifiers.base import Verifier
from arts.verifiers.load import load_verifier


@dataclass(frozen=True, kw_only=True)
class Config:
    """Flags of ``arts solve``."""

    question: tyro.conf.Positional[str] = ""
    """The question."""
    problems: str = ""
    """Instead of a question: a problem set or .jsonl file; one JSON line per problem on stdout."""
    limit: int | None = None
    """At most this many problems of the set."""
    model: str = "bundled"
    """bundled, a GGUF file, a model folder, a Hub id, or openai:URL#NAME."""
    n: int = 16
    """Solutions to sample."""
    verifier: str = ""
    """A checkpoint folder, likelihood or length; none: majority, without the flags below."""
    rule: Rule = "flow_vote"
    """How to decide when there is a verifier."""
    aggregation: Aggregation = "last"
    """How step scores become a solution's score."""
    grader: GraderName | None = None
    """Says which answers are equal; default: what fits the problem set or the bundled model, else math."""
    splitter: SplitterName | None = None
    """How text is cut into steps; default: what fits the problem set or the bundled model, else paragraph."""
    show_tree: bool = False
    """Draw the tree of solutions: how often each step was drawn, and the verifier's score of its state."""
    sampling: Sampling = field(default_factory=lambda: Sampling(max_tokens=1024))
    """How text is drawn from the model."""
    prompt: PromptFormat = field(default_factory=PromptFormat)
    """How a question becomes a prompt."""
    backend: BackendOptions = field(default_factory=BackendOptions)
    """Where and how the model runs."""
    seed: int = 0
    """Seed of the run."""


def run(config: Config) -> int:
    """Answers go to stdout, the vote and what was spent to stderr (one question) or into the JSON lines."""
    if bool(config.question) == bool(config.problems):
        raise UsageError('give either a question, as in: arts solve "What is 2+2?", or --problems FILE')
    verifier = load_verifier(config.verifier) if config.verifier else None
    problems = (
        open_problems(config.problems, limit=config.limit)
        if config.problems
        else [Problem(id="question", question=config.question, answer="")]
    )
    defaults = task_defaults(config.problems or (CONGRUENCES if config.model == BUNDLED else ""))
    method = SparseDeepFork(n=config.n, fork_probability=0.0, splitter=config.splitter or defaults.splitter)
    proposer = open_proposer(config.model, prompt=config.prompt, options=config.backend)
    grader = make_grader(config.grader or defaults.grader)
    try:
        solved = asyncio.run(_solve_all(config, problems, proposer, method, verifier, grader))
    finally:
        grader.close()
    return 0 if solved else 1


async def _solve_all(
    config: Config,
    problems: Sequence[Problem],
    proposer: Proposer,
    method: SparseDeepFork,
    verifier: Verifier | None,
    grader: Grader,
) -> int:
    """How many problems have been solved; of several, one that cannot be is a line with its error."""
    solved = 0
    try:
        for problem in problems:
            try:
                tree = await _sample(config, problem, proposer, method)
            except EndpointError:
                raise
            except ArtsError as error:
                if not config.problems:
                    raise
                print(json.dumps({"id": problem.id, "error": str(error)}), flush=True)
                continue
            solved += 1
            ended = [(r.stop == "stop", tree.solution(r.leaf)) for r in tree.backbones]
            answers = [grader.extract(text) if stopped else None for stopped, text in ended]
            classes = equivalence_classes(grader, answers)
            decision = _decide(config, tree, answers, classes, verifier)
            spend = {"solutions": len(answers), "generated_tokens": sum(r.tokens for r in tree.rollouts)}
            if config.problems:
                share = None if np.isnan(decision.share) else decision.share
                print(json.dumps({"id": problem.id, **asdict(decision), "share": share, **spend}), flush=True)
            else:
                _show(config, tree, answers, classes, decision, spend)
    finally:
        await proposer.aclose()
    return solved


async def _sample(config: Config, problem: Problem, proposer: Proposer, method: SparseDeepFork) -> Tree:
    """A tree of ``n`` solutions.

    Raises:
        ArtsError: all of them failed.
    """
    tree = await grow_tree(problem.question, proposer, method, config.sampling, seed=config.seed, problem_id=problem.id)
    if not tree.backbones:
        raise ArtsError(f"all {config.n} requests failed, the last one with: {tree.rollouts[-1].error}")
    return tree


def _decide(
    config: Config, tree: Tree, answers: list[str | None], classes: list[int], verifier: Verifier | None
) -> Decision:
    labels = np.array(classes)
    if verifier is None or config.rule == "majority":
        return decide("majority", answers, labels)
    nodes = range(len(tree))
    (column,) = verifier.score([(tree, nodes)])
    tree.set_scores(verifier.name, nodes, column)
    paths = [tree.path(r.leaf) for r in tree.backbones]
    scores = np.array([aggregate(column[path], config.aggregation, verifier.unit) for path in paths])
    return decide(config.rule, answers, labels, scores, verifier.unit)


def _show(
    config: Config, tree: Tree, answers: list[str | None], classes: list[int], decision: Decision, spend: dict[str, Any]
) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(stderr=True)
    chosen = tree.backbones[decision.candidate]
    if config.show_tree:
        console.print(_drawing(tree, set(tree.path(chosen.leaf))))
    console.print(Text(visible(tree.solution(chosen.leaf)).strip()))
    table = Table("answer", "solutions", "share of the vote", title=decision.rule.replace("_", " "))
    shares = dict(enumerate(decision.shares))
    for label in sorted(set(classes), key=lambda c: (-shares.get(c, 0.0), -classes.count(c), c)):
        first = answers[classes.index(label)]
        share = f"{shares[label]:.0%}" if label in shares else "–"
        table.add_row(Text(visible(first) if first is not None else "(none)"), str(classes.count(label)), share)
    console.print(table)
    share = "" if np.isnan(decision.share) else f", {decision.share:.0%} of the vote"
    print(f"{spend['solutions']} solutions, {spend['generated_tokens']:,} tokens generated{share}", file=sys.stderr)
    print(visible(decision.answer) if decision.answer is not None else "no answer")


def _drawing(tree: Tree, chosen: set[int]) -> Any:
    from rich.text import Text
    from rich.tree import Tree as Drawing

    drawing = Drawing(Text(visible(tree.question)))
    visits = tree.visits()
    branches = {ROOT: drawing}
    for node in range(1, len(tree)):
        scores = "".join(f"  {name} {column[node]:.2f}" for name, column in tree.scores.items())
        label = f"{visits[node]}× {visible(tree.text[node]).strip()[:100]}{scores}"
        branches[node] = branches[tree.parent[node]].add(Text(label, style="bold" if node in chosen else "dim"))
    return drawing
