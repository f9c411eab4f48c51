"""The result as tables and sentences, the same for Markdown, the page and the terminal."""

from collections.abc import Mapping
from typing import Any

import msgspec

from arts.documents import words
from arts.documents.document import Table
from arts.estimate import Estimate

Part = Mapping[str, Any]

MEANINGS = {
    "gained": "RL solves it more often",
    "squeezed": "RL solves it less often",
    "extinct": "RL solves it less often, and never did in its samples",
    "unresolved": "the samples do not tell; this is not “unchanged”",
}
MEASURES = {
    "entropy": "entropy of answers, nats",
    "majority_share": "share of the most frequent answer",
    "majority_correct": "majority vote correct",
    "texts": "different solutions",
    "correct_texts": "different correct solutions",
    "first_steps": "different first steps",
}
HARMED_FIRST = ("extinct", "squeezed", "gained", "unresolved")
LONGEST_QUESTION = 120
"""Characters of a question in a table."""
OUTLOOK = 4
"""How many times as many samples the headline looks at."""


def percent(estimate: Part, *, signed: bool = False) -> str:
    """As :func:`arts.documents.words.percent`, of JSON."""
    return words.percent(msgspec.convert(estimate, Estimate), signed=signed)


def number(estimate: Part, digits: int) -> str:
    """As :func:`arts.documents.words.number`, of JSON."""
    return words.number(msgspec.convert(estimate, Estimate), digits)


def headline(result: Part) -> str:
    """What the curves and the classes say, in a few sentences."""
    curves, changes = result["curves"], result["changes"]
    top = curves["top_k"]
    parts = [f"With one sample {_who(curves['difference']['1'])}"]
    if top > 1:
        parts.append(f"; with {top} {_who(curves['difference'][str(top)])}. {_crossing(curves)}")
    else:
        parts.append(".")
    counts = changes["counts"]
    total = result["matching"]["matched"]
    if changes["mcnemar"]:
        m = changes["mcnemar"]
        parts.append(
            f" One sample of each problem on either side resolves no single problem. {m['base_only']} of {total}"
            f" problems were solved by base only and {m['rl_only']} by RL only: McNemar's exact p is {small(m['p'])}."
        )
    else:
        parts.append(
            f" Of {total} problems: {counts['gained']} gained, {counts['squeezed']} squeezed, {counts['extinct']}"
            f" extinct and {counts['unresolved']} unresolved (false discoveries at most {changes['rate']:.0%})."
        )
        parts.append(_outlook(result))
    return "".join(parts)


def _outlook(result: Part) -> str:
    """What more samples than now would do."""
    plan = result["changes"]["plan"]
    now = min(side["least_samples"] for side in result["sides"].values())
    more = [size for size in (plan["expected"] if plan else {}) if int(size) >= OUTLOOK * now]
    if not more:
        return ""
    return f" With {more[0]} samples per problem and side about {plan['expected'][more[0]]:.0f} would be resolved."


def _who(difference: Part) -> str:
    """Who is ahead, by a difference RL − base."""
    shown = percent(difference, signed=True)
    if difference["low"] is None or difference["low"] <= 0 <= difference["high"]:
        return f"neither is shown to be ahead (RL − base {shown} points)"
    return f"{'RL' if difference['value'] > 0 else 'base'} is ahead (RL − base {shown} points)"


def _crossing(curves: Part) -> str:
    c, top = curves["crossing"], curves["top_k"]
    ends = f"[{_k(c['low'], top)}, {_k(c['high'], top)}]"
    interval = f" (95 % interval of the crossing {ends})" if c["low"] != c["high"] else ""
    if c["value"] is None:
        return f"Base does not end ahead up to k = {top}{interval}."
    if c["value"] == 1:
        return f"Base is ahead at every k up to {top}{interval}."
    return f"From k = {_k(c['value'], top)} {ends} on base is ahead."


def _k(value: float | None, top: int) -> str:
    return f"beyond {top}" if value is None else f"{value:.1f}" if value > 1 else "1"


def small(p: float) -> str:
    """A probability with two digits, however small."""
    return f"{p:.2f}" if p >= 0.1 else f"{p:.2g}"


def curves_table(result: Part) -> Table:
    """pass@k of both models, their difference, and what is lost and gained."""
    c = result["curves"]
    names = ("base", "rl", "difference", "lost", "gained", "room")
    signed = ("difference", "room")
    left = f" {c['left_out']} problems with fewer samples are left out." if c["left_out"] else ""
    crossing = ""
    if c["crossing"]:
        x = c["crossing"]
        crossing = (
            f" {_crossing(c)} Of the resamples {x['share_crossing']:.0%} cross after k = 1, in"
            f" {x['share_base_throughout']:.0%} base is ahead at every k, in {x['share_not_ahead']:.0%} it does not end"
            " ahead."
        )
    return Table(
        title="pass@k",
        note=(
            f"In percent of {c['problems']} problems, with 95 % intervals (problem bootstrap).{left} Lost: k base"
            " samples solve it and k RL samples do not; gained: the reverse; both unbiased as the two sets of samples"
            " are independent. Last column: what a verifier that never errs would win on k base samples over one RL"
            f" sample.{crossing}"
        ),
        header=["k", "base", "RL", "RL − base", "lost", "gained", "base pass@k − RL pass@1"],
        rows=[[str(k), *(percent(c[n][str(k)], signed=n in signed) for n in names)] for k in c["ks"]],
    )


def classes_table(result: Part) -> Table:
    """How many problems have changed, and how."""
    c = result["changes"]
    total = result["matching"]["matched"]
    found = total - c["counts"]["unresolved"]
    note = (
        f"{c['test']} at {c['rate']:.0%}, over the {c['tested']} of {total} problems that could reach p ≤ {c['rate']:g}"
        " with so many samples and correct ones; the rest cannot be resolved, however they fall to the two sides."
    )
    if c["tested"]:
        note += f" {'Found is' if found else 'None is found; one alone would need'} p ≤ {small(c['level'])}."
    if c["mcnemar"]:
        m = c["mcnemar"]
        note += (
            f" With one sample per problem no single one can be resolved. Over all, base only solved"
            f" {m['base_only']}, RL only {m['rl_only']}: McNemar's exact test, p = {small(m['p'])}."
        )
    rows = [[n, str(k), f"{k / total:.1%}", MEANINGS[n]] for n, k in c["counts"].items()]
    return Table(title="Problems by class", note=note, header=["class", "problems", "share", "meaning"], rows=rows)


def plan_table(result: Part) -> Table | None:
    """How many problems more samples would resolve."""
    changes = result["changes"]
    if changes["plan"] is None:
        return None
    total = result["matching"]["matched"]
    return Table(
        title="What more samples would resolve",
        note=(
            f"Of {total} problems, by the same procedure at {changes['rate']:.0%}, on average over what their rates"
            " may be: beta-binomial priors fitted to each side, updated by each problem's counts. Problems that have"
            " hardly changed stay unresolved with any number."
        ),
        header=["samples per problem and side", "problems expected to be resolved"],
        rows=[[size, f"{found:.0f}"] for size, found in changes["plan"]["expected"].items()],
    )


def problems_table(result: Part, count: int) -> Table:
    """The problems that RL has harmed, then those that gained, then the rest; the most significant of each first."""
    plan = result["changes"]["plan"]

    def needed(row: Part) -> str:
        if plan is None:
            return "–"
        return f"> {plan['most']}" if row["needed"] is None else str(row["needed"])

    rows = [
        [
            row["id"],
            f"{row['base'][0]}/{row['base'][1]}",
            f"{row['rl'][0]}/{row['rl'][1]}" + (f" (≤ {row['rl_at_most']:.0%})" if row["rl_at_most"] else ""),
            small(row["p"]),
            "–" if row["adjusted"] is None else small(row["adjusted"]),
            row["change"],
            needed(row),
            _short(row["question"]),
        ]
        for row in sorted(result["problems"], key=lambda row: HARMED_FIRST.index(row["change"]))[:count]
    ]
    return Table(
        title="Problems, those that lost first",
        note=(
            f"The first {len(rows)} of {len(result['problems'])}; report.json has all. Correct of sampled; in brackets"
            " the 95 % upper bound of a rate that was never seen. q: p adjusted for the number of tests; a dash where"
            " no outcome could be significant. Needed: samples per side with which a problem whose true rates are the"
            " shrunken ones would be found with probability 0.8."
        ),
        header=["problem", "base", "RL", "p", "q", "class", "needed", "question"],
        rows=rows,
    )


def _short(text: str) -> str:
    one = " ".join(text.split())
    return one if len(one) <= LONGEST_QUESTION else one[:LONGEST_QUESTION] + " …"


def recovery_table(result: Part) -> Table | None:
    """What a verifier on base samples could recover at most."""
    r = result["recovery"]
    if r is None:
        return None
    return Table(
        title="What a verifier could recover at most",
        note=(
            "On problems that RL has lost (in a random half of the samples base solves them and RL does not:"
            f" {r['lost']:.1f} of {r['problems']} on average), pass@k of the other half, in percent: of base samples,"
            " what a verifier that never errs gets back; of RL samples, what RL solves itself with as many. Over all"
            " halvings, so label and measure share no sample."
        ),
        header=["k", "base", "RL"],
        rows=[[str(k), percent(r["base"][str(k)]), percent(r["rl"][str(k)])] for k in r["ks"]],
    )


def diversity_table(result: Part) -> Table:
    """How different samples are."""
    d = result["diversity"]
    rows = [[f"different answers in {k}", d["answers"][str(k)]] for k in d["ks"] if k > 1 or d["top_k"] == 1]
    rows += [[label, d[name]] for name, label in MEASURES.items() if name in d]
    return Table(
        title="Diversity",
        note=(
            f"Means over {d['problems']} problems, of {d['top_k']} samples each where no number is given; expected over"
            " all subsets, majority over the first samples. All correct answers are one answer. 95 % intervals."
        ),
        header=["", "base", "RL", "RL − base"],
        rows=[[label, *(number(e[side], 2) for side in ("base", "rl", "difference"))] for label, e in rows],
    )


def tables(result: Part, count: int) -> list[Table]:
    """All tables; ``count`` limits the list of problems."""
    found = [
        curves_table(result),
        classes_table(result),
        plan_table(result),
        problems_table(result, count),
        recovery_table(result),
        diversity_table(result),
    ]
    return [table for table in found if table is not None]


def origin(result: Part) -> list[tuple[str, str]]:
    """Where the samples come from, how they were matched, how this was made."""
    m = result["matching"]
    rows = [
        (
            "problems",
            f"{m['matched']} matched ({m['by_question']} by their question, the others by id), {m['only_base']} only in"
            f" base, {m['only_rl']} only in RL",
        )
    ]
    for name, s in result["sides"].items():
        sizes = f"{s['least_samples']}" + (f" to {s['most_samples']}" if s["most_samples"] > s["least_samples"] else "")
        text = f"{s['samples']} samples, {sizes} per problem, {s['ungraded_share']:.2%} ungraded"
        given = "".join(f"; {key}: {s[key]}" for key in ("source", "kind", "sampling", "verdicts") if key in s)
        rows.append(("base" if name == "base" else "RL", text + given))
    return [*rows, *((k, str(v)) for k, v in result["about"].items())]
