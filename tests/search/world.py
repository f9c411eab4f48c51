"""A small world to search in: questions whose solutions are all known, a verifier that knows the truth, and runs."""

import asyncio
from dataclasses import asdict
from functools import cache
from itertools import product

import numpy as np

from arts.problems.base import Problem
from arts.problems.graders import AnswerClasses, make_grader
from arts.proposers.base import Completion, Sampling
from arts.proposers.scripted import ScriptedProposer
from arts.search.base import log_flow
from arts.search.engine import Engine, Plan
from arts.search.session import Drawing
from arts.search.strategies import STRATEGIES, strategy_factory
from arts.verifiers.simple import SimpleVerifier

GRADER = make_grader("exact")
LONGEST = 24
"""Tokens of a whole solution at most; the longest has 15."""
DRAWING = Drawing(sampling=Sampling(max_tokens=LONGEST), splitter="newline", step_tokens=12)
SETTINGS = {
    "best_of_n": ("n=6",),
    "adaptive_majority": ("n=10", "first=3", "error=0.05"),
    "adaptive_flow_vote": ("n=10", "first=3", "error=0.05"),
    "beam": ("n=6", "width=2"),
    "dvts": ("n=6", "width=2"),
    "flow_sampling": ("n=5", "children=3"),
    "adaptive_best_of_n": ("n=10", "wave=3", "sure=0.8"),
    "guided": ("n=4", "children=3", "parallel=2"),
    "best_first": ("n=3", "children=3", "parallel=2"),
    "puct": ("n=6", "children=3", "parallel=2"),
    "particles": ("n=6",),
}


def _solutions(question):
    """Three openings, one of which is an end of itself after one more step; the others have two steps and an answer."""
    rng = np.random.default_rng(list(question.encode()))
    texts = [f"{a}\n{b}\n= {c}" for a, b, c in product(("a", "bb"), ("x", "yyy"), (1, 2, 3))]
    texts += [f"cccc\n= {c}" for c in (1, 2, 3)]
    return dict(zip(texts, rng.gamma(0.7, size=len(texts)).tolist(), strict=True))


PROBLEMS = [Problem(id=f"p{i}", question=f"q{i}", answer="1") for i in range(500)]
SOLUTIONS = {p.question: _solutions(p.question) for p in PROBLEMS}
UNKNOWN = Problem(id="unknown", question="unknown", answer="1")
"""All requests for it fail."""


def correct(text):
    return GRADER.extract(text) == "1"


@cache
def chance(question, text):
    """Of a correct end, in the proposer's hands."""
    whole = SOLUTIONS.get(question, {})
    below = {end: weight for end, weight in whole.items() if end.startswith(text)}
    return sum(w for end, w in below.items() if correct(end)) / sum(below.values()) if below else 0.0


def by_text(name, unit, function):
    """A verifier whose scores are a function of question and text."""

    def of_tree(tree):
        return np.array([function(tree.question, tree.solution(node)) for node in range(len(tree))])

    return SimpleVerifier(name, unit, of_tree)


TRUTH = by_text("truth", "probability", chance)
HUNCH = by_text("hunch", "probability", lambda question, text: 0.2 + 0.6 * chance(question, text))


class Reciter:
    """A scripted proposer with habits: its batches are noted, requests fail or take their time as they are told to."""

    name, reproducible = "reciter", True

    def __init__(self, solutions=SOLUTIONS, *, batch_size=256, concurrent=False, fails=None, delay=None):
        self._script = ScriptedProposer(solutions)
        self.batch_size, self.concurrent = batch_size, concurrent
        self.fails, self.delay = fails or (lambda count: False), delay
        self.batches, self.asked = [], []
        self.out = self.most_out = self.cancelled = 0

    async def propose(self, requests, sampling):
        first = len(self.asked)
        self.batches.append(len(requests))
        self.asked += requests
        self.out += len(requests)
        self.most_out = max(self.most_out, self.out)
        try:
            for index, request in enumerate(requests):
                if self.delay is not None:
                    await asyncio.sleep(self.delay(first + index))
                if self.fails(first + index):
                    yield index, Completion(text="", tokens=0, stop="error", error="as told")
                else:
                    yield index, self._script._complete(request, sampling)
        except asyncio.CancelledError:
            self.cancelled += len(requests)
            raise
        finally:
            self.out -= len(requests)

    async def aclose(self):
        pass


def make(name, *settings):
    """A strategy of a size that fits this world."""
    chosen = dict(setting.split("=") for setting in (*SETTINGS[name], *settings))
    return strategy_factory(name, [f"{key}={value}" for key, value in chosen.items()])


async def solving(problems, strategy, *, proposer=None, verifier=TRUTH, store=None, grader=GRADER, **plan):
    plan = Plan(**{"strategy": strategy, "drawing": DRAWING, **plan})
    engine = Engine(proposer or Reciter(), plan, grader, verifier=verifier, store=store)
    found = {solved.tree.problem_id: solved async for solved in engine.solve(problems)}
    return [found[problem.id] for problem in problems]


def solve(problems, strategy, **options):
    """What became of each problem, in their order."""
    return asyncio.run(solving(problems, strategy, **options))


def drive(search, *, verifier=TRUTH, each_round=lambda: None, grader=GRADER):
    """Bring a search to its end by hand; returns the calls it has made."""
    script, classes, made = ScriptedProposer(SOLUTIONS), AnswerClasses(grader), []

    def know(search):
        nodes = search.unscored()
        (scores,) = verifier.score([(search.tree, nodes)])
        for node, score, value in zip(nodes, scores, verifier.values(scores), strict=True):
            search.scores[node] = (log_flow(float(score), verifier.unit), float(value))
        for node in search.unclassified():
            search.classes[node] = classes.of(grader.extract(search.tree.solution(node)))
        search.advance()

    while search.stopped is None:
        calls = search.due()
        if search.recalled:
            know(search)
        if search.stopped is not None:
            break
        made += calls
        for call in calls:
            whole = call.expansion.whole
            sampling = search.drawing.sampling if whole else search.drawing.step_sampling
            search.receive(call, script._complete(call.request, sampling))
        know(search)
        each_round()
    return made


def cost(spend, *, replayed=False):
    """Without seconds; after a replay also without what no store remembers, such as calls that were cancelled."""
    known = asdict(spend)
    if replayed:
        known["proposer_calls"] -= known.pop("cancelled_calls")
    forgotten = ("prompt_tokens", "verifier_tokens_new", "verifier_tokens_reused") if replayed else ()
    return {key: value for key, value in known.items() if key not in ("seconds", *forgotten)}


def told(solved, *, replayed=False):
    """All that can be compared, texts in place of nodes."""
    tree = solved.tree
    return {
        "draws": {
            r.backbone: (r.pivot, tree.solution(r.leaf), tree.stop[r.leaf], r.tokens, r.stop, r.error)
            for r in tree.rollouts
        },
        "candidates": [tree.solution(node) for node in solved.candidates],
        "decision": None if solved.decision is None else asdict(solved.decision),
        "stop_reason": solved.stop_reason,
        "error": solved.error,
        "spend": cost(solved.spend, replayed=replayed),
    }


assert SETTINGS.keys() == STRATEGIES.keys()
