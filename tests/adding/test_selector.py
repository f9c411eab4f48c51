"""A selector of one's own: a class that says what it needs and which candidate it chooses."""

import json

import pytest

import arts as face
from arts.selection.selectors import SELECTORS, find_selector

SOURCE = """
    import numpy as np

    from arts.selection.base import Choice, Selector

    class LeastScored(Selector):
        title = "least scored"
        about = "the candidate with the lowest score"
        needs = frozenset({"scores"})

        def choose(self, pool):
            return Choice(int(np.nanargmin(pool.scores)) if np.isfinite(pool.scores).any() else 0)

    class Greedy(Selector):
        title, about, needs = "greedy", "needs to know", frozenset({"key"})

        def choose(self, pool):
            return Choice(int(np.argmax(pool.correct)))

    def function():
        pass
"""
SAMPLING = ("--sampling.temperature", 1, "--sampling.max-tokens", 46)


@pytest.fixture
def name(own, monkeypatch, request):
    own(SOURCE)
    if request.param == "module:attribute":
        return "own_parts:LeastScored"
    monkeypatch.setitem(SELECTORS, "least_scored", find_selector("own_parts:LeastScored"))
    return "least_scored"


@pytest.mark.parametrize("name", ["module:attribute", "registered"], indirect=True)
def test_it_decides_in_solve(arts, name):
    command = ("solve", "--problems", "congruences:test", "--limit", 2, "--strategy", "best_of_n", "--n", 3)
    code, out, said = arts(*command, "--verifier", "length", "--selector", name, *SAMPLING)
    assert code == 0, said
    answers = [json.loads(line) for line in out.splitlines()]
    assert [a["selector"] for a in answers] == [name] * 2


@pytest.mark.parametrize("name", ["registered"], indirect=True)
def test_it_is_a_row_of_every_evaluation(arts, tmp_path, name):
    sample = ("sample", "congruences:test", "a.db", "--limit", 6, "--n", 4, "--fork-probability", 0, *SAMPLING)
    assert arts(*sample)[0] == 0
    code, out, said = arts("evaluate", "a.db", "--verifiers", "length", "--grader", "exact", "--n", 1, 2, 4)
    assert code == 0, said
    assert any(line.startswith("length least scored\t") for line in out.splitlines())
    result = face.evaluate("a.db", verifiers=["length"], n=(1, 2), grader="exact")
    mine, best = (result.methods["length"].by(s) for s in (name, "best_of_n"))
    assert mine[1].value == pytest.approx(best[1].value)
    assert "length least scored" in (tmp_path / "runs/report/report.md").read_text(encoding="utf-8")


def test_what_cannot_decide_without_the_key_is_refused(own, refused):
    own(SOURCE)
    said = refused("solve", "solve 2 x = 4 mod 7", "--selector", "own_parts:Greedy")
    assert "own_parts:Greedy needs the answer key" in said


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("own_parts:Missing", "has no attribute 'Missing'"),
        ("own_parts:function", "own_parts:function: not a Selector"),
        ("flow_vot", "did you mean 'flow_vote'?"),
    ],
)
def test_what_is_no_selector_is_said(own, refused, name, words):
    own(SOURCE)
    assert words in refused("solve", "solve 2 x = 4 mod 7", "--selector", name)
