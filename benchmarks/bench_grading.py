"""Grading against plain math-verify on recorded solutions of MATH problems, one process each, side by side.

Plain math-verify: parse the key and the ending of the solution, then verify, pair by pair, with its documented
defaults. Ours: extract and grade with one worker process, nothing remembered from an earlier round. Both grade
all pairs in each round, each in a fresh process, because sympy gets faster on expressions it has seen; the
ratio is of wall-clock times within a round. Starting those processes and importing math-verify, once in a run, is
left out on both sides.
"""

import json
import statistics
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from math_verify import ExprExtractionConfig, LatexExtractionConfig, parse, verify

from arts.problems.base import Verdict
from arts.problems.graders import MathGrader

RECORDED = Path(__file__).parent / "recorded" / "math_answers.jsonl"
ROUNDS = 3

Pairs = list[tuple[str, str]]


def recorded_pairs() -> Pairs:
    """(answer key, ending of a solution): 100 problems, 8 solutions each."""
    rows = [json.loads(line) for line in RECORDED.read_text(encoding="utf-8").splitlines()]
    return [(row["answer"], ending) for row in rows for ending in row["endings"]]


def plain(pairs: Pairs) -> tuple[float, list[bool]]:
    """Seconds and verdicts of math-verify by itself."""
    how = [LatexExtractionConfig(), ExprExtractionConfig()]
    verify(parse("$1$", how), parse("$1$", how))
    start = time.perf_counter()
    verdicts = [bool(verify(parse(f"${key}$", how), parse(ending, how))) for key, ending in pairs]
    return time.perf_counter() - start, verdicts


def ours(pairs: Pairs) -> tuple[float, list[bool]]:
    """Seconds and verdicts of the mathematics grader."""
    grader = MathGrader(workers=1)
    grader.grade([("x", "x+0")])
    start = time.perf_counter()
    grades = grader.grade([(key, grader.extract(ending)) for key, ending in pairs])
    seconds = time.perf_counter() - start
    grader.close()
    return seconds, [g.verdict is Verdict.CORRECT for g in grades]


def main() -> None:
    """Print times, their ratio and how often the verdicts agree."""
    pairs = recorded_pairs()
    ratios = []
    for _ in range(ROUNDS):
        with ProcessPoolExecutor(1, get_context("spawn"), max_tasks_per_child=1) as fresh:
            theirs_s, theirs = fresh.submit(plain, pairs).result()
            ours_s, mine = fresh.submit(ours, pairs).result()
        ratios.append(theirs_s / ours_s)
        agree = sum(a == b for a, b in zip(theirs, mine, strict=True))
        print(
            f"math-verify {theirs_s:6.2f} s   arts {ours_s:6.2f} s   ratio {ratios[-1]:5.1f}"
            f"   same verdict {agree}/{len(pairs)}, correct {sum(theirs)} and {sum(mine)}"
        )
    print(f"grading: {statistics.median(ratios):.1f} times math-verify per core (median of {ROUNDS} rounds)")


if __name__ == "__main__":
    main()
