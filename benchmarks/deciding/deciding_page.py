"""The tables and the figure of docs/recorded.md; the text around them is written by hand and stays."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from _page import Part, bars, drawn, percent, table, write_part
from deciding.files import DEFAULT

COLOURS = {"best-of-N": "#2563eb", "vote": "#c2410c"}
SHIFT = {"best-of-N": -0.15, "vote": 0.15}
WIDE = 45
"""Points to either side of majority that are drawn."""

shown = partial(percent, undefined="undefined")


def write_page(results: Part, path: Path) -> None:
    """Put the tables into the page, and the figure beside it."""
    figure = path.with_suffix(".svg")
    draw(results, figure)
    picture = f"![What each way of deciding gains on majority, file by file]({figure.name})"
    write_part(path, "study_deciding.py", "\n".join([picture, *tables(results)]))


def tables(results: Part) -> Iterator[str]:
    """All tables, as Markdown."""
    for name, file in results["files"].items():
        yield f"\n### `{name}`: {file['about']}\n"
        yield (
            f"{file['problems']} problems × {file['samples']} samples, {_verdicts(file)}. {file['mixed']} problems have"
            f" right and wrong samples; on {file['open']} the oracle is above majority. Accuracy in percent with all"
            f" {file['samples']} samples, differences in points; learnt: means of {results['seeds']} seeds.\n"
        )
        yield table(_COLUMNS, _decisions(file))
        yield "\nWith fewer samples:\n"
        yield table(("method", *(f"N = {k}" for k in file["ks"][:-1])), _ladder(name, file))
    yield "\n### What can be told\n"
    yield "The most that any way of deciding could gain on majority: the oracle's difference, and its test.\n"
    yield table(("file", "problems", "open", "oracle minus majority", "p"), _ceilings(results))
    yield (
        "\nThe smallest true difference to majority that this many problems show with power 0.8 at the 5 % level (one"
        " test, before Holm), by the spread over problems of the differences seen here (means over seeds); and how many"
        " would show 5 points.\n"
    )
    yield table(("file", "problems", "method", "smallest difference", "problems for 5 points"), _power(results))
    yield "\n### What was learnt from, and overlap\n"
    yield table(("learnt from", "problems", "solutions", "tested on", "shared and left out"), _mixtures(results))
    yield "\n### Cost\n"
    yield (
        f"In tokens of SmolLM2, means over problems. The backbone reads 1,000 tokens in"
        f" {results['cost']['cpu_s_per_1000_tokens']:.1f} CPU seconds here.\n"
    )
    yield table(
        ("file", "N", "generated per solution", "generated for N", "read by a verifier", "CPU seconds to read"),
        _cost(results),
    )


_COLUMNS = ("method", "accuracy", "minus majority", "won, lost", "p", "p, Holm", "gap closed", "AUC", "AUC, boxed")


def _verdicts(file: Part) -> str:
    theirs = file["right_by_the_file"]
    return f"{file['right']:,} right" + ("" if theirs is None else f" ({theirs:,} by the verdicts of the file)")


def _decisions(file: Part) -> Iterator[list[str]]:
    mixture = None
    for row in file["methods"]:
        if row["mixture"] and row["mixture"] != mixture:
            mixture = row["mixture"]
            yield [f"*learnt from {mixture}:*", *[""] * (len(_COLUMNS) - 1)]
        compared = _compared(row["against_majority"])
        last = (shown(row[key]) if row[key] else "" for key in ("gap_closed", "auc", "auc_boxed"))
        yield [row["name"], shown(row["accuracy"][str(file["ks"][-1])]), *compared, *last]


def _compared(against: Part | None) -> list[str]:
    if not against:
        return [""] * 4
    won_lost = f"{against['wins']}, {against['losses']}"
    return [shown(against["difference"], signed=True), won_lost, *(_p(against[p]) for p in ("p", "p_adjusted"))]


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _ladder(name: str, file: Part) -> Iterator[list[str]]:
    for row in _short(name, file):
        yield [row["name"], *(shown(row["accuracy"][str(k)]) for k in file["ks"][:-1])]


def _short(name: str, file: Part) -> Iterator[Part]:
    """What needs no training, and the default objective, trained on all other files."""
    learnt = (DEFAULT, f"all files but {name}")
    return (row for row in file["methods"] if not row["mixture"] or (row["scorer"], row["mixture"]) == learnt)


def _ceilings(results: Part) -> Iterator[list[str]]:
    for name, file in results["files"].items():
        ceiling = file["ceiling"]
        gain = shown(ceiling["difference"], signed=True)
        yield [f"`{name}`", str(file["problems"]), str(file["open"]), gain, _p(ceiling["p"])]


def _power(results: Part) -> Iterator[list[str]]:
    for name, file in results["files"].items():
        for row in _short(name, file):
            against = row["against_majority"]
            if against:
                smallest = "more than 100" if against["detectable"] is None else f"{100 * against['detectable']:.1f}"
                yield [f"`{name}`", str(file["problems"]), row["name"], smallest, f"{against['needed']:,}"]


def _mixtures(results: Part) -> Iterator[list[str]]:
    for name, made in results["mixtures"].items():
        shared = [s for s in made["shared"] if s["exact"] or s["near"]]
        left_out = "; ".join(f"`{s['learnt']}`: {s['exact']} of the same words, {s['near']} near" for s in shared)
        tested = ", ".join(f"`{t}`" for t in made["tested"])
        yield [name, str(made["problems"]), f"{made['rollouts']:,}", tested, left_out or "none"]


def _cost(results: Part) -> Iterator[list[str]]:
    speed = results["cost"]["cpu_s_per_1000_tokens"] / 1000
    for name, file in results["files"].items():
        used, n = results["cost"]["files"][name], file["samples"]
        counts = (used["solution"], n * used["solution"], used["read"])
        yield [f"`{name}`", str(n), *(f"{c:,.0f}" for c in counts), f"{speed * used['read']:.1f}"]


def draw(results: Part, path: Path) -> None:
    """One panel for each file: what best-of-N and the vote of each scorer gain on majority."""
    files = results["files"]
    with drawn(path, len(files), figsize=(13, 3.6), sharex=True, layout="constrained") as panels:
        for axes, (name, file) in zip(panels, files.items(), strict=True):
            _panel(axes, file, f"all files but {name}")
            axes.set_title(f"{name}: {file['problems']} × {file['samples']}", fontsize=9)
            axes.spines[["top", "right"]].set_visible(False)
        panels[0].legend(frameon=False, fontsize=8, loc="lower left")
        panels[0].figure.supxlabel("points above majority, with 95 % intervals", fontsize=9)


def _panel(axes: Any, file: Part, mixture: str) -> None:
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
        values, reach = bars(found)
        axes.errorbar(values, places, xerr=reach, fmt="o", ms=3, lw=1, color=colour, label=rule)
    axes.set_yticks(range(len(scorers)), scorers, fontsize=8)
    axes.set_ylim(len(scorers) - 0.5, -0.5)
    axes.set_xlim(-WIDE, WIDE)
