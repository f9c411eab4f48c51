"""The diagnosis of a model before and after real GRPO, against plain Python and scipy on the same two files."""

import gzip
import json
import math
import re
from collections import Counter
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from scipy.stats import fisher_exact, hypergeom

from arts.logs.formats import LogOptions
from arts.logs.read import read_log
from arts.logs.trees import tree_of
from arts.problems.graders import make_grader
from arts.squeeze.diagnosis.diagnose import diagnose
from arts.squeeze.diagnosis.pairs import Samples, match

DATA = Path(__file__).parent.parent / "data"
RATE = 0.08
CASES = {"learned": ("base", "grpo", 64), "unlearned": ("grpo", "base", 64), "few": ("base", "grpo", 16)}
"""Which model comes first, which second, and how many samples of each count. Of ``few`` only problems that the first
model solves, so that the curves cross."""

every_case = pytest.mark.parametrize("case", CASES)


@cache
def raw(case):
    """{problem: (key, texts of the first, texts of the second)}, straight from the files."""
    *names, n = CASES[case]
    sides = []
    for name in names:
        with gzip.open(DATA / f"congruences_{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
            rows = [json.loads(line) for line in lines]
        sides.append({r["problem_id"]: (r["answer"], [s["text"] for s in r["samples"]][:n]) for r in rows})
    assert sides[0].keys() == sides[1].keys() and len(sides[0]) == 40
    both = {name: (key, texts, sides[1][name][1]) for name, (key, texts) in sides[0].items()}
    return {name: row for name, row in both.items() if case != "few" or row[0] in map(stated, row[1])}


@cache
def result(case):
    """What the program says."""
    *names, n = CASES[case]
    grader, sides = make_grader("exact"), []
    for name in names:
        file = DATA / f"congruences_{name}.jsonl.gz"
        read = [
            replace(found, samples=found.samples[:n])
            for found in read_log(file, LogOptions()).problems
            if found.problem.id in raw(case)
        ]
        trees = [tree_of(one, splitter="newline", grader=grader, believe=True) for one in read]
        sides.append(Samples(name=name, problems=[found.problem for found in read], trees=trees))
    return diagnose(match(*sides, grader), rate=RATE, seed=0)


def stated(text):
    """The last number, as the model writes its answer."""
    return re.findall(r"\d+", text)[-1]


def right(case):
    """Number of samples per side, and {problem: (correct ones of the first, of the second)}."""
    counts = {n: tuple(sum(stated(t) == key for t in of) for of in texts) for n, (key, *texts) in raw(case).items()}
    return CASES[case][2], counts


def ladder(n):
    return [2**i for i in range(n.bit_length())]


def solved(c, n, k):
    """Chance that k of n samples hold one of c: one minus that of drawing wrong ones only, one after the other."""
    return 1 - math.prod(max(n - c - i, 0) / (n - i) for i in range(k))


def mean(values):
    values = list(values)
    return sum(values) / len(values)


@every_case
def test_the_curves_are_those_of_drawing_one_after_the_other(case):
    n, counts = right(case)
    found = result(case).curves
    assert (found.ks, found.problems, found.left_out) == (ladder(n), len(counts), 0)
    for k in ladder(n):
        chances = [(solved(c, n, k), solved(d, n, k)) for c, d in counts.values()]
        expected = {
            "base": mean(b for b, _ in chances),
            "rl": mean(r for _, r in chances),
            "difference": mean(r - b for b, r in chances),
            "lost": mean(b * (1 - r) for b, r in chances),
            "gained": mean((1 - b) * r for b, r in chances),
            "room": mean(b for b, _ in chances) - mean(d / n for _, d in counts.values()),
        }
        assert {name: getattr(found, name)[k].value for name in expected} == pytest.approx(expected, abs=1e-12)


@every_case
def test_the_crossing_is_where_a_line_over_log_k_meets_zero_for_the_last_time(case):
    n, counts = right(case)
    gaps = [mean(solved(d, n, k) - solved(c, n, k) for c, d in counts.values()) for k in ladder(n)]
    expected = None
    for i in reversed(range(len(gaps))):  # backwards, as long as the first model is ahead
        if gaps[i] >= 0:
            break
        before = gaps[i - 1] if i else None
        expected = 1 if before is None else 2 ** (i - 1 + before / (before - gaps[i]))
    assert result(case).curves.crossing.value == (expected and pytest.approx(expected))


@every_case
def test_the_classes_are_those_of_fishers_test_and_a_step_up_by_hand(case):
    n, counts = right(case)
    ps, could = {}, set()
    for name, (c, d) in counts.items():
        ps[name] = fisher_exact([[c, n - c], [d, n - d]])[1]
        extremes = [(x, c + d - x) for x in (max(0, c + d - n), min(n, c + d))]
        if min(fisher_exact([[x, n - x], [y, n - y]])[1] for x, y in extremes) <= RATE:
            could.add(name)
    ranked = sorted(could, key=ps.__getitem__)
    last = max(i for i, name in enumerate(ranked, start=1) if ps[name] <= RATE * i / len(ranked))
    expected = {}
    for name, (c, d) in counts.items():
        way = "gained" if d > c else "squeezed" if d else "extinct"
        expected[name] = way if name in ranked[:last] else "unresolved"
    found = result(case)
    assert {p.id: p.change for p in found.problems} == expected
    assert {p.id: p.p for p in found.problems} == pytest.approx(ps)
    assert {p.id: (p.base, p.rl) for p in found.problems} == {name: ((c, n), (d, n)) for name, (c, d) in counts.items()}
    changes = found.changes
    assert changes.counts == {**dict.fromkeys(changes.counts, 0), **Counter(expected.values())}
    assert changes.tested == len(could)
    assert changes.level == pytest.approx(RATE * last / len(could))


@every_case
def test_recovery_is_that_of_all_ways_to_halve_the_samples(case):
    n, counts = right(case)
    half = n // 2
    lost, sums = 0.0, Counter()
    for c, d in counts.values():
        for x in range(max(1, c - half), min(c, half) + 1):
            label = hypergeom.pmf(x, n, c, half) * hypergeom.pmf(0, n, d, half)
            lost += label
            for k in ladder(half):
                sums["base", k] += label * hypergeom.sf(0, half, c - x, k)
                sums["rl", k] += label * hypergeom.sf(0, half, min(d, half), k)
    found = result(case).recovery
    assert (found.ks, found.problems) == (ladder(half), len(counts))
    assert found.lost == pytest.approx(lost)
    for side in ("base", "rl"):
        expected = {k: sums[side, k] / lost for k in ladder(half)}
        assert {k: e.value for k, e in getattr(found, side).items()} == pytest.approx(expected)


@every_case
def test_diversity_is_that_of_counting(case):
    n, found = CASES[case][2], result(case).diversity
    assert (found.top_k, found.problems) == (n, len(raw(case)))
    keys = [key for key, *_ in raw(case).values()]
    for side, name in enumerate(("base", "rl")):
        texts = [of[side] for _, *of in raw(case).values()]
        answers = [Counter(map(stated, of)) for of in texts]
        for k in ladder(n):
            distinct = mean(sum(hypergeom.sf(0, n, size, k) for size in of.values()) for of in answers)
            assert getattr(found.answers[k], name).value == pytest.approx(distinct)
        expected = {
            "entropy": mean(-sum(x / n * math.log(x / n) for x in of.values()) for of in answers),
            "majority_share": mean(max(of.values()) / n for of in answers),
            "texts": mean(len(set(of)) for of in texts),
            "correct_texts": mean(
                len({t for t in of if stated(t) == key}) for of, key in zip(texts, keys, strict=True)
            ),
            "first_steps": mean(len({t.partition("\n")[0] for t in of}) for of in texts),
        }
        assert {measure: getattr(getattr(found, measure), name).value for measure in expected} == pytest.approx(
            expected
        )


def test_the_cases_are_none_that_anything_would_pass():
    found = [result(case) for case in CASES]
    assert all(sum(r.changes.counts[name] for r in found) > 0 for name in found[0].changes.counts)
    assert any(0 < r.changes.tested < len(r.problems) for r in found)
    crossings = [r.curves.crossing.value for r in found]
    assert crossings[:2] == [None, 1] and 1 < crossings[2] < 16
    assert all(r.recovery.lost > 0.01 for r in found)
