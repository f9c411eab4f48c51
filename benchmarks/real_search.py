"""Beam search against best-of-8 at equal cost with a real model; the table of ``docs/real-llm.md``.

Best-of-8 decides between the recorded samples in ``benchmarks/recorded``; the other search is the output of
``arts solve --problems benchmarks/recorded/svamp_test.jsonl``, under the budget of what those samples cost.

    python benchmarks/real_search.py beam.jsonl --verifier flow --limit 20
"""

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np
from _page import percent, table
from numpy.typing import NDArray

from arts.evaluation.candidates import candidate_scores, collect, score_nodes
from arts.evaluation.intervals import mean, paired_difference
from arts.problems.graders import make_grader
from arts.selection.expected import vote_at_k
from arts.selection.scores import voting_weights
from arts.trees.exchange import import_trees
from arts.verifiers.load import load_verifier

RECORDED = Path(__file__).parent / "recorded" / "qwen_svamp_test.jsonl.gz"
N = 8


def main() -> None:
    """Print a row per way of deciding: accuracy, tokens, and the difference of the search to it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("search", type=Path, help="output of arts solve")
    parser.add_argument("--verifier", required=True)
    parser.add_argument("--limit", type=int, required=True, help="the first problems of the set")
    given = parser.parse_args()
    recorded, tokens, ids = of_samples(given.verifier, given.limit)
    found = {row["id"]: row for row in map(json.loads, given.search.read_text(encoding="utf-8").splitlines())}
    searched = np.array([float(found[i].get("correct", False)) for i in ids])
    spent = np.mean([found[i]["generated_tokens"] for i in ids])
    rows = [
        [name, percent(mean(accuracy)), f"{tokens:,.0f}", percent(paired_difference(searched, accuracy))]
        for name, accuracy in recorded.items()
    ]
    rows.append(["search", percent(mean(searched)), f"{spent:,.0f}", ""])
    print(table(("", "accuracy, %", "tokens per problem", "search minus this, points"), rows) + "\n")
    for cost in ("proposer_calls", "prompt_tokens", "verifier_tokens_new", "verifier_tokens_reused"):
        print(f"search, {cost} per problem: {np.mean([found[i][cost] for i in ids]):,.0f}")
    print(f"search, problems without an answer: {sum('error' in found[i] for i in ids)}")


def of_samples(verifier: str, limit: int) -> tuple[dict[str, NDArray[np.float64]], float, list[str]]:
    """Accuracy per problem of each way to decide between the samples, their tokens per problem, and the problems."""
    with tempfile.TemporaryDirectory() as folder, import_trees(RECORDED, Path(folder) / "trees.db") as store:
        problems, trees = store.problems()[:limit], list(store.trees())[:limit]
    grader = make_grader("math")
    candidates = collect(problems, trees, N, grader)
    grader.close()
    scores = score_nodes(load_verifier(verifier), candidates.trees, candidates.nodes())
    (last,) = candidate_scores(candidates, scores, ["last"])
    correct, classes = candidates.correct, candidates.classes
    chosen = last.scores.argmax(axis=1)
    accuracy = {
        "one sample": correct.mean(axis=1),
        "majority of 8": vote_at_k(correct, classes, np.ones(correct.shape), N),
        "best of 8": correct[np.arange(len(chosen)), chosen].astype(float),
        "flow vote of 8": vote_at_k(correct, classes, voting_weights(last.scores, last.unit), N),
    }
    tokens = float(np.mean([sum(r.tokens for r in tree.backbones[:N]) for tree in candidates.trees]))
    return accuracy, tokens, [p.id for p in candidates.problems]


if __name__ == "__main__":
    main()
