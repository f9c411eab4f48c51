"""The tables and the figure of docs/frontier.md; the text around them is written by hand and stays."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from _page import Part, bars, drawn, number, percent, percents, table, write_part

SAMPLED = ("GRPO, majority", "GRPO and verifier, best of N", "frozen model, best of N", "frozen model, majority")
"""Systems with a curve over N."""


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
    """Left what more training brings, right what more tokens of inference bring the best trained."""
    points = results["points"]
    with drawn(path, 2, figsize=(11, 4.4), sharey=True) as (training, inference):
        _curve(training, points, "GRPO, one sample", lambda p: p["system"] == "GRPO, majority" and p["n"] == 1)
        _curve(training, points, "GRPO, majority of 16", lambda p: p["system"] == "GRPO, majority" and p["n"] == 16)
        _curve(
            training, points, "frozen, best of 16", lambda p: p["system"] == "frozen model, best of N" and p["n"] == 16
        )
        _curve(
            training, points, "frozen, guided", lambda p: p["system"] == "frozen model, guided search" and p["n"] == 64
        )
        _curve(training, points, "GRPO and verifier, guided", lambda p: p["system"].endswith("verifier, guided search"))
        training.set(xscale="log", xlabel="operations of training", ylabel="accuracy, %")
        most = max(p["operations"] for p in points if p["system"] == "frozen model, best of N")
        longest = max(p["operations"] for p in points if p["system"] == "GRPO, majority")
        for system in SAMPLED:
            at = {"frozen model, best of N": most, "GRPO, majority": longest}.get(system)
            _curve(
                inference,
                points,
                system,
                lambda p, system=system, at=at: p["system"] == system and at in (None, p["operations"]),
                by="tokens",
            )
        _curve(
            inference,
            points,
            "frozen model, guided search",
            lambda p: p["system"] == "frozen model, guided search" and p["operations"] == most,
            by="tokens",
        )
        _curve(
            inference,
            points,
            "GRPO and verifier, guided search",
            lambda p: p["system"].endswith("guided search") and p["system"].startswith("GRPO"),
            by="tokens",
        )
        _curve(inference, points, "frozen model, power sampling", lambda p: "power" in p["system"], by="tokens")
        inference.set(xscale="log", xlabel="generated tokens per problem")
        for axes in (training, inference):
            axes.grid(alpha=0.3)
            axes.legend(fontsize=7)
        training.figure.tight_layout()


def _curve(
    axes: Any, points: Iterable[Part], label: str, which: Callable[[Part], bool], by: str = "operations"
) -> None:
    chosen = sorted((p for p in points if which(p)), key=lambda p: p[by])
    middle, reach = bars(p["accuracy"] for p in chosen)
    axes.errorbar([p[by] for p in chosen], middle, yerr=reach, label=label, marker="o", ms=3, lw=1.2, elinewidth=0.5)
