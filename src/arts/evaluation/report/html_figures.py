"""Figures as SVG text: the same numbers give the same bytes, and no name from outside is typeset."""

import io
from collections.abc import Callable, Mapping, Sequence
from itertools import cycle
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

COLOURS = ("#2563eb", "#c2410c", "#047857", "#7c3aed", "#be123c", "#0f766e", "#a16207", "#475569")


def accuracy_lines(lines: Mapping[str, Mapping[str, Any]], label: str) -> str:
    """Accuracies in percent against numbers of samples, on a logarithmic axis, with bands."""

    def draw(axes: Axes) -> None:
        _bands(axes, lines, 100)
        axes.set_xscale("log", base=2)
        ticks = [int(k) for k, e in list(lines.values())[-1].items() if e["value"] is not None]
        axes.set_xticks(ticks, [str(k) for k in ticks])
        axes.set_xlabel(label)
        axes.set_ylabel("accuracy, %")

    return _svg(draw)


def depth_lines(lines: Mapping[str, Mapping[str, Any]], label: str) -> str:
    """Estimates by depth, with bands; depths are keys in text."""

    def draw(axes: Axes) -> None:
        axes.axhline(0, color="#9aa4b0", linewidth=0.8)
        _bands(axes, lines, 1)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel("depth (steps)")
        axes.set_ylabel(label)

    return _svg(draw)


def reliability(groups: Sequence[Mapping[str, Any]]) -> str:
    """Counted against predicted success, a line for each group of depths, and the diagonal of what is calibrated."""

    def draw(axes: Axes) -> None:
        axes.plot([0, 1], [0, 1], color="#9aa4b0", linewidth=0.8, linestyle="--")
        for group, colour in zip(groups, cycle(COLOURS), strict=False):
            x = [p["predicted"] for p in group["points"]]
            label = f"depth {depths(group)} ({group['states']} states)"
            y = [p["observed"]["value"] for p in group["points"]]
            axes.plot(x, y, marker="o", markersize=3, color=colour, label=label)
            for place, e in zip(x, (p["observed"] for p in group["points"]), strict=True):
                if e["low"] is not None:
                    axes.plot([place] * 2, [e["low"], e["high"]], color=colour, alpha=0.3, linewidth=1)
        axes.set_xlim(-0.02, 1.02)
        axes.set_ylim(-0.02, 1.02)
        axes.set_xlabel("predicted success")
        axes.set_ylabel("counted success")

    return _svg(draw)


def depths(group: Mapping[str, Any]) -> str:
    """The depths of a group, as ``3`` or ``3–5``."""
    first, last = group["depths"]
    return str(first) if first == last else f"{first}–{last}"


def _bands(axes: Axes, lines: Mapping[str, Mapping[str, Any]], scale: float) -> None:
    """Values against the whole numbers that are their keys, with the intervals as bands."""
    for (name, points), colour in zip(lines.items(), cycle(COLOURS), strict=False):
        known = {int(k): e for k, e in points.items() if e["value"] is not None}
        x = list(known)
        axes.plot(x, [scale * known[k]["value"] for k in x], marker="o", markersize=3, color=colour, label=_plain(name))
        bounded = [k for k in x if known[k]["low"] is not None]
        low, high = ([scale * known[k][side] for k in bounded] for side in ("low", "high"))
        axes.fill_between(bounded, low, high, color=colour, alpha=0.12, linewidth=0)


def _svg(draw: Callable[[Axes], None]) -> str:
    with matplotlib.rc_context({"svg.hashsalt": "arts", "svg.fonttype": "none", "font.family": "sans-serif"}):
        figure = Figure(figsize=(6.4, 4.0), layout="constrained")
        axes = figure.add_subplot()
        draw(axes)
        axes.spines[["top", "right"]].set_visible(False)
        if axes.get_legend_handles_labels()[0]:
            axes.legend(frameon=False, fontsize=8)
        out = io.StringIO()
        figure.savefig(out, format="svg", metadata={"Date": None}, transparent=True)
    svg = out.getvalue()
    return svg[svg.index("<svg") :]


def _plain(name: str) -> str:
    """A label that matplotlib neither typesets nor hides, in letters that every font has."""
    text = name.encode("ascii", "backslashreplace").decode().replace("$", r"\$")
    return "".join(c if c.isprintable() else " " for c in text).replace("_", " ")
