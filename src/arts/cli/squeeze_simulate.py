"""Simulate what reinforcement learning does to a rare correct trajectory: extinction table and phase diagrams."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from arts.cli.tables import print_table
from arts.cli.terminal import console, say
from arts.documents.data import as_json
from arts.estimate import Estimate
from arts.files import write_whole
from arts.squeeze.phase import Plan, Simulation, cells, settings, simulation

THRESHOLDS = ("survives from", "seen from", "pass@1")
"""The last columns, of which a narrow terminal does without all but the first."""


@dataclass(frozen=True, kw_only=True)
class Config(Plan):
    """Flags of ``arts squeeze simulate``; docs/squeeze-theory.md says what the rules and words mean."""

    out: Path = Path("runs/simulate")
    """Folder for simulate.json and, with the extra 'report', four phase diagrams as SVG."""


def run(config: Config) -> int:
    """Print the table on stdout and name the files on stderr."""
    from rich.progress import track

    plan = msgspec.convert(config, Plan, from_attributes=True)
    total = len(set(plan.rules)) * len(settings(plan)) * len(set(plan.pi0))
    screen = console(stderr=True)
    found = track(cells(plan), "simulating", total, console=screen, transient=True, disable=not screen.is_terminal)
    result = simulation(plan, list(found))
    show(result)
    for path in write(result, config.out):
        say(f"wrote {path}")
    return 0


def write(result: Simulation, out: Path) -> list[Path]:
    """Write ``simulate.json`` and, where matplotlib is, the diagrams; returns their paths."""
    texts = {"simulate.json": as_json(result)}
    try:
        from arts.squeeze.figures import diagrams
    except ModuleNotFoundError as error:
        if error.name != "matplotlib":
            raise
        say("the diagrams need the extra 'report': pip install 'arts-llm[report]'")
    else:
        texts |= diagrams(result.settings, result.cells)
    out.mkdir(parents=True, exist_ok=True)
    return [write_whole(out / name, text) for name, text in texts.items()]


def table(result: Simulation) -> tuple[list[str], list[list[str]]]:
    """Header and rows: the share of extinct runs in percent for each pi0, then the two thresholds."""
    plan, at = result.settings, {(c.rule, c.n, c.temperature, c.pi0): c for c in result.cells}
    grid = sorted(set(plan.pi0))
    header = ["rule", "N", "T", *(f"pi0 {pi0:g}" for pi0 in grid), *THRESHOLDS]
    body = []
    for row in result.rows:
        line = {pi0: at[row.rule, row.n, row.temperature, pi0] for pi0 in grid}
        extinct = [f"{100 * cell.extinct[plan.updates].value:.3g}" for cell in line.values()]
        last = [threshold_text(row.survival_threshold, grid), f"{row.seen_threshold:.2g}"]
        correct = f"{line[plan.middle[2]].correct:.3f}"
        body.append([row.rule, str(row.n), f"{row.temperature:g}", *extinct, *last, correct])
    return header, body


def threshold_text(threshold: Estimate, grid: Sequence[float]) -> str:
    """A survival threshold with its interval; ``<`` and ``>`` where it or its interval leaves the grid."""
    if threshold.value == 0:
        return f"< {grid[0]:g}"
    if threshold.value == 1:
        return f"> {grid[-1]:g}"
    low = f"{threshold.low:g}" if threshold.low > 0 else f"<{grid[0]:g}"
    high = f"{threshold.high:g}" if threshold.high < 1 else f">{grid[-1]:g}"
    return f"{threshold.value:.2g} [{low}, {high}]"


def show(result: Simulation) -> None:
    """The table on stdout; what it says on stderr."""
    plan = result.settings
    title = f"extinct after {plan.updates} updates, % of {plan.runs} runs"
    print_table(*table(result), title, optional=THRESHOLDS[1:])
    extinct = f"{plan.extinction.budget} samples miss it with probability {1 - plan.extinction.chance:g} or more"
    say(f"extinct: π ≤ {result.floor:.2g}, so that {extinct}")
    say(
        f"shares have a standard error of at most {50 / plan.runs**0.5:.1f} points; survives from: the pi0 of"
        " which half of the runs survive; seen from: the pi0 that half of the first groups hold; pass@1: of"
        f" the runs with pi0 {plan.middle[2]:g}, at the end"
    )
