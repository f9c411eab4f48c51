"""Worker processes with a hard deadline per pair: a hung worker is killed and replaced."""

import contextlib
import json
import queue
import signal
import subprocess
import sys
import threading
import weakref
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import final

from arts.problems.base import Grade, Verdict

START_DEADLINE_S = 60.0
ATTEMPTS = 2
"""How often a pair is tried whose worker died."""
SLOW_KEY = "math-verify: the key"
"""How the reason begins where a key takes too long by itself."""
_PATIENCE = 60
"""A worker that computes has ended by itself at its deadline; one that does nothing is waited for so many times it."""


@final
class MathPool:
    """Grades pairs with math-verify in ``workers`` processes, started when first needed.

    Safe to call from several threads. Killing a process is the only way to stop a computation that does not
    want to stop, so no pair is ever graded in the calling process. Workers end by themselves when the calling
    process is gone, however it went.

    ``deadline_s`` are seconds of a worker's own CPU time, so that no verdict hangs on what else the machine does; of
    the clock on Windows, which has no such limit. A worker that dies is replaced, and its pair tried once more. An
    answer key that takes as long by itself is not tried again.
    """

    def __init__(self, *, workers: int = 2, deadline_s: float = 5.0) -> None:
        self._deadline_s = deadline_s
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="grading")
        self._mine = threading.local()
        self._started: weakref.WeakSet[_Worker] = weakref.WeakSet()
        self._slow_keys: dict[str, Grade] = {}

    def grade(self, pairs: Sequence[tuple[str, str]]) -> list[Grade]:
        """Grades in the order of the pairs."""
        return list(self._threads.map(self._grade_one, pairs))

    def close(self) -> None:
        """End all workers."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        for worker in list(self._started):
            worker.kill()

    def _grade_one(self, pair: tuple[str, str]) -> Grade:
        key = pair[0]
        if key in self._slow_keys:
            return self._slow_keys[key]
        try:
            return self._graded(*pair)
        except TimeoutError:
            late = Grade(verdict=Verdict.UNGRADED, reason=f"math-verify: no verdict within {self._deadline_s:g} s")
            return self._slow_key(key) or late

    def _slow_key(self, key: str) -> Grade | None:
        """What to say of all answers to a key that math-verify cannot compare with anything in time."""
        try:
            self._graded(key, _ANYTHING)
        except TimeoutError:
            reason = f"{SLOW_KEY} {key[:60]} takes more than {self._deadline_s:g} s"
            return self._slow_keys.setdefault(key, Grade(verdict=Verdict.UNGRADED, reason=reason))
        return None

    def _graded(self, key: str, answer: str) -> Grade:
        """The worker's grade.

        Raises:
            TimeoutError: there is none in time.
        """
        for _ in range(ATTEMPTS):
            worker: _Worker | None = getattr(self._mine, "worker", None)
            try:
                if worker is None:
                    worker = self._mine.worker = _Worker()
                    self._started.add(worker)
                return worker.grade(key, answer, self._deadline_s)
            except (TimeoutError, OSError, EOFError) as error:
                self._mine.worker = None
                if worker is not None:
                    worker.kill()
                if isinstance(error, TimeoutError):
                    raise
        return Grade(verdict=Verdict.UNGRADED, reason="math-verify: crashed")


_ANYTHING = "\\sqrt{7}+1"
"""A formula that no key is, but that a key can be compared with."""


class _Worker:
    def __init__(self) -> None:
        command = [sys.executable, "-P", "-m", "arts.problems.worker"]  # -P: modules of the current folder stay out
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self._replies: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        self._reply(START_DEADLINE_S)

    def grade(self, key: str, answer: str, deadline_s: float) -> Grade:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"key": key, "answer": answer, "deadline_s": deadline_s}) + "\n")
        self._process.stdin.flush()
        verdict, reason = json.loads(self._reply(deadline_s * _PATIENCE if _LIMITS_ITSELF else deadline_s))
        return Grade(verdict=Verdict(verdict), reason=reason)

    def kill(self) -> None:
        with contextlib.suppress(OSError), self._process:  # which at the end closes its pipes and waits for it
            self._process.kill()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with contextlib.suppress(ValueError, OSError):
            for line in self._process.stdout:
                self._replies.put(line)
        self._replies.put("")

    def _reply(self, deadline_s: float) -> str:
        """The next line that the worker writes.

        Raises:
            TimeoutError: none in time, or the system has ended the worker at its limit.
            EOFError: the worker has died.
        """
        try:
            line = self._replies.get(timeout=deadline_s)
        except queue.Empty as error:
            raise TimeoutError from error
        if line:
            return line
        if _LIMITS_ITSELF and self._process.wait(START_DEADLINE_S) == -signal.SIGPROF:
            raise TimeoutError
        raise EOFError


_LIMITS_ITSELF = hasattr(signal, "setitimer")
