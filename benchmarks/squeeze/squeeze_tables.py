"""Parts of the results as Markdown tables."""

from collections.abc import Sequence

from _page import Part, estimate, number, percent, percents, table
from squeeze.methods import LEADING, ORACLE, PUBLISHED, RANDOM

PAPER = (
    ("one sample", 57.7, "base", RANDOM, "1"),
    ("sampling baseline, 16 samples (here: majority)", 73.9, "base", "majority", "16"),
    ("pass@16", 88.6, "base", ORACLE, "16"),
    ("GRPO, one sample", 74.7, "rl", RANDOM, "1"),
    ("RM, best of 16", 67.4, "base", "RM, minimum over steps", "16"),
    ("PRM, best of 16", 73.8, "base", "PRM, minimum over steps", "16"),
    ("ARTS (RFM), best of 16", 74.6, "base", PUBLISHED, "16"),
)
PAPER_OTHERS = (
    ("gap closed", "gap_closed", (None, 31.3, 52.1, 54.7)),
    ("level 5 (here: the largest third of the moduli)", "hardest", (32.2, 46.3, 47.8, 50.0)),
)
PAPER_ZONES = (("rare", (8.5, None, None, 27.0)), ("extinction zone", (2.7, 1.7, 1.7, 6.9)))
PUBLISHED_METHODS = (RANDOM, "RM, minimum over steps", "PRM, minimum over steps", PUBLISHED)
"""arXiv 2602.12846; the tuples are of these methods."""


def published_table(results: Part) -> str:
    """The paper's numbers and ours."""
    found = results["decisions"]
    rows = [[name, _plain(paper), percent(found[side][method][k])] for name, paper, side, method, k in PAPER]
    for title, part, papers in PAPER_OTHERS:
        for method, paper in zip(PUBLISHED_METHODS, papers, strict=True):
            if paper is not None:
                rows.append([f"{title}, {method}", _plain(paper), percent(found[part][method])])
    for zone, papers in PAPER_ZONES:
        for method, paper in zip(PUBLISHED_METHODS, papers, strict=True):
            rows.append([f"{zone}, {method}", _plain(paper), percent(results["zones"][zone]["methods"][method]["16"])])
    return table(("", "paper", "here"), rows)


def _plain(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"


def crossing(curves: Part) -> str:
    """From which k the base model is ahead, in words."""
    found = curves["crossing"]
    each = ", ".join("none" if k is None else f"{k:.1f}" for k in curves["crossings"])
    if found["value"] is None:
        return f"The base model is not ahead at the largest k (by seed: {each})."
    high = "none" if found["high"] is None else f"{found['high']:.1f}"
    return f"From k = {found['value']:.1f} [{found['low']:.1f}, {high}] on the base model is ahead (by seed: {each})."


def curves_table(curves: Part) -> str:
    """pass@k by k."""
    names = ("base", "rl", "difference", "lost", "gained")
    rows = [
        [
            str(k),
            *(percent(curves[n][str(k)], signed=n == "difference") for n in names),
            percents(one[i] for one in curves["each"]),
        ]
        for i, k in enumerate(curves["ks"])
    ]
    return table(("k", "base", "GRPO", "difference", "lost", "gained", "GRPO by seed"), rows)


def changes(results: Part) -> str:
    """The classes of the diagnosis, in words."""
    seeds = [f"{c['gained']} / {c['squeezed']} / {c['extinct']} / {c['unresolved']}" for c in results["changes"]]
    return f"Gained / squeezed / extinct / unresolved by `arts squeeze diagnose`'s test, by seed: {'; '.join(seeds)}."


def success_table(rows: Sequence[Part]) -> str:
    """Problems by success rate."""

    def label(row: Part) -> str:
        low, high = 100 * row["low"], 100 * row["high"]
        return f"{low:g} %" if low == high else f"{low:g} to {high:g} %"

    cells = [[label(r), percent(r["base"]), percent(r["rl"]), percent(r["difference"], signed=True)] for r in rows]
    return table(("success rate", "base", "GRPO", "difference"), cells)


def gone_table(results: Part) -> str:
    """What other samples do not show, and how many different things there are."""
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
    gone = table(("", "seen", "missing from base again", "missing from GRPO", "difference"), rows)
    found = results["strategies"]
    numbers = [
        [f"different correct {name} of a problem in {found['k']} samples", *map(number, found[name].values())]
        for name in ("strategies", "texts")
    ]
    return f"{gone}\n\n{table(('', 'base', 'GRPO', 'difference'), numbers)}"


def moves_table(moves: Part) -> str:
    """First moves."""
    names = ("base", "rl", "base_success", "rl_success")
    rows = [[move, *(percent(part[n]) for n in names)] for move, part in moves.items()]
    return table(("first move", "share, base", "share, GRPO", "right, base", "right, GRPO"), rows)


def traces_table(rows: Sequence[Part]) -> str:
    """Correct solutions by base probability."""
    cells = [
        [
            f"{r['low']:g} to {r['high']:g}",
            f"{r['solutions']:,}",
            f"{r['problems']:,}",
            percent(r["fell"]),
            percent(r["fell_tenfold"]),
            percent(r["rose_tenfold"]) or "impossible",
            _times(r["median_ratio"]),
            _times(r["mass_ratio"]),
        ]
        for r in rows
    ]
    header = ("probability", "solutions", "problems", "fell", "fell tenfold", "rose tenfold", "median change", "mass")
    return table(header, cells)


def _times(found: Part) -> str:
    of = estimate(found)
    if not of.defined:
        return ""
    return f"× {of.value:.2g}" if of.low != of.low else f"× {of.value:.2g} [{of.low:.2g}, {of.high:.2g}]"


def decisions_table(found: Part) -> str:
    """Every way to decide between base samples, beside GRPO."""
    equal = str(found["equal_k"])
    shown = [str(k) for k in found["ks"] if k > 1]
    rows = [
        [
            f"**{name}**" if name in LEADING else name,
            *(percent(values[k]) for k in shown),
            percents(found["base_by_seed"][name]),
            percent(found["gap_closed"][name]),
            _judged(found["minus_rl_single"][name]),
            percent(found["rl"][name][equal]),
            percents(found["rl_by_seed"][name]),
            _judged(found["minus_rl_same"][name]),
        ]
        for name, values in found["base"].items()
    ]
    header = (
        "on base samples",
        *(f"N = {k}" for k in shown),
        "N = 16 by seed",
        "gap closed at 16",
        "N = 16 − one GRPO sample",
        f"the same on {equal} GRPO samples",
        "by seed",
        "base − GRPO, equal tokens",
    )
    return table(header, rows)


def _judged(difference: Part) -> str:
    return f"{percent(difference, signed=True)} {difference['verdict']}"


def zone_table(part: Part) -> str:
    """Accuracy on one subset."""
    methods = part["methods"]
    ks = list(methods["majority"])
    rows = [[name, *(percent(values[k]) for k in ks)] for name, values in methods.items()]
    return table(("", *(f"N = {k}" for k in ks)), rows)


def ablations_table(results: Part) -> str:
    """Other settings, and the main one on its way."""
    rows = []
    for row in results["ablations"]:
        ks = [str(k) for k in (1, 16, 64) if k in row["ks"]]
        cross = row["crossing"]["value"]
        rows.append(
            [
                row["name"],
                f"{row['solutions']:,}",
                *(percent(row["rl"][k]) for k in ks),
                *(percent(row["minus_reference"][k], signed=True) for k in (ks[0], ks[-1])),
                "none" if cross is None else f"{cross:.1f}",
                f"{row['different_texts']['value']:.1f}",
            ]
        )
    ks = [str(k) for k in (1, 16, 64) if k in results["ablations"][0]["ks"]]
    header = (
        "setting",
        "solutions drawn",
        *(f"pass@{k}" for k in ks),
        *(f"pass@{k} − main" for k in (ks[0], ks[-1])),
        "crossing",
        "different texts",
    )
    return table(header, rows)


def cost_table(results: Part) -> str:
    """What training costs."""
    rl, verifier = results["compute"]["rl"], results["compute"]["verifier"]
    seconds = verifier["seconds_trees"] + verifier["seconds_verifier"]
    rows = [
        ["solutions drawn in training", f"{rl['solutions']:,.0f}", f"{verifier['solutions']:,}"],
        ["their tokens", f"{rl['tokens']:,.0f}", f"{verifier['tokens']:,}"],
        [
            "seconds",
            f"{rl['seconds']:.0f}",
            f"{seconds:.0f} (trees {verifier['seconds_trees']:.0f}, verifier {verifier['seconds_verifier']:.0f})",
        ],
        ["operations (estimate)", f"{rl['operations']:.2g}", f"{verifier['operations']:.2g}"],
    ]
    return table(("to train", "GRPO", "one verifier"), rows)
