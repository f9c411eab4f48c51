"""What a run of reinforcement learning writes down of itself: one row per update."""

import json
from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import Any

from transformers import TrainerCallback, TrainerState

from arts.baselines.task import Record, Run
from arts.errors import ArtsError
from arts.files import write_whole
from arts.versions import versions

METRICS = "metrics.jsonl"
HELD_OUT = "eval_reward"
"""Pass rate on held-out problems, as TRL calls it."""
REPORT_EVERY = 10
"""Updates between two lines of progress."""
NAMES = {
    "reward": "reward",
    "frac_reward_zero_std": "groups_without_signal",
    "entropy": "entropy",
    "kl": "kl",
    "clip_ratio/region_mean": "clipped_share",
    "completions/mean_length": "tokens_per_solution",
    "completions/clipped_ratio": "truncated_share",
    "ungraded": "ungraded_share",
    "grad_norm": "gradient_norm",
    "num_tokens": "tokens",
    "step_time": "seconds",
    HELD_OUT: "held_out_pass_rate",
}
"""TRL's names and ours. ``entropy`` is in nats per token, ``tokens`` counts prompts and solutions since the start.
What is about solutions is missing from updates that use those of an earlier one again."""
DIVERGED = "{what} at update {update}; use a smaller --rl.learning-rate and another --out"


Row = dict[str, float]
"""Numbers by the names of ``NAMES``, those that there are, and ``update``."""


def row(logged: Mapping[str, float]) -> Row | None:
    """One update as metrics.jsonl has it, or a measurement on held-out problems; None for what is neither."""
    found = {ours: float(logged[theirs]) for theirs, ours in NAMES.items() if logged.get(theirs) is not None}
    return {"update": logged["step"], **found} if "seconds" in found or "held_out_pass_rate" in found else None


def rows(history: Sequence[Mapping[str, float]]) -> list[Row]:
    """All rows of what the trainer has logged."""
    return [found for logged in history if (found := row(logged))]


class Metrics(TrainerCallback):  # type: ignore[misc]
    """Keeps metrics.jsonl in step with the run, and says now and then how it goes.

    A run that is taken up again forgets the rows after its checkpoint, as they come again.
    """

    def __init__(self, out: Path, on_progress: Callable[[str], None]) -> None:
        self._out, self._on_progress = out, on_progress
        self._drawn: Row = {}

    def on_train_begin(self, args: Any, state: TrainerState, control: Any, **_: Any) -> None:
        """Write the rows up to here."""
        if state.is_world_process_zero:
            lines = [f"{json.dumps(r)}\n" for r in rows(state.log_history)]
            write_whole(self._out / METRICS, "".join(lines))

    def on_log(self, args: Any, state: TrainerState, control: Any, logs: Row, **_: Any) -> None:
        """Add a row."""
        if not isfinite(logs.get("grad_norm", 0.0)):
            raise ArtsError(DIVERGED.format(what="the gradient is not finite", update=state.global_step))
        new = row({**logs, "step": state.global_step})
        if new is None or not state.is_world_process_zero:
            return
        with (self._out / METRICS).open("a", encoding="utf-8") as file:
            file.write(f"{json.dumps(new)}\n")
        if "held_out_pass_rate" in new:
            self._on_progress(
                f"update {new['update']}: {new['held_out_pass_rate']:.1%} of held-out solutions are right"
            )
            return
        self._drawn = {**self._drawn, **new}
        if new["update"] % REPORT_EVERY == 0 or new["update"] == state.max_steps:
            self._on_progress(
                "update {update}/{of}: {reward:.1%} right, {groups_without_signal:.0%} of groups without signal,"
                " entropy {entropy:.2f}, {tokens_per_solution:.0f} tokens, {seconds:.1f} s".format(
                    of=state.max_steps, **self._drawn
                )
            )


def record(run: Run, history: Sequence[Mapping[str, float]]) -> Record:
    """What the whole run cost and came to, by what the trainer has logged."""
    found = rows(history)
    updates = [r for r in found if "seconds" in r]
    return Record(
        run=run,
        versions=versions("arts", "trl", "transformers", "torch"),
        updates=len(updates),
        tokens=max(r["tokens"] for r in updates if "tokens" in r),
        seconds=sum(r["seconds"] for r in updates),
        held_out_pass_rate={int(r["update"]): r[key] for r in found if (key := "held_out_pass_rate") in r},
    )
