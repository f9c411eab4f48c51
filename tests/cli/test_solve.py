import json
import subprocess
import sys
from contextlib import contextmanager

import pytest
from msgspec import structs

from arts.cli import main
from arts.search.strategies import STRATEGIES, strategy_factory
from arts.trees.store import TreeStore

DRAWN = ("--sampling.temperature", 1, "--sampling.max-tokens", 46, "--step-tokens", 8, "--backend.device", "cpu")
QUESTION = "solve 7 x = 12 mod 29"
FILE = ("--problems", "congruences:test", "--limit", 4)


def call(*arguments):
    return main([str(a) for a in arguments])


@contextmanager
def endpoint(*flags):
    """A mock endpoint in another process."""
    command = [sys.executable, "-m", "arts.testbed.endpoint", "--lines", "3", *map(str, flags)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            yield f"openai:{server.stdout.readline().strip()}#mock"
        finally:
            server.kill()


def rows(capsys):
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def draws(path):
    with TreeStore.open(path) as store:
        return {
            t.problem_id: [(r.backbone, r.pivot, r.leaf, r.tokens, r.stop) for r in t.rollouts] for t in store.trees()
        }


@pytest.mark.parametrize("strategy", [name for name in STRATEGIES if strategy_factory(name)().needs != "value"])
def test_every_strategy_answers_within_its_budget(strategy, capsys):
    flags = ("--strategy", strategy, "--n", 4, "--budget-tokens", 100, "--verifier", "likelihood")
    assert call("solve", *FILE, *flags, *DRAWN) == 0
    found = rows(capsys)
    assert len({row["id"] for row in found}) == 4
    for row in found:
        assert row["generated_tokens"] <= 100
        assert "answer" in row or row["error"]
        assert row["stop_reason"] in ("complete", "settled", "generated tokens")


def test_the_tree_is_drawn_with_its_numbers_and_the_chosen_path(capsys):
    flags = ("--strategy", "beam", "--n", 4, "--budget-tokens", 4000, "--show-tree", "--verifier", "likelihood")
    assert call("solve", QUESTION, *flags, *DRAWN) == 0
    said = capsys.readouterr()
    assert said.out.count("\n") == 1
    drawn = [line for line in said.err.splitlines() if "×" in line and "─" in line]
    assert drawn
    assert all("π" in line and "log π" in line for line in drawn)
    assert sum("✓" in line for line in drawn) == 1
    assert "ended by: " in said.err


def test_a_strategy_without_a_verifier_says_what_it_goes_by(capsys):
    assert call("solve", QUESTION, "--strategy", "best_first", "--n", 1, *DRAWN) == 0
    assert "goes by the likelihood" in capsys.readouterr().err


def test_a_store_is_taken_up_again_without_drawing_twice(tmp_path, capsys):
    store = tmp_path / "s.db"
    flags = ("--strategy", "beam", "--n", 4, "--store", store, "--problems", "congruences:test", *DRAWN)
    assert call("solve", *flags, "--limit", 3) == 0
    first = {row["id"]: row for row in rows(capsys)}
    before = draws(store)
    assert call("solve", *flags, "--limit", 5) == 0
    again = {row["id"]: row for row in rows(capsys)}
    assert len(again) == 5
    after = draws(store)
    for name, row in first.items():
        assert after[name] == before[name]
        changing = ("seconds", "prompt_tokens")
        assert {k: v for k, v in again[name].items() if k not in changing} == {
            k: v for k, v in row.items() if k not in changing
        }


def test_an_endpoint_that_dies_ends_the_run_and_the_next_run_goes_on(tmp_path, capsys):
    store = tmp_path / "s.db"
    flags = (
        "solve",
        *FILE,
        "--strategy",
        "best_of_n",
        "--n",
        8,
        "--store",
        store,
        "--grader",
        "exact",
        "--splitter",
        "newline",
        "--in-flight",
        2,
    )
    patience = ("--backend.retries", 1, "--backend.timeout-s", 2)
    with endpoint("--dies-after", 19) as model:
        assert call(*flags, *patience, "--model", model) == 1
    assert capsys.readouterr().err.splitlines()[-1].startswith("arts: ")
    before = draws(store)
    assert sum(map(len, before.values())) == 19
    with endpoint() as model:
        with TreeStore.open(store, write=True) as opened:
            run = opened.run_config()
            moved = structs.replace(run, sample={**run.sample, "model": model})  # the port is another one
            opened.set_run_config(moved)
        assert call(*flags, *patience, "--model", model) == 0
    assert len(rows(capsys)) == 4
    after = draws(store)
    for name, done in before.items():
        assert after[name][: len(done)] == done
        assert sorted(number for number, *_ in after[name]) == list(range(8))


@pytest.mark.parametrize("faults", [("--error", 0.2), ("--truncate", 0.2), ("--malformed", 0.2), ("--stall", 0.1)])
def test_every_problem_has_an_answer_or_a_reason_over_a_faulty_endpoint(faults, capsys):
    with endpoint(*faults) as model:
        flags = ("--n", 4, "--strategy", "beam", "--splitter", "newline", "--grader", "exact", "--step-tokens", 64)
        assert call("solve", *FILE, *flags, "--model", model, "--backend.timeout-s", 0.5) == 0
    found = rows(capsys)
    assert len(found) == 4
    assert all(("answer" in row) != ("error" in row) for row in found)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--settings", "width"), ("width", "NAME=VALUE")),
        (("--settings", "wide=2"), ("wide", "it has: n, width")),
        (("--settings", "width=two"), ("width", "expected int", "two")),
        (("--settings", "width=0"), ("width is 0", "1 or more")),
        (("--n", 0), ("n is 0",)),
        (("--budget-tokens", 0), ("budget_tokens is 0",)),
        (("--abstain-below", 1.5), ("abstain_below is 1.5", "probability")),
        (("--abstain-below", 0.5), ("abstaining needs success probabilities", "arts train")),
        (("--abstain-below", 0.5, "--verifier", "likelihood"), ("abstaining needs success probabilities",)),
        (("--deadline-s", 0), ("deadline_s is 0", "more than 0")),
        (("--strategy", "puct"), ("puct needs success probabilities", "--verifier")),
        (("--verifier", "oracle"), ("oracle", "another verifier")),
        (("--sampling.stop", "x"), ("stop strings",)),
        (("--strategy", "puct", "--verifier", "likelihood"), ("likelihood says nothing", "--verifier")),
        (("--strategy", "particles", "--verifier", "length"), ("length only orders", "--verifier")),
        (("--splitter", "numbered"), ("numbered", "newline or paragraph")),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(flags, words, capsys):
    assert call("solve", QUESTION, "--strategy", "beam", *flags) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith("arts: ")
    assert all(word in said for word in words)


@pytest.mark.parametrize("reader", [("evaluate",), ("train", "--out", "v")])
def test_a_search_is_no_sample(reader, tmp_path, capsys):
    store = tmp_path / "s.db"
    assert call("solve", *FILE, "--n", 2, "--store", store, *DRAWN) == 0
    assert call(reader[0], store, *reader[1:]) == 2
    assert "made by arts solve" in capsys.readouterr().err
