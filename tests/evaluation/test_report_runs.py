"""Two runs compared: pairing, tests and intervals against direct computation."""

import msgspec
import numpy as np
import pytest
from msgspec import structs
from scipy.stats import ttest_ind

from arts.documents.figures import files
from arts.documents.html import document_as_html
from arts.documents.markdown import document_as_markdown
from arts.documents.words import percent
from arts.evaluation.intervals import paired_difference
from arts.evaluation.paired import equivalence, holm, paired_test
from arts.evaluation.parts import DrillDown
from arts.evaluation.report.runs import compare_runs
from arts.evaluation.report.runs_document import comparison, matched, summary
from arts.evaluation.results import Comparison, Matching

from .reports import SCORE, SCRIPT, Page, altered, evaluate, loaded, markdown_rows, row

METHODS = ["random", "majority", f"{SCORE} best-of-N", f"{SCORE} vote"]


def rows(count, start=0, right=lambda i: i % 3):
    """Problems; of problem i ``right(i)`` samples say its key, the others something else."""
    found = []
    for i in range(start, start + count):
        r = row(i)
        r["samples"] = [
            {"text": f"{j}\nthe answer is {i % 3 if j < right(i) else 7 + j}", SCORE: (j * 7 + i) % 5} for j in range(4)
        ]
        found.append(r)
    return found


@pytest.fixture(scope="module")
def a(tmp_path_factory):
    return evaluate(tmp_path_factory.mktemp("a"), rows(12))


@pytest.fixture(scope="module")
def b(tmp_path_factory):
    """Ten of the same problems, four of them with other samples, and three others."""
    changed = rows(13, 2, lambda i: i % 3 if i < 8 else (i + 1) % 4)
    return evaluate(tmp_path_factory.mktemp("b"), changed)


@pytest.fixture(scope="module")
def found(a, b):
    return compare_runs(a, b, margin=0.3)


@pytest.fixture(scope="module")
def apart(a, tmp_path_factory):
    other = rows(20, 100, lambda i: 1 + i % 3)
    b = evaluate(tmp_path_factory.mktemp("c"), other)
    return b, compare_runs(a, b, margin=0.3)


def accuracy(run, name, ids):
    table = run.problem_table
    known = dict(zip(table.ids, table.accuracy[name][4], strict=True))
    return np.array([known[i] for i in ids])


def test_problems_and_samples_that_coincide_are_counted(found):
    assert found.matching == Matching(problems=(12, 13), shared=10, same_samples=6, other_question=0)
    assert found.paired and found.problems == (10, 10) and found.k == 4
    said = " ".join(matched(found))
    assert "A has 12 problems, B 13; 10 have the same id in both." in said
    assert "about the 10 shared problems only" in said
    assert "On 6 of them the samples are the same too" in said and "On 4 of them the samples are not the same" in said


def test_differences_are_those_of_the_shared_problems(a, b, found):
    ids = [f"p{i}" for i in range(2, 12)]
    assert [p.method for p in found.pairs] == METHODS
    for pair in found.pairs:
        first, second = (accuracy(run, pair.method, ids) for run in (a, b))
        test, same = paired_test(second, first), equivalence(second, first, 0.3)
        expected = paired_difference(second, first)
        assert pair.difference.value == pytest.approx((second - first).mean())
        assert (pair.difference.low, pair.difference.high) == (expected.low, expected.high)
        assert (pair.test, pair.wins, pair.losses, pair.p) == (test.test, test.wins, test.losses, test.p)
        assert (pair.equivalence.low, pair.equivalence.p) == (same.low, same.p)
        assert pair.a.value == pytest.approx(first.mean()) and pair.b.value == pytest.approx(second.mean())
    for kind in (lambda p: p, lambda p: p.equivalence):
        adjusted = holm([kind(p).p for p in found.pairs])
        assert [kind(p).p_adjusted for p in found.pairs] == pytest.approx(adjusted.tolist())
    assert any(p.difference.value for p in found.pairs)


def test_the_two_runs_exchanged_give_the_opposite(a, b, found):
    back = compare_runs(b, a, margin=0.3)
    for there, again in zip(found.pairs, back.pairs, strict=True):
        assert again.difference.value == pytest.approx(-there.difference.value)
        assert (again.wins, again.losses, again.p) == (there.losses, there.wins, there.p)


def test_pass_at_k_is_compared_from_the_counts(a, b, found):
    ids = [f"p{i}" for i in range(2, 12)]
    counts = [dict(zip(r.problem_table.ids, r.problem_table.solved, strict=True)) for r in (a, b)]
    assert list(found.pass_at_k) == [1, 2, 4]
    for side, known in zip(("a", "b"), counts, strict=True):
        assert getattr(found.pass_at_k[1], side).value == pytest.approx(np.mean([known[i] / 4 for i in ids]))
        assert getattr(found.pass_at_k[4], side).value == pytest.approx(np.mean([known[i] > 0 for i in ids]))


def test_a_run_compared_with_itself_differs_in_nothing(a):
    same = compare_runs(a, a, margin=0.3)
    assert same.changed == [] and same.flipped == []
    assert same.matching.same_samples == 12
    for pair in same.pairs:
        assert pair.difference.value == 0 and pair.p == 1 and pair.wins == pair.losses == 0


def test_what_the_same_samples_decide_alone_does_not_differ(a, tmp_path):
    again = rows(12)
    for i, r in enumerate(again):
        for j, sample in enumerate(r["samples"]):
            sample[SCORE] = -((j * 7 + i) % 5)
    result = compare_runs(a, evaluate(tmp_path, again))
    pairs = {p.method: p.difference for p in result.pairs}
    for name in ("random", "majority"):
        assert (pairs[name].low, pairs[name].high) == (0, 0)
    assert pairs[f"{SCORE} best-of-N"].low < 0
    assert all(row.difference.high == 0 for row in result.pass_at_k.values())

    def regrade(data):
        data["problem_table"]["solved"][0] += 1

    first = compare_runs(a, altered(a, regrade)).pass_at_k[1]
    assert first.difference.value == pytest.approx(first.b.value - first.a.value) != 0


def test_different_problems_are_independent_and_it_is_said(a, apart):
    b, found = apart
    assert not found.paired and found.problems == (12, 20) and found.flipped == []
    assert "Nothing is paired" in " ".join(matched(found)) and summary(found).startswith(
        "On two sets of problems, unpaired"
    )
    for pair in found.pairs:
        first = np.array(a.problem_table.accuracy[pair.method][4])
        second = np.array(b.problem_table.accuracy[pair.method][4])
        assert pair.difference.value == pytest.approx(second.mean() - first.mean())
        welch = ttest_ind(second, first, equal_var=False).confidence_interval(0.95)
        width = welch.high - welch.low
        assert pair.difference.low == pytest.approx(welch.low, abs=0.15 * width)
        assert pair.difference.high == pytest.approx(welch.high, abs=0.15 * width)
        assert (pair.wins, pair.losses, pair.test) == (None, None, "permutation")
        assert pair.p == pytest.approx(ttest_ind(second, first).pvalue, abs=0.15)  # few values: coarse
        same = ttest_ind(second, first, equal_var=False).confidence_interval(0.9)
        assert pair.equivalence.low == pytest.approx(same.low) and pair.equivalence.high == pytest.approx(same.high)
        inside = max(abs(same.low), abs(same.high)) < 0.3
        assert pair.equivalence.equivalent == inside == (pair.equivalence.p < 0.05)


def test_equal_ids_of_different_questions_are_not_paired(a):
    def change(data):
        data["problem_table"]["questions"][0] = "another"

    found = compare_runs(a, altered(a, change))
    assert not found.paired and found.matching.other_question == 1
    assert "asks another question in B" in " ".join(matched(found))


def test_one_shared_problem_is_too_few_to_pair(a):
    table = structs.replace(a.problem_table, ids=["p0", *(f"q{i}" for i in range(11))])
    found = compare_runs(a, structs.replace(a, problem_table=table, drill_down=DrillDown(of=12, problems=[])))
    assert not found.paired and found.matching.shared == 1


def test_nothing_in_common_is_said(a):
    def change(data):
        data["ks"], data["top_k"] = [3], 3
        for of in ("accuracy", "tokens"):
            for m in data["methods"].values():
                m[of] = {"3": m[of]["4"]}
        for rows in data["problem_table"]["accuracy"].values():
            rows["3"] = rows["4"]

    found = compare_runs(a, altered(a, change))
    assert found.pairs == [] and found.k is None
    assert "share no method" in summary(found)
    document_as_markdown(comparison(found))


def test_what_changed_is_named(a):
    command = f"arts evaluate {SCRIPT} --n 2 --audit"
    about = structs.replace(a.about, versions={"arts": "9"}, settings={"new": 2.5}, command=command)
    cost = structs.replace(a.cost, generated_tokens=a.cost.generated_tokens + 1)
    other = structs.replace(a, about=about, cost=cost)
    changed = {c.what: (c.a, c.b) for c in compare_runs(a, other).changed}
    tokens = a.cost.generated_tokens
    assert changed == {
        "generated tokens": (str(tokens), str(tokens + 1)),
        "versions: arts": ("0", "9"),
        "new": (None, "2.5"),
        "flag --n": ("2 4", "2"),
        "flag --audit": (None, "set"),
    }
    other = structs.replace(a, about=structs.replace(about, command="no 'shell"))
    said = {(c.what, c.a, c.b) for c in compare_runs(a, other).changed}
    assert ("command", f"arts evaluate {SCRIPT}".replace("'", ""), "no 'shell") in said


def test_problems_are_listed_by_the_size_of_their_change(a, b, found):
    ids = [f"p{i}" for i in range(2, 12)]
    change = np.array([accuracy(b, n, ids) - accuracy(a, n, ids) for n in METHODS])
    size = np.abs(change).mean(axis=0)
    listed = [p.id for p in found.flipped]
    assert len(listed) == (size > 0).sum() > 2
    assert [size[ids.index(i)] for i in listed] == sorted(size[size > 0], reverse=True)
    for p in found.flipped:
        at = ids.index(p.id)
        assert p.change == pytest.approx({n: x for n, x in zip(METHODS, change[:, at], strict=True) if x})
        assert p.same_samples == (int(p.id[1:]) < 8)
        index = int(p.id[1:])
        assert p.solved == (a.problem_table.solved[index], b.problem_table.solved[index - 2])


@pytest.mark.parametrize("kind", ["paired", "independent"])
def test_both_forms_show_the_same_and_keep_names_as_text(found, apart, kind):
    result = found if kind == "paired" else apart[1]
    assert msgspec.convert(loaded(result), Comparison, str_keys=True) == result
    document = comparison(result)
    html = document_as_html(document, {f.name: files(f)[0] for s in document.sections for f in s.figures})
    page, text = Page(html), document_as_markdown(document)
    assert not page.tags & {"script", "img", "b", "i"} and SCORE in page.said
    for pair in result.pairs:
        cells = [pair.method, percent(pair.a), percent(pair.b), percent(pair.difference, signed=True)]
        assert any(r[:4] == cells for r in page.rows) and any(r[:4] == cells for r in markdown_rows(text))
    assert ("Problems that flipped most" in page.said) == (kind == "paired")
