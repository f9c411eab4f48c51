"""The diagnosis against enumeration, exact fractions, scipy and simulation."""

import gzip
import json
import math
import re
from collections import Counter
from dataclasses import replace
from fractions import Fraction
from itertools import combinations
from pathlib import Path

import msgspec
import numpy as np
import pytest
from scipy.stats import binom, fisher_exact

from arts.documents.data import as_json
from arts.documents.figures import files
from arts.documents.html import document_as_html
from arts.documents.markdown import document_as_markdown
from arts.errors import InputError
from arts.logs.formats import LogOptions
from arts.logs.read import read_log
from arts.logs.sample import Sample, SampledProblem
from arts.logs.trees import tree_of
from arts.problems.base import Problem
from arts.problems.graders import make_grader
from arts.squeeze.diagnosis.curves import crossing, curves, stays_ahead
from arts.squeeze.diagnosis.diagnose import diagnose
from arts.squeeze.diagnosis.diversity import diversity
from arts.squeeze.diagnosis.pairs import Pair, Samples, Side, match
from arts.squeeze.diagnosis.parts import Both, Matching, McNemar, Origin
from arts.squeeze.diagnosis.planning import PLANS, POWER, SIZES, needed, plan, power
from arts.squeeze.diagnosis.recovery import recovery
from arts.squeeze.diagnosis.results import IN_MARKDOWN, Diagnosis, read_diagnosis
from arts.squeeze.diagnosis.significance import find_changes, fisher, least_p, mcnemar, upper_bound

REAL = Path(__file__).parent.parent / "data" / "gsm8k_openai_60x4.jsonl.gz"
SIDES = {"base": ("6b_finetuning", "6b_verification"), "rl": ("175b_finetuning", "175b_verification")}
ALL = Matching(matched=0, by_question=0, only_base=0, only_rl=0, other_question=0, disbelieved=0)
HOSTILE = "<script>alert(1)</script>\x1b[2J\u202e|"


def samples(name, rows):
    grader = make_grader("exact")
    trees = [tree_of(sampled(row), splitter="newline", grader=grader, believe=True) for row in rows]
    return Samples(name=name, problems=[sampled(row).problem for row in rows], trees=trees)


def sampled(row):
    """What a row is as the program reads it."""
    if isinstance(row, SampledProblem):
        return row
    problem = Problem(id=row["problem_id"], question=row["problem"], answer=row.get("answer") or "")
    lines = [Sample(place="", body=s["text"], answer=s.get("answer"), correct=s["correct"]) for s in row["samples"]]
    return SampledProblem(place="", problem=problem, samples=lines)


def row(name, marks, question="", answers=None):
    """A problem whose samples are right (1) or wrong (0)."""
    answers = answers or [f"{name} {'right' if mark else f'wrong {i}'}" for i, mark in enumerate(marks)]
    texts = [{"text": a, "answer": a, "correct": bool(m)} for a, m in zip(answers, marks, strict=True)]
    return {"problem_id": name, "problem": question or name, "samples": texts}


def to_markdown(result):
    return document_as_markdown(result.document(IN_MARKDOWN))


def to_html(result):
    document = result.document()
    drawn = {f.name: files(f)[0] for section in document.sections for f in section.figures}
    return document_as_html(document, drawn)


def built(base, rl):
    """A pair from marks by problem: {"p1": [1, 0, …], …}."""
    return match(
        samples("base", [row(k, v) for k, v in base.items()]),
        samples("rl", [row(k, v) for k, v in rl.items()]),
        make_grader("exact"),
    )


def counted(base, rl):
    """A pair from counts [(correct, sampled), …]."""
    named = [{f"p{i}": [1] * c + [0] * (n - c) for i, (c, n) in enumerate(side)} for side in (base, rl)]
    return built(*named)


def quick(c, n, d, m):
    """A pair of count arrays, without any texts."""

    def side(c, n):
        owner = np.repeat(np.arange(len(n)), n)
        index = np.concatenate([np.arange(k) for k in n])
        correct = index < c[owner]
        same = np.zeros(len(owner), dtype=np.int64)
        return Side(owner=owner, correct=correct, ungraded=same > 0, answer=same, text=same, first=same, steps=False)

    return Pair(problems=[], base=side(c, n), rl=side(d, m), matching=ALL)


@pytest.fixture(scope="module")
def real():
    """Recorded samples of two small and two large models, as the program reads them."""
    read = {
        name: read_log(str(REAL), LogOptions(where=tuple(f"model={m}" for m in models)))
        for name, models in SIDES.items()
    }
    sides = [samples(name, log.problems) for name, log in read.items()]
    return match(*sides, make_grader("exact"))


@pytest.fixture(scope="module")
def raw():
    """The same straight from the file: {problem: (base samples, other samples)}."""
    with gzip.open(REAL, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return {
        r["problem_id"]: tuple([s for s in r["samples"] if s["model"] in models] for models in SIDES.values())
        for r in rows
    }


def enumerated(marks, k):
    """Share of k-subsets with a right sample."""
    return Fraction(*map(sum, zip(*((any(chosen), 1) for chosen in combinations(marks, k)), strict=True)))


def marks(side):
    return [s["correct"] for s in side]


def average(values):
    values = list(values)
    return float(sum(values) / len(values))


@pytest.mark.parametrize("k", [1, 2])
def test_the_curves_of_real_samples_are_those_of_enumeration(real, raw, k):
    found = curves(real, 0)
    base, rl = ([enumerated(marks(s[i]), k) for s in raw.values()] for i in (0, 1))
    assert (found.ks, found.problems, found.left_out) == ([1, 2], 60, 0)
    value = {name: getattr(found, name)[k].value for name in ("base", "rl", "difference", "lost", "gained", "room")}
    single = [enumerated(marks(s[1]), 1) for s in raw.values()]
    assert value == pytest.approx(
        {
            "base": average(base),
            "rl": average(rl),
            "difference": average(r - b for b, r in zip(base, rl, strict=True)),
            "lost": average(b * (1 - r) for b, r in zip(base, rl, strict=True)),
            "gained": average(r * (1 - b) for b, r in zip(base, rl, strict=True)),
            "room": average(b - r for b, r in zip(base, single, strict=True)),
        }
    )
    assert value["lost"] != pytest.approx(value["gained"])


def test_the_tests_of_real_samples_are_those_of_scipy(real, raw):
    changes = find_changes(real, 0.1)
    for problem, p in zip(real.problems, changes.p, strict=True):
        (a, b), (c, d) = ([(sum(marks(s))), len(s) - sum(marks(s))] for s in raw[problem.id])
        assert p == pytest.approx(fisher_exact([[a, b], [c, d]])[1])
    assert changes.counts() == {"gained": 0, "squeezed": 0, "extinct": 0, "unresolved": 60}
    assert changes.level == 0.1 / 60  # what one problem alone would need
    assert not changes.tested.any()  # two samples a side cannot tell: p is 1/3 or more


def test_the_diversity_of_real_samples_is_that_of_counting(real, raw):
    found = diversity(real, 0)
    two = [[len({_word(s) for s in side}) for side in both] for both in raw.values()]
    assert found.answers[2].base.value == pytest.approx(average(b for b, _ in two))
    assert found.answers[2].rl.value == pytest.approx(average(r for _, r in two))
    right = [len({str(s["steps"]) for s in side if s["correct"]}) for side, _ in raw.values()]
    assert found.correct_texts.base.value == pytest.approx(average(right))
    steps = [len({s["steps"][0] for s in side}) for _, side in raw.values()]
    assert found.first_steps.rl.value == pytest.approx(average(steps))


def _word(sample):
    """Right, or the stated answer, or the last number of those two solutions that state none."""
    return "right" if sample["correct"] else sample["answer"] or re.findall(r"[\d.]+", sample["steps"][-1])[-1]


def test_recovery_of_real_samples_is_that_of_all_halvings(real, raw):
    expected = halvings({k: (marks(b), marks(r)) for k, (b, r) in raw.items()})
    found = recovery(real, 0)
    assert (found.ks, found.lost) == ([1], pytest.approx(expected["lost"]))
    assert found.base[1].value == pytest.approx(expected["base", 1])
    assert found.rl[1].value == pytest.approx(expected["rl", 1])


def halvings(problems):
    """Label on one half, measure on the other, over all pairs of halves."""
    sums = Counter()
    for base, rl in problems.values():
        halves = [list(combinations(range(len(side)), len(side) // 2)) for side in (base, rl)]
        weight = Fraction(1, len(halves[0]) * len(halves[1]))
        for h in halves[0]:
            for g in halves[1]:
                if not any(base[i] for i in h) or any(rl[i] for i in g):
                    continue
                sums["lost"] += weight
                rest = [[s[i] for i in range(len(s)) if i not in half] for s, half in ((base, h), (rl, g))]
                for k in range(1, min(map(len, rest)) + 1):
                    sums["base", k] += weight * enumerated(rest[0], k)
                    sums["rl", k] += weight * enumerated(rest[1], k)
    return {k: float(v if k == "lost" else v / sums["lost"]) for k, v in sums.items()}


def test_recovery_is_measured_on_the_samples_that_did_not_label():
    base = {"a": [1, 1, 0, 0, 0, 0], "b": [1, 0, 0, 0, 0], "c": [1, 1, 1, 1, 0, 0], "d": [0] * 6}
    rl = {"a": [0] * 6, "b": [1, 0, 0, 0, 0, 0], "c": [1, 1, 1, 1, 1, 0], "d": [1, 0, 0, 0, 0, 0]}
    expected = halvings({k: (base[k], rl[k]) for k in base})
    found = recovery(built(base, rl), 0)
    assert found.lost == pytest.approx(expected["lost"])
    for side in ("base", "rl"):
        assert [getattr(found, side)[k].value for k in (1, 2, 3)] == pytest.approx(
            [expected[side, k] for k in (1, 2, 3)]
        )


def test_chance_alone_recovers_as_much_on_either_side():
    """Labels from the measured samples would make base look far better than RL on models that are one and the same."""
    rng = np.random.default_rng(0)
    rates = np.full(400, 0.1)
    n = np.full(400, 8)
    found = recovery(quick(rng.binomial(8, rates), n, rng.binomial(8, rates), n), 0)
    assert found.base[1].value == pytest.approx(0.1, abs=0.03)
    assert found.rl[1].value == pytest.approx(0.1, abs=0.03)


def test_p_values_are_those_of_scipy_at_every_table():
    tables = [(c, n, d, m) for n, m in [(1, 1), (3, 5), (8, 8), (16, 7)] for c in range(n + 1) for d in range(m + 1)]
    expected = [fisher_exact([[c, n - c], [d, m - d]])[1] for c, n, d, m in tables]
    least = {}
    for (c, n, d, m), p in zip(tables, expected, strict=True):
        least[n, m, c + d] = min(p, least.get((n, m, c + d), 1))
    columns = np.array(tables).T
    assert fisher(*columns) == pytest.approx(expected)
    smallest = least_p(columns[1], columns[3], columns[0] + columns[2])
    assert smallest == pytest.approx([least[n, m, c + d] for c, n, d, m in tables])


def test_the_classes_are_those_found_by_hand():
    full, none, half = (16, 16), (0, 16), (8, 16)
    changes = find_changes(counted([full, full, none, half, half], [none, (3, 16), full, half, (6, 16)]), 0.1)
    assert changes.change == ["extinct", "squeezed", "gained", "unresolved", "unresolved"]
    assert changes.counts() == {"gained": 1, "squeezed": 1, "extinct": 1, "unresolved": 2}
    assert changes.level == pytest.approx(0.1 * 3 / 5)
    assert upper_bound(16) == pytest.approx(0.1707, abs=1e-4)


def test_problems_that_no_outcome_could_show_cost_the_others_nothing():
    shown, hopeless = [[(0, 6)], [(6, 6)]], [(6, 6), (0, 6), (1, 6), (0, 6)] * 100
    changes = find_changes(counted(shown[0] + hopeless, shown[1] + hopeless), 0.1)
    assert changes.tested.sum() == 1 and changes.change[0] == "gained"
    alike = [(3, 6)] * 100  # these could have been shown: 101 tests ask for p ≤ 0.001
    crowded = find_changes(counted(shown[0] + alike, shown[1] + alike), 0.1)
    assert crowded.tested.all() and set(crowded.change) == {"unresolved"}
    for others in (45, 46):  # 0.1 / 46 ≥ 2 / C(12, 6) > 0.1 / 47
        some = find_changes(counted(shown[0] + alike[:others], shown[1] + alike[:others]), 0.1)
        assert (some.change[0] == "gained") == (others == 45)


def test_whether_a_problem_is_tested_depends_on_its_margins_only():
    together = find_changes(counted([(0, 6), (2, 6), (1, 6)], [(4, 6), (2, 6), (3, 6)]), 0.1)
    assert together.tested.all()
    apart = find_changes(counted([(0, 6), (1, 6)], [(3, 6), (2, 6)]), 0.1)
    assert not apart.tested.any()


def test_the_level_counts_the_tested_problems_only():
    """One of p = 0.029 passes 0.1 · 1/2 beside one that is tested too, and not 0.1 · 1/12 of all."""
    changes = find_changes(counted([(4, 4), (3, 4), *[(0, 4)] * 10], [(0, 4), (1, 4), *[(0, 4)] * 10]), 0.1)
    assert changes.tested.tolist() == [True, True, *[False] * 10]
    assert changes.p[:2] == pytest.approx([2 / 70, 34 / 70])
    assert changes.change[:2] == ["extinct", "unresolved"]
    assert changes.level == pytest.approx(0.1 * 1 / 2)
    none = find_changes(counted([(3, 4), *[(0, 4)] * 10], [(1, 4), *[(0, 4)] * 10]), 0.1)
    assert none.level == pytest.approx(0.1)  # what one alone would need


def found_in(changes):
    return np.array([change != "unresolved" for change in changes.change])


def test_the_rate_of_false_discoveries_is_kept_where_nothing_has_changed():
    rng = np.random.default_rng(0)
    runs, n = 300, np.full(200, 32)
    false = 0
    for _ in range(runs):
        rates = rng.beta(0.4, 0.4, 200)
        false += found_in(find_changes(quick(rng.binomial(32, rates), n, rng.binomial(32, rates), n), 0.2)).any()
    assert false / runs <= 0.2 + 2 * math.sqrt(0.2 * 0.8 / runs)
    assert false > 0  # it is used, not only kept


def test_changes_are_found_and_few_of_them_are_false():
    rng = np.random.default_rng(1)
    n = np.full(200, 32)
    shares, found_shares = [], []
    for _ in range(60):
        base = rng.beta(0.5, 0.5, 200)
        rl = base.copy()
        rl[:60] = 1 - base[:60]
        found = found_in(find_changes(quick(rng.binomial(32, base), n, rng.binomial(32, rl), n), 0.2))
        shares.append(found[60:].sum() / max(found.sum(), 1))
        found_shares.append(found[:60].mean())
    assert np.mean(shares) <= 0.2
    assert np.mean(found_shares) > 0.4


@pytest.mark.parametrize("base, rl", [(0.9, 0.2), (0.55, 0.45), (0.45, 0.55)])
def test_the_power_is_that_of_enumeration(base, rl):
    level = 0.05
    expected = 0.0
    for c in range(9):
        for d in range(9):
            right_way = d < c if rl < base else d > c
            if right_way and fisher_exact([[c, 8 - c], [d, 8 - d]])[1] <= level:
                expected += binom.pmf(c, 8, base) * binom.pmf(d, 8, rl)
    assert power(np.array([base, 0.5]), np.array([rl, 0.5]), 8, level)[0] == pytest.approx(expected, rel=1e-9)


def test_the_advertised_number_of_samples_does_what_it_says():
    pair = counted([(12, 16), (3, 16), (16, 16), (2, 16), (8, 16)], [(4, 16), (9, 16), (12, 16), (1, 16), (8, 16)])
    changes = find_changes(pair, 0.1)
    planned = plan(pair, changes, 0)
    found = needed(pair, planned)
    rng = np.random.default_rng(0)
    said = 0
    for i, size in enumerate(found):
        if size is None:
            continue
        rates = [
            (prior[0] + side.c[i]) / (sum(prior) + side.n[i])
            for prior, side in ((planned.prior.base, pair.base), (planned.prior.rl, pair.rl))
        ]
        c, d = (rng.binomial(size, rate, 2_000) for rate in rates)
        n = np.full(2_000, size)
        assert (fisher(c, n, d, n) <= changes.level).mean() >= 0.75
        fewer = SIZES[SIZES.index(size) - 1]
        assert power(np.array(rates[:1]), np.array(rates[1:]), fewer, changes.level)[0] < POWER
        said += 1
    assert said >= 3
    assert found[4] is None or found[4] > 100


@pytest.mark.parametrize("n, narrow, size", [(4, 1, 16), (16, 1, 16), (4, 1, 64), (16, 1, 64), (16, 8, 64)])
def test_the_expected_number_of_resolved_problems_comes_true(n, narrow, size):
    """Rates from the priors, a few samples, then other ones: as many problems are found as were expected of so many."""
    rng = np.random.default_rng(0)
    base, rl = rng.beta(0.4 * narrow, 1.6 * narrow, 1_500), rng.beta(0.7 * narrow, 1.4 * narrow, 1_500)
    few, many = np.full(1_500, n), np.full(1_500, size)
    pair = quick(rng.binomial(n, base), few, rng.binomial(n, rl), few)
    expected = plan(pair, find_changes(pair, 0.1), 0).expected
    assert tuple(expected) == PLANS
    again = [quick(rng.binomial(size, base), many, rng.binomial(size, rl), many) for _ in range(3)]
    found = np.mean([found_in(find_changes(other, 0.1)).sum() for other in again])
    assert found == pytest.approx(expected[size], rel=0.05)


@pytest.mark.parametrize("base, rl", [((0, 8), (3, 8)), ((3, 8), (0, 8)), ((0, 8), (0, 8)), ((8, 8), (8, 8))])
def test_a_side_that_solves_nothing_or_all_has_a_plan_and_a_page(base, rl):
    """Its rates are drawn down to 1e-310, where binomial tails overflow."""
    found = diagnose(counted([base] * 30, [rl] * 30), rate=0.1, seed=0)
    expected = found.changes.plan.expected
    assert all(0 <= x <= 30 for x in expected.values())
    assert (expected[256] > 29) == (base != rl)
    page = to_html(found)
    assert as_json(found) == as_json(msgspec.convert(json.loads(as_json(found)), Diagnosis, str_keys=True))
    assert "of 30 problems" in to_markdown(found).lower() and not re.search(r"\bnan\b", page)


def test_where_nothing_has_changed_the_report_says_so():
    found = diagnose(counted([(4, 8)] * 10, [(4, 8)] * 10), rate=0.1, seed=0)
    assert found.changes.counts == {"gained": 0, "squeezed": 0, "extinct": 0, "unresolved": 10}
    assert "None is found; one alone would need" in to_html(found)


def test_one_sample_each_resolves_no_problem_and_is_said_plainly():
    base = [(1, 1)] * 20 + [(0, 1)] * 7 + [(1, 1)] * 3
    rl = [(1, 1)] * 20 + [(1, 1)] * 7 + [(0, 1)] * 3
    pair = counted(base, rl)
    result = diagnose(pair, rate=0.1, seed=0)
    assert result.changes.counts["unresolved"] == 30
    assert result.changes.mcnemar == McNemar(base_only=3, rl_only=7, p=pytest.approx(0.34375))
    assert result.changes.plan is None and result.recovery is None and result.curves.crossing is None
    assert "One sample of each problem on either side resolves no single problem" in to_markdown(result)
    assert mcnemar(counted([(1, 2)], [(0, 1)])) is None


def test_the_crossing_is_interpolated_in_log_k():
    ks = [1, 2, 4, 8]
    rows = [[0.2, 0.1, -0.1, -0.2], [0.1, 0.1, 0.1, 0.1], [-0.1, -0.2, -0.1, -0.1], [-0.1, 0.2, -0.1, -0.3], [0] * 4]
    found = stays_ahead(np.array(rows), ks)
    assert found == pytest.approx([math.sqrt(8), math.inf, 1, 2 * 2 ** (2 / 3), math.inf])
    late = stays_ahead(np.array([[0.3, 0.3, 0.3, -0.1]]), ks)
    assert late == pytest.approx([4 * 2 ** (3 / 4)])


def test_the_interval_of_a_crossing_counts_the_resamples_that_do_not_cross():
    rng = np.random.default_rng(0)
    sharp = np.array([0.2, 0.1, -0.1, -0.2]) + 0.01 * rng.standard_normal((50, 1))
    found = crossing(sharp, [1, 2, 4, 8], 0)
    assert found.low < found.value < found.high < 3.0
    assert (found.share_crossing, found.share_not_ahead) == (1, 0)
    vague = np.array([0.02, 0.01, -0.01, -0.02]) + 0.3 * rng.standard_normal((50, 4))
    found = crossing(vague - vague.mean(axis=0) + [0.02, 0.01, -0.01, -0.02], [1, 2, 4, 8], 0)
    assert found.value == pytest.approx(math.sqrt(8))
    assert found.low == 1 and found.high is None
    shares = [found.share_crossing, found.share_base_throughout, found.share_not_ahead]
    assert min(shares) > 0.025 and sum(shares) == pytest.approx(1)


def test_narrowing_shows_as_base_that_overtakes():
    pair = counted([(4, 16)] * 30, [(16, 16)] * 15 + [(0, 16)] * 15)
    found = curves(pair, 0)
    assert found.difference[1].value == pytest.approx(0.25)
    assert found.difference[16].value == pytest.approx(-0.5)
    assert 2 < found.crossing.value < 4
    assert found.lost[16].value == pytest.approx(0.5) and found.gained[16].value == 0


def test_problems_with_few_samples_are_left_out_of_the_curves_only():
    pair = counted([(2, 8)] * 19 + [(1, 2)], [(3, 4)] * 20)
    found = curves(pair, 0)
    assert (found.top_k, found.problems, found.left_out) == (4, 19, 1)
    assert found.base[4].value == pytest.approx(1 - math.comb(6, 4) / math.comb(8, 4))
    assert len(find_changes(pair, 0.1).change) == 20
    assert diversity(pair, 0).problems == 19
    long = counted([(2, 4)] * 7 + [(9, 16)] * 3, [(2, 16)] * 10)
    assert (curves(long, 0).top_k, curves(long, 0).left_out) == (4, 0)


def test_distinct_answers_are_the_mean_over_all_subsets():
    answers = ["a", "a", "b", "c", "c", "c"]
    base = samples("base", [row("p", [0] * 6, answers=answers)])
    rl = samples("rl", [row("p", [1, 1, 0, 0, 0, 0], answers=["a", "b", "c", "c", "d", "d"])])
    found = diversity(match(base, rl, make_grader("exact")), 0)
    merged = ["right", "right", "c", "c", "d", "d"]
    for k in (1, 2, 4, 6):
        for side, words in (("base", answers), ("rl", merged)):
            expected = average(Fraction(len(set(chosen))) for chosen in combinations(words, k))
            assert getattr(found.answers[k], side).value == pytest.approx(expected)
    shares = [Fraction(x, 6) for x in Counter(answers).values()]
    assert found.entropy.base.value == pytest.approx(-sum(float(x) * math.log(x) for x in shares))
    assert found.majority_share.base.value == pytest.approx(3 / 6)
    assert found.majority_correct.rl.value == pytest.approx(1 / 3)


def test_the_entropy_of_fewer_samples_is_the_mean_over_all_subsets():
    answers = ["a", "a", "b", "c", "c"]
    base = samples("base", [row("p", [0] * 5, answers=answers)])
    rl = samples("rl", [row("p", [0] * 3, answers=["a", "b", "a"])])
    found = diversity(match(base, rl, make_grader("exact")), 0)

    def entropy(words):
        return -sum(x / len(words) * math.log(x / len(words)) for x in Counter(words).values())

    expected = np.mean([entropy(chosen) for chosen in combinations(answers, 3)])
    assert found.top_k == 3
    assert found.entropy.base.value == pytest.approx(expected)
    assert found.entropy.rl.value == pytest.approx(entropy("aba"))


def test_samples_that_state_no_answer_are_no_answer_of_the_majority():
    empty = {"problem_id": "p", "problem": "p", "samples": [{"text": "?", "answer": None, "correct": False}] * 4}
    base = samples("base", [empty])
    rl = samples("rl", [row("p", [1, 0, 0, 0], answers=["a", "b", "b", "c"])])
    found = diversity(match(base, rl, make_grader("exact")), 0)
    assert found.answers[4].base.value == 0
    assert found.majority_share.base.value == 0
    assert found.majority_correct.rl.value == 0


def test_first_steps_are_told_from_whole_solutions():
    lines = [{"text": f"{first}\n{rest}", "correct": False} for first, rest in ("ab", "ac", "ad", "be")]
    side = samples("s", [{"problem_id": "p", "problem": "p", "samples": lines}])
    found = diversity(match(side, side, make_grader("exact")), 0)
    assert found.first_steps.base.value == 2 and found.texts.base.value == 4
    assert found.correct_texts.base.value == 0
    short = samples("s", [{"problem_id": "p", "problem": "p", "samples": [{**lines[0], "text": "a"}, *lines[1:]]}])
    assert diversity(match(short, side, make_grader("exact")), 0).first_steps.base.value == 2
    single = samples("s", [row("p", [1, 0])])
    found = diversity(match(single, single, make_grader("exact")), 0)
    assert found.first_steps is None and "first_steps" not in as_json(found)


def matched(base, rl, **chosen):
    """Which problems meet, from {id: question} or {id: (question, key)}: [(id in base, id in rl)], and the counts."""

    def side(name, problems):
        rows = []
        for i, (given, what) in enumerate(problems.items()):
            question, key = what if isinstance(what, tuple) else (what, None)
            rows.append({**row(given, [1] * (i + 1), question), "answer": key})
        return replace(samples(name, rows), **chosen)

    pair = match(side("b", base), side("r", rl), make_grader("exact"))
    return [([*base][n - 1], [*rl][m - 1]) for n, m in zip(pair.base.n, pair.rl.n, strict=True)], pair.matching


def test_problems_are_matched_by_their_question_and_else_by_id():
    found, counts = matched(
        {"1": "one", "2": "two", "x": "three  four", "5": "one"},
        {"y": "three four", "2": "User: two", "1": "one", "9": "?"},
    )
    assert found == [("1", "1"), ("2", "2"), ("x", "y")]
    assert counts == Matching(matched=3, by_question=2, only_base=1, only_rl=1, other_question=1, disbelieved=0)


def test_a_question_goes_before_an_id_that_names_another():
    """As where two runs number their problems from different starts."""
    questions = [f"What is {i} + {i}?" for i in range(6)]
    found, counts = matched(
        {str(i): (q, str(2 * i)) for i, q in enumerate(questions[:5])},
        {str(i): (q, str(2 * i + 2)) for i, q in enumerate(questions[1:])},
    )
    assert found == [("1", "0"), ("2", "1"), ("3", "2"), ("4", "3")]
    assert (counts.by_question, counts.other_question, counts.only_base, counts.only_rl) == (4, 0, 1, 1)


def test_of_equal_questions_those_with_one_id_meet_first():
    found, _ = matched({"a": "q", "b": "q", "c": "q"}, {"c": "q", "z": "q", "b": "q"})
    assert found == [("a", "z"), ("b", "b"), ("c", "c")]


def test_no_problem_is_matched_twice():
    assert matched({"a": "q", "b": "q"}, {"z": "q"})[0] == [("a", "z")]
    assert matched({"a": "What?", "b": "Q: What? A:"}, {"b": "What?"})[0] == [("a", "b")]


@pytest.mark.parametrize("key", [None, "4"])
def test_prompts_that_differ_by_a_chat_template_are_matched_by_id(key):
    plain = {str(i): (f"What is {i}?", key) for i in range(4)}
    user = {i: (f"<|user|>{q}<|end|>", key and "5") for i, (q, _) in plain.items()}
    found, counts = matched(plain, user)
    assert found == [(i, i) for i in "0123"] and counts.other_question == 4
    if key:  # two templates, and nothing but the key says that it is the same
        other = {i: (f"Q: {q} A:", key) for i, (q, _) in plain.items()}
        assert matched(other, {i: (q, key) for i, (q, _) in user.items()})[0] == found


def test_ids_whose_questions_and_keys_differ_are_not_believed_unless_they_were_chosen():
    base = {str(i): (f"What is {i}?", str(i)) for i in range(4)}
    rl = {str(i): (f"Who is {i}?", str(i + 1)) for i in range(4)}
    with pytest.raises(InputError) as caught:
        matched(base, rl)
    said = str(caught.value)
    assert "4 ids are in both, but with other questions and keys, e.g. 0 is 'What is 0?' and 'Who is 0?'" in said
    assert "fields.id" in said and "\n" not in said
    found, counts = matched(base, rl, ids_chosen=True)
    assert (found, counts.other_question) == ([(i, i) for i in "0123"], 4)
    found, counts = matched({**base, "x": "same"}, {**rl, "y": "same"})
    assert (found, counts.disbelieved, counts.only_base) == ([("x", "y")], 4, 4)
    keyless = [{i: q for i, (q, _) in side.items()} for side in (base, rl)]
    with pytest.raises(InputError, match="4 ids are in both"):
        matched(*keyless)


def test_a_few_problems_that_were_mended_do_not_make_the_ids_wrong():
    base = {str(i): (f"What is {i}?", str(i)) for i in range(20)}
    found, counts = matched(base, {**base, "3": ("Mended", "?")})
    assert len(found) == 20 and counts.other_question == 1
    with_three = {**base, **{str(i): (f"Other {i}", "?") for i in range(3)}}
    assert matched(base, with_three)[1].disbelieved == 3


def test_each_problem_keeps_its_own_samples_when_the_order_differs():
    base = {"a": [1, 1, 1], "b": [0, 0], "c": [1, 0]}
    rl = {"c": [0, 0, 0, 1], "b": [1], "a": [0, 1]}
    pair = built(base, rl)
    by_id = {p.id: i for i, p in enumerate(pair.problems)}
    for name in base:
        i = by_id[name]
        assert (pair.base.c[i], pair.base.n[i]) == (sum(base[name]), len(base[name]))
        assert (pair.rl.c[i], pair.rl.n[i]) == (sum(rl[name]), len(rl[name]))


def test_two_sets_without_a_common_problem_are_refused():
    with pytest.raises(InputError, match="no problem is in both") as caught:
        match(samples("b", [row("1", [1], "x")]), samples("r", [row("2", [1], "y")]), make_grader("exact"))
    assert "'1: x' and '2: y'" in str(caught.value) and "fields.id" in str(caught.value)


def test_ungraded_samples_count_as_not_correct_and_are_reported():
    half = {"problem_id": "p", "problem": "p"}
    half["samples"] = [{"text": "a", "correct": True}, {"text": "b", "correct": None}]
    pair = match(samples("b", [half]), samples("r", [half]), make_grader("exact"))
    result = diagnose(pair, rate=0.1, seed=0)
    assert result.curves.base[1].value == 0.5
    assert result.sides.base.ungraded_share == 0.5


@pytest.fixture(scope="module")
def result():
    base = [row(f"p{i}", [1] * 12 + [0] * 4, f"{HOSTILE} {i}") for i in range(12)]
    rl = [row(f"p{i}", [0] * 16 if i < 3 else [1] * 16, f"{HOSTILE} {i}") for i in range(12)]
    pair = match(samples("b", base), samples("r", rl), make_grader("exact"))
    about = {"command": f"arts {HOSTILE}"}
    return diagnose(
        pair, rate=0.1, seed=0, origins=Both(base=Origin(source=HOSTILE), rl=Origin()), notes=[HOSTILE], about=about
    )


def test_the_most_significant_problems_come_first(result):
    ps = [p.p for p in result.problems]
    assert ps == sorted(ps)
    assert [p.change for p in result.problems[:3]] == ["extinct"] * 3
    assert result.problems[0].rl_at_most == pytest.approx(1 - 0.05 ** (1 / 16))
    assert result.problems[-1].rl_at_most is None


def test_equal_results_give_equal_reports_and_a_report_can_be_opened(result, tmp_path):
    paths = result.write(tmp_path / "one")
    assert [p.name for p in paths] == ["report.json", "report.md", "report.html"]
    again = read_diagnosis(tmp_path / "one")
    assert again == result == read_diagnosis(str(paths[0]))
    assert again.write(str(tmp_path / "two")) != paths
    for file in ("report.json", "report.md", "report.html", "figures/pass-at-k.svg", "figures/pass-at-k.png"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_a_report_of_schema_1_opens_and_is_what_was_written(tmp_path):
    """Written before the diagnosis had types, of a few of the recorded GSM8K samples."""
    old = Path(__file__).parent / "diagnosis_of_schema_1.json"
    found = read_diagnosis(old)
    assert (found.matching.matched, found.curves.base[1].n, found.sides.base.kind) == (6, 6, "flat")
    assert found.write(tmp_path)[0].read_text(encoding="utf-8") == old.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "text, said",
    [("", "Expecting value"), ("[1]", "Expected `object`"), ('{"schema": 2}', "schema"), ('{"schema": 1}', "matching")],
)
def test_what_is_no_report_is_refused_in_one_line(tmp_path, text, said):
    (tmp_path / "report.json").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=said) as caught:
        read_diagnosis(tmp_path)
    assert str(caught.value).startswith(f"{tmp_path / 'report.json'}: is no report of arts squeeze diagnose: ")
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="cannot be read: No such file"):
        read_diagnosis(tmp_path / "none.json")


def test_a_diagnosis_introduces_itself(result):
    assert repr(result) == "<Diagnosis of 12 problems: 0 gained, 0 squeezed, 3 extinct and 9 unresolved>"
    assert str(result) in to_markdown(result)


def test_the_page_lists_more_problems_than_the_markdown():
    many = diagnose(counted([(1, 2)] * 230, [(2, 2)] * 230), rate=0.1, seed=0)
    page, text = to_html(many), to_markdown(many)
    assert "The first 200 of 230;" in page and page.count('<th scope="row">p') == 200
    assert "The first 20 of 230;" in text and sum(line.startswith("| p") for line in text.splitlines()) == 21
    assert page.count('class="scroll tall"') == 1


def test_the_tables_hold_the_numbers(result):
    curves_shown, classes, planned, problems, recovered, diverse = (
        t for section in result.document(5).sections for t in section.tables
    )
    c, r, d = result.curves, result.recovery, result.diversity
    top = curves_shown.rows[-1]
    names = ("base", "rl", "difference", "lost", "gained", "room")
    assert [cell.split()[0] for cell in top] == [
        "16",
        *(f"{100 * getattr(c, n)[16].value:{'+' if n in ('difference', 'room') else ''}.1f}" for n in names),
    ]
    assert [row[:2] for row in classes.rows] == [[k, str(v)] for k, v in result.changes.counts.items()]
    assert [row[1] for row in planned.rows] == [f"{x:.0f}" for x in result.changes.plan.expected.values()]
    assert len(problems.rows) == 5 and problems.rows[0][1:3] == ["12/16", "0/16 (≤ 17%)"]
    assert recovered.rows[2][0] == "4"
    assert [x.split()[0] for x in recovered.rows[2][1:]] == [
        f"{100 * getattr(r, s)[4].value:.1f}" for s in ("base", "rl")
    ]
    entropy = next(row for row in diverse.rows if row[0].startswith("entropy"))
    assert [x.split()[0] for x in entropy[1:]] == [
        f"{getattr(d.entropy, s).value:.2f}" for s in ("base", "rl", "difference")
    ]
    page = to_html(result)
    assert all(part in page for cell in top for part in cell.split(" ", 1))  # an interval stands below its value


def test_text_from_outside_stays_text(result):
    page = to_html(result)
    assert "<script" not in page and "&lt;script&gt;" in page
    assert {c for c in page + to_markdown(result) if not c.isprintable()} == {"\n"}
    lines = [line for line in to_markdown(result).splitlines() if line.startswith("| p")]
    assert {line.replace(r"\|", "").count("|") for line in lines if "extinct" in line} == {9}
    assert r"\<script>" in to_markdown(result)


def test_questions_have_room_for_words_also_where_they_begin_with_a_number():
    base, rl = (samples(name, [row("p", [1, 0], f"12 hens {'lay many eggs ' * 12}")]) for name in ("base", "rl"))
    page = to_html(diagnose(match(base, rl, make_grader("exact")), rate=0.1, seed=0))
    assert '<td class="words long">12 hens lay' in page and "td.long { min-width: 16rem; }" in page


def test_the_page_loads_nothing(result):
    page = to_html(result)
    assert "default-src 'none'" in page
    assert "src=" not in page and "@import" not in page and "url(http" not in page
    assert page.count("<style>") == 1 and "{%" not in page and ".scroll { overflow-x: auto" in page


def test_the_headline_says_who_is_ahead_where(result):
    text = to_markdown(result)
    assert "With one sample neither is shown to be ahead (RL − base +0.0" in text
    assert "with 16 neither is shown to be ahead (RL − base -25.0" in text
    assert "Of 12 problems: 0 gained, 0 squeezed, 3 extinct and 9 unresolved" in text


def test_a_loss_on_enough_problems_is_said():
    pair = built(
        {f"p{i}": [1] * 12 + [0] * 4 for i in range(40)}, {f"p{i}": [0] * 16 if i < 10 else [1] * 16 for i in range(40)}
    )
    text = to_markdown(diagnose(pair, rate=0.1, seed=0))
    assert "With one sample neither is shown to be ahead (RL − base +0.0" in text
    assert "with 16 base is ahead (RL − base -25.0" in text
