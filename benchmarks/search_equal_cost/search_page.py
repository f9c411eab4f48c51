"""The tables and the figure of docs/search.md; the text around them is written by hand and stays."""

from collections.abc import Callable
from pathlib import Path

from _page import Part, bars, drawn, percent, table, write_part
from search_equal_cost.cells import BUDGETS, LEADING, METHODS, VERIFIERS

SHOWN = {"flow": "flow verifier", "prm": "PRM", "likelihood": "likelihood", "oracle": "oracle of sound lines"}
CURVES = ("majority", "best-of-N", "flow vote", "adaptive flow vote", "beam", "flow sampling", "puct", "particles")


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
    parts = []
    for verifier in VERIFIERS:
        parts += [
            f"### {SHOWN[verifier].capitalize()}: accuracy by budget\n",
            f"Percent, {size}; budgets in samples' worth of tokens, {about}. In brackets the tokens really spent.\n",
            _by_budget(results, verifier, lambda c: f"{percent(c['accuracy'])} ({c['tokens']:,.0f})"),
        ]
    for baseline in ("best-of-N", "flow vote"):
        parts += [
            f"\n### Flow verifier: minus {baseline} at the same budget\n",
            "Points, paired; best-first, PUCT and what is called capped against the capped one.\n",
            _by_budget(results, LEADING, lambda c, b=baseline: percent(c["minus"].get(b), signed=True)),
        ]
    parts += ["\n### Other verifiers: minus best-of-N with the same verifier, budget 16\n", _others(results)]
    parts += ["\n### Subsets, flow verifier, budget 16\n", _groups(results)]
    parts += ["\n### Adaptive stopping against all 16 samples\n", _adaptive(results)]
    parts += ["\n### Validation problems, budget 16: what was chosen by\n", _validation(results)]
    parts += ["\n### Does a sound line of reasoning survive the beam?\n", _amplification(results)]
    return "\n".join(parts)


def _cells(results: Part, verifier: str) -> dict[tuple[str, int], Part]:
    return {(c["method"], c["budget"]): c for c in results["cells"] if c["verifier"] in (verifier, "")}


def _by_budget(results: Part, verifier: str, show: Callable[[Part], str]) -> str:
    cells = _cells(results, verifier)
    rows = []
    for method in METHODS:
        row = [show(cells[method.name, b]) if (method.name, b) in cells else "" for b in BUDGETS]
        if any(row) and (method.verified or verifier == LEADING):
            rows.append([method.name, *row])
    return table(("method", *map(str, BUDGETS)), rows)


def _others(results: Part) -> str:
    rows = []
    for method in METHODS:
        found = [_cells(results, v).get((method.name, 16)) for v in VERIFIERS[1:]]
        cells = [percent(c["minus"].get("best-of-N"), signed=True) if c else "" for c in found]
        if method.verified and any(cells):
            rows.append([method.name, *cells])
    return table(("method", *(SHOWN[v] for v in VERIFIERS[1:])), rows)


def _groups(results: Part) -> str:
    names = list(results["groups"])
    cells = _cells(results, LEADING)
    rows = [
        [m.name, *(percent(cells[m.name, 16]["groups"][g]) for g in names)] for m in METHODS if (m.name, 16) in cells
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
    """Accuracy against the tokens really spent, with the flow verifier."""
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
