"""The sections of an evaluation's report: which numbers stand where, and what has to be said of them."""

from collections.abc import Sequence
from itertools import groupby
from math import nan
from typing import TYPE_CHECKING

from msgspec import structs

from arts.documents.document import Document, Figure, Section, Table, line
from arts.documents.words import count, percent, points, span
from arts.estimate import Estimate
from arts.evaluation.parts import About, Comparisons, LabelNoise, MethodResult, SolveRates, Subset
from arts.evaluation.report import calibration, confidence
from arts.evaluation.report.audit import audit_section
from arts.evaluation.report.drill_down import drill_down_section
from arts.evaluation.report.headline import headline, limits
from arts.evaluation.report.pieces import pairs_table, reach_section

if TYPE_CHECKING:
    from arts.evaluation.results import Evaluation

LINES = 4
"""Selectors in the figure of accuracies, the best ones."""


def evaluation(result: "Evaluation") -> Document:
    """The whole report of ``arts evaluate``."""
    parts = [
        Section(name="limits", title="What this run can and cannot tell", findings=limits(result)),
        _methods(result),
        _comparisons(result.comparisons, result.top_k),
        reach_section(
            "pass@k: at least one of k samples is correct",
            "Unbiased (Chen et al. 2021, arXiv 2107.03374), over every sample of the problems that have k, in percent"
            " with 95 % intervals over problems. G-Pass@k (Liu et al. 2024, arXiv 2412.13147): at least the share τ of"
            " the k samples is correct.",
            {"pass@k": result.pass_at_k} | {f"G-Pass@k, τ = {t}": by_k for t, by_k in result.g_pass_at_k.items()},
        ),
        None if result.solve_rates is None else _solve_rates(result.solve_rates),
        _subsets(result.subsets),
        confidence.section(result.confidence) if result.confidence else None,
        None if result.calibration is None else calibration.section(result.calibration),
        None if result.audit is None else audit_section(result.audit),
        drill_down_section(result.drill_down),
        _cost(result),
        _origin(result.about),
    ]
    return Document(title="Evaluation", lead=headline(result), sections=[s for s in parts if s is not None])


def main_table(result: "Evaluation") -> tuple[list[str], list[list[str]]]:
    """Header and rows: accuracy at each N; difference to majority and gap closed at the largest N."""
    ks, top = result.ks, result.top_k
    header = ["method", *(f"N = {k}" for k in ks), f"− majority @{top}", f"− random @{top}", f"gap closed @{top}"]
    rows = []
    for name, m in result.table.items():
        differences = [percent(m.minus_majority, signed=True), percent(m.minus_random, signed=True)]
        rows.append([name, *(percent(m.accuracy[k]) for k in ks), *differences, percent(m.gap_closed)])
    return header, rows


def _methods(result: "Evaluation") -> Section:
    header, rows = main_table(result)
    several = "; ".join(f"{name}: {m.seeds} trained seeds" for name, m in result.table.items() if m.seeds > 1)
    note = (
        f"Accuracy in percent with its 95 % interval over {count(result.problems, 'problem')},"
        f" {result.samples_per_problem} samples each. A smaller N is the mean over all choices of so many samples"
        " where nothing else is said. Differences are paired, on the same problems and samples. Gap closed: 0 is one"
        f" sample, 100 the best of all.{f' Means over seeds, which the intervals cover: {several}.' if several else ''}"
    )
    table = Table(title="Accuracy by method and number of samples", note=note, header=header, rows=rows)
    return Section(name="methods", title="Ways of deciding", tables=[table], figures=[_accuracy(result)])


def _accuracy(result: "Evaluation") -> Figure:
    """Accuracy against generated tokens of the oracle, the best selectors, majority and one sample."""
    top = result.top_k
    known = {n: m for n, m in result.table.items() if m.accuracy[top].defined}
    chosen = [n for n, m in known.items() if m.scorer is not None]
    chosen.sort(key=lambda n: -known[n].accuracy[top].value)
    oracle, *others = ([n for n, m in known.items() if m.selector == s] for s in ("oracle", "majority", "random"))
    names = [*oracle, *chosen[:LINES], *(n for other in others for n in other)]
    counted = all(tokens > 0 for n in names for tokens in known[n].tokens.values())
    more = f", the {LINES} best of {len(chosen)} that decide by scores" if len(chosen) > LINES else ""
    return Figure(
        name="accuracy-tokens",
        caption=f"Accuracy against {'generated tokens' if counted else 'samples, as no tokens were counted'}{more}",
        x="generated tokens per problem" if counted else "N (samples)",
        y="accuracy, %",
        scale="tokens" if counted else "powers of 2",
        lines={n: line(_course(known[n]) if counted else known[n].accuracy, scale=100) for n in names},
    )


def _course(m: MethodResult) -> dict[float, Estimate]:
    """Accuracy by generated tokens."""
    return {m.tokens[k]: e for k, e in m.accuracy.items()}


def _comparisons(part: Comparisons, top: int) -> Section | None:
    if not part.pairs:
        return None
    pairs = sorted(part.pairs, key=lambda p: p.k != top)
    note = (
        f"Accuracy minus that of {part.against} on the same samples, in points. Wins and losses are problems on"
        f" which the method is above and below it. Holm: over all {len(pairs)} comparisons; shown: what holds after it"
        f" at {part.alpha:g}. The test decides: where few problems differ, an interval can leave out 0 that it does"
        " not."
    )
    rows = [([p.method, str(p.k), percent(p.difference, signed=True)], p) for p in pairs]
    title = f"Every method against {part.against}"
    table = pairs_table(title, note, ["method", "N", "difference"], rows, part)
    return Section(name="comparisons", title="Paired comparisons", tables=[table])


def _solve_rates(part: SolveRates) -> Section:
    names = [_percents(b.low, b.high) for b in part.bins]
    lines = {
        f"counted in {part.n} samples": [(i, 100 * b.observed, nan, nan) for i, b in enumerate(part.bins)],
        "shrunk estimate": [(i, 100 * b.shrunk, nan, nan) for i, b in enumerate(part.bins)],
    }
    figure = Figure(
        name="solve-rates",
        caption="How many problems are solved how often",
        x="solve rate, %",
        y="problems, %",
        scale="classes",
        lines=lines,
        classes=names,
    )
    rows = [
        [name, f"{100 * b.observed:.1f}", f"{100 * b.shrunk:.1f}"] for name, b in zip(names, part.bins, strict=True)
    ]
    tables = [Table(title="Problems by solve rate, %", header=["solve rate, %", *lines], rows=rows)]
    if part.zones:
        tables.append(_zones(part))
    a, b = part.prior
    words = (
        f"Beta prior over problems, fitted to the counts: a = {a:.2f}, b = {b:.2f}."
        f" Of the variance of counted rates {part.reliability:.0%} is of true ones. A counted rate misses"
        f" the true one by {points(part.error.observed)} points (root mean square), a shrunk one by"
        f" {points(part.error.shrunk)}."
    )
    return Section(name="solve-rates", title="Solve rates", words=[words], figures=[figure], tables=tables)


def _percents(low: float, high: float) -> str:
    return span(f"{100 * low:g}", f"{100 * high:g}")


def _zones(part: SolveRates) -> Table:
    return Table(
        title="Zones labelled by all samples, %",
        note=(
            f"Labelled: problems whose {part.n} samples say so. Belong: by the true rate, as the fitted model has"
            " it. False: of labels, those on problems that do not belong. Missed: of those that do, the unlabelled."
        ),
        header=["zone", "true rate, %", "labelled", "belong", "false", "missed"],
        rows=[
            [z.name, _percents(*z.rates), *(percent(e) for e in (z.labelled, z.belong, z.false, z.missed))]
            for z in part.zones
        ],
    )


def _subsets(subsets: Sequence[Subset]) -> Section | None:
    if not subsets:
        return None
    tables = [_panel(kind, list(group)) for kind, group in groupby(subsets, key=lambda s: str(s.kind))]
    noisy = [(s, s.label_noise) for s in subsets if s.label_noise is not None]
    tables += [_noise({s.name: noise for s, noise in noisy})] if noisy else []
    tables += [_naive(s, noise.naive) for s, noise in noisy if noise.naive]
    words = ["Accuracy in percent with 95 % intervals over the problems of the subset, which are the fewer the wider."]
    return Section(name="subsets", title="Subsets", words=words, tables=tables)


def _panel(kind: str, subsets: Sequence[Subset]) -> Table:
    header = ["method", *(f"{s.name} ({s.problems:g} problems, N = {s.k})" for s in subsets)]
    names = dict.fromkeys(name for s in subsets for name in s.methods)
    rows = [[n, *(percent(s.methods.get(n)) for s in subsets)] for n in names]
    if any(s.policy is not None for s in subsets):
        rows.append(["the policy, one sample", *(percent(s.policy) for s in subsets)])
    titles = {"given": "As asked for", "rare": "Rare problems", "extinct": "Problems extinct in the policy"}
    notes = "; ".join(dict.fromkeys(s.note for s in subsets if s.note))
    return Table(title=titles.get(kind, f"By {kind}"), note=_sentence(notes), header=header, rows=rows)


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}." if text else ""


def _noise(noise: dict[str, LabelNoise]) -> Table:
    return Table(
        title="Label noise, %",
        note=(
            "False: of labels, the expected share on problems whose true rate is elsewhere. Missed: of problems that"
            " belong, the share without the label. Agreement: of what one half of the samples labels, the share that"
            " the other half labels too."
        ),
        header=["subset", "false", "missed", "agreement"],
        rows=[[name, *(percent(e) for e in (n.false, n.missed, n.agreement))] for name, n in noise.items()],
    )


def _naive(subset: Subset, naive: dict[str, Estimate]) -> Table:
    return Table(
        title=f"The same subset, {subset.name}, labelled and evaluated on the same samples",
        note="For comparison only: chance that made the label is counted again as the method's doing.",
        header=["method", "same samples (biased)", "other samples"],
        rows=[[n, percent(e), percent(subset.methods.get(n))] for n, e in naive.items()],
    )


def _cost(result: "Evaluation") -> Section:
    counted = result.cost.generated_tokens > 0
    facts = {
        k.replace("_", " "): f"{v:,.0f}" if counted or "token" not in k else "not counted"
        for k, v in structs.asdict(result.cost).items()
    }
    facts["ungraded answers"] = f"{100 * result.ungraded_share:.2f} %"
    of = result.problems * result.samples_per_problem
    facts["answers that are the last number of the text"] = f"{result.last_numbers:,} of {of:,}"
    facts["problems left out for too few samples"] = f"{result.left_out_problems:,}"
    return Section(name="cost", title="Cost", facts=facts)


def _origin(about: About) -> Section | None:
    """Command lines that make the report again, and all else that is known of how it was made."""
    if about == About():
        return None
    commands = about.commands or ([about.command] if about.command else [])
    return Section(name="origin", title="How to repeat this", commands=commands, facts=facts(about))


def facts(about: About) -> dict[str, str]:
    """All that is known but the commands, by name and in the order of the names."""
    known = {
        name.replace("_", " "): value
        for name, value in structs.asdict(about).items()
        if isinstance(value, str | int) and name != "command"
    }
    found = known | about.settings | {f"versions: {name}": version for name, version in about.versions.items()}
    return {name: str(found[name]) for name in sorted(found) if found[name] != ""}
