"""A search strategy of one's own: a dataclass whose fields are its settings."""

import json

import pytest

from arts.search.strategies import STRATEGIES, strategy_factory

SOURCE = """
    from dataclasses import dataclass
    from typing import Literal

    from arts.search.base import Expansion, Strategy, finished
    from arts.trees.tree import ROOT

    @dataclass(kw_only=True)
    class OneByOne(Strategy):
        "Solutions one after the other."

        n: int = 2
        whole: bool = True
        shift: float = -1.0
        order: Literal["first", "last"] = "first"
        tag: str | None = None

        def __post_init__(self):
            self.candidates = []

        @property
        def needs(self):
            return "nothing"

        def ask(self, tree, rng):
            return [Expansion(node=ROOT, whole=self.whole)] if len(self.candidates) < self.n else []

        def tell(self, tree, results):
            self.candidates += finished(results)

    @dataclass
    class Idle:
        n: int = 1

    def function():
        pass
"""
SOLVE = (
    "solve",
    "--problems",
    "congruences:test",
    "--limit",
    2,
    "--sampling.max-tokens",
    46,
    "--backend.device",
    "cpu",
)


@pytest.mark.parametrize("registered", [False, True])
def test_it_solves_with_its_settings(own, arts, monkeypatch, registered):
    name = f"{own(SOURCE)}:OneByOne"
    if registered:
        monkeypatch.setitem(STRATEGIES, "mine", name)
        name = "mine"
    flags = ("--strategy", name, "--n", 3, "--settings", "whole=yes", "order=last", "tag=a=b", "--budget-calls", 12)
    code, out, said = arts(*SOLVE, *flags, "--store", "own.db")
    assert code == 0, said
    rows = [json.loads(line) for line in out.splitlines()]
    assert len(rows) == 2
    assert any(row["solutions"] == 3 for row in rows)
    assert arts(*SOLVE, *flags, "--store", "own.db")[0] == 0
    assert "was made with settings" in arts(*SOLVE, *flags[:3], 4, *flags[4:], "--store", "own.db")[2]


def test_a_class_can_be_registered(own, monkeypatch):
    import importlib
    import sys

    own(SOURCE)
    sys.path.insert(0, "")
    cls = importlib.import_module("own_parts").OneByOne
    monkeypatch.setitem(STRATEGIES, "mine", cls)
    make = strategy_factory("mine", ["n=5", "shift=-2.5", "whole=no", "tag=x"])
    first, second = make(), make()
    assert first == second == cls(n=5, shift=-2.5, whole=False, tag="x")
    assert first.candidates is not second.candidates


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--strategy", "beem"), "no strategy 'beem'; did you mean 'beam'? there are: best_of_n, "),
        (("--strategy", "own_parts:Beem"), "has no attribute 'Beem'"),
        (("--strategy", "own_parts:function"), "strategy own_parts:function: not a dataclass"),
        (("--strategy", "own_parts:Idle"), "strategy own_parts:Idle: not a arts.search.base:Strategy"),
        (("--settings", "wide=2"), "has no setting 'wide'; it has: n, whole, shift, order, tag"),
        (("--settings", "n=two"), "n: expected int, got 'two'"),
        (("--settings", "n=2.0"), "n: expected int, got '2.0'"),
        (("--settings", "shift=nan"), "shift: expected float, got 'nan'"),
        (("--settings", "whole=2"), "whole: expected bool, got '2'"),
        (("--settings", "order=middle"), "order: expected one of ['first', 'last'], got 'middle'"),
        (("--settings", "n"), "'n' is not NAME=VALUE"),
    ],
)
def test_what_does_not_fit_is_refused_before_a_model_is_loaded(own, refused, monkeypatch, flags, words):
    own(SOURCE)
    monkeypatch.setattr("arts.proposers.load.load_proposer", lambda *args, **options: pytest.fail("a model was loaded"))
    strategy = () if "--strategy" in flags else ("--strategy", "own_parts:OneByOne")
    assert words in refused("solve", "1+1?", *strategy, *flags)
