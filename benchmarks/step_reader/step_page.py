"""The tables of docs/verifiers.md."""

from collections.abc import Sequence
from pathlib import Path

from _page import Part, number, percent, percents, table, write_part

TITLES = {
    "default": "### The default verifier",
    "ablation": "### What it is made of, and how to spend a budget: all but the passes equal",
}


def write_page(results: Part, path: Path) -> None:
    """Put the tables into a page."""
    plain = results["plain"]
    parts = [
        f"Accuracy in percent on {results['problems']} test problems, mean of {results['seeds']} seeds, with 95 %"
        " intervals over problems and seeds.\n",
        table(
            ("without training", "N = 16", "N = 64"),
            [
                ["one sample", percent(plain["oracle 1"]), percent(plain["oracle 1"])],
                *(
                    [name, *(percent(plain[f"{name} {k}"]) for k in (16, 64))]
                    for name in ("majority", "likelihood", "oracle")
                ),
            ],
        ),
    ]
    for group, rows in results["groups"].items():
        parts += [f"\n{TITLES[group]}\n", _decisions(rows), "", _states(rows, results)]
    write_part(path, "study_verifiers.py", "\n".join(parts))


def _decisions(rows: Part) -> str:
    header = (
        "verifier",
        "solutions",
        "tokens",
        "best of 16",
        "seeds",
        "vote of 16",
        "best of 64",
        "vote of 64",
        "gap closed at 16",
        "minus the first or default, at 16",
        "at 64",
    )
    return table(header, [_decision(name, row) for name, row in rows.items()])


def _decision(name: str, row: Part) -> Sequence[str]:
    against = [percent(row.get(f"minus reference {k}"), signed=True) for k in (16, 64)]
    return [
        name,
        f"{row['solutions']:,}",
        f"{row['tokens']:,}",
        percent(row["best last 16"]),
        percents(row["best last 16 by seed"]),
        percent(row["vote 16"]),
        percent(row["best last 64"]),
        percent(row["vote 64"]),
        percent(row["gap closed 16"]),
        *against,
    ]


def _states(rows: Part, results: Part) -> str:
    counted = f"{results['states']} states against {results['rollouts']:,} counted continuations"
    about = f"Inner states: {counted}. Rare: see docs/subsets.md.\n\n"
    cells = [
        [name, number(row["spearman"]), percent(row["calibration error"]), percent(row["rare"]), percent(row["auc"])]
        for name, row in rows.items()
    ]
    return about + table(("verifier", "Spearman", "calibration error (× 100)", "rare", "AUC"), cells)
