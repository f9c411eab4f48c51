"""The tables and the figure of docs/search.md; the text around them is written by hand and stays."""

from collections.abc import Callable
from pathlib import Path

from _page import Part, bars, drawn, percent, table, write_part
from search_equal_cost.cells import BUDGETS, EQUAL, LEADING, METHODS, MIDDLE, VERIFIERS

SHOWN = {
    LEADING: "Step reader",
    EQUAL: "Step reader, 1,600 problems",
    "published flow": "RFM",
    "prm": "PRM",
    "rm": "RM",
    "orm": "ORM",
    "oracle": "Oracle of sound lines",
}
CURVES = (
    "majority",
    "best-of-N",
    "flow vote",
    "adaptive best-of-N, at most 4 N",
    "guided, at most N",
    "guided, at most 4 N",
    "beam",
    "particles",
)


def write_page(results: Part, path: Path) -> None:
    """Put the tables into the page, and the figure beside it."""
    figure = path.with_suffix(".svg")
    draw(results, figure)
    body = f"![accuracy against generated tokens]({figure.name})\n\n{tables(results)}"
    write_part(path, "study_search_equal_cost.py", body)


def tables(results: Part) -> str:
    """All tables, as Markdown."""
    size = f"{results['problems']} test problems, {results['seeds']} seeds"
    about = f"a sample is {results['sample_tokens']:.1f} generated tokens"
    parts = [
        "### Accuracy by budget\n",
        f"Percent, {size}; budgets N in samples' worth of tokens, {about}. In brackets the tokens really spent.\n",
        _by_budget(results, lambda c: f"{percent(c['accuracy'])} ({c['tokens']:,.0f})"),
        "\n### Minus best-of-N at the same budget, points, paired\n",
        _by_budget(results, lambda c: percent(c["minus"].get("best-of-N"), signed=True)),
        "\n### Minus the flow vote at the same budget, points, paired\n",
        _by_budget(results, lambda c: percent(c["minus"].get("flow vote"), signed=True)),
    ]
    if results["policy"]:
        parts += ["\n### Minus GRPO, points, paired: one sample, and the majority of 16 or of N\n", _policy(results)]
    parts += [
        f"\n### Tokens, requests and rounds per problem, N = {MIDDLE}\n",
        _costs(results),
        f"\n### One thing changed, N = {MIDDLE}\n",
        _ablation(results),
        f"\n### Other verifiers, N = {MIDDLE}\n",
        _others(results),
        f"\n### Minus best-of-N with the same verifier, N = {MIDDLE}\n",
        _others(results, minus=True),
        f"\n### Subsets, step reader, N = {MIDDLE}\n",
        _groups(results),
        "\n### Adaptive stopping against all 16 samples\n",
        _adaptive(results),
        f"\n### Validation problems, N = {MIDDLE}\n",
        _validation(results),
        "\n### Does a sound line of reasoning survive the beam?\n",
        _amplification(results),
    ]
    return "\n".join(parts)


def _cells(results: Part, verifier: str) -> dict[tuple[str, int], Part]:
    return {(c["method"], c["budget"]): c for c in results["cells"] if c["verifier"] in (verifier, "")}


def _by_budget(results: Part, show: Callable[[Part], str]) -> str:
    cells = _cells(results, LEADING)
    rows = []
    for method in METHODS:
        row = [show(cells[method.name, b]) if (method.name, b) in cells else "" for b in BUDGETS]
        if any(row):
            rows.append([method.name, *row])
    return table(("method", *map(str, BUDGETS)), rows)


def _policy(results: Part) -> str:
    found = {(row["method"], row["budget"]): row["minus"] for row in results["policy"]}
    header = ("method", *(f"one sample, N = {b}" for b in BUDGETS), *(f"majority, N = {b}" for b in BUDGETS))
    rows = []
    for method in METHODS:
        cells = [found.get((method.name, b), {}).get(rival) for rival in ("one", "majority") for b in BUDGETS]
        if any(cells):
            rows.append([method.name, *(percent(cell, signed=True) for cell in cells)])
    return table(header, rows)


def _costs(results: Part) -> str:
    cells = _cells(results, LEADING)
    found = [(m.name, cells[m.name, MIDDLE]) for m in METHODS if (m.name, MIDDLE) in cells]
    return table(("method", *COSTS), [[name, *_cost(cell)] for name, cell in found])


COSTS = ("tokens", "calls", "rounds")


def _cost(row: Part) -> list[str]:
    return [f"{row['tokens']:,.0f}", f"{row['calls']:.0f}", f"{row['rounds']:.1f}"]


def _ablation(results: Part) -> str:
    rows = [
        [name, percent(row["accuracy"]), percent(row.get("minus"), signed=True), *_cost(row)]
        for name, row in results["ablation"].items()
    ]
    return table(("", "accuracy", "minus the first", *COSTS), rows)


def _others(results: Part, *, minus: bool = False) -> str:
    rows = []
    for method in METHODS:
        found = [_cells(results, v).get((method.name, MIDDLE)) for v in VERIFIERS[1:]]
        show = [c and (c["minus"].get("best-of-N") if minus else c["accuracy"]) for c in found]
        if method.verified and any(show):
            rows.append([method.name, *(percent(x, signed=minus) for x in show)])
    return table(("method", *(SHOWN[v] for v in VERIFIERS[1:])), rows)


def _groups(results: Part) -> str:
    names = list(results["groups"])
    cells = _cells(results, LEADING)
    rows = [
        [m.name, *(percent(cells[m.name, MIDDLE]["groups"][g]) for g in names)]
        for m in METHODS
        if (m.name, MIDDLE) in cells
    ]
    return table(("method", *(f"{g}: {n}" for g, n in results["groups"].items())), rows)


def _adaptive(results: Part) -> str:
    rows = [
        [
            name,
            percent(row["accuracy"]),
            percent(row["fixed"]),
            percent(row["difference"], signed=True),
            percent(row["token_share"]),
        ]
        for name, row in results["adaptive"].items()
    ]
    return table(("method", "accuracy", "all 16", "difference, points", "share of the tokens, %"), rows)


def _validation(results: Part) -> str:
    rows = [[name, percent(row["accuracy"]), f"{row['tokens']:,.0f}"] for name, row in results["validation"].items()]
    return table(("method", "accuracy", "tokens"), rows)


def _amplification(results: Part) -> str:
    names = ("searches", "draws", "p", "seen_by_formula", "seen", "recall", "alive_by_formula", "alive")
    header = ("depth", "searches", "K", "p", "1 − (1 − p)^K", "seen", "recall r", "alive by formula", "alive")
    rows = [
        [str(row["depth"]), *(f"{row[n]:,}" if n == "searches" else f"{row[n]:.3g}" for n in names)]
        for row in results["amplification"]
    ]
    return table(header, rows)


def draw(results: Part, path: Path) -> None:
    """Accuracy against the tokens really spent, with the leading verifier."""
    cells = _cells(results, LEADING)
    with drawn(path, figsize=(7, 4.2)) as axes:
        for name in CURVES:
            points = [cells[name, b] for b in BUDGETS if (name, b) in cells]
            tokens = [p["tokens"] for p in points]
            middle, reach = bars(p["accuracy"] for p in points)
            axes.errorbar(tokens, middle, yerr=reach, label=name, marker="o", ms=3, lw=1.2, elinewidth=0.5)
        axes.set(xscale="log", xlabel="generated tokens per problem", ylabel="accuracy, %")
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8, ncols=2)
        axes.figure.tight_layout()
