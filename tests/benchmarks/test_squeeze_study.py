"""The numbers of the Normalization Squeeze study: estimators on arrays that can be counted by hand, or enumerated."""

from itertools import combinations

import numpy as np
import pytest
import torch
from squeeze.samples import log_probabilities
from squeeze.zones import OWN, ZONES, zones
from transformers import AutoModelForCausalLM, AutoTokenizer

from arts.models import BUNDLED, resolve_model
from squeeze import decisions, losses

VERIFIERS = ("rm", "prm", "orm", "rfm", "value_flow")


def samples(rng, rates, n):
    """P x n samples: right answers are of class 0, wrong ones of class 1 or 2, each sample a text of its own kind."""
    correct = rng.random((len(rates), n)) < np.asarray(rates)[:, None]
    kind = rng.integers(0, 3, correct.shape)
    return {
        "problem": np.array([f"p{i}" for i in range(len(rates))]),
        "level": 1 + np.arange(len(rates)) % 3,
        "correct": correct,
        "classes": np.where(correct, 0, 1 + kind % 2),
        "strategy": np.array(["add+div", "mul+div", "neg"])[kind],
        "text": kind.astype(np.int64),
        "tokens": np.full(correct.shape, 20),
    }


def scores(rng, run, knows):
    """Scores of all verifiers: higher for right samples by ``knows``."""
    found = knows * run["correct"] + rng.normal(size=run["correct"].shape)
    return {f"{v} {what}": np.exp(found) for v in VERIFIERS for what in ("last", "min", "weight")}


def test_what_is_missing_is_the_mean_over_all_ways_to_halve():
    rng = np.random.default_rng(0)
    base, rl = samples(rng, [0.5, 0.2, 0.9], 6), samples(rng, [0.3, 0.6, 0.0], 6)
    seen, again, gone = losses._gone(base, [rl], lambda run: run["text"])
    halves = [set(h) for h in combinations(range(6), 3)]
    for i in range(3):
        things = [[{run["text"][i][j] for j in h if run["correct"][i][j]} for h in halves] for run in (base, rl)]
        others = [{base["text"][i][j] for j in set(range(6)) - h if base["correct"][i][j]} for h in halves]
        assert seen[i] == pytest.approx(np.mean([len(a) for a in things[0]]))
        assert again[i] == pytest.approx(np.mean([len(a - b) for a, b in zip(things[0], others, strict=True)]))
        assert gone[i] == pytest.approx(np.mean([len(a - b) for a in things[0] for b in things[1]]))


def test_two_draws_of_one_model_miss_as_much_of_each_other():
    rng = np.random.default_rng(1)
    rates = rng.random(200)
    found = losses.same_again(samples(rng, rates, 32), [samples(rng, rates, 32) for _ in range(3)])
    for part in found.values():
        assert part["difference"].low < 0 < part["difference"].high


def test_labels_and_decisions_share_no_sample():
    """Where every problem is solved by chance alone, labels must not help: 'rare' problems are as easy as all."""
    rng = np.random.default_rng(2)
    base, rl = samples(rng, np.full(150, 0.15), 64), samples(rng, np.full(150, 0.15), 64)
    found = zones(base, [rl], [scores(rng, base, 0.0)])
    for zone in ("rare", "extinction zone"):
        assert found[zone]["ever"] > 30
        for name in ("random choice", "ORM", OWN[0]):
            part = found[zone]["methods"][name]["16"]
            assert part.low - 0.02 < 0.15 < part.high + 0.02, (zone, name, part)


def test_the_zones_are_what_they_are_called():
    base, rl = ({"correct": np.zeros((4, 20), dtype=bool)} for _ in range(2))
    base["correct"][0, 0] = base["correct"][1, 17] = True
    rl["correct"][2, 17] = rl["correct"][3, 0] = True
    labels = {name: of(base, rl).tolist() for name, (_, of) in ZONES.items()}
    assert labels == {
        "rare": [True, False, False, False],
        "extinction zone": [True, True, True, False],
        "extinct": [True, True, False, False],
        "gained": [False, False, True, True],
    }


def test_solutions_have_the_probability_that_their_tokens_have():
    traces = {
        "question": np.array(["solve 41 x = 15 mod 47", "solve 3 x = 6 mod 19", "solve 5 x = 6 mod 19"]),
        "solution": np.array(
            ["neg 6 x = 32\ndiv 3 x = 16\nadd 3 x = 63\ndiv 1 x = 21\n", "div 1 x = 2\n", "add 5 x = 25\n"]
        ),
    }
    found = log_probabilities(BUNDLED, traces)
    folder = resolve_model(BUNDLED)
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModelForCausalLM.from_pretrained(folder).eval()
    for question, solution, total in zip(traces["question"], traces["solution"], found, strict=True):
        ids = tokenizer(f"{question}\n")["input_ids"]
        rest = [*tokenizer(f"{question}\n{solution}")["input_ids"][len(ids) :], tokenizer.eos_token_id]
        expected = 0.0
        for token in rest:
            with torch.inference_mode():
                expected += float(model(input_ids=torch.tensor([ids])).logits[0, -1].log_softmax(-1)[token])
            ids = [*ids, token]
        assert total == pytest.approx(expected, abs=1e-4)


def test_a_verdict_needs_the_whole_interval():
    rng = np.random.default_rng(3)
    noise = rng.normal(size=4000) * 0.3
    verdicts = [
        decisions._verdict(decisions.paired_difference(noise + d, np.zeros(4000)))["verdict"] for d in (0.1, -0.1)
    ]
    assert verdicts == ["better", "worse"]
    assert (
        decisions._verdict(decisions.paired_difference(noise - noise.mean(), np.zeros(4000)))["verdict"] == "equivalent"
    )
    assert decisions._verdict(decisions.paired_difference(noise[:20], np.zeros(20)))["verdict"] == "open"


def test_equal_tokens_are_never_more_for_rl():
    rng = np.random.default_rng(4)
    base, rl = samples(rng, np.full(30, 0.4), 64), samples(rng, np.full(30, 0.7), 64)
    rl["tokens"] = np.full(rl["tokens"].shape, 23)
    found = decisions.decisions(base, [rl], [scores(rng, base, 2.0)], [scores(rng, rl, 2.0)])
    assert found["equal_k"] == 13
    assert 13 * 23 <= 16 * 20 < 14 * 23
    assert found["rl"]["majority"]["13"].value == pytest.approx(found["rl_by_seed"]["majority"][0])
