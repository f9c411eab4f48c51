"""The report as Markdown, which is also what a terminal shows."""

import re
from collections.abc import Mapping
from typing import Any

from arts.evaluation.report import calibration
from arts.text import visible

LONGEST_TEXT = 4_000
"""Characters of a text from outside that are shown."""


def shown(text: object) -> str:
    """Text from a model or a file, for reading: bounded, control and direction marks made visible."""
    whole = str(text)
    more = len(whole) - LONGEST_TEXT
    return visible(whole[:LONGEST_TEXT]) + (f" … ({more:,} more characters)" if more > 0 else "")


def percent(estimate: Mapping[str, Any], *, signed: bool = False, interval: bool = True) -> str:
    """``57.3 [52.1, 62.4]`` in percent; a dash where undefined."""
    if estimate["value"] is None:
        return "–"
    sign = "+" if signed else ""
    text = f"{100 * estimate['value']:{sign}.1f}"
    if interval and estimate["low"] is not None:
        text += f" [{100 * estimate['low']:{sign}.1f}, {100 * estimate['high']:{sign}.1f}]"
    return text


def main_table(result: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Header and rows: accuracy at each N; difference to majority and gap closed at the largest N."""
    ks, top = [str(k) for k in result["ks"]], result["top_k"]
    header = ["method", *(f"N = {k}" for k in ks), f"− majority @{top}", f"− random @{top}", f"gap closed @{top}"]
    rows = []
    for name, m in result["methods"].items():
        cells = [percent(m["accuracy"][k]) for k in ks]
        differences = [percent(m["minus_majority"], signed=True), percent(m["minus_random"], signed=True)]
        rows.append([name, *cells, *differences, percent(m["gap_closed"])])
    return header, rows


def to_markdown(result: Mapping[str, Any]) -> str:
    """The whole report but for the single problems."""
    header, rows = main_table(result)
    parts = [
        "# Evaluation\n",
        _escaped(headline(result)) + "\n",
        _table(header, rows),
        f"\nAccuracy in percent with 95 % intervals (problem-clustered bootstrap, {result['problems']} problems, "
        f"{result['samples_per_problem']} samples each). A smaller N averages over all "
        "subsets of that size; votes over at most 400 of them, the same for all methods. Differences are paired.\n",
        "## pass@k\n",
        _table(["k", "pass@k"], [[k, percent(e)] for k, e in result["pass_at_k"].items()]),
        "",
        *_groups(result),
        *_rare(result),
        *(calibration.markdown(result["calibration"], _table) if "calibration" in result else []),
        "## Cost\n",
        *(f"- {k.replace('_', ' ')}: {v:,.0f}" for k, v in result["cost"].items()),
        f"- ungraded answers: {100 * result['ungraded_share']:.2f} %",
        f"- problems left out for too few samples: {result['left_out_problems']}\n",
        *_about(result),
    ]
    return "\n".join(parts) + "\n"


def headline(result: Mapping[str, Any]) -> str:
    """The best learned or given selector against majority, and what one sample and the best of all reach."""
    fixed = ("random", "majority", "oracle (pass@N)")
    top = str(result["top_k"])
    rivals = {k: m for k, m in result["methods"].items() if k not in fixed and m["accuracy"][top]["value"]}
    oracle = result["methods"]["oracle (pass@N)"]["accuracy"][top]
    reach = f"pass@1 is {percent(result['pass_at_k']['1'])} %, pass@{top} {percent(oracle)} %."
    if not rivals:
        return reach
    name = max(rivals, key=lambda k: rivals[k]["accuracy"][top]["value"])
    best = rivals[name]
    return (
        f"Of all ways of deciding between {top} samples, {name} is the most accurate:"
        f" {percent(best['accuracy'][top])} %,"
        f" {percent(best['minus_majority'], signed=True)} points against majority and"
        f" {percent(best['minus_random'], signed=True)} against one sample. {reach}"
    )


def _groups(result: Mapping[str, Any]) -> list[str]:
    if not result["groups"]:
        return []
    names = list(result["methods"])
    rows = [[n, *(percent(g[n]) for g in result["groups"].values())] for n in names]
    return ["## By level and subject\n", f"N = {result['top_k']}.\n", _table(["method", *result["groups"]], rows), ""]


def _rare(result: Mapping[str, Any]) -> list[str]:
    rare = result["rare"]
    if not rare["methods"]:
        return []
    rows = [[name, percent(e)] for name, e in rare["methods"].items()]
    return [
        "## Rare problems\n",
        f"{rare['problems']} problems that some, but few, of {rare['half']} samples solve; labelled on one half of the"
        f" samples and evaluated on the other (N = {rare['half']}), over random halvings.\n",
        _table(["method", f"N = {rare['half']}"], rows),
        "",
    ]


def _about(result: Mapping[str, Any]) -> list[str]:
    if not result["about"]:
        return []
    return ["## How this was made\n", *(f"- {_escaped(k)}: {_escaped(v)}" for k, v in result["about"].items())]


def _table(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(_escaped(c) for c in line) + " |" for line in lines)


def _escaped(text: object) -> str:
    """One line in which pipes, backslashes and tags of names from outside are plain characters."""
    return re.sub(r"([\\|<])", r"\\\1", " ".join(shown(text).split()))
