"""What a verifier that reads whole steps is worth, what it is made of, and how to spend a budget of generated tokens.

One command, resumable: python benchmarks/study_verifiers.py. It samples the testbed, trains every row of
benchmarks/step_reader/trained_rows.py with three seeds by the rule that arts train follows, decides between 16 and 64
candidates of 400 test problems, and writes benchmarks/step_reader/results.json and the tables of
docs/verifiers.md. With --only it trains the rows of one group; with --write it writes about what is there.
"""

import asyncio
import sys
from functools import partial
from pathlib import Path

import numpy as np
import torch
from _study import Arrays, keep, keep_measured, publish, runs, study_parser, testbed_trees
from objectives.measure import decisions, everything, states
from step_reader.policies import measure_policies
from step_reader.row_training import row_trees, row_verifier
from step_reader.step_page import write_page
from step_reader.step_results import KS, summarise
from step_reader.trained_rows import ROWS, Row

from arts.evaluation.candidates import Candidates, collect
from arts.evaluation.steps import Reference
from arts.logs.samples import Samples, read_samples
from arts.problems.graders import make_grader
from arts.proposers.options import BackendOptions
from arts.selection import expected
from arts.verifiers.load import load_verifier
from arts.verifiers.neural import NeuralVerifier
from arts.workflows.probes import Probes, count_success

SEEDS = 3
PROBED = 60


def main() -> None:
    """Train and measure what is missing, then write results and page."""
    parser = study_parser(__doc__, "runs/verifiers")
    parser.add_argument("--only", choices=sorted({row.group for row in ROWS}), help="train the rows of this group")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--write", action="store_true", help="train nothing; write about the rows that are done")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    out, few = runs(given), 40 if given.quick else None
    seeds = 1 if given.quick else given.seeds
    test = _source(out, "test", few or 400, n=64)
    reference = _probed(out, test, 5 if given.quick else PROBED)
    candidates = collect(test.problems, test.trees, 64, make_grader("exact"))
    keep(out / "plain.npz", partial(_plain, candidates, reference))
    if not given.write:
        rows = [row for row in ROWS if given.only in (None, row.group)]
        for seed in range(seeds):  # whole seeds, so that a run cut short has some
            for row in rows:
                _measure(out, row, seed, few, candidates, test, reference)
        if given.only in (None, "default"):
            measure_policies(out, few, seeds)
    if given.write or not given.only:
        publish(given, summarise(out, seeds), write_page, "step_reader", "verifiers.md")


def _measure(
    out: Path, row: Row, seed: int, few: int | None, candidates: Candidates, test: Samples, reference: Reference
) -> None:
    """Train one row with one seed and measure it on the test problems, unless that is done."""

    def on_test(verifier: NeuralVerifier) -> Arrays:
        scores = everything(verifier, candidates)
        taught = [r for t in row_trees(out, row, few) for r in t.rollouts]
        cost = np.array([len(taught), sum(r.tokens for r in taught)])
        return decisions(candidates, scores, KS) | states(scores, test.trees, reference) | {"cost": cost}

    make = partial(row_verifier, out, row, seed, few)
    if keep_measured({out / f"{row.stem}-{seed}.npz": on_test}, make):
        print(f"{row.group}: {row.name}, seed {seed}", file=sys.stderr, flush=True)


def _source(out: Path, split: str, limit: int, n: int) -> Samples:
    store = out / f"{split}.db"
    testbed_trees(store, split, limit, n=n, fork_probability=0.0)
    return read_samples(store)


def _probed(out: Path, test: Samples, states: int) -> Reference:
    """Counted success of inner states."""
    return asyncio.run(count_success(test, Probes(states=states), BackendOptions(), out / "probes.db"))


def _plain(candidates: Candidates, reference: Reference) -> Arrays:
    """What no training decides."""
    correct, classes = candidates.correct, candidates.classes
    likelihood = decisions(candidates, everything(load_verifier("likelihood"), candidates), KS)
    equal = np.ones(correct.shape)
    return {
        **{f"majority {k}": expected.vote_at_k(correct, classes, equal, k) for k in KS},
        **{f"oracle {k}": expected.pass_at_k(correct, k) for k in (1, *KS)},
        **{f"likelihood {k}": likelihood[f"best last {k}"] for k in KS},
        "graded": reference.graded,
        "correct": reference.correct,
        "problem": reference.tree,
    }


if __name__ == "__main__":
    main()
