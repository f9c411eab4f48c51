"""One panel for each file: what best-of-N and the vote of each scorer gain on majority."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

COLOURS = {"best-of-N": "#2563eb", "vote": "#c2410c"}
SHIFT = {"best-of-N": -0.15, "vote": 0.15}
WIDE = 45
"""Points to either side of majority that are drawn."""


def draw(results: Mapping[str, Any], path: Path) -> None:
    """Write the SVG; the same numbers give the same bytes."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "arts"
    from matplotlib import pyplot as plt

    files = results["files"]
    figure, panels = plt.subplots(1, len(files), figsize=(13, 3.6), sharex=True, layout="constrained")
    for axes, (name, file) in zip(panels, files.items(), strict=True):
        _panel(axes, file, f"all files but {name}")
        axes.set_title(f"{name}: {file['problems']} × {file['samples']}", fontsize=9)
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].legend(frameon=False, fontsize=8, loc="lower left")
    figure.supxlabel("points above majority, with 95 % intervals", fontsize=9)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def _panel(axes: Any, file: Mapping[str, Any], mixture: str) -> None:
    rows = [
        row
        for row in file["methods"]
        if row["against_majority"] and row["mixture"] in (None, mixture) and not row["name"].endswith(", min")
    ]
    scorers = list(dict.fromkeys(row["scorer"] for row in rows))
    axes.axvline(0, color="#999999", lw=0.8)
    for rule, colour in COLOURS.items():
        chosen = [row for row in rows if row["rule"] == rule]
        found = [row["against_majority"]["difference"] for row in chosen]
        places = [scorers.index(row["scorer"]) + SHIFT[rule] for row in chosen]
        values = [100 * f["value"] for f in found]
        reach = [[100 * abs(f["value"] - f[end]) for f in found] for end in ("low", "high")]
        axes.errorbar(values, places, xerr=reach, fmt="o", ms=3, lw=1, color=colour, label=rule)
    axes.set_yticks(range(len(scorers)), scorers, fontsize=8)
    axes.set_ylim(len(scorers) - 0.5, -0.5)
    axes.set_xlim(-WIDE, WIDE)
