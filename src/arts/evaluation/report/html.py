"""The report as one HTML file: no script, no network, figures inline, every text from a model escaped."""

from collections.abc import Mapping
from typing import Any

import jinja2
from markupsafe import Markup

from arts.evaluation.report.calibration import about_reference, depth_tables, overall_table, residuals
from arts.evaluation.report.html_figures import accuracy_lines, depth_lines, reliability
from arts.evaluation.report.markdown import headline, main_table, percent, shown


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
        calibration=_calibration(result["calibration"]) if "calibration" in result else None,
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
    return accuracy_lines(lines, "N (samples)")


def _pass_figure(result: Mapping[str, Any]) -> str:
    return accuracy_lines({"pass@k": result["pass_at_k"]}, "k")


def _calibration(part: Mapping[str, Any]) -> dict[str, Any]:
    """Tables, and figures with their captions."""
    scorers = part["scorers"]
    ranks = {n: {d: m["spearman"] for d, m in s["by_depth"].items()} for n, s in scorers.items()}
    figures = [("Rank correlation with counted success", depth_lines(ranks, "Spearman"))]
    lines = {n: s["reliability"] for n, s in scorers.items() if s["reliability"]}
    figures += [(f"{n}: predicted and counted", reliability(groups)) for n, groups in lines.items()]
    for kind, label in (("value", "v(s) − Σ w(c) v(c)"), ("flow", "log F(s) − log Σ F(c)")):
        found = {n: {d: m["mean"] for d, m in r["by_depth"].items()} for n, r in residuals(part, kind).items()}
        if found:
            figures.append((f"Conservation of {kind}s: mean residual", depth_lines(found, label)))
    return {
        "about": about_reference(part),
        "tables": [overall_table(part), *depth_tables(part)],
        "figures": [(caption, Markup(figure)) for caption, figure in figures],
    }
