"""What a run says, and what it cannot tell, in sentences."""

from math import isnan
from typing import TYPE_CHECKING

from arts.documents.words import count, p_value, percent, points
from arts.evaluation.methods import MAJORITY
from arts.evaluation.parts import Comparisons

if TYPE_CHECKING:
    from arts.evaluation.results import Evaluation

ROUNDING = 1e-9


def headline(result: "Evaluation") -> str:
    """The best selector, whether it is shown to differ, and what one sample and the best of all reach."""
    top = result.top_k
    reach = f"pass@1 is {percent(result.pass_at_k[1])} %"
    reach += f", pass@{top} {percent(result.pass_at_k[top])} %." if 1 < top in result.pass_at_k else "."
    names = best(result)
    if not names or top == 1:
        return reach
    name, *equal = names
    m, others = result.table[name], f" (as {', '.join(equal)})" if equal else ""
    above = "" if m.minus_majority.value > 0 else "None of them is above majority. "
    return (
        f"Of the ways of deciding between {top} samples by scores, {name} is the most accurate{others}:"
        f" {percent(m.accuracy[top])} %, {percent(m.minus_majority, signed=True)} points against majority and"
        f" {percent(m.minus_random, signed=True)} against one sample. {above}{_tested(result, name)}{reach}"
    )


def best(result: "Evaluation") -> list[str]:
    """The names of the most accurate methods that decide by scores, at the largest N; none where no score is given."""
    rivals = {n: m.accuracy[result.top_k].value for n, m in result.table.items() if m.scorer is not None}
    known = {n: value for n, value in rivals.items() if not isnan(value)}
    return [n for n, value in known.items() if value >= max(known.values()) - ROUNDING]


def _tested(result: "Evaluation", name: str) -> str:
    """Whether the difference holds against the number of comparisons that were made."""
    part = result.comparisons
    pair = next((p for p in part.pairs if p.method == name and p.k == result.top_k), None)
    if pair is None or pair.p_adjusted is None:
        return ""
    held = pair.p_adjusted < part.alpha
    said = "is significant" if held else "is not significant: this run does not show that they differ"
    adjusted = f"{count(len(part.pairs), 'comparison')}, adjusted p {p_value(pair.p_adjusted)}"
    shown = "" if part.against == MAJORITY else f", {percent(pair.difference, signed=True)} points,"
    return f"After Holm's correction for {adjusted}, its difference to {part.against}{shown} {said}. "


def limits(result: "Evaluation") -> list[str]:
    """What the run can and cannot tell."""
    n, p = result.problems, result.power
    chance = f"{p.power:.0%}"
    found = [
        f"With {count(n, 'problem')}, a true difference to {result.comparisons.against} of {points(p.paired)} points or"
        f" more is found with a chance of {chance} (before the correction for many comparisons); smaller ones are"
        " likely to be missed, and then “not significant” does not mean “equal”."
        if p.paired is not None
        else f"{count(n, 'problem')}: too few to find any difference with a chance of {chance}."
    ]
    if p.single is not None:
        found.append(
            f"Beside an accuracy on {n:,} other problems, as one from a publication, only a difference of"
            f" {points(p.single)} points or more would be found."
        )
    found.append(_equal(result.comparisons))
    if best(result):
        found.append("The most accurate method was selected on these data, so its accuracy is optimistic.")
    if any(m.scorer is not None and m.seeds == 1 for m in result.table.values()):
        found.append("Single-seed verifiers: the intervals do not cover training variance.")
    return [*found, *_lacking(result)]


def _equal(part: Comparisons) -> str:
    """What equivalence was tested."""
    if part.margin is None:
        return "No margin was given, so no two methods are called equal (--margin tests that)."
    tests = sum(p.equivalence is not None for p in part.pairs)
    names = ", ".join(f"{p.method} at N = {p.k}" for p in part.pairs if p.equivalent(part.alpha))
    return (
        f"Equal to {part.against} within ± {points(part.margin)} points (after Holm's correction over"
        f" {count(tests, 'test')}): {names or 'none'}."
    )


def unused(result: "Evaluation") -> str:
    """Which samples no method decides between, "" where all are used."""
    if not result.unused_samples:
        return ""
    more, of = count(result.unused_samples, "sample"), result.samples_per_problem
    return f"{more} beyond the {of} that every problem here has: they count for pass@k and are not decided between."


def _lacking(result: "Evaluation") -> list[str]:
    """What is not in the numbers."""
    found = []
    if result.left_out_problems:
        left_out = count(result.left_out_problems, "problem")
        found.append(f"{left_out} with too few samples are left out of all but pass@k.")
    found += [said] if (said := unused(result)) else []
    of = result.problems * result.samples_per_problem
    found += [
        f"{n:,} of {of:,} samples have no score by {name}: they rank last and have no weight in a vote."
        for name, n in result.unscored.items()
    ]
    if result.ungraded_share:
        found.append(f"{result.ungraded_share:.2%} of the answers could not be graded and count as wrong.")
    if result.last_numbers:
        found.append(
            f"{result.last_numbers:,} of {of:,} answers are the last number of a text that states none"
            " (--grader math-stated takes none)."
        )
    drawn = [f"N = {k} ({v.count:,})" for k, v in result.vote_subsets.items() if not v.all]
    if drawn:
        found.append(f"Votes are averages over a random choice of subsets of the samples at {', '.join(drawn)}.")
    return found
