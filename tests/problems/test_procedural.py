import json
import os
import subprocess
import sys
from itertools import islice

import pytest

from arts.errors import InputError, MissingExtraError
from arts.problems.graders import make_grader
from arts.problems.load import load_problems
from arts.problems.procedural import TASKS, gym_problems

reasoning_gym = pytest.importorskip("reasoning_gym")

TRIED = 12
SLOW = {"zebra_puzzles"}
IN_ANOTHER_PROCESS = """
import json, sys
from itertools import islice
from arts.problems.procedural import TASKS, gym_problems
print(json.dumps({t: [[p.id, p.question, p.answer] for p in islice(gym_problems(t, "test", 3), 2)] for t in TASKS}))
"""


def some(task, split="test", seed=0, count=TRIED):
    return list(islice(gym_problems(task, split, seed), 3 if task in SLOW else count))


def test_problems_follow_from_the_seed_in_every_process():
    """Also whatever the interpreter's hash seed is."""
    environment = {**os.environ, "PYTHONHASHSEED": "77"}
    done = subprocess.run(
        [sys.executable, "-c", IN_ANOTHER_PROCESS], capture_output=True, text=True, check=True, env=environment
    )
    theirs = json.loads(done.stdout.splitlines()[-1])
    ours = {t: [[p.id, p.question, p.answer] for p in islice(gym_problems(t, "test", 3), 2)] for t in TASKS}
    assert theirs == ours


@pytest.mark.parametrize("task", ["gcd", "largest_island", "self_reference", "chain_sum"])
def test_no_test_question_is_a_training_question_of_any_seed(task):
    """Self-reference has few different questions: seeds alone would not keep the splits apart."""
    test = {p.question for seed in (0, 1) for p in some(task, "test", seed, 200)}
    train = {p.question for seed in (0, 1) for p in some(task, "train", seed, 200)}
    assert test.isdisjoint(train)
    assert len(test) > 100
    assert len(train) > 100


@pytest.mark.parametrize("task", ["gcd", "self_reference"])
def test_a_question_comes_once(task):
    questions = [p.question for p in some(task, count=300)]
    assert len(questions) == len(set(questions)) == 300


def test_neighbouring_seeds_have_other_problems():
    """The library draws problem i of seed s as it draws problem i − 1 of seed s + 1."""
    zero, one = ({p.question for p in some("chain_sum", seed=seed, count=200)} for seed in (0, 1))
    assert len(zero & one) < 5


def test_a_longer_set_begins_with_the_shorter_one():
    long = load_problems("reasoning-gym:gcd:train", limit=700)
    assert load_problems("reasoning-gym:gcd:train") == long[:500]
    assert load_problems("reasoning-gym:gcd:train", limit=5, offset=20) == long[20:25]


def test_a_name_alone_means_the_test_split_of_seed_zero():
    assert load_problems("reasoning-gym:gcd", limit=3) == load_problems("reasoning-gym:gcd:test:0", limit=3)
    assert load_problems("reasoning-gym:gcd:test:1", limit=3) != load_problems("reasoning-gym:gcd", limit=3)


@pytest.mark.parametrize("task", [task for task in TASKS if task not in SLOW])
def test_our_grader_and_the_tasks_own_scorer_agree_on_every_pair_of_keys(task):
    drawn = reasoning_gym.create_dataset(task, seed=5, size=TRIED)
    items = [drawn[i] for i in range(TRIED)]
    pairs = [(mine, other) for mine in items for other in items]
    grades = make_grader("exact").grade([(mine["answer"], other["answer"]) for mine, other in pairs])
    scores = [drawn.score_answer(other["answer"], mine) for mine, other in pairs]
    assert [grade.verdict == "correct" for grade in grades] == [score > 0.999 for score in scores]


@pytest.mark.parametrize("task", TASKS)
def test_keys_are_one_line_of_text(task):
    problem = some(task, count=1)[0]
    assert problem.answer.strip() == problem.answer != ""
    assert len(problem.answer.splitlines()) == 1
    assert problem.subject == task
    assert problem.source.startswith("reasoning-gym 0.")


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("reasoning-gym:countdown", "no task that one key can grade; there are: aiw, "),
        ("reasoning-gym", "no task that one key can grade"),
        ("reasoning-gym:gcd:dev", "no split 'dev'; there are: train, test"),
        ("reasoning-gym:gcd:test:x", "SEED, a whole number"),
        ("reasoning-gym:gcd:test:-1", "SEED, a whole number"),
        ("reasoning-gym:gcd:test:1:2", "SEED, a whole number"),
        ("reasoning-gim:gcd", "did you mean 'reasoning-gym'"),
    ],
)
def test_what_there_is_not_is_named(spec, said):
    with pytest.raises(InputError, match=said):
        load_problems(spec)


def test_the_missing_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "reasoning_gym", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'arts-llm\[gym\]'"):
        load_problems("reasoning-gym:gcd")
