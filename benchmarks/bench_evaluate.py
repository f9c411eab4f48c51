"""How long does `arts evaluate` take on 100 problems with 16 samples each, with all intervals and tests?

Samples the bundled model, trains two small verifiers on other problems and records their scores in the store. Then it
runs the whole command three times as a user would, and a replay of its recording, whose files must be the same bytes.
The seconds are of this machine; what of them is start-up is measured by `arts --version`.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ARTS = str(Path(sys.executable).with_name("arts"))
SAMPLE = ("--problems", "congruences:test", "--limit", "100", "--n", "16", "--fork-probability", "0")
LEARN = ("--problems", "congruences:train", "--limit", "100", "--n", "4", "--fork-probability", "0.5")
DRAWN = ("--sampling.temperature", "1", "--sampling.top-p", "0.95", "--sampling.max-tokens", "46")
OBJECTIVES = ("rfm", "prm")
EVALUATE = ("--verifiers", "likelihood", "length", "random", "--grader", "exact", "--margin", "2", "--audit")


def timed(*arguments: str) -> tuple[float, float]:
    """Wall-clock and CPU seconds of a command."""
    before, started = os.times(), time.perf_counter()
    subprocess.run([ARTS, *arguments], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return time.perf_counter() - started, cpu


def _score(store: Path, folder: Path) -> None:
    learnt = folder / "learnt.db"
    timed("sample", *LEARN, *DRAWN, "--store", str(learnt))
    for objective in OBJECTIVES:
        timed("train", str(learnt), "--out", str(folder / objective), "--training.objective", objective)
        timed("score", str(store), str(folder / objective), "--name", objective)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        store, out, again = (Path(folder) / name for name in ("trees.db", "report", "again"))
        timed("sample", *SAMPLE, *DRAWN, "--store", str(store))
        _score(store, Path(folder))
        start = min(timed("--version") for _ in range(3))
        whole = [timed("evaluate", str(store), *EVALUATE, "--scores", *OBJECTIVES, "--out", str(out)) for _ in range(3)]
        replay = timed("evaluate", "--replay", str(out / "cassette.db"), "--out", str(again))
        result = json.loads((out / "report.json").read_text(encoding="utf-8"))
        files = [p for p in again.rglob("*") if p.is_file()]
        same = all(p.read_bytes() == (out / p.relative_to(again)).read_bytes() for p in files)
    print(f"{result['problems']} problems x {result['samples_per_problem']} samples, {len(result['methods'])} methods")
    print("arts evaluate: " + ", ".join(f"{wall:.1f} s ({cpu:.1f} CPU s)" for wall, cpu in whole))
    print(f"replay: {replay[0]:.1f} s ({replay[1]:.1f} CPU s), {len(files)} files, same bytes: {same}")
    print(f"of which start-up: {start[0]:.1f} s")


if __name__ == "__main__":
    main()
