"""Progress on stderr, of sampling and of solving: a live bar on a terminal, a plain line now and then elsewhere."""

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from arts.problems.base import Verdict
from arts.search.engine import Progress as SearchProgress
from arts.trees.tree import Outcome, Rollout

PLAIN_INTERVAL_S = 10.0
LIVE_INTERVAL_S = 0.25


class SamplingMeter:
    """Counts what has been sampled in this run."""

    def __init__(self) -> None:
        self.started = time.monotonic()
        self.rollouts = self.failed = self.tokens = self.correct = self.graded = 0

    def count(self, rollout: Rollout, outcome: Outcome | None) -> None:
        """Add one finished rollout."""
        self.rollouts += 1
        self.tokens += rollout.tokens
        self.failed += rollout.stop == "error"
        if outcome is not None and outcome.verdict is not Verdict.UNGRADED:
            self.graded += 1
            self.correct += outcome.verdict is Verdict.CORRECT

    def text(self) -> str:
        """One line: tokens, tokens per second, solve rate, failures."""
        seconds = max(time.monotonic() - self.started, 1e-9)
        rate = f"{self.correct / self.graded:.1%} correct" if self.graded else "nothing graded yet"
        failed = f", {self.failed} failed" if self.failed else ""
        return f"{self.tokens:,} tokens, {self.tokens / seconds:,.0f} tokens/s, {rate}{failed}"


@contextlib.contextmanager
def sampling_progress(done: int, label: str) -> Iterator[Callable[[Rollout, Outcome | None], None]]:
    """Show progress while rollouts come in; yields the function to call for each of them.

    ``done`` rollouts were in the store before.
    """
    meter = SamplingMeter()
    if not sys.stderr.isatty():
        yield _plain(meter, done, label)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(pulse_style="cyan"),
        TextColumn("{task.completed:,} rollouts"),
        TextColumn("{task.fields[meter]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(label, completed=done, total=None, meter="")

        def show(rollout: Rollout, outcome: Outcome | None) -> None:
            meter.count(rollout, outcome)
            bar.update(task, advance=1, meter=meter.text())

        yield show


def _plain(meter: SamplingMeter, done: int, label: str) -> Callable[[Rollout, Outcome | None], None]:
    last = time.monotonic()

    def show(rollout: Rollout, outcome: Outcome | None) -> None:
        nonlocal last
        meter.count(rollout, outcome)
        if time.monotonic() - last >= PLAIN_INTERVAL_S:
            last = time.monotonic()
            print(f"{label}: {done + meter.rollouts:,} rollouts, {meter.text()}", file=sys.stderr)

    return show


class SolveMeter:
    """Counts the problems of a run that have been solved, and reads the rest off its engine."""

    def __init__(self, engine: SearchProgress, problems: int, budget_tokens: int | None) -> None:
        self.engine, self.problems, self._budget = engine, problems, budget_tokens
        self._started = time.monotonic()
        self.answered = self._correct = self._graded = 0

    def count(self, correct: bool | None) -> None:
        """One more answer; ``correct`` is None where nobody can say."""
        self.answered += 1
        self._graded += correct is not None
        self._correct += bool(correct)

    def text(self) -> str:
        """One line: in flight, tokens, tokens per second, solve rate so far, budget left."""
        tokens = self.engine.generated_tokens
        rate = tokens / max(time.monotonic() - self._started, 1e-9)
        parts = [f"{self.engine.in_flight} in flight", f"{tokens:,} tokens", f"{rate:,.0f} tokens/s"]
        if self._graded:
            parts.append(f"{self._correct / self._graded:.1%} correct")
        if self._budget is not None:
            parts.append(f"{max(0, self._budget * self.problems - tokens):,} tokens of the budget left")
        return ", ".join(parts)


@contextlib.asynccontextmanager
async def solve_progress(meter: SolveMeter, *, show: bool) -> AsyncIterator[None]:
    """Show the meter while problems are solved."""
    watching = asyncio.create_task(_live(meter) if sys.stderr.isatty() else _lines(meter)) if show else None
    try:
        yield
    finally:
        if watching is not None:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
            print(f"solved {meter.engine.done}/{meter.problems}: {meter.text()}", file=sys.stderr)


async def _live(meter: SolveMeter) -> None:
    columns = (
        TextColumn("solving"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total} problems"),
        TextColumn("{task.fields[meter]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("solving", total=meter.problems, meter="")
        while True:
            bar.update(task, completed=meter.engine.done, meter=meter.text())
            await asyncio.sleep(LIVE_INTERVAL_S)


async def _lines(meter: SolveMeter) -> None:
    while True:
        await asyncio.sleep(PLAIN_INTERVAL_S)
        print(f"solved {meter.engine.done}/{meter.problems}: {meter.text()}", file=sys.stderr)
