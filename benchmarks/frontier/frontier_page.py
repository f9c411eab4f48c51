"""The tables and the figure of docs/frontier.md; the text around them is written by hand and stays."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from _page import Part, bars, drawn, number, percent, percents, table, write_part
from matplotlib.ticker import NullFormatter

COLOURS = {
    "frozen model, guided search": "C3",
    "frozen model, best of N": "C1",
    "frozen model, majority": "C7",
    "frozen model, power sampling": "C8",
    "GRPO, majority": "C0",
    "GRPO and verifier, guided search": "C2",
    "GRPO and verifier, best of N": "C9",
}
"""Of what is drawn."""
TRAINING = (
    ("frozen model, guided search", 64),
    ("frozen model, best of N", 16),
    ("GRPO, majority", 16),
    ("GRPO, majority", 1),
    ("GRPO and verifier, guided search", 1),
)
"""Systems and N that are drawn against training."""


def write_page(results: Part, path: Path) -> None:
    """Put the tables into the page, and the figure beside it."""
    figure = path.with_suffix(".svg")
    draw(results, figure)
    body = f"![accuracy against operations of training and tokens of inference]({figure.name})\n\n{tables(results)}"
    write_part(path, "study_frontier.py", body)


def tables(results: Part) -> str:
    """All tables, as Markdown."""
    crossings = [
        [f"GRPO, {what}", f"{operations:.2g}" if operations else "not reached"]
        for what, operations in results["crossings"].items()
    ]
    size = f"{results['problems']} test problems, {results['seeds']} seeds"
    return "\n".join(
        [
            "### Every point\n",
            f"Accuracy in percent, {size}; operations and rollouts are of training, tokens generated for a problem.\n",
            table(
                ("system", "trained on", "N", "operations", "rollouts", "tokens", "accuracy", "by seed"),
                [_row(point) for point in results["points"]],
            ),
            "\n### Differences, points, paired by problem and seed\n",
            table(("", "difference"), [[what, percent(d, signed=True)] for what, d in results["differences"].items()]),
            *(part for subset in results["rare"] for part in _rare(results["rare"][subset], subset)),
            "\n### Operations of training at which GRPO reaches guided search on the frozen model\n",
            table(("", "operations"), crossings),
            "\n### How the settings were chosen: validation problems, one seed, percent\n",
            table(
                ("", "accuracy"),
                [
                    *([f"GRPO, {name}", f"{100 * rate:.1f}"] for name, rate in results["sweep"].items()),
                    *(
                        [f"power sampling, alpha = {alpha}", f"{100 * rate:.1f}"]
                        for alpha, rate in results["power_validation"].items()
                    ),
                ],
            ),
        ]
    )


def _rare(found: Part, subset: str) -> list[str]:
    rivals = list(found["detected"])
    rows = [
        [
            method,
            percent(row["accuracy"]),
            number(row["times chance"], digits=1),
            *(percent(row[f"minus {rival}"], signed=True) for rival in rivals),
        ]
        for method, row in found["rows"].items()
    ]
    detected = ", ".join(f"{100 * points:.1f} from {rival}" for rival, points in found["detected"].items())
    return [
        f"\n### {subset.capitalize()} problems: {found['problems']} that some block labels\n",
        f"Percent. Differences from chance that have a power of 80 %, in points: {detected}.\n",
        table(("method", "accuracy", "times chance", *(f"minus {rival}" for rival in rivals)), rows),
    ]


def _row(point: Part) -> list[str]:
    operations = f"{point['operations']:.2g}" if point["operations"] else "–"
    rollouts = f"{point['rollouts']:,}" if point["rollouts"] else "–"
    accuracy, by_seed = percent(point["accuracy"]), percents(point["by_seed"]) if len(point["by_seed"]) > 1 else ""
    cost = (operations, rollouts, f"{point['tokens']:,.0f}")
    return [point["system"], point["trained"], str(point["n"]), *cost, accuracy, by_seed]


def draw(results: Part, path: Path) -> None:
    """Left what more training brings, right what more tokens bring what was trained most."""
    points = results["points"]
    most = {system: max(p["operations"] for p in points if p["system"] == system) for system in COLOURS}
    with drawn(path, 2, figsize=(11, 4.4), sharey=True) as (training, inference):
        for system, n in TRAINING:
            label = f"{system.partition(',')[0]}, one sample" if n == 1 and "majority" in system else system
            _curve(
                training,
                [p for p in points if (p["system"], p["n"]) == (system, n)],
                "operations",
                label.replace("of N", f"of {n}").replace("majority", f"majority of {n}"),
                COLOURS[system],
                dashed=n > 1 and "majority" in system,
            )
        for system, colour in COLOURS.items():
            chosen = [p for p in points if p["system"] == system and p["operations"] in (0, most[system])]
            _curve(inference, chosen, "tokens", system, colour)
        training.set(xlabel="operations of training", ylabel="accuracy, %")
        inference.set(xlabel="generated tokens per problem")
        for axes in (training, inference):
            axes.set_xscale("log")
            axes.xaxis.set_minor_formatter(NullFormatter())
            axes.grid(alpha=0.3, which="both", axis="x")
            axes.grid(alpha=0.3, axis="y")
            axes.legend(fontsize=7, loc="lower right")
        training.figure.tight_layout()


def _curve(axes: Any, points: Iterable[Part], by: str, label: str, colour: str, *, dashed: bool = False) -> None:
    chosen = sorted(points, key=lambda p: p[by])
    middle, reach = bars(p["accuracy"] for p in chosen)
    how = {"ls": "--" if dashed else "-", "color": colour, "marker": "o", "ms": 3, "lw": 1.2, "elinewidth": 0.5}
    axes.errorbar([p[by] for p in chosen], middle, yerr=reach, label=label, **how)
