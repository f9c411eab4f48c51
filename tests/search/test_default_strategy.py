from dataclasses import replace
from types import SimpleNamespace

import pytest
from world import DRAWING, TRUTH, Reciter

from arts.cli import main
from arts.proposers.base import Sampling
from arts.proposers.load import load_proposer
from arts.proposers.options import BackendOptions
from arts.verifiers.base import Verifier
from arts.workflows.strategy import default_strategy


class Reader(Verifier):
    name, unit = "reader", "probability"

    def __init__(self, *, steps=True):
        self._steps = steps

    def soundness(self):
        return TRUTH if self._steps else None


@pytest.mark.parametrize(
    ("verifier", "proposer", "drawing", "name", "why"),
    [
        (None, Reciter(), DRAWING, "adaptive_majority", "no verifier"),
        (TRUTH, Reciter(), DRAWING, "adaptive_flow_vote", "truth does not read single steps"),
        (Reader(steps=False), Reciter(), DRAWING, "adaptive_flow_vote", "reader does not read single steps"),
        (Reader(), Reciter(), DRAWING, "guided", "reader knows a sound step"),
        (Reader(), SimpleNamespace(continues=False), DRAWING, "adaptive_best_of_n", "chat"),
        (Reader(), SimpleNamespace(continues=True), DRAWING, "guided", ""),
        (Reader(), Reciter(), replace(DRAWING, splitter="numbered"), "adaptive_best_of_n", "splitter numbered"),
        (Reader(), Reciter(), replace(DRAWING, sampling=Sampling(stop=("x",))), "adaptive_best_of_n", "stop strings"),
    ],
)
def test_the_default_strategy_is_the_best_that_can_be_used(verifier, proposer, drawing, name, why):
    found = default_strategy(verifier, proposer, drawing)
    assert found.name == name
    assert why in found.why


@pytest.mark.parametrize(("api", "continues"), [("chat", False), ("completions", True)])
def test_only_completions_are_sure_to_continue_a_text(api, continues):
    proposer = load_proposer("openai:http://localhost:1/v1#m", options=BackendOptions(api=api))
    assert proposer.continues is continues


def test_solve_says_what_it_has_chosen_and_why(capsys):
    drawn = ("--sampling.temperature", "1", "--sampling.max-tokens", "46", "--backend.device", "cpu")
    question = "solve 7 x = 12 mod 29"
    assert main(["solve", question, *drawn]) == 0
    assert "strategy adaptive_majority: there is no verifier" in capsys.readouterr().err
    assert main(["solve", question, "--strategy", "best_of_n", *drawn]) == 0
    assert "strategy" not in capsys.readouterr().err
