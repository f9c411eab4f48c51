"""Figures as SVG and PNG: the same numbers give the same bytes, and no name from outside is typeset."""

import io
import re
from collections.abc import Mapping
from itertools import cycle
from typing import Any

import matplotlib
from markupsafe import escape
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import MaxNLocator, NullLocator

from arts.documents.document import Figure, Point

COLOURS = ("#2f7ed8", "#d9622b", "#1f9d72", "#9a6bdf", "#d6497a", "#8a8f1f", "#0f93a8", "#7c7f86")
"""Told apart on white and on black."""
INK, FAINT = "#33373b", "#8b929a"
SIZE = (5.6, 3.5)
"""Inches; on a phone a page shows it at about its own size."""
DOTS_PER_INCH = 160
STYLE: Any = {
    "svg.hashsalt": "arts",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 10,
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
}
LONGEST_LABEL = 40
FOREIGN = 0x500
"""Letters from here on may not be in the font."""
NOTHING: Mapping[str, None] = dict.fromkeys(("Date", "Creator", "Format", "Type"))
"""What matplotlib would say of itself in a file."""


def files(figure: Figure) -> tuple[str, bytes]:
    """The figure as SVG, for any background, and as PNG on white."""
    with matplotlib.rc_context(STYLE):
        canvas = _drawn(figure)
        svg, png = io.StringIO(), io.BytesIO()
        canvas.savefig(svg, format="svg", metadata=NOTHING, transparent=True)
        canvas.savefig(png, format="png", metadata={"Software": None}, facecolor="white", dpi=DOTS_PER_INCH)
    return svg.getvalue(), png.getvalue()


def in_page(svg: str, described: str) -> str:
    """An SVG file's text as part of a page: in the page's colour, with words for who does not see it."""
    drawing = re.sub(r'<g id="[^"]*">', "<g>", svg[svg.index("<svg") :]).replace(INK, "currentColor")
    return f'<svg role="img" aria-label="{escape(described)}" {drawing[len("<svg ") :]}'


def _drawn(figure: Figure) -> Canvas:
    canvas = Canvas(figsize=SIZE, layout="constrained")
    axes = canvas.add_subplot()
    if figure.scale == "classes":
        _bars(axes, figure)
    else:
        _lines(axes, figure)
    axes.set_xlabel(figure.x)
    axes.set_ylabel(figure.y)
    axes.spines[["top", "right"]].set_visible(False)
    handles, labels = axes.get_legend_handles_labels()
    if len(labels) > 1:
        canvas.legend(handles, labels, loc="outside lower center", ncols=2, frameon=False, fontsize=8.5)
    return canvas


def _bars(axes: Axes, figure: Figure) -> None:
    width = 0.8 / max(len(figure.lines), 1)
    for i, ((name, points), colour) in enumerate(zip(figure.lines.items(), cycle(COLOURS), strict=False)):
        x = [p[0] + (i - (len(figure.lines) - 1) / 2) * width for p in points]
        axes.bar(x, [p[1] for p in points], width, color=colour, label=_plain(name))
    axes.set_xticks(range(len(figure.classes)), list(figure.classes), rotation=45, ha="right", fontsize=8.5)


def _lines(axes: Axes, figure: Figure) -> None:
    for (name, points), colour in zip(figure.lines.items(), cycle(COLOURS), strict=False):
        x = [p[0] for p in points]
        axes.plot(x, [p[1] for p in points], marker="o", markersize=4, color=colour, label=_plain(name))
        low, high = ([p[end] for p in points] for end in (2, 3))
        if figure.scale == "shares" or len(points) == 1:
            axes.vlines(x, low, high, color=colour, alpha=0.5, linewidth=1)
        else:
            axes.fill_between(x, low, high, color=colour, alpha=0.13, linewidth=0)
    _scale(axes, figure)


def _scale(axes: Axes, figure: Figure) -> None:
    if figure.scale in ("powers of 2", "tokens"):
        axes.set_xscale("log", base=2)
        ticks = _ticks([p for points in figure.lines.values() for p in points])
        axes.set_xticks(ticks, [f"{t:,.0f}" for t in ticks])
        axes.xaxis.set_minor_locator(NullLocator())
    elif figure.scale == "depths":
        axes.axhline(0, color=FAINT, linewidth=0.8)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    elif figure.scale == "shares":
        axes.plot([0, 1], [0, 1], color=FAINT, linewidth=0.8, linestyle="--")
        axes.set_xlim(-0.02, 1.02)
        axes.set_ylim(-0.02, 1.02)


def _ticks(points: list[Point]) -> list[float]:
    """The places of points, without those that would stand in one another's way; none that a logarithm has not."""
    kept: list[float] = []
    for x in sorted({p[0] for p in points if p[0] > 0}):
        if not kept or x > 1.5 * kept[-1]:
            kept.append(x)
    return kept


def _plain(name: str) -> str:
    """A label that matplotlib neither typesets nor hides, in letters that its font has, of a length that fits."""
    text = "".join(_letter(c) for c in name[:LONGEST_LABEL]).replace("$", r"\$").replace("_", " ")
    return text + "…" * (len(name) > LONGEST_LABEL)


def _letter(c: str) -> str:
    if not c.isprintable():
        return " "
    return c if ord(c) < FOREIGN or c in "–…" else c.encode("ascii", "backslashreplace").decode()
