"""The example of docs/squeeze-diagnose.md and its figure; the text before it is written by hand and stays."""

from pathlib import Path
from typing import Any

from _page import Part, bars, drawn, estimate, percent, table, write_part

COLOURS = {"base": "#2563eb", "rl": "#c2410c"}
NAMES = {"base": "base", "rl": "after RL"}
HEADER = ("k", "authors: base → RL", "base", "RL", "RL − base", "lost", "gained")


def write_page(results: Part, path: Path) -> None:
    """Put the diagnoses into the page, and the figure beside it."""
    figure = path.with_suffix(".svg")
    draw(results["pairs"], figure)
    parts = "\n\n".join(_pair(found) for found in results["pairs"])
    alt = "pass@k of the base models and after reinforcement learning, and problems that only one of both solves"
    write_part(path, "study_pairs.py", f"![{alt}]({figure.name})\n\n{parts}\n")


def _pair(found: Part) -> str:
    licence = "which states no licence" if found["licence"] == "none" else found["licence"]
    judges = found["verdicts"]
    who = judges[0] if judges[0] == judges[1] else " and ".join(judges)
    rows = [_row(found, k) for k in found["curves"]["base"]]
    several = len(rows) > 1
    counts = ", ".join(f"{count} {name}" for name, count in found["moved"].items())
    moved = f" Problems that RL samples solve {counts}." if several else ""
    return (
        f"### {found['name']}\n\n{found['models']}; {found['problems']}. From {found['repository']}, {licence}; in a"
        f" clone of it:\n\n```sh\n{found['command']}\n```\n\n> {found['headline']}\n\n{table(HEADER, rows)}\n\n"
        f"Verdicts {who}.{moved} The authors ({found['where']}): {found['said']}."
    )


def _row(found: Part, k: str) -> list[str]:
    curves, stated = found["curves"], found["stated"].get(k)
    authors = "" if stated is None else f"{stated[0]:g} → {stated[1]:g}"
    shown = [percent(curves[name][k]) for name in ("base", "rl")]
    more = [percent(curves[name][k]) for name in ("lost", "gained")]
    return [k, authors, *shown, percent(curves["difference"][k], signed=True), *more]


def draw(pairs: list[Part], path: Path) -> None:
    """Curves where there are several samples, and problems that one side alone solves where there is one."""
    curved = [found for found in pairs if len(found["curves"]["base"]) > 1]
    single = [found for found in pairs if found["mcnemar"]]
    with drawn(path, len(curved) + bool(single), figsize=(11, 3.6), layout="constrained", squeeze=False) as axes:
        for ax, found in zip(axes[0], curved, strict=False):
            _curves(ax, found)
        if single:
            _alone(axes[0][-1], single)


def _curves(ax: Any, found: Part) -> None:
    for side, marker in (("base", "o"), ("rl", "s")):
        curve = found["curves"][side]
        ks = [int(k) for k in curve]
        values, reach = bars(curve.values())
        ax.errorbar(ks, values, yerr=reach, marker=marker, color=COLOURS[side], label=NAMES[side], capsize=2)
        stated = [(int(k), pair[side == "rl"]) for k, pair in found["stated"].items()]
        ax.scatter(
            *zip(*stated, strict=True),
            marker="x",
            s=60,
            color=COLOURS[side],
            zorder=3,
            label="authors" if side == "rl" else None,
        )
    ax.set(title=found["name"], xlabel="k (samples)", ylabel="pass@k, %", xscale="log", ylim=(40, 101))
    ax.set_xticks(ks, [str(k) for k in ks])
    ax.minorticks_off()
    ax.legend(loc="lower right", fontsize="small")


def _alone(ax: Any, pairs: list[Part]) -> None:
    for i, found in enumerate(pairs):
        problems = estimate(found["curves"]["base"]["1"]).n
        for side, key, shift in (("base", "base_only", -0.2), ("rl", "rl_only", 0.2)):
            share = 100 * found["mcnemar"][key] / problems
            ax.bar(i + shift, share, width=0.36, color=COLOURS[side], label=NAMES[side] if i == 0 else None)
            ax.text(i + shift, share, str(found["mcnemar"][key]), ha="center", va="bottom", fontsize="small")
    ax.set(title="Solved by one model only", ylabel="problems, %")
    ax.set_xticks(range(len(pairs)), [found["name"] for found in pairs])
    ax.legend(loc="upper left", fontsize="small")
