"""The tables and the figure of docs/squeeze.md; the text around them is written by hand and stays."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from _page import Part, bars, drawn, write_part
from squeeze.squeeze_tables import (
    ablations_table,
    changes,
    cost_table,
    crossing,
    curves_table,
    decisions_table,
    gone_table,
    moves_table,
    published_table,
    success_table,
    traces_table,
    zone_table,
)
from squeeze.zones import ZONES

COLOURS = {"base": "#2563eb", "rl": "#c2410c"}
NAMES = {"base": "base model", "rl": "after GRPO"}
Section = tuple[str, str, str]
"""Title, what has to be known, table."""


def write_page(results: Part, path: Path) -> None:
    """Put the tables into the page, and the figure beside it."""
    figure = path.with_suffix(".svg")
    draw(results, figure)
    sections = [*_models(results), *_decisions(results), *_settings(results)]
    tables = "\n".join(f"### {title}\n\n{about}\n\n{table}\n" for title, about, table in sections)
    body = f"![pass@k, success rates and solutions before and after GRPO]({figure.name})\n\n{tables}"
    write_part(path, "study_squeeze.py", body)


def _models(results: Part) -> Iterator[Section]:
    size = results["size"]
    half = size["samples"] // 2
    yield (
        "Against the published numbers",
        "Percent. Paper: Qwen2.5-7B on MATH-500, no intervals published (arXiv 2602.12846). Here: the bundled model of"
        f" 0.6 M parameters on {size['problems']} test problems, {size['seeds']} seeds of GRPO and of each verifier.",
        published_table(results),
    )
    yield (
        "pass@k before and after",
        f"Percent, {size['samples']} samples of each problem from the policies themselves (top-p 1). *Lost* at k:"
        f" solved by k base samples and not by k of GRPO; *gained*: the reverse. {crossing(results['curves'])}",
        curves_table(results["curves"]),
    )
    yield (
        "The same with top-p 0.95",
        "As usual decoding draws: what is improbable is never drawn, and a policy that has become sure of itself loses"
        f" more by that. {crossing(results['nucleus'])}",
        curves_table(results["nucleus"]),
    )
    yield (
        "Success rates of single problems",
        f"Share of the problems in percent, by their success rate over {size['samples']} samples. {changes(results)}",
        success_table(results["success"]),
    )
    yield (
        "What is gone",
        f"Of all that {half} base samples show correct, the share in percent that {half} other samples do not show: of"
        " the base model itself (chance) and of GRPO. A strategy is the order in which a solution first uses its kinds"
        " of moves.",
        gone_table(results),
    )
    yield (
        "How solutions begin",
        "Share of the solutions that begin with a move, and how many of those are right, in percent.",
        moves_table(results["strategies"]["moves"]),
    )
    yield (
        "Correct solutions by their probability under the base model",
        "Exact probabilities of whole texts at temperature 1, of the different correct solutions among the base"
        " samples. Change: after / before; *mass*: the sum of probabilities after / before.",
        traces_table(results["traces"]),
    )


def _decisions(results: Part) -> Iterator[Section]:
    found, reading = results["decisions"], results["compute"]["reading"]
    tokens, equal = found["tokens_per_sample"], found["equal_k"]
    yield (
        "Deciding between base samples, against GRPO",
        "Percent and points, top-p 0.95: as the trees were drawn that the verifiers learned from. A base sample has"
        f" {tokens['base']:.1f} tokens, one of GRPO {tokens['rl']:.1f}: {equal} of these generate at most as many as 16"
        f" of those. Reading a token with a verifier costs {reading:.2f} times the operations of drawing it, on either"
        " model (equal beginnings are read once). *Equivalent*: the interval lies within ±"
        f" {100 * found['margin']:.0f} points; *better*, *worse*: it does not hold 0; else *open*.",
        decisions_table(found),
    )
    yield (
        "The same with top-p 1",
        "Samples of the policies themselves: now and then something improbable is drawn, which no verifier has learned"
        " to judge, and which best of N looks for.",
        decisions_table(results["decisions_policy"]),
    )
    for zone, (about, _) in ZONES.items():
        part = results["zones"][zone]
        yield (
            f"Subset: {zone}",
            f"{about} Top-p 0.95. Labelled on one half of the samples, decided on the other; {part['labelled']:.1f}"
            f" problems on average, {part['ever']} at least once.",
            zone_table(part),
        )


def _settings(results: Part) -> Iterator[Section]:
    size = results["size"]
    yield (
        "Other settings of GRPO",
        f"{size['updates'] // 2} updates each, {size['seeds']} seeds, {size['fewer_problems']} test problems with"
        f" {size['fewer_samples']} samples each at temperature 1; *− main*: minus the main setting after"
        f" {size['updates'] // 2} updates, paired. Two passes use the same solutions for two updates.",
        ablations_table(results),
    )
    yield (
        "Cost of both routes",
        "Seconds on one CPU thread, of a tenth of each, one after the other with nothing beside them, times ten. Tokens"
        f" and operations without prompts. The jobs of this study took {results['compute']['job_hours']:.1f} hours of"
        " one thread, beside other work and without what was done before an interruption.",
        cost_table(results),
    )


def draw(results: Part, path: Path) -> None:
    """Three panels: pass@k, success rates, probabilities of correct solutions."""
    with drawn(path, 3, figsize=(12, 3.8), layout="constrained") as panels:
        left, middle, right = panels
        _curves(left, results["curves"])
        _success(middle, results["success"])
        _traces(right, results["traces"])
        for axes in panels:
            axes.spines[["top", "right"]].set_visible(False)


def _curves(axes: Any, curves: Part) -> None:
    ks = curves["ks"]
    for side, colour in COLOURS.items():
        points = [curves[side][str(k)] for k in ks]
        axes.plot(ks, [100 * p["value"] for p in points], color=colour, marker="o", ms=3, label=NAMES[side])
        axes.fill_between(
            ks, [100 * p["low"] for p in points], [100 * p["high"] for p in points], color=colour, alpha=0.15, lw=0
        )
    for one in curves["each"]:
        axes.plot(ks, [100 * v for v in one], color=COLOURS["rl"], lw=0.5, alpha=0.6)
    axes.set_xscale("log", base=2)
    axes.set_xticks(ks, [str(k) for k in ks])
    axes.set(xlabel="k", ylabel="pass@k, %")
    axes.legend(frameon=False, fontsize=8)


def _success(axes: Any, rows: list[Part]) -> None:
    labels = [
        f"{100 * r['low']:g}" if r["low"] == r["high"] else f"{100 * r['low']:g}–{100 * r['high']:g}" for r in rows
    ]
    for shift, (side, colour) in zip((-0.2, 0.2), COLOURS.items(), strict=True):
        values, spread = bars(r[side] for r in rows)
        places = [i + shift for i in range(len(rows))]
        axes.bar(places, values, 0.4, color=colour, yerr=spread, error_kw={"lw": 0.6}, label=NAMES[side])
    axes.set_xticks(range(len(rows)), labels, fontsize=8)
    axes.set(xlabel="success rate of a problem, %", ylabel="problems, %")


def _traces(axes: Any, rows: list[Part]) -> None:
    places = range(len(rows))
    for name, colour, label in (
        ("fell_tenfold", "#be123c", "fell more than tenfold"),
        ("rose_tenfold", "#047857", "rose more than tenfold"),
    ):
        known = [i for i in places if rows[i][name] and rows[i][name]["low"] is not None]
        values = [100 * rows[i][name]["value"] for i in known]
        axes.plot(known, values, color=colour, marker="o", ms=4, label=label)
        low, high = ([100 * rows[i][name][side] for i in known] for side in ("low", "high"))
        axes.fill_between(known, low, high, color=colour, alpha=0.15, lw=0)
    axes.set_xticks(places, [f"to {r['high']:g}" for r in rows], fontsize=8)
    axes.set(xlabel="probability of a correct solution, base model", ylabel="correct solutions, %")
    axes.legend(frameon=False, fontsize=8)
