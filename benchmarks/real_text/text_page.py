"""The tables of docs/real-text.md."""

from pathlib import Path

from _page import Part, percent, percents, table, write_part

TITLES = {"smollm2-135m": "SmolLM2-135M-Instruct", "qwen2.5-coder-0.5b": "Qwen2.5-Coder-0.5B-Instruct"}


def write_page(results: Part, path: Path) -> None:
    """Put the tables into the page."""
    parts = [
        "Accuracy in percent, mean over seeds, with 95 % intervals over problems and seeds. Mixed: only problems with"
        " right and wrong solutions, where a decision can matter.\n"
    ]
    for found in results["sets"].values():
        parts += [f"\n### {found['about']}\n", _plain(found)]
        for backbone, rows in found["backbones"].items():
            parts += [f"\nVerifiers on the states of {TITLES[backbone]}:\n", _rows(rows, found["n"])]
    write_part(path, "study_text.py", "\n".join(parts))


def _plain(found: Part) -> str:
    header = ("without training", f"all {found['problems']} problems", f"the {found['mixed']} mixed ones")
    names = {"oracle 1": "one sample", **{key: key for key in found["plain"] if key != "oracle 1"}}
    rows = [[name, percent(found["plain"][key]), percent(found["plain, mixed"][key])] for key, name in names.items()]
    return table(header, rows)


def _rows(rows: Part, n: int) -> str:
    header = (
        "verifier",
        f"best of {n}",
        "seeds",
        "mixed",
        f"vote of {n}",
        "AUC",
        "best minus one sample",
        "best minus majority",
        "vote minus majority",
        "default minus this",
    )
    return table(header, [_row(name, row) for name, row in rows.items()])


def _row(name: str, row: Part) -> list[str]:
    signed = ("minus one", "minus majority", "vote minus majority", "default minus this")
    return [
        name,
        percent(row["best"]),
        percents(row["by seed"]),
        percent(row["best, mixed"]),
        percent(row["vote"]),
        percent(row["auc"]),
        *(percent(row.get(key), signed=True) for key in signed),
    ]
