"""The calibration part of a report as tables and sentences, the same for Markdown, the page and the terminal."""

from collections.abc import Callable, Mapping, Sequence

from arts.documents.document import Figure, Section, Table, line, point
from arts.documents.words import number, span
from arts.estimate import UNDEFINED, Estimate
from arts.evaluation.optional_parts import Calibration, Measures, Reliability, Residual, Residuals


def about_reference(part: Calibration) -> str:
    """What the scores are held against."""
    r = part.reference
    counted = (
        f"{r.states:,} inner states of {r.problems:,} problems and {r.rollouts:,} graded continuations of"
        f" them, {r.least_rollouts:,} or more of each: counted success {number(r.observed)}."
    )
    if r.kind == "probes":
        lost = f" {r.lost:,} more failed or could not be graded." if r.lost else ""
        return (
            f"Held against probes: {counted}{lost} They were sampled for this report, with the store's settings and"
            " from states that the proposer reaches; every depth has about as many, however often it is reached."
        )
    if not r.states:
        return f"Not probed, and no inner state has {part.least_own_rollouts} graded rollouts: nothing is counted."
    return (
        f"Held against the source's own rollouts below inner states, as it is not probed: {counted}"
        " The oracle, and whatever was trained on this source, has seen these very outcomes."
    )


def overall_table(part: Calibration) -> Table:
    """A row for each scorer."""
    rows = []
    for name, s in part.scorers.items():
        o = s.overall
        measures = (o.spearman, o.calibration_error, o.squared_error, o.spread, o.predicted, o.observed)
        rows.append([name, f"{o.states:,}", *map(number, measures)])
    return Table(
        title="Calibration of step scores",
        note=(
            "Spearman: rank correlation of score and counted success. Calibration error (ECE): mean gap between"
            f" predicted and counted success in at most {part.most_bins} bins of equal mass, fewer where states are"
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


def depth_tables(part: Calibration) -> list[Table]:
    """A row for each depth: rank correlation, calibration and residuals of each scorer that has them."""
    scorers, reference = part.scorers, part.reference.by_depth

    def by_depth(title: str, note: str, measure: Callable[[Measures], Estimate], leading: bool = False) -> Table | None:
        names = [n for n, s in scorers.items() if any(measure(m).defined for m in s.by_depth.values())]
        rows = [
            [
                *(str(d), f"{r.states:,}", *([number(r.observed)] if leading else [])),
                *(number(measure(m)) if (m := scorers[n].by_depth.get(d)) else UNDEFINED for n in names),
            ]
            for d, r in reference.items()
        ]
        header = ["depth", "states", *(["counted"] if leading else []), *names]
        return Table(title=title, note=note, header=header, rows=rows) if names else None

    found = [
        by_depth("Rank correlation by depth", "Spearman, score against counted success.", lambda m: m.spearman),
        by_depth("Success by depth", "Counted, and as predicted by each scorer.", lambda m: m.predicted, leading=True),
        by_depth("Calibration error by depth", f"ECE; {_bins(part)} per depth.", lambda m: m.calibration_error),
        by_depth("Squared error by depth", "Without the noise of the counts.", lambda m: m.squared_error),
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


def _bins(part: Calibration) -> str:
    counts = {m.bins for s in part.scorers.values() for m in s.by_depth.values() if m.bins}
    return f"{min(counts)} to {max(counts)} bins" if len(counts) > 1 else f"{max(counts, default=0)} bins"


def _residual_table(part: Calibration, kind: str, title: str, note: str) -> Table | None:
    found = residuals(part, kind)
    depths = sorted({d for r in found.values() for d in r.by_depth})
    rows = [["all", *_cells([r.overall for r in found.values()])]]
    rows += [[str(d), *_cells([r.by_depth.get(d) for r in found.values()])] for d in depths]
    header = ["depth", *(f"{name}, {what}" for name in found for what in ("nodes", "mean", "RMS"))]
    return Table(title=title, note=note, header=header, rows=rows) if found else None


def _cells(parts: Sequence[Residual | None]) -> list[str]:
    none = [UNDEFINED] * 3
    each = [[f"{p.nodes:,}", number(p.mean), number(p.root_mean_square)] if p else none for p in parts]
    return [cell for cells in each for cell in cells]


def residuals(part: Calibration, kind: str) -> dict[str, Residuals]:
    """The residuals of one kind of the scorers that have any."""
    all_of = {n: s.residuals[kind] for n, s in part.scorers.items() if kind in s.residuals}
    return {n: r for n, r in all_of.items() if r.overall.nodes}


def section(part: Calibration) -> Section:
    """The part's section of the report."""
    return Section(
        name="calibration",
        title="Calibration of step scores",
        words=[about_reference(part)],
        figures=_figures(part),
        tables=[overall_table(part), *depth_tables(part)],
    )


def _figures(part: Calibration) -> list[Figure]:
    scorers = part.scorers
    ranks = {n: {d: m.spearman for d, m in s.by_depth.items()} for n, s in scorers.items()}
    found = [_by_depth("rank-correlation", "Rank correlation with counted success", "Spearman", ranks)]
    reliable = {n: s.reliability for n, s in scorers.items() if s.reliability}
    found += [_reliability(i, name, groups) for i, (name, groups) in enumerate(reliable.items(), start=1)]
    for kind, label in (("value", "v(s) − Σ w(c) v(c)"), ("flow", "log F(s) − log Σ F(c)")):
        means = {n: {d: m.mean for d, m in r.by_depth.items()} for n, r in residuals(part, kind).items()}
        if means:
            found.append(_by_depth(f"conservation-{kind}", f"Conservation of {kind}s: mean residual", label, means))
    return found


def _by_depth(name: str, caption: str, label: str, estimates: Mapping[str, Mapping[int, Estimate]]) -> Figure:
    lines = {n: line(by_depth) for n, by_depth in estimates.items()}
    return Figure(name=name, caption=caption, x="depth (steps)", y=label, scale="depths", lines=lines)


def _reliability(index: int, name: str, groups: Sequence[Reliability]) -> Figure:
    """Counted against predicted success, a line for each group of depths."""
    return Figure(
        name=f"reliability-{index}",
        caption=f"{name}: predicted and counted",
        x="predicted success",
        y="counted success",
        scale="shares",
        lines={
            f"depth {span(*g.depths)} ({g.states} states)": [
                point(p.predicted, p.observed) for p in g.points if p.observed.defined
            ]
            for g in groups
        },
    )
