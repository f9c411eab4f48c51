"""Simulate what reinforcement learning does to a rare correct trajectory: extinction table and phase diagrams."""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from arts.config import to_dict
from arts.estimate import Estimate
from arts.evaluation.intervals import plain
from arts.files import write_whole
from arts.squeeze.phase import Cell, Plan, Row, cells, rows, settings
from arts.versions import versions

WIDE = 92
"""Columns of a terminal that shows the whole table."""


@dataclass(frozen=True, kw_only=True)
class Config(Plan):
    """Flags of ``arts squeeze simulate``; docs/squeeze-theory.md says what the rules and words mean."""

    out: Path = Path("runs/simulate")
    """Folder for simulate.json and, with the extra 'report', four phase diagrams as SVG."""


def run(config: Config) -> int:
    """Print the table on stdout and name the files on stderr."""
    from rich.console import Console
    from rich.progress import track

    total = len(set(config.rules)) * len(settings(config)) * len(set(config.pi0))
    console = Console(stderr=True)
    found = list(
        track(cells(config), "simulating", total, console=console, transient=True, disable=not console.is_terminal)
    )
    lines = rows(config, found)
    show(config, lines)
    for path in write(config, found, lines):
        print(f"wrote {path}", file=sys.stderr)
    return 0


def write(config: Config, found: Sequence[Cell], lines: Sequence[Row]) -> list[Path]:
    """Write ``simulate.json`` and, where matplotlib is, the diagrams; returns their paths."""
    given = {name: value for name, value in to_dict(config).items() if name != "out"}
    result = {
        "schema": 1,
        **versions("arts"),
        "settings": given,
        "floor": config.extinction.floor,
        "cells": [cell.as_json() for cell in found],
        "rows": [
            {"rule": row.rule, "n": row.n, "temperature": row.temperature, "seen_threshold": row.seen}
            | {"survival_threshold": plain(row.threshold)}
            for row in lines
        ],
    }
    texts = {"simulate.json": json.dumps(result, indent=1, allow_nan=False) + "\n"}
    try:
        from arts.squeeze.figures import diagrams
    except ModuleNotFoundError as error:
        if error.name != "matplotlib":
            raise
        print("the diagrams need the extra 'report': pip install 'arts-llm[report]'", file=sys.stderr)
    else:
        texts |= diagrams(config, found)
    config.out.mkdir(parents=True, exist_ok=True)
    return [write_whole(config.out / name, text) for name, text in texts.items()]


def table(config: Plan, lines: Sequence[Row]) -> tuple[list[str], list[list[str]]]:
    """Header and rows: the share of extinct runs in percent for each pi0, then the two thresholds."""
    shares = [f"{cell.pi0:g}" for cell in lines[0].cells]
    header = ["rule", "N", "T", *(f"pi0 {pi0}" for pi0 in shares), "survives from", "seen from", "pass@1"]
    body = []
    for row in lines:
        extinct = [f"{100 * cell.extinct[config.updates].value:.3g}" for cell in row.cells]
        middle = next(cell for cell in row.cells if cell.pi0 == config.middle[2])
        grid = [cell.pi0 for cell in row.cells]
        threshold = threshold_text(row.threshold, grid)
        body.append(
            [
                row.rule,
                str(row.n),
                f"{row.temperature:g}",
                *extinct,
                threshold,
                f"{row.seen:.2g}",
                f"{middle.correct:.3f}",
            ]
        )
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


def show(config: Plan, lines: Sequence[Row]) -> None:
    """The table on stdout: drawn on a terminal, tab-separated elsewhere; what it says on stderr."""
    header, body = table(config, lines)
    if sys.stdout.isatty():
        _draw(header, body, f"extinct after {config.updates} updates, % of {config.runs} runs")
    else:
        for row in [header, *body]:
            print("\t".join(row))
    extinct = f"{config.extinction.budget} samples miss it with probability {1 - config.extinction.chance:g} or more"
    print(f"extinct: π ≤ {config.extinction.floor:.2g}, so that {extinct}", file=sys.stderr)
    print(
        f"shares have a standard error of at most {50 / config.runs**0.5:.1f} points; survives from: the pi0 of"
        " which half of the runs survive; seen from: the pi0 that half of the first groups hold; pass@1: of"
        f" the runs with pi0 {config.middle[2]:g}, at the end",
        file=sys.stderr,
    )


def _draw(header: Sequence[str], body: Sequence[Sequence[str]], title: str) -> None:
    """A table for a terminal, intervals below their values; a narrow one does without the last two columns."""
    from rich import box
    from rich.console import Console
    from rich.table import Column, Table

    console = Console()
    if console.width < WIDE:
        header, body = header[:-2], [row[:-2] for row in body]
    names = [name.replace(" ", "\n") for name in header]
    columns = [Column(names[0]), *(Column(name, justify="right") for name in names[1:])]
    table = Table(*columns, title=title, box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), collapse_padding=True)
    for row in body:
        table.add_row(*(cell.replace("_", " ").replace(" [", "\n").replace(", ", "…").rstrip("]") for cell in row))
    console.print(table)
