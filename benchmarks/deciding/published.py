"""The best-of-16 that the author of the PRM scores has published, beside ours by the same scores."""

import json
from pathlib import Path

from _study import RECORDED
from deciding.files import FILES

from arts.evaluation.candidates import Candidates, candidate_scores, stored_scores
from arts.problems.base import Grader
from arts.problems.extraction.answer import extract_answer
from arts.problems.graders import equivalence_classes
from arts.problems.rows import read_rows
from arts.selection.scores import best as best_scored

PUBLISHED = Path(__file__).parent / "expected_bon.json"
"""By problem the answer that the author's best-of-16 gives, empty where the chosen solution has no box, and whether
it is right: the column of that name in test.csv (MIT) of
SorenDreano/MATH-500-subset-qwen2-answers-evaluated-by-open-PRM."""


def check_published(file: str, candidates: Candidates, grader: Grader) -> dict[str, int]:
    """How many of the problems get the same answer and the same verdict from our best-of-N as from the author's.

    Answers are read as the author reads them, from boxes only.
    """
    given = FILES[file].given
    assert given
    published = json.loads(PUBLISHED.read_text(encoding="utf-8"))
    (chosen,) = candidate_scores(candidates, stored_scores(candidates.trees, *given), ("last",))
    counts = dict.fromkeys(("problems", "same_answer", "same_verdict", "correct", "correct_published"), 0)
    for i, problem in enumerate(candidates.problems):
        best, theirs = best_scored(chosen.scores[i]), published[problem.id]
        answer = _boxed(candidates.trees[i].solution(int(candidates.leaves[i, best])))
        correct = bool(candidates.correct[i, best])
        counts["problems"] += 1
        counts["same_answer"] += _same(answer, theirs["answer"], grader)
        counts["same_verdict"] += correct == theirs["correct"]
        counts["correct"] += correct
        counts["correct_published"] += theirs["correct"]
    return counts


def right_by_the_file(name: str) -> int | None:
    """How many samples of a file are right by the verdicts that it came with; None without any."""
    rows = [row for _, row in read_rows(RECORDED / FILES[name].recorded.files[0])]
    given = [sample["correct"] for row in rows for sample in row.get("samples", ()) if "correct" in sample]
    return sum(given) if given else None


def _boxed(text: str) -> str:
    found = extract_answer(text)
    return found.value if found and found.how == "boxed" else ""


def _same(ours: str, theirs: str, grader: Grader) -> bool:
    if not ours or not theirs:
        return ours == theirs
    first, second = equivalence_classes(grader, [ours, theirs])
    return first == second
