"""The parts of a diagnosis as tables and sentences, the same for Markdown, the page and the terminal."""

from collections.abc import Sequence

from msgspec import structs

from arts.documents.document import Table
from arts.documents.words import excerpt, number, percent
from arts.estimate import UNDEFINED, Estimate
from arts.squeeze.diagnosis import parts

MEANINGS: dict[parts.Change, str] = {
    "gained": "RL solves it more often",
    "squeezed": "RL solves it less often",
    "extinct": "RL solves it less often, and never did in its samples",
    "unresolved": "the samples do not tell; this is not “unchanged”",
}
HARMED_FIRST: tuple[parts.Change, ...] = ("extinct", "squeezed", "gained", "unresolved")
LONGEST_QUESTION = 120
"""Characters of a question in a table."""
OUTLOOK = 4
"""How many times as many samples the headline looks at."""


def headline(curves: parts.Curves, changes: parts.ChangesResult, sides: parts.Both[parts.SideResult]) -> str:
    """What the curves and the classes say, in a few sentences."""
    top = curves.top_k
    with_more = f"; with {top} {_who(curves.difference[top])}. {_crossing(curves)}" if top > 1 else "."
    ahead = f"With one sample {_who(curves.difference[1])}{with_more}"
    total = _total(changes)
    if m := changes.mcnemar:
        return (
            f"{ahead} One sample of each problem on either side resolves no single problem. {m.base_only} of {total}"
            f" problems were solved by base only and {m.rl_only} by RL only: McNemar's exact p is {small(m.p)}."
        )
    outlook = _outlook(changes, min(sides.base.least_samples, sides.rl.least_samples))
    return f"{ahead} Of {total} problems: {in_words(changes)} (false discoveries at most {changes.rate:.0%}).{outlook}"


def in_words(changes: parts.ChangesResult) -> str:
    """How many problems are in each class."""
    *most, last = (f"{count} {change}" for change, count in changes.counts.items())
    return f"{', '.join(most)} and {last}"


def _total(changes: parts.ChangesResult) -> int:
    return sum(changes.counts.values())


def _outlook(changes: parts.ChangesResult, now: int) -> str:
    """What more samples than now would do."""
    expected = changes.plan.expected if changes.plan else {}
    more = [size for size in expected if size >= OUTLOOK * now]
    if not more:
        return ""
    return f" With {more[0]} samples per problem and side about {expected[more[0]]:.0f} would be resolved."


def _who(difference: Estimate) -> str:
    """Who is ahead, by a difference RL − base."""
    shown = percent(difference, signed=True)
    if not difference.excludes_zero:
        return f"neither is shown to be ahead (RL − base {shown} points)"
    return f"{'RL' if difference.value > 0 else 'base'} is ahead (RL − base {shown} points)"


def _crossing(curves: parts.Curves) -> str:
    c, top = curves.crossing, curves.top_k
    if c is None:
        return ""
    ends = f"[{_k(c.low, top)}, {_k(c.high, top)}]"
    interval = f" (95 % interval of the crossing {ends})" if c.low != c.high else ""
    if c.value is None:
        return f"Base does not end ahead up to k = {top}{interval}."
    if c.value == 1:
        return f"Base is ahead at every k up to {top}{interval}."
    return f"From k = {_k(c.value, top)} {ends} on base is ahead."


def _k(value: float | None, top: int) -> str:
    return f"beyond {top}" if value is None else f"{value:.1f}" if value > 1 else "1"


def small(p: float) -> str:
    """A probability with two digits, however small."""
    return f"{p:.2f}" if p >= 0.1 else f"{p:.2g}"


def curves_table(c: parts.Curves) -> Table:
    """pass@k of both models, their difference, and what is lost and gained."""
    left = f" {c.left_out} problems with fewer samples are left out." if c.left_out else ""
    crossing = ""
    if x := c.crossing:
        crossing = (
            f" {_crossing(c)} Of the resamples {x.share_crossing:.0%} cross after k = 1, in"
            f" {x.share_base_throughout:.0%} base is ahead at every k, in {x.share_not_ahead:.0%} it does not end"
            " ahead."
        )
    columns = (c.base, c.rl, c.difference, c.lost, c.gained, c.room)
    return Table(
        title="pass@k",
        note=(
            f"In percent of {c.problems} problems, with 95 % intervals (problem bootstrap).{left} Lost: k base"
            " samples solve it and k RL samples do not; gained: the reverse; both unbiased as the two sets of samples"
            " are independent. Last column: what a verifier that never errs would win on k base samples over one RL"
            f" sample.{crossing}"
        ),
        header=["k", "base", "RL", "RL − base", "lost", "gained", "base pass@k − RL pass@1"],
        rows=[[str(k), *(percent(e[k], signed=e is c.difference or e is c.room) for e in columns)] for k in c.ks],
    )


def classes_table(c: parts.ChangesResult) -> Table:
    """How many problems have changed, and how."""
    total = _total(c)
    found = total - c.counts["unresolved"]
    note = (
        f"{c.test} at {c.rate:.0%}, over the {c.tested} of {total} problems that could reach p ≤ {c.rate:g}"
        " with so many samples and correct ones; the rest cannot be resolved, however they fall to the two sides."
    )
    if c.tested:
        note += f" {'Found is' if found else 'None is found; one alone would need'} p ≤ {small(c.level)}."
    if m := c.mcnemar:
        note += (
            f" With one sample per problem no single one can be resolved. Over all, base only solved"
            f" {m.base_only}, RL only {m.rl_only}: McNemar's exact test, p = {small(m.p)}."
        )
    rows = [[n, str(k), f"{k / total:.1%}", MEANINGS[n]] for n, k in c.counts.items()]
    return Table(title="Problems by class", note=note, header=["class", "problems", "share", "meaning"], rows=rows)


def plan_table(changes: parts.ChangesResult, plan: parts.Plan) -> Table:
    """How many problems more samples would resolve."""
    return Table(
        title="What more samples would resolve",
        note=(
            f"Of {_total(changes)} problems, by the same procedure at {changes.rate:.0%}, on average over what their"
            " rates may be: beta-binomial priors fitted to each side, updated by each problem's counts. Problems that"
            " have hardly changed stay unresolved with any number."
        ),
        header=["samples per problem and side", "problems expected to be resolved"],
        rows=[[str(size), f"{found:.0f}"] for size, found in plan.expected.items()],
    )


def problems_table(problems: Sequence[parts.ProblemRow], plan: parts.Plan | None, count: int) -> Table:
    """The problems that RL has harmed, then those that gained, then the rest; the most significant of each first."""
    rows = [
        [
            row.id,
            "/".join(map(str, row.base)),
            "/".join(map(str, row.rl)) + (f" (≤ {row.rl_at_most:.0%})" if row.rl_at_most else ""),
            small(row.p),
            UNDEFINED if row.adjusted is None else small(row.adjusted),
            row.change,
            UNDEFINED if plan is None else f"> {plan.most}" if row.needed is None else str(row.needed),
            excerpt(row.question, LONGEST_QUESTION),
        ]
        for row in sorted(problems, key=lambda row: HARMED_FIRST.index(row.change))[:count]
    ]
    return Table(
        title="Problems, those that lost first",
        note=(
            f"The first {len(rows)} of {len(problems)}; report.json has all. Correct of sampled; in brackets"
            " the 95 % upper bound of a rate that was never seen. q: p adjusted for the number of tests; a dash where"
            " no outcome could be significant. Needed: samples per side with which a problem whose true rates are the"
            " shrunken ones would be found with probability 0.8."
        ),
        header=["problem", "base", "RL", "p", "q", "class", "needed", "question"],
        rows=rows,
    )


def recovery_table(r: parts.Recovery) -> Table:
    """What a verifier on base samples could recover at most."""
    return Table(
        title="What a verifier could recover at most",
        note=(
            "On problems that RL has lost (in a random half of the samples base solves them and RL does not:"
            f" {r.lost:.1f} of {r.problems} on average), pass@k of the other half, in percent: of base samples,"
            " what a verifier that never errs gets back; of RL samples, what RL solves itself with as many. Over all"
            " halvings, so label and measure share no sample."
        ),
        header=["k", "base", "RL"],
        rows=[[str(k), percent(r.base[k]), percent(r.rl[k])] for k in r.ks],
    )


def diversity_table(d: parts.Diversity) -> Table:
    """How different samples are."""
    measures = {
        **{f"different answers in {k}": e for k, e in d.answers.items() if k > 1 or d.top_k == 1},
        "entropy of answers, nats": d.entropy,
        "share of the most frequent answer": d.majority_share,
        "majority vote correct": d.majority_correct,
        "different solutions": d.texts,
        "different correct solutions": d.correct_texts,
        **({"different first steps": d.first_steps} if d.first_steps else {}),
    }
    return Table(
        title="Different answers and solutions",
        note=(
            f"Means over {d.problems} problems, of {d.top_k} samples each where no number is given; expected over"
            " all subsets, majority over the first samples. All correct answers are one answer. 95 % intervals."
        ),
        header=["", "base", "RL", "RL − base"],
        rows=[[label, *(number(x, 2) for x in structs.astuple(e))] for label, e in measures.items()],
    )


def matching_in_words(m: parts.Matching) -> str:
    """How many problems both sides have, and by what they were matched."""
    return (
        f"{m.matched} matched ({m.by_question} by their question, the others by id), {m.only_base} only in base,"
        f" {m.only_rl} only in RL"
    )


def side_in_words(s: parts.SideResult) -> str:
    """How many samples a side has, and where they come from."""
    sizes = f"{s.least_samples}" + (f" to {s.most_samples}" if s.most_samples > s.least_samples else "")
    given = {"source": s.source, "kind": s.kind, "sampling": s.sampling, "verdicts": s.verdicts}
    origin = "".join(f"; {name}: {text}" for name, text in given.items() if text is not None)
    graded = f"{s.ungraded_share:.2%} ungraded, {s.last_numbers} answers the last number of the text"
    return f"{s.samples} samples, {sizes} per problem, {graded}{origin}"
