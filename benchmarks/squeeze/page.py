"""The tables and the figure of docs/squeeze.md; the text around them is written by hand and stays."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from figure import draw
from methods import LEADING, PUBLISHED
from zones import KS, OWN

BEGIN, END = "<!-- tables: written by benchmarks/squeeze/study.py -->", "<!-- end of tables -->"
Part = Mapping[str, Any]


def write_page(results: Part, path: Path) -> None:
    """Put the tables between their marks, at the end of a page that has none, and the figure beside it."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    figure = path.with_suffix(".svg")
    draw(results, figure)
    body = f"![pass@k, success rates and solutions before and after GRPO]({figure.name})\n\n{tables(results)}"
    path.write_text(f"{before}{BEGIN}\n\n{body}\n{END}{after or chr(10)}", encoding="utf-8")


def tables(results: Part) -> str:
    """All tables, as Markdown."""
    parts = []
    for title, about, table in _tables(results):
        parts.append(f"### {title}\n\n{about}\n\n{table}\n")
    return "\n".join(parts)


def _tables(results: Part) -> Iterator[tuple[str, str, str]]:
    size, base_tokens = results["size"], results["decisions"]["tokens_per_sample"]
    yield (
        "Against the published numbers",
        "Percent. Paper: Qwen2.5-7B on MATH-500, no intervals published (arXiv 2602.12846). Here: the bundled model of"
        f" 0.6 M parameters on {size['problems']} test problems, {size['seeds']} seeds of GRPO and of each verifier.",
        _published(results),
    )
    yield (
        "pass@k before and after",
        f"Percent, {size['samples']} samples of each problem. *Lost* at k: solved by k base samples and not by k of"
        f" GRPO; *gained*: the reverse. {_crossing(results['curves'])}",
        _curves(results["curves"]),
    )
    yield (
        "Success rates of single problems",
        f"Share of the problems in percent, by their success rate over {size['samples']} samples. {_changes(results)}",
        _success(results["success"]),
    )
    yield (
        "What is gone",
        f"Of all that {size['samples'] // 2} base samples show correct, the share in percent that as many other samples"
        " do not show: of the base model itself (chance) and of GRPO. A strategy is the order in which a solution first"
        " uses its kinds of moves.",
        _gone(results),
    )
    yield (
        "How solutions begin",
        "Share of the solutions that begin with a move, and how many of those are right, in percent.",
        _moves(results["strategies"]["moves"]),
    )
    yield (
        "Correct solutions by their probability under the base model",
        "Exact probabilities of whole texts at temperature 1, of the different correct solutions among the base"
        " samples. Change: after / before; *mass*: the sum of probabilities after / before.",
        _traces(results["traces"]),
    )
    yield (
        "Deciding between base samples, against GRPO",
        f"Percent and points. A base sample has {base_tokens['base']:.1f} tokens, one of GRPO {base_tokens['rl']:.1f}:"
        f" 16 of the one cost as much as {results['decisions']['equal_k']} of the other.",
        _decisions(results["decisions"]),
    )
    for zone, about in ZONES.items():
        part = results["zones"][zone]
        yield (
            f"Subset: {zone}",
            f"{about} Labelled on one half of the samples, decided on the other; {part['labelled']:.1f} problems on"
            f" average, {part['ever']} at least once.",
            _zone(part),
        )
    seeds = results["ablation_seeds"]
    yield (
        "Other settings of GRPO",
        f"{size['updates'] // 2} updates, {len(seeds)} seeds, {size['fewer_problems']} test problems with"
        f" {size['fewer_samples']} samples each; differences to the main setting after as many updates, paired.",
        _ablations(results),
    )
    yield (
        "Cost of both routes",
        "Seconds on one CPU thread, of a tenth of each, one after the other with nothing beside them, times ten."
        f" All jobs of this study took {results['compute']['job_hours']:.1f} hours of one thread, beside other work.",
        _cost(results),
    )


ZONES = {
    "rare": "1 or 2 of 16 base samples are correct.",
    "extinction zone": "None of 16 GRPO samples is correct.",
    "extinct": "None of half of the GRPO samples is correct, some of as many base samples are.",
    "gained": "The reverse of extinct.",
}
PAPER = {
    "one sample": (57.7, "base", "random choice"),
    "majority@16": (None, "base", "majority"),
    "pass@16": (88.6, "base", "oracle (pass@N)"),
    "GRPO, one sample": (74.7, "rl", "random choice"),
    "RM, best of 16": (67.4, "base", "RM, minimum over steps"),
    "PRM, best of 16": (73.8, "base", "PRM, minimum over steps"),
    "ARTS (RFM), best of 16": (74.6, "base", PUBLISHED),
}
PAPER_ZONES = {
    "random choice": (8.5, 2.7),
    "RM, minimum over steps": (None, 1.7),
    "PRM, minimum over steps": (None, 1.7),
    PUBLISHED: (27.0, 6.9),
}
"""arXiv 2602.12846: rare subset, extinction zone."""
PAPER_GAP = {"RM, minimum over steps": 31.3, "PRM, minimum over steps": 52.1, PUBLISHED: 54.7}


def _published(results: Part) -> str:
    found, top = results["decisions"], str(min(16, results["decisions"]["ks"][-1]))
    rows = [
        [name, _plain(paper), percent(found[side][method]["1" if "one" in name else top])]
        for name, (paper, side, method) in PAPER.items()
    ]
    rows += [
        [f"gap closed, {name}", _plain(paper), percent(found["gap_closed"][name])] for name, paper in PAPER_GAP.items()
    ]
    for column, zone in enumerate(("rare", "extinction zone")):
        methods = results["zones"][zone]["methods"]
        rows += [
            [f"{zone}, {name}", _plain(paper[column]), percent(next(iter(methods[name].values())))]
            for name, paper in PAPER_ZONES.items()
        ]
    return _table(("", "paper", "here"), rows)


def _plain(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"


def _crossing(curves: Part) -> str:
    found = curves["crossing"]
    each = ", ".join("none" if k is None else f"{k:.1f}" for k in curves["crossings"])
    if found["value"] is None:
        return f"The base model is not ahead at the largest k (by seed: {each})."
    high = "none" if found["high"] is None else f"{found['high']:.1f}"
    return f"From k = {found['value']:.1f} [{found['low']:.1f}, {high}] on the base model is ahead (by seed: {each})."


def _curves(curves: Part) -> str:
    names = ("base", "rl", "difference", "lost", "gained")
    rows = [
        [
            str(k),
            *(percent(curves[n][str(k)], signed=n == "difference") for n in names),
            " / ".join(f"{100 * one[i]:.1f}" for one in curves["each"]),
        ]
        for i, k in enumerate(curves["ks"])
    ]
    return _table(("k", "base", "GRPO", "difference", "lost", "gained", "GRPO by seed"), rows)


def _changes(results: Part) -> str:
    seeds = [f"{c['gained']} / {c['squeezed']} / {c['extinct']} / {c['unresolved']}" for c in results["changes"]]
    return f"Gained / squeezed / extinct / unresolved by `arts squeeze diagnose`'s test, by seed: {'; '.join(seeds)}."


def _success(rows: Sequence[Part]) -> str:
    def label(row: Part) -> str:
        low, high = 100 * row["low"], 100 * row["high"]
        return f"{low:g} %" if low == high else f"{low:g} to {high:g} %"

    cells = [[label(r), percent(r["base"]), percent(r["rl"]), percent(r["difference"], signed=True)] for r in rows]
    return _table(("success rate", "base", "GRPO", "difference"), cells)


def _gone(results: Part) -> str:
    rows = [
        [
            name,
            f"{part['seen']:,.0f}",
            percent(part["again"]),
            percent(part["rl"]),
            percent(part["difference"], signed=True),
        ]
        for name, part in results["same_again"].items()
    ]
    table = _table(("", "seen", "missing from base again", "missing from GRPO", "difference"), rows)
    found = results["strategies"]
    numbers = [
        [f"different correct {name} of a problem in {found['k']} samples", *_numbers(found[name])]
        for name in ("strategies", "texts")
    ]
    return f"{table}\n\n{_table(('', 'base', 'GRPO', 'difference'), numbers)}"


def _numbers(part: Part) -> list[str]:
    return [f"{p['value']:.2f} [{p['low']:.2f}, {p['high']:.2f}]" for p in part.values()]


def _moves(moves: Part) -> str:
    names = ("base", "rl", "base_success", "rl_success")
    rows = [[move, *(percent(part[n]) for n in names)] for move, part in moves.items()]
    return _table(("first move", "share, base", "share, GRPO", "right, base", "right, GRPO"), rows)


def _traces(rows: Sequence[Part]) -> str:
    cells = [
        [
            f"{r['low']:g} to {r['high']:g}",
            f"{r['solutions']:,}",
            f"{r['problems']:,}",
            percent(r["fell"]),
            percent(r["fell_tenfold"]),
            percent(r["rose_tenfold"]),
            _times(r["median_ratio"]),
            _times(r["mass_ratio"]),
        ]
        for r in rows
    ]
    header = ("probability", "solutions", "problems", "fell", "fell tenfold", "rose tenfold", "median change", "mass")
    return _table(header, cells)


def _times(e: Part) -> str:
    values = [e[key] for key in ("value", "low", "high")]
    if any(v is None for v in values):
        return "" if values[0] is None else f"× {values[0]:.2g}"
    return f"× {values[0]:.2g} [{values[1]:.2g}, {values[2]:.2g}]"


def _decisions(found: Part) -> str:
    top, equal = str(min(16, found["ks"][-1])), str(found["equal_k"])
    shown = [k for k in ("4", "16", "64") if k in found["base"]["majority"]]
    rows = [
        [
            f"**{name}**" if name in LEADING else name,
            *(percent(values[k]) for k in shown),
            percent(found["gap_closed"][name]),
            percent(found["minus_rl_single"][name], signed=True),
            percent(found["rl"][name][equal]),
            percent(found["minus_rl_same"][name], signed=True),
        ]
        for name, values in found["base"].items()
    ]
    header = (
        "on base samples",
        *(f"N = {k}" for k in shown),
        f"gap closed at {top}",
        f"N = {top} − one GRPO sample",
        f"the same on {equal} GRPO samples",
        "base − GRPO, equal tokens",
    )
    return _table(header, rows)


def _zone(part: Part) -> str:
    methods = part["methods"]
    ks = [str(k) for k in KS if str(k) in methods["majority"]] or list(methods["majority"])
    rows = [
        [f"{OWN}: {name}" if name.startswith(OWN) else name, *(percent(values[k]) for k in ks)]
        for name, values in methods.items()
    ]
    rows = [[row[0].replace(f"{OWN}: {OWN}", "GRPO's own samples"), *row[1:]] for row in rows]
    return _table(("", *(f"N = {k}" for k in ks)), rows)


def _ablations(results: Part) -> str:
    rows = []
    for row in results["ablations"]:
        ks = [str(k) for k in (1, 16, 64) if k in row["ks"]]
        cross = row["crossing"]["value"]
        rows.append(
            [
                row["name"],
                *(percent(row["rl"][k]) for k in ks),
                *(percent(row["minus_reference"][k], signed=True) for k in (ks[0], ks[-1])),
                "none" if cross is None else f"{cross:.1f}",
                f"{row['different_texts']['value']:.1f}",
            ]
        )
    ks = [str(k) for k in (1, 16, 64) if k in results["ablations"][0]["ks"]]
    header = (
        "setting",
        *(f"pass@{k}" for k in ks),
        *(f"pass@{k} − main" for k in (ks[0], ks[-1])),
        "crossing",
        "different texts",
    )
    return _table(header, rows)


def _cost(results: Part) -> str:
    rl, verifier = results["compute"]["rl"], results["compute"]["verifier"]
    seconds = verifier["seconds_trees"] + verifier["seconds_verifier"]
    rows = [
        ["solutions drawn in training", f"{rl['solutions']:,.0f}", f"{verifier['solutions']:,}"],
        ["their tokens", f"{rl['tokens']:,.0f} (prompts included)", f"{verifier['tokens']:,}"],
        [
            "seconds",
            f"{rl['seconds']:.0f}",
            f"{seconds:.0f} (trees {verifier['seconds_trees']:.0f}, verifier {verifier['seconds_verifier']:.0f})",
        ],
        ["operations (estimate)", f"{rl['operations']:.2g}", f"{verifier['operations']:.2g}"],
    ]
    return _table(("to train", "GRPO", "one verifier"), rows)


def percent(estimate: Part | None, *, signed: bool = False) -> str:
    """``57.3 [52.1, 62.4]``; nothing where there is none."""
    if estimate is None or estimate["value"] is None:
        return ""
    sign = "+" if signed else ""
    value = f"{100 * estimate['value']:{sign}.1f}"
    if estimate["low"] is None:
        return value
    return f"{value} [{100 * estimate['low']:{sign}.1f}, {100 * estimate['high']:{sign}.1f}]"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
