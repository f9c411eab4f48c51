"""``arts sample --budget-tokens``: what it chooses, spends and refuses."""

import pytest

from arts.cli import main
from arts.trees.store import TreeStore


def sampled(store, *flags):
    return main(["sample", "congruences:train", str(store), *flags])


def sizes(store):
    with TreeStore.open(store) as opened:
        trees = list(opened.trees())
    tokens = sum(r.tokens for t in trees for r in t.rollouts)
    return len(trees), {len(t.rollouts) for t in trees}, tokens


def test_problems_come_first_then_solutions_and_a_larger_budget_extends_the_store(tmp_path, capsys):
    store = tmp_path / "train.db"
    assert sampled(store, "--budget-tokens", "3000") == 0
    problems, n, tokens = sizes(store)
    assert problems > 16 and n == {4} and tokens == pytest.approx(3000, rel=0.2)
    assert f"{problems} problems × 4 solutions, no forks" in capsys.readouterr().err
    assert sampled(store, "--budget-tokens", "6000", "--limit", "20") == 0
    assert sizes(store)[:2] == (problems, {8})
    assert sizes(store)[2] == pytest.approx(6000, rel=0.2)


def test_a_store_that_was_sampled_without_a_budget_keeps_what_it_has(tmp_path, capsys):
    store = tmp_path / "train.db"
    assert sampled(store, "--limit", "16", "--n", "6", "--fork-probability", "0") == 0
    assert sampled(store, "--budget-tokens", "3000") == 0
    problems, n, tokens = sizes(store)
    assert problems > 16 and n == {6} and tokens == pytest.approx(3000, rel=0.25)
    forked = tmp_path / "forked.db"
    assert sampled(forked, "--limit", "2", "--n", "4") == 0
    assert sampled(forked, "--budget-tokens", "3000") == 2
    assert "has forks" in capsys.readouterr().err


def test_the_same_call_again_adds_nothing(tmp_path):
    store = tmp_path / "train.db"
    assert sampled(store, "--budget-tokens", "2000") == 0
    before = store.read_bytes()
    assert sampled(store, "--budget-tokens", "2000") == 0
    assert store.read_bytes() == before


@pytest.mark.parametrize("after", [10, 70])
def test_a_killed_run_goes_on_to_the_same_plan(tmp_path, interrupted, after):
    whole, killed = tmp_path / "whole.db", tmp_path / "killed.db"
    assert sampled(whole, "--budget-tokens", "2000") == 0
    with interrupted(after):
        assert sampled(killed, "--budget-tokens", "2000") == 130
    assert sampled(killed, "--budget-tokens", "2000") == 0
    assert sizes(killed) == sizes(whole)


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (("--budget-tokens", "0"), "budget_tokens"),
        (("--budget-tokens", "100", "--n", "8"), "--budget-tokens chooses --n"),
        (("--budget-tokens", "100", "--fork-probability", "0"), "--budget-tokens chooses --fork-probability"),
    ],
)
def test_what_it_chooses_cannot_be_given_too(tmp_path, capsys, flags, says):
    assert sampled(tmp_path / "train.db", *flags) == 2
    assert says in capsys.readouterr().err and not (tmp_path / "train.db").exists()
