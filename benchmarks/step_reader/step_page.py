"""The tables of docs/verifiers.md."""

from collections.abc import Sequence
from pathlib import Path

from _page import Part, estimate, number, percent, percents, table, write_part

TITLES = {
    "default": "### The default verifier",
    "rewards": "### Rewards of flow matching: 1,600 problems × 16",
    "adapters": "### A frozen backbone beside one that is trained: 400 problems × 16",
    "ablation": "### What it is made of, and how to spend a budget: one thing changed at a time",
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
    if "policies" in results:
        parts += ["\n### Beside reinforcement learning\n", *_policies(results)]
    for group, rows in results["groups"].items():
        parts += [f"\n{TITLES[group]}\n", _decisions(rows), "", _states(rows, results)]
        if group == "ablation" and "many minus few" in results:
            many = {k: percent(of, signed=True) for k, of in results["many minus few"].items()}
            parts.append(f"\n6,309 problems × 4 minus 800 × 32: {many['16']} points at 16, {many['64']} at 64.")
    write_part(path, "study_verifiers.py", "\n".join(parts))


def _policies(results: Part) -> list[str]:
    """GRPO on the same problems, and each verifier minus one of its samples."""
    found, rows = results["policies"], []
    for name, row in results["groups"]["default"].items():
        for k in (16, 64):
            difference = row[f"minus GRPO {k}"]
            level = "yes" if estimate(difference).low > -results["margin"] else "not shown"
            rows.append([name, str(k), percent(difference, signed=True), level])
    margin = f"{100 * results['margin']:.0f}"
    return [
        f"GRPO, {results['seeds']} runs of 41,000 rollouts: one sample {percent(found['one'])}"
        f" ({percents(found['one by seed'])}), majority of 16 {percent(found['majority 16'])},"
        f" of 64 {percent(found['majority 64'])}. Best of N minus one sample of GRPO, paired by problem and seed; at"
        f" least level: the interval ends above -{margin} points.\n",
        table(("verifier", "N", "minus GRPO", "at least level"), rows),
    ]


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
        "minus the reference, at 16",
        "at 64",
        "we do",
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
        row.get("advice", ""),
    ]


def _states(rows: Part, results: Part) -> str:
    counted = f"{results['states']} states against {results['rollouts']:,} counted continuations"
    about = f"Inner states: {counted}. Rare: see docs/subsets.md.\n\n"
    cells = [
        [name, number(row["spearman"]), percent(row["calibration error"]), percent(row["rare"]), percent(row["auc"])]
        for name, row in rows.items()
    ]
    return about + table(("verifier", "Spearman", "calibration error (× 100)", "rare", "AUC"), cells)
