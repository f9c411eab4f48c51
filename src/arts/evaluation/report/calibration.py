"""The calibration part of a report as tables and sentences, the same for Markdown, the page and the terminal."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Part = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table with what has to be known to read it."""

    title: str
    note: str
    header: list[str]
    rows: list[list[str]]


def number(estimate: Part, digits: int = 3) -> str:
    """``0.573 [0.521, 0.624]``; a dash where undefined."""
    if estimate["value"] is None:
        return "–"
    text = _rounded(estimate["value"], digits)
    if estimate["low"] is not None:
        text += f" [{_rounded(estimate['low'], digits)}, {_rounded(estimate['high'], digits)}]"
    return text


def _rounded(x: float, digits: int) -> str:
    return f"{round(x, digits) + 0.0:.{digits}f}"  # adding 0 takes the sign off −0


def about_reference(part: Part) -> str:
    """What the scores are held against."""
    r = part["reference"]
    counted = (
        f"{r['states']:,} inner states of {r['problems']:,} problems and {r['rollouts']:,} graded continuations of"
        f" them, {r['least_rollouts']:,} or more of each: counted success {number(r['observed'])}."
    )
    if r["kind"] == "probes":
        lost = f" {r['lost']:,} more failed or could not be graded." if r["lost"] else ""
        return (
            f"Held against probes: {counted}{lost} They were sampled for this report, with the store's settings and"
            " from states that the proposer reaches; every depth has about as many, however often it is reached."
        )
    if not r["states"]:
        return f"Not probed, and no inner state has {part['least_own_rollouts']} graded rollouts: nothing is counted."
    return (
        f"Held against the source's own rollouts below inner states, as it is not probed: {counted}"
        " The oracle, and whatever was trained on this source, has seen these very outcomes."
    )


def overall_table(part: Part) -> Table:
    """A row for each scorer."""
    rows = []
    for name, s in part["scorers"].items():
        o = s["overall"]
        measures = ("spearman", "calibration_error", "squared_error", "spread", "predicted", "observed")
        rows.append([name, f"{o['states']:,}", *(number(o[m]) for m in measures)])
    return Table(
        title="Calibration of step scores",
        note=(
            "Spearman: rank correlation of score and counted success. Calibration error (ECE): mean gap between"
            f" predicted and counted success in at most {part['most_bins']} bins of equal mass, fewer where states are"
            " few; the counts are noisy themselves, which makes it larger, so its interval is reflected and may lie"
            " below it. Squared error: of the predicted against the true success probability, the noise of the counts"
            " subtracted; that of the best constant beside it is the spread of the success probabilities. 95 %"
            " intervals (problem-clustered bootstrap)."
        ),
        header=[
            *("scorer", "states", "Spearman", "calibration error", "squared error"),
            *("… of the best constant", "predicted", "counted"),
        ],
        rows=rows,
    )


def depth_tables(part: Part) -> list[Table]:
    """A row for each depth: rank correlation, calibration and residuals of each scorer that has them."""
    scorers, reference = part["scorers"], part["reference"]["by_depth"]

    def by_depth(title: str, note: str, measure: str, leading: bool = False) -> Table | None:
        names = [n for n, s in scorers.items() if any(m[measure]["value"] is not None for m in s["by_depth"].values())]
        rows = [
            [
                *(d, f"{r['states']:,}", *([number(r["observed"])] if leading else [])),
                *(number(scorers[n]["by_depth"][d][measure]) if d in scorers[n]["by_depth"] else "–" for n in names),
            ]
            for d, r in reference.items()
        ]
        header = ["depth", "states", *(["counted"] if leading else []), *names]
        return Table(title=title, note=note, header=header, rows=rows) if names else None

    found = [
        by_depth("Rank correlation by depth", "Spearman, score against counted success.", "spearman"),
        by_depth("Success by depth", "Counted, and as predicted by each scorer.", "predicted", leading=True),
        by_depth("Calibration error by depth", f"ECE; {_bins(part)} per depth.", "calibration_error"),
        by_depth("Squared error by depth", "Without the noise of the counts.", "squared_error"),
        _residual_table(
            part,
            "value",
            "Conservation of values by depth",
            "v(s) − Σ w(c) v(c), the children weighted by how often they were drawn, at nodes with 2 draws or more:"
            " mean and root mean square (RMS). Draws differ by chance, so the RMS of the true values is not 0.",
        ),
        _residual_table(
            part,
            "flow",
            "Conservation of flows by depth",
            "log F(s) − log Σ F(c) over the observed children, at nodes with 2 draws or more: mean and RMS.",
        ),
    ]
    return [t for t in found if t is not None]


def _bins(part: Part) -> str:
    counts = {m["bins"] for s in part["scorers"].values() for m in s["by_depth"].values() if m["bins"]}
    return f"{min(counts)} to {max(counts)} bins" if len(counts) > 1 else f"{max(counts, default=0)} bins"


def _residual_table(part: Part, kind: str, title: str, note: str) -> Table | None:
    found = residuals(part, kind)
    depths = sorted({d for r in found.values() for d in r["by_depth"]}, key=int)
    rows = [["all", *_cells([r["overall"] for r in found.values()])]]
    rows += [[d, *_cells([r["by_depth"].get(d) for r in found.values()])] for d in depths]
    header = ["depth", *(f"{name}, {what}" for name in found for what in ("nodes", "mean", "RMS"))]
    return Table(title=title, note=note, header=header, rows=rows) if found else None


def _cells(parts: Sequence[Part | None]) -> list[str]:
    none = ["–"] * 3
    each = [[f"{p['nodes']:,}", number(p["mean"]), number(p["root_mean_square"])] if p else none for p in parts]
    return [cell for cells in each for cell in cells]


def residuals(part: Part, kind: str) -> dict[str, Part]:
    """The residuals of one kind of the scorers that have any."""
    all_of = {n: s["residuals"][kind] for n, s in part["scorers"].items() if kind in s["residuals"]}
    return {n: r for n, r in all_of.items() if r["overall"]["nodes"]}


def markdown(part: Part, table: Callable[[list[str], list[list[str]]], str]) -> list[str]:
    """The part's lines of the Markdown report."""
    lines = ["## Calibration of step scores\n", about_reference(part) + "\n"]
    overall = overall_table(part)
    lines += [table(overall.header, overall.rows), "", overall.note + "\n"]
    for t in depth_tables(part):
        lines += [f"### {t.title}\n", t.note + "\n", table(t.header, t.rows), ""]
    return lines
