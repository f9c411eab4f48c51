"""Worker processes with a hard deadline per pair: a hung worker is killed and replaced."""

import contextlib
import json
import queue
import subprocess
import sys
import threading
import weakref
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import final

from arts.problems.base import Grade, Verdict

START_DEADLINE_S = 60.0


@final
class MathPool:
    """Grades pairs with math-verify in ``workers`` processes, started when first needed.

    Safe to call from several threads. Killing a process is the only way to stop a computation that does not
    want to stop, so no pair is ever graded in the calling process. Workers end by themselves when the calling
    process is gone, however it went.
    """

    def __init__(self, *, workers: int = 2, deadline_s: float = 5.0) -> None:
        self._deadline_s = deadline_s
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="grading")
        self._mine = threading.local()
        self._started: weakref.WeakSet[_Worker] = weakref.WeakSet()

    def grade(self, pairs: Sequence[tuple[str, str]]) -> list[Grade]:
        """Grades in the order of the pairs."""
        return list(self._threads.map(self._grade_one, pairs))

    def close(self) -> None:
        """End all workers."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        for worker in list(self._started):
            worker.kill()

    def _grade_one(self, pair: tuple[str, str]) -> Grade:
        worker: _Worker | None = getattr(self._mine, "worker", None)
        try:
            if worker is None:
                worker = self._mine.worker = _Worker()
                self._started.add(worker)
            return worker.grade(*pair, self._deadline_s)
        except (queue.Empty, OSError, EOFError) as error:
            self._mine.worker = None
            if worker is not None:
                worker.kill()
            reason = f"no verdict within {self._deadline_s:g} s" if isinstance(error, queue.Empty) else "crashed"
            return Grade(verdict=Verdict.UNGRADED, reason=f"math-verify: {reason}")


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
        verdict, reason = json.loads(self._reply(deadline_s))
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
        line = self._replies.get(timeout=deadline_s)
        if not line:
            raise EOFError
        return line
