"""Progress of sampling on stderr: a live bar on a terminal, a plain line now and then elsewhere."""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from arts.problems.base import Verdict
from arts.trees.tree import Outcome, Rollout

PLAIN_INTERVAL_S = 10.0


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
