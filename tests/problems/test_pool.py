import os
import signal
import threading
import time

import pytest

from arts.problems import pool
from arts.problems.base import Verdict
from arts.problems.graders import MathGrader

SLOW = "9^{9^{9^{9}}}"
PAIR = ("x+1", "1+x")


@pytest.fixture
def grader():
    grader = MathGrader(workers=1, deadline_s=1.0)
    yield grader
    grader.close()


def dying(monkeypatch, times):
    """Let the first so many workers die in the middle of a pair; the list counts the attempts."""
    attempts, whole = [], pool._Worker.grade

    def grade(self, *pair):
        attempts.append(pair)
        if len(attempts) <= times:
            self._process.kill()
            self._process.wait()
        return whole(self, *pair)

    monkeypatch.setattr(pool._Worker, "grade", grade)
    return attempts


def test_a_pair_whose_worker_died_is_tried_once_more(grader, monkeypatch):
    attempts = dying(monkeypatch, 1)
    assert grader.grade([PAIR])[0].verdict is Verdict.CORRECT
    assert len(attempts) == 2


def test_a_pair_whose_workers_die_is_ungraded_and_the_next_one_is_graded(grader, monkeypatch):
    dying(monkeypatch, 2)
    bad, good = grader.grade([("a+2", "2+a"), PAIR])
    assert (bad.verdict, bad.reason) == (Verdict.UNGRADED, "math-verify: crashed")
    assert good.verdict is Verdict.CORRECT


def test_a_key_that_takes_too_long_is_tried_once_and_named(grader, monkeypatch):
    attempts = dying(monkeypatch, 0)
    grades = grader.grade([(SLOW, f"x+{i}") for i in range(5)])
    assert {g.reason for g in grades} == {f"math-verify: the key {SLOW} takes more than 1 s"}
    assert len(attempts) == 2  # of the first pair, and of the key by itself


def test_a_slow_answer_says_nothing_against_its_key(grader):
    slow, good = grader.grade([("x+1", f"x+{SLOW}"), PAIR])
    assert slow.reason == "math-verify: no verdict within 1 s"
    assert good.verdict is Verdict.CORRECT


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="the deadline is of the clock there")
def test_a_worker_that_has_to_wait_is_not_late(grader):
    grader.grade([PAIR])
    (worker,) = grader._pool._started
    os.kill(worker._process.pid, signal.SIGSTOP)
    threading.Thread(target=lambda: (time.sleep(2.0), os.kill(worker._process.pid, signal.SIGCONT))).start()
    assert grader.grade([("x+2", "2+x")])[0].verdict is Verdict.CORRECT
