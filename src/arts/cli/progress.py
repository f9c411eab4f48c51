"""Progress on stderr, of sampling and of solving: a live bar on a terminal, a plain line now and then elsewhere."""

import sys
import threading
import time
from typing import Self

from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from arts.cli.terminal import console, say
from arts.problems.base import Verdict
from arts.search.answer import Solved
from arts.trees.tree import Outcome, Rollout
from arts.workflows.solve import SolveRun

PLAIN_INTERVAL_S = 10.0
LIVE_INTERVAL_S = 0.25


class SamplingProgress:
    """Shows rollouts as they come: ``with SamplingProgress("sampling") as progress``, then start and count."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._before = self._rollouts = self._failed = self._tokens = self._correct = self._graded = 0
        self._started = self._last = time.monotonic()
        self._bar: Progress | None = None
        self._task = TaskID(0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def start(self, rollouts: int) -> None:
        """Begin; so many ``rollouts`` were in the store before."""
        self._before, self._started = rollouts, time.monotonic()
        if sys.stderr.isatty():
            columns = (
                TextColumn("{task.description}"),
                BarColumn(pulse_style="cyan"),
                TextColumn("{task.completed:,} rollouts"),
                TextColumn("{task.fields[meter]}"),
                TimeElapsedColumn(),
            )
            self._bar = Progress(*columns, console=console(stderr=True))
            self._task = self._bar.add_task(self._label, completed=rollouts, total=None, meter="")
            self._bar.start()

    def count(self, rollout: Rollout, outcome: Outcome | None) -> None:
        """One more has finished."""
        self._rollouts += 1
        self._tokens += rollout.tokens
        self._failed += rollout.stop == "error"
        if outcome is not None and outcome.verdict is not Verdict.UNGRADED:
            self._graded += 1
            self._correct += outcome.verdict is Verdict.CORRECT
        if self._bar is not None:
            self._bar.update(self._task, advance=1, meter=self._text())
        elif time.monotonic() - self._last >= PLAIN_INTERVAL_S:
            self._last = time.monotonic()
            say(f"{self._label}: {self._before + self._rollouts:,} rollouts, {self._text()}")

    def _text(self) -> str:
        """Tokens, tokens per second, solve rate, failures."""
        seconds = max(time.monotonic() - self._started, 1e-9)
        rate = f"{self._correct / self._graded:.1%} correct" if self._graded else "nothing graded yet"
        failed = f", {self._failed} failed" if self._failed else ""
        return f"{self._tokens:,} tokens, {self._tokens / seconds:,.0f} tokens/s, {rate}{failed}"


class SolveProgress:
    """Shows how far a run of many problems is: ``with SolveProgress(budget) as progress``, then start and count."""

    def __init__(self, budget_tokens: int | None) -> None:
        self.answered = self._correct = self._graded = 0
        self._budget = budget_tokens
        self._run: SolveRun | None = None
        self._started = time.monotonic()
        self._over = threading.Event()
        self._watch = threading.Thread(target=self._live if sys.stderr.isatty() else self._lines, daemon=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._over.set()
        if self._run is not None:
            self._watch.join()
            say(self._text(self._run))

    def start(self, run: SolveRun) -> None:
        """Begin to show it."""
        self._run, self._started = run, time.monotonic()
        self._watch.start()

    def count(self, solved: Solved) -> None:
        """One more is there."""
        self.answered += solved.decision is not None and not solved.abstained
        self._graded += solved.correct is not None
        self._correct += bool(solved.correct)

    def _text(self, run: SolveRun) -> str:
        return f"solved {run.progress.done}/{run.problems}: {self._meter(run)}"

    def _meter(self, run: SolveRun) -> str:
        """In flight, tokens, tokens per second, solve rate so far, budget left."""
        tokens = run.progress.generated_tokens
        rate = tokens / max(time.monotonic() - self._started, 1e-9)
        parts = [f"{run.progress.in_flight} in flight", f"{tokens:,} tokens", f"{rate:,.0f} tokens/s"]
        if self._graded:
            parts.append(f"{self._correct / self._graded:.1%} correct")
        if self._budget is not None:
            parts.append(f"{max(0, self._budget * run.problems - tokens):,} tokens of the budget left")
        return ", ".join(parts)

    def _live(self) -> None:
        columns = (
            TextColumn("solving"),
            BarColumn(),
            TextColumn("{task.completed}/{task.total} problems"),
            TextColumn("{task.fields[meter]}"),
            TimeElapsedColumn(),
        )
        assert self._run is not None
        with Progress(*columns, console=console(stderr=True), transient=True) as bar:
            task = bar.add_task("solving", total=self._run.problems, meter="")
            while not self._over.wait(LIVE_INTERVAL_S):
                bar.update(task, completed=self._run.progress.done, meter=self._meter(self._run))

    def _lines(self) -> None:
        assert self._run is not None
        while not self._over.wait(PLAIN_INTERVAL_S):
            say(self._text(self._run))
