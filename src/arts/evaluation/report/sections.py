"""The sections of an evaluation's report: which numbers stand where, and what has to be said of them."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from math import nan
from typing import Any

from arts.documents.document import Document, Figure, Point, Section, Table, line, point
from arts.documents.words import UNDEFINED, count, p_value, percent, points
from arts.evaluation.report import calibration
from arts.evaluation.report.audit import audit_section
from arts.evaluation.report.drill_down import drill_down_section
from arts.evaluation.report.headline import equivalence_cells, headline, limits, verdict

Part = Mapping[str, Any]

LINES = 4
"""Selectors in the figure of accuracies, the best ones."""


def evaluation(result: Part) -> Document:
    """The whole report of ``arts evaluate``."""
    parts = [
        Section(name="limits", title="What this run can and cannot tell", findings=limits(result)),
        _methods(result),
        _comparisons(result),
        _reach(result),
        _solve_rates(result["solve_rates"]),
        _subsets(result["subsets"]),
        calibration.section(result["calibration"]) if "calibration" in result else None,
        audit_section(result["audit"]) if "audit" in result else None,
        drill_down_section(result),
        _cost(result),
        origin(result["about"]),
    ]
    return Document(title="Evaluation", lead=headline(result), sections=[s for s in parts if s is not None])


def main_table(result: Part) -> tuple[list[str], list[list[str]]]:
    """Header and rows: accuracy at each N; difference to majority and gap closed at the largest N."""
    ks, top = [str(k) for k in result["ks"]], result["top_k"]
    header = ["method", *(f"N = {k}" for k in ks), f"− majority @{top}", f"− random @{top}", f"gap closed @{top}"]
    rows = []
    for name, m in result["methods"].items():
        differences = [percent(m["minus_majority"], signed=True), percent(m["minus_random"], signed=True)]
        rows.append([name, *(percent(m["accuracy"][k]) for k in ks), *differences, percent(m["gap_closed"])])
    return header, rows


def _methods(result: Part) -> Section:
    header, rows = main_table(result)
    seeds = {n: m["seeds"] for n, m in result["methods"].items() if m["seeds"] > 1}
    several = "; ".join(f"{name}: {n} trained seeds" for name, n in seeds.items())
    note = (
        f"Accuracy in percent with its 95 % interval over {count(result['problems'], 'problem')},"
        f" {result['samples_per_problem']} samples each. A smaller N is the mean over all choices of so many samples"
        " where nothing else is said. Differences are paired, on the same problems and samples. Gap closed: 0 is one"
        f" sample, 100 the best of all.{f' Means over seeds, which the intervals cover: {several}.' if several else ''}"
    )
    table = Table(title="Accuracy by method and number of samples", note=note, header=header, rows=rows)
    return Section(name="methods", title="Ways of deciding", tables=[table], figures=[_accuracy(result)])


def _accuracy(result: Part) -> Figure:
    """Accuracy against generated tokens of the oracle, the best selectors, majority and one sample."""
    methods, top = result["methods"], str(result["top_k"])
    known = {n: m for n, m in methods.items() if m["accuracy"][top]["value"] is not None}
    chosen = sorted(
        (n for n, m in known.items() if m["rule"] in ("best-of-N", "vote")), key=lambda n: -_value(known[n], top)
    )
    plain = {rule: [n for n, m in known.items() if m["rule"] == rule] for rule in ("oracle", "majority", "one sample")}
    names = [*plain["oracle"], *chosen[:LINES], *plain["majority"], *plain["one sample"]]
    counted = all(tokens > 0 for n in names for tokens in known[n]["tokens"].values())
    more = f", the {LINES} best of {len(chosen)} that decide by scores" if len(chosen) > LINES else ""
    return Figure(
        name="accuracy-tokens",
        caption=f"Accuracy against {'generated tokens' if counted else 'samples, as no tokens were counted'}{more}",
        x="generated tokens per problem" if counted else "N (samples)",
        y="accuracy, %",
        scale="tokens" if counted else "powers of 2",
        lines={n: _against_tokens(known[n]) if counted else line(known[n]["accuracy"], scale=100) for n in names},
    )


def _value(m: Part, k: str) -> float:
    return float(m["accuracy"][k]["value"])


def _against_tokens(m: Part) -> list[Point]:
    found = {m["tokens"][k]: e for k, e in m["accuracy"].items() if e["value"] is not None}
    return [point(tokens, e, 100) for tokens, e in found.items()]


def _comparisons(result: Part) -> Section | None:
    part = result["comparisons"]
    if not part["pairs"]:
        return None
    alpha, margin = part["alpha"], part["margin"]
    header = ["method", "N", "difference", "shown", "wins – losses", "p", "p, Holm", "test"]
    header += [] if margin is None else [f"{1 - 2 * alpha:.0%} interval", "p of equivalence, Holm"]
    pairs = sorted(part["pairs"], key=lambda p: p["k"] != result["top_k"])
    note = (
        f"Accuracy minus that of {part['against']} on the same samples, in points. Wins and losses are problems on"
        f" which the method is above and below it. Holm: over all {len(pairs)} comparisons; shown: what holds after"
        f" it at {alpha:g}. The test decides: where few problems differ, an interval can leave out 0 that it does not."
    )
    if margin is not None:
        note += f" Equal: within ± {points(margin)} points by two one-sided tests, Holm over these;"
        note += f" their {1 - 2 * alpha:.0%} interval holds for any number of problems, and is the wider for it."
    table = Table(
        title=f"Every method against {part['against']}",
        note=note,
        header=header,
        rows=[_pair_row(p, part) for p in pairs],
    )
    return Section(name="comparisons", title="Paired comparisons", tables=[table])


def _pair_row(pair: Part, part: Part) -> list[str]:
    """A comparison's row, under the header that goes with it."""
    cells = [
        *(pair["method"], str(pair["k"]), percent(pair["difference"], signed=True), verdict(pair, part["alpha"])),
        *(f"{pair['wins']} – {pair['losses']}", p_value(pair["p"]), p_value(pair["p_adjusted"]), pair["test"]),
    ]
    return cells if part["margin"] is None else cells + equivalence_cells(pair)


def _reach(result: Part) -> Section:
    estimates = result["pass_at_k"]
    figure = Figure(
        name="pass-at-k",
        caption="pass@k: at least one of k samples is correct",
        x="k (samples)",
        y="problems, %",
        scale="powers of 2",
        lines={"pass@k": line(estimates, scale=100)},
    )
    table = Table(
        title="pass@k",
        note="Unbiased (Chen et al. 2021, arXiv 2107.03374), in percent with 95 % intervals over problems.",
        header=["k", "pass@k"],
        rows=[[k, percent(e)] for k, e in estimates.items()],
    )
    return Section(name="reach", title="What is reachable", figures=[figure], tables=[table])


def _solve_rates(part: Part | None) -> Section | None:
    if part is None:
        return None
    names = [_span(b["low"], b["high"]) for b in part["bins"]]
    lines = {
        f"counted in {part['n']} samples": [(i, 100 * b["observed"], nan, nan) for i, b in enumerate(part["bins"])],
        "shrunk estimate": [(i, 100 * b["shrunk"], nan, nan) for i, b in enumerate(part["bins"])],
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
        [name, *(f"{100 * b[k]:.1f}" for k in ("observed", "shrunk"))]
        for name, b in zip(names, part["bins"], strict=True)
    ]
    tables = [Table(title="Problems by solve rate, %", note="", header=["solve rate, %", *lines], rows=rows)]
    if part.get("zones"):
        tables.append(_zones(part))
    return Section(name="solve-rates", title="Solve rates", words=_spread(part), figures=[figure], tables=tables)


def _spread(part: Part) -> list[str]:
    a, b = part["prior"]
    said = f"Beta prior over problems, fitted to the counts: a = {a:.2f}, b = {b:.2f}."
    if "reliability" in part:
        error = part["error"]
        said += (
            f" Of the variance of counted rates {part['reliability']:.0%} is of true ones. A counted rate misses"
            f" the true one by {points(error['observed'])} points (root mean square), a shrunk one by"
            f" {points(error['shrunk'])}."
        )
    return [said]


def _span(low: float, high: float) -> str:
    return f"{100 * low:g}" if low == high else f"{100 * low:g}–{100 * high:g}"


def _zones(part: Part) -> Table:
    names = ("labelled", "belong", "false", "missed")
    return Table(
        title="Zones labelled by all samples, %",
        note=(
            f"Labelled: problems whose {part['n']} samples say so. Belong: by the true rate, as the fitted model has"
            " it. False: of labels, those on problems that do not belong. Missed: of those that do, the unlabelled."
        ),
        header=["zone", "true rate, %", *names],
        rows=[[z["name"], _span(*z["rates"]), *(percent(z[n]) for n in names)] for z in part["zones"]],
    )


def _subsets(subsets: Sequence[Part]) -> Section | None:
    if not subsets:
        return None
    tables = [_panel(kind, list(group)) for kind, group in groupby(subsets, key=lambda s: str(s["kind"]))]
    noisy = [s for s in subsets if s["label_noise"] is not None]
    tables += [_noise(noisy)] if noisy else []
    tables += [_naive(s) for s in noisy if s["label_noise"].get("naive")]
    words = ["Accuracy in percent with 95 % intervals over the problems of the subset, which are the fewer the wider."]
    return Section(name="subsets", title="Subsets", words=words, tables=tables)


def _panel(kind: str, subsets: Sequence[Part]) -> Table:
    header = ["method", *(f"{s['name']} ({s['problems']:g} problems, N = {s['k']})" for s in subsets)]
    names = dict.fromkeys(name for s in subsets for name in s["methods"])
    rows = [[n, *(percent(s["methods"][n]) if n in s["methods"] else UNDEFINED for s in subsets)] for n in names]
    if any(s.get("policy") for s in subsets):
        rows.append(
            ["the policy, one sample", *(percent(s["policy"]) if s.get("policy") else UNDEFINED for s in subsets)]
        )
    titles = {"given": "As asked for", "rare": "Rare problems", "extinct": "Problems extinct in the policy"}
    notes = "; ".join(dict.fromkeys(s["note"] for s in subsets if s["note"]))
    return Table(title=titles.get(kind, f"By {kind}"), note=_sentence(notes), header=header, rows=rows)


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}." if text else ""


def _noise(subsets: Sequence[Part]) -> Table:
    kinds = dict.fromkeys(k for s in subsets for k, e in s["label_noise"].items() if k != "naive")
    return Table(
        title="Label noise, %",
        note=(
            "False: of labels, the expected share on problems whose true rate is elsewhere. Missed: of problems that"
            " belong, the share without the label. Agreement: of what one half of the samples labels, the share that"
            " the other half labels too."
        ),
        header=["subset", *kinds],
        rows=[
            [s["name"], *(percent(s["label_noise"][k]) if k in s["label_noise"] else UNDEFINED for k in kinds)]
            for s in subsets
        ],
    )


def _naive(subset: Part) -> Table:
    naive, fair = subset["label_noise"]["naive"], subset["methods"]
    return Table(
        title=f"The same subset, {subset['name']}, labelled and evaluated on the same samples",
        note="For comparison only: chance that made the label is counted again as the method's doing.",
        header=["method", "same samples (biased)", "other samples"],
        rows=[[n, percent(e), percent(fair[n]) if n in fair else UNDEFINED] for n, e in naive.items()],
    )


def _cost(result: Part) -> Section:
    counted = result["cost"]["generated_tokens"] > 0
    facts = {
        k.replace("_", " "): f"{v:,.0f}" if counted or "token" not in k else "not counted"
        for k, v in result["cost"].items()
    }
    facts["ungraded answers"] = f"{100 * result['ungraded_share']:.2f} %"
    facts["problems left out for too few samples"] = f"{result['left_out_problems']:,}"
    return Section(name="cost", title="Cost", facts=facts)


def origin(about: Part) -> Section | None:
    """Command lines that make the report again, and all else that is known of how it was made."""
    if not about:
        return None
    commands = about.get("commands") or ([about["command"]] if "command" in about else [])
    rest = {k: v for k, v in about.items() if k not in ("command", "commands")}
    return Section(
        name="origin", title="How to repeat this", commands=[str(c) for c in commands], facts=dict(facts(rest))
    )


def facts(about: Part, prefix: str = "") -> Iterable[tuple[str, str]]:
    """Free-form values as names and texts, in the order of their names."""
    for name, value in sorted(about.items()):
        if isinstance(value, Mapping):
            yield from facts(value, f"{prefix}{name}: ")
        elif isinstance(value, list):
            yield f"{prefix}{name}", "; ".join(map(str, value))
        else:
            yield f"{prefix}{name}", UNDEFINED if value is None else str(value)
