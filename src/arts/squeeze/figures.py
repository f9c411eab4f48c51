"""Phase diagrams as SVG text; the same numbers give the same bytes."""

import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from arts.arrays import Floats
from arts.squeeze.exact import seen_threshold
from arts.squeeze.phase import Cell, Plan, moments
from arts.squeeze.rules import RuleName

RARE_LABEL = "pi0 of the rare correct trajectory"


def diagrams(plan: Plan, cells: Sequence[Cell]) -> dict[str, str]:
    """File names and their SVG texts: extinction over (N, pi0), (T, pi0) and (N, updates), and the time it takes."""
    ns, ts, pi0s = sorted(set(plan.n)), sorted(set(plan.temperature)), sorted(set(plan.pi0))
    n, temperature, pi0 = plan.middle
    at = {(c.rule, c.n, c.temperature, c.pi0): c for c in cells}
    end, when = plan.updates, moments(plan.updates)

    def panels(
        xs: Sequence[float], ys: Sequence[float], value: Callable[[RuleName, Any, Any], float]
    ) -> dict[str, Floats]:
        return {rule: np.array([[value(rule, x, y) for x in xs] for y in ys]) for rule in dict.fromkeys(plan.rules)}

    def share(cell: Cell, updates: int) -> float:
        return 100 * cell.extinct[updates].value

    def median(cell: Cell) -> float:
        return np.nan if cell.median_updates is None else cell.median_updates

    over_n = panels(ns, pi0s, lambda rule, x, y: share(at[rule, x, temperature, y], end))
    over_t = panels(ts, pi0s, lambda rule, x, y: share(at[rule, n, x, y], end))
    over_updates = panels(ns, when, lambda rule, x, y: share(at[rule, x, temperature, pi0], y))
    times = panels(ns, pi0s, lambda rule, x, y: median(at[rule, x, temperature, y]))
    by_n = [seen_threshold(plan.world, size, temperature) for size in ns]
    by_t = [seen_threshold(plan.world, n, t) for t in ts]
    group, extinct = "group size N", f"extinct after {end} updates, %"
    return {
        "squeeze-pi0-n.svg": _svg(over_n, ns, pi0s, (group, RARE_LABEL, f"{extinct}; T = {temperature:g}"), by_n),
        "squeeze-pi0-t.svg": _svg(over_t, ts, pi0s, ("temperature T", RARE_LABEL, f"{extinct}; N = {n}"), by_t),
        "squeeze-n-updates.svg": _svg(
            over_updates, ns, when, (group, "updates", f"extinct, %; pi0 = {pi0:g}, T = {temperature:g}")
        ),
        "squeeze-time.svg": _svg(
            times, ns, pi0s, (group, RARE_LABEL, f"updates until half of the runs are extinct; T = {temperature:g}")
        ),
    }


def _svg(
    panels: Mapping[str, Floats],
    xs: Sequence[float],
    ys: Sequence[float],
    labels: tuple[str, str, str],
    line: Sequence[float] | None = None,
) -> str:
    """A panel for each rule with values (Y, X); ``line`` (X,), in units of y, is drawn across all of them."""
    x_label, y_label, title = labels
    known = [v[~np.isnan(v)].max(initial=1.0) for v in panels.values()]
    top = 100.0 if "%" in title else max(known)
    with matplotlib.rc_context(
        {"svg.hashsalt": "arts", "svg.fonttype": "none", "font.size": 8, "font.sans-serif": ["DejaVu Sans"]}
    ):
        rows = -(-len(panels) // 2)
        figure = Figure(figsize=(7.2, 0.5 + 2.7 * rows), layout="constrained")
        grid = np.ravel(figure.subplots(rows, min(2, len(panels)), sharex=True, sharey=True, squeeze=False))
        for axes, (rule, values) in zip(grid, panels.items(), strict=False):
            _panel(axes, xs, ys, values, top)
            axes.set_title(rule.replace("_", " "), fontsize=9)
            if line is not None:
                axes.plot(xs, line, color="#be123c", linestyle="--", linewidth=1.2, clip_on=True)
        for axes in grid[len(panels) :]:
            axes.set_axis_off()
        figure.suptitle(title, fontsize=10)
        figure.supxlabel(x_label, fontsize=9)
        figure.supylabel(y_label, fontsize=9)
        out = io.StringIO()
        figure.savefig(out, format="svg", metadata={"Date": None})
    svg = out.getvalue()
    return svg[svg.index("<svg") :]


def _panel(axes: Axes, xs: Sequence[float], ys: Sequence[float], values: Floats, top: float) -> None:
    """Cells with their values, on logarithmic axes; white and a dash where there is none."""
    axes.pcolormesh(_edges(xs), _edges(ys), values, cmap="Blues", vmin=0, vmax=top, edgecolors="white", linewidth=0.5)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(*_edges(xs)[[0, -1]])
    axes.set_ylim(*_edges(ys)[[0, -1]])
    axes.set_xticks(xs, [f"{x:g}" for x in xs])
    axes.set_yticks(ys, [f"{y:g}" for y in ys])
    axes.minorticks_off()
    for (row, column), value in np.ndenumerate(values):
        text = "–" if np.isnan(value) else f"{value:.0f}"
        colour = "white" if value > 0.6 * top else "#1f2937"
        axes.text(xs[column], ys[row], text, ha="center", va="center", fontsize=7, color=colour)


def _edges(values: Sequence[float]) -> Floats:
    """Borders of cells around increasing values, halfway between them on a logarithmic scale, one more than values."""
    logs = np.log(np.asarray(values, dtype=float))
    gaps = np.diff(logs) if len(logs) > 1 else np.array([1.0])
    middles = logs[:-1] + np.diff(logs) / 2
    return np.asarray(np.exp(np.concatenate([[logs[0] - gaps[0] / 2], middles, [logs[-1] + gaps[-1] / 2]])))
