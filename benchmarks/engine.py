"""What searching costs by itself, beside TreeQuest and its_hub, and how busy it keeps an endpoint.

The peers run in an environment of their own, ``runs/peers``, which is made if it is not there; what is measured of them
is said in ``benchmarks/peers.py``. All numbers go to ``runs/engine.json``. ``--without-peers`` measures only ours.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import ours
from _page import Part, table, write_json

HERE = Path(__file__).parent
RUNS = HERE.parent / "runs"
PEERS = RUNS / "peers"
PINNED = ("treequest==0.3.3", "its-hub==1.2.0")
SIZES = (100, 1_000, 10_000, 100_000)
"""Expansions of one tree."""
NS = (16, 64, 256)
"""Candidates of one problem."""

Column = dict[int, str]
"""What a program reached, by size, as it is printed."""


def peers_python() -> Path:
    """The Python of the peers' environment, which is made or brought to the pinned versions first."""
    python, installed = PEERS / "bin" / "python", PEERS / "installed.json"
    if not installed.exists() or json.loads(installed.read_text(encoding="utf-8")) != list(PINNED):
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(PEERS)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *PINNED], check=True)
        installed.write_text(json.dumps(PINNED), encoding="utf-8")
    return python


def measure_peers() -> dict[str, Any]:
    """What ``peers.py`` prints."""
    command = [str(peers_python()), str(HERE / "peers.py")]
    found: dict[str, Any] = json.loads(
        subprocess.run(command, check=True, stdout=subprocess.PIPE, env=_one_thread()).stdout
    )
    return found


def _one_thread() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def expansion_columns(peers: Part, mine: Mapping[str, Mapping[int, float]]) -> dict[str, Column]:
    """CPU seconds; where a peer was stopped, after how many expansions."""
    columns = {
        f"TreeQuest {name}": {int(size): _expansion_cell(cell) for size, cell in row.items()}
        for name, row in peers.get("expansions_s", {}).items()
    }
    return columns | {f"arts {name}": {size: f"{s:.3g}" for size, s in row.items()} for name, row in mine.items()}


def _expansion_cell(cell: Part) -> str:
    if not cell["note"]:
        return f"{cell['seconds']:.3g}"
    return f"{cell['note']} at {cell['expansions']:,}"


def problem_columns(peers: Part, mine: Mapping[str, Mapping[int, float]]) -> dict[str, Column]:
    """CPU milliseconds."""
    columns = {
        f"its_hub {name}": {int(n): f"{ms:.3g}" for n, ms in row.items()}
        for name, row in peers.get("problem_ms", {}).items()
    }
    return columns | {f"arts {name}": {n: f"{ms:.3g}" for n, ms in row.items()} for name, row in mine.items()}


def by_size(title: str, columns: Mapping[str, Column], sizes: Sequence[int]) -> str:
    """A row per size and a column per program, in Markdown."""
    shown = sorted({*sizes, *(size for column in columns.values() for size in column)})
    rows = [[f"{size:,}", *(column.get(size, "–") for column in columns.values())] for size in shown]
    return table((title, *columns), rows, rule="---:") + "\n"


def main() -> None:
    """Measure, print the tables and write the numbers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--without-peers", action="store_true", help="measure only ours")
    parser.add_argument("--json", type=Path, default=RUNS / "engine.json", help="where the numbers go")
    given = parser.parse_args()
    peers: dict[str, Any] = {} if given.without_peers else measure_peers()
    expansions, problems, busy = ours.expansions(SIZES), ours.best_of_n(NS), ours.in_flight()
    if peers:
        print(", ".join(f"{name} {version}" for name, version in peers["versions"].items()) + "\n")
    print(by_size("expansions; CPU s", expansion_columns(peers, expansions), SIZES))
    print(by_size("N; CPU ms per problem", problem_columns(peers, problems), NS))
    for name, row in expansions.items():
        growth = row[SIZES[-1]] / SIZES[-1] / (row[1_000] / 1_000)
        print(f"arts {name}: a draw costs {growth:.2f} times as much in a tree of {SIZES[-1]:,} as in one of 1,000")
    for one in busy:
        print(
            f"{one.problems} problems in flight, {one.search}: {one.requests} requests, {one.seconds:.2f} s,"
            f" ideal {one.ideal_s:.2f} s: {one.ideal_s / one.seconds:.1%}"
        )
    mine = {"expansions_s": expansions, "problem_ms": problems, "in_flight": [asdict(one) for one in busy]}
    given.json.parent.mkdir(parents=True, exist_ok=True)
    write_json({"peers": peers, "ours": mine}, given.json)


if __name__ == "__main__":
    main()
