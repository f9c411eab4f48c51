"""One figure of three panels: pass@k, success rates, probabilities of correct solutions."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

COLOURS = {"base": "#2563eb", "rl": "#c2410c"}
NAMES = {"base": "base model", "rl": "after GRPO"}


def draw(results: Mapping[str, Any], path: Path) -> None:
    """Write the SVG; the same numbers give the same bytes."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "arts"
    from matplotlib import pyplot as plt

    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(12, 3.8), layout="constrained")
    _curves(left, results["curves"])
    _success(middle, results["success"])
    _traces(right, results["traces"])
    for axes in (left, middle, right):
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def _curves(axes: Any, curves: Mapping[str, Any]) -> None:
    ks = curves["ks"]
    for side, colour in COLOURS.items():
        points = [curves[side][str(k)] for k in ks]
        axes.plot(ks, [100 * p["value"] for p in points], color=colour, marker="o", ms=3, label=NAMES[side])
        axes.fill_between(
            ks, [100 * p["low"] for p in points], [100 * p["high"] for p in points], color=colour, alpha=0.15, lw=0
        )
    for one in curves["each"]:
        axes.plot(ks, [100 * v for v in one], color=COLOURS["rl"], lw=0.5, alpha=0.6)
    axes.set_xscale("log", base=2)
    axes.set_xticks(ks, [str(k) for k in ks])
    axes.set(xlabel="k", ylabel="pass@k, %")
    axes.legend(frameon=False, fontsize=8)


def _success(axes: Any, rows: list[Mapping[str, Any]]) -> None:
    labels = [
        f"{100 * r['low']:g}" if r["low"] == r["high"] else f"{100 * r['low']:g}–{100 * r['high']:g}" for r in rows
    ]
    for shift, (side, colour) in zip((-0.2, 0.2), COLOURS.items(), strict=True):
        values = [100 * r[side]["value"] for r in rows]
        spread = [
            [v - 100 * r[side]["low"] for v, r in zip(values, rows, strict=True)],
            [100 * r[side]["high"] - v for v, r in zip(values, rows, strict=True)],
        ]
        places = [i + shift for i in range(len(rows))]
        axes.bar(places, values, 0.4, color=colour, yerr=spread, error_kw={"lw": 0.6}, label=NAMES[side])
    axes.set_xticks(range(len(rows)), labels, fontsize=8)
    axes.set(xlabel="success rate of a problem, %", ylabel="problems, %")


def _traces(axes: Any, rows: list[Mapping[str, Any]]) -> None:
    places = range(len(rows))
    for name, colour, label in (
        ("fell_tenfold", "#be123c", "fell more than tenfold"),
        ("rose_tenfold", "#047857", "rose more than tenfold"),
    ):
        known = [i for i in places if rows[i][name] and rows[i][name]["low"] is not None]
        values = [100 * rows[i][name]["value"] for i in known]
        axes.plot(known, values, color=colour, marker="o", ms=4, label=label)
        low, high = ([100 * rows[i][name][side] for i in known] for side in ("low", "high"))
        axes.fill_between(known, low, high, color=colour, alpha=0.15, lw=0)
    axes.set_xticks(places, [f"to {r['high']:g}" for r in rows], fontsize=8)
    axes.set(xlabel="probability of a correct solution, base model", ylabel="correct solutions, %")
    axes.legend(frameon=False, fontsize=8)
