"""The ways of deciding that a table has are those of the registry of selectors."""

import json

import numpy as np
import pytest

from arts.evaluation.methods import MAJORITY, ORACLE, RANDOM
from arts.evaluation.report.sections import evaluation
from arts.logs.samples import read_samples
from arts.problems.graders import make_grader
from arts.selection.base import Choice, Selector
from arts.selection.selectors import SELECTORS

from .reports import row
from .samples import evaluate_trees


class Toy(Selector):
    """The candidate in the middle of its pool."""

    title, about, needs = "toy", "the candidate in the middle", frozenset()

    def choose(self, pool):
        return Choice(pool.classes.shape[-1] // 2)


class Lowest(Toy):
    title, needs = "lowest", frozenset({"scores"})

    def choose(self, pool):
        return Choice(int(np.argmin(pool.scores)))


class Cheat(Toy):
    title, needs = "cheat", frozenset({"key"})


@pytest.fixture
def evaluated(tmp_path):
    def run(**options):
        path = tmp_path / "rollouts.jsonl"
        rows = [r | {"samples": [s | {"s": 0.1 * i} for i, s in enumerate(r["samples"])]} for r in map(row, range(6))]
        path.write_text("".join(json.dumps(r) + "\n" for r in rows), encoding="utf-8")
        grader = make_grader("exact")
        read = read_samples(path, splitter="newline", grader=grader)
        return evaluate_trees(read.problems, read.trees, [], grader, ks=(2, 4), **options)

    return run


def table_names(result):
    (section,) = (s for s in evaluation(result).sections if s.name == "methods")
    return [name for name, *_ in section.tables[0].rows]


@pytest.mark.parametrize(
    ("unit", "names"),
    [
        ("logit", ["s best-of-N", "s vote"]),
        ("rank", ["s best-of-N"]),
    ],
)
def test_each_scorer_decides_by_every_selector_that_its_unit_allows(evaluated, unit, names):
    result = evaluated(scores=[("s", unit)])
    assert list(result.table) == [RANDOM, MAJORITY, *names, ORACLE]


def test_a_selector_from_outside_stands_in_results_and_report(evaluated, monkeypatch):
    plain = evaluated(scores=[("s", "logit")])
    monkeypatch.setitem(SELECTORS, "mine", Toy())
    result = evaluated(scores=[("s", "logit")])
    assert list(result.table) == [*plain.table, "toy"]
    assert table_names(result)[-1] == "toy"
    assert {n: m for n, m in result.table.items() if n != "toy"} == plain.table
    assert result.table["toy"].selector == "mine" and result.table["toy"].scorer is None
    assert result.methods["mine"].accuracy == result.table["toy"].accuracy
    assert {p.k for p in result.comparisons.pairs if p.method == "toy"} == {2, 4}


def test_one_that_needs_scores_goes_by_every_scorer(evaluated, monkeypatch):
    monkeypatch.setitem(SELECTORS, "mine", Lowest())
    result = evaluated(scores=[("s", "logit")])
    assert result.table["s lowest"].scorer == "s"
    assert result.methods["s"].by("mine") == result.table["s lowest"].accuracy
    assert result.table["s lowest"].accuracy[4].value == np.mean([row(i)["answer"] == "0" for i in range(6)])


def test_what_needs_the_key_is_no_rival(evaluated, monkeypatch):
    monkeypatch.setitem(SELECTORS, "mine", Cheat())
    result = evaluated(scores=[("s", "logit")])
    assert "cheat" in result.table
    assert not {ORACLE, "cheat"} & {p.method for p in result.comparisons.pairs}
