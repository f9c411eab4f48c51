"""The report as one HTML file: no script, no network, figures inline, every text from a model escaped."""

import io
from collections.abc import Mapping
from typing import Any

import jinja2
import matplotlib
from markupsafe import Markup
from matplotlib.figure import Figure

from arts.evaluation.report.markdown import headline, main_table, percent, shown

COLOURS = ("#2563eb", "#c2410c", "#047857", "#7c3aed", "#be123c", "#0f766e", "#a16207", "#475569")


def to_html(result: Mapping[str, Any]) -> str:
    """The page; the same result gives the same bytes."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("arts.evaluation", "report"), autoescape=True, undefined=jinja2.StrictUndefined
    )
    environment.filters |= {"percent": percent, "shown": shown}
    header, rows = main_table(result)
    return environment.get_template("report.html.j2").render(
        result=result,
        headline=headline(result),
        header=header,
        rows=rows,
        accuracy=Markup(_accuracy_figure(result)),
        coverage=Markup(_pass_figure(result)),
    )


def _accuracy_figure(result: Mapping[str, Any]) -> str:
    """Accuracy against N for random, majority, the oracle and the best selectors, with bands."""
    top = str(result["top_k"])
    methods = result["methods"]
    fixed = ["oracle (pass@N)", "majority", "random"]
    others = sorted(
        (n for n in methods if n not in fixed and methods[n]["accuracy"][top]["value"] is not None),
        key=lambda n: -methods[n]["accuracy"][top]["value"],
    )
    lines = {n: methods[n]["accuracy"] for n in [fixed[0], *others[:4], *fixed[1:]]}
    return _lines(lines, "N (samples)")


def _pass_figure(result: Mapping[str, Any]) -> str:
    return _lines({"pass@k": result["pass_at_k"]}, "k")


def _lines(lines: Mapping[str, Mapping[str, Any]], label: str) -> str:
    with matplotlib.rc_context({"svg.hashsalt": "arts", "svg.fonttype": "none", "font.family": "sans-serif"}):
        figure = Figure(figsize=(6.4, 4.0), layout="constrained")
        axes = figure.add_subplot()
        for (name, points), colour in zip(lines.items(), COLOURS, strict=False):
            known = {int(k): e for k, e in points.items() if e["value"] is not None}
            x = list(known)
            axes.plot(
                x, [100 * known[k]["value"] for k in x], marker="o", markersize=3, color=colour, label=_plain(name)
            )
            bounded = [k for k in x if known[k]["low"] is not None]
            low, high = ([100 * known[k][side] for k in bounded] for side in ("low", "high"))
            axes.fill_between(bounded, low, high, color=colour, alpha=0.12, linewidth=0)
        axes.set_xscale("log", base=2)
        axes.set_xticks(x, [str(k) for k in x])
        axes.set_xlabel(label)
        axes.set_ylabel("accuracy, %")
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, fontsize=8)
        out = io.StringIO()
        figure.savefig(out, format="svg", metadata={"Date": None}, transparent=True)
    svg = out.getvalue()
    return svg[svg.index("<svg") :]


def _plain(name: str) -> str:
    """A label that matplotlib neither typesets nor hides, in letters that every font has."""
    text = name.encode("ascii", "backslashreplace").decode().replace("$", r"\$")
    return "".join(c if c.isprintable() else " " for c in text).replace("_", " ")
