"""What a run says, and what it cannot tell, in sentences."""

from collections.abc import Mapping
from typing import Any

from arts.documents.words import UNDEFINED, count, p_value, percent, points
from arts.evaluation.methods import MAJORITY

Part = Mapping[str, Any]

ROUNDING = 1e-9


def headline(result: Part) -> str:
    """The best selector, whether it is shown to differ, and what one sample and the best of all reach."""
    top = str(result["top_k"])
    reach = f"pass@1 is {percent(result['pass_at_k']['1'])} %"
    oracle = next((m for m in result["methods"].values() if m["rule"] == "oracle"), None)
    reach += f", pass@{top} {percent(oracle['accuracy'][top])} %." if oracle is not None and top != "1" else "."
    names = best(result)
    if not names or top == "1":
        return reach
    name, *equal = names
    m, others = result["methods"][name], f" (as {', '.join(equal)})" if equal else ""
    above = "" if m["minus_majority"]["value"] > 0 else "None of them is above majority. "
    return (
        f"Of the ways of deciding between {top} samples by scores, {name} is the most accurate{others}:"
        f" {percent(m['accuracy'][top])} %, {percent(m['minus_majority'], signed=True)} points against majority and"
        f" {percent(m['minus_random'], signed=True)} against one sample. {above}{_tested(result, name)}{reach}"
    )


def best(result: Part) -> list[str]:
    """The names of the most accurate methods that decide by scores, at the largest N; none where no score is given."""
    top = str(result["top_k"])
    rivals = {
        n: m["accuracy"][top]["value"] for n, m in result["methods"].items() if m["rule"] in ("best-of-N", "vote")
    }
    known = {n: value for n, value in rivals.items() if value is not None}
    return [n for n, value in known.items() if value >= max(known.values()) - ROUNDING]


def _tested(result: Part, name: str) -> str:
    """Whether the difference holds against the number of comparisons that were made."""
    part = result["comparisons"]
    pair = next((p for p in part["pairs"] if p["method"] == name and p["k"] == result["top_k"]), None)
    if pair is None or pair["p_adjusted"] is None:
        return ""
    held = pair["p_adjusted"] < part["alpha"]
    said = "is significant" if held else "is not significant: this run does not show that they differ"
    adjusted = f"{count(len(part['pairs']), 'comparison')}, adjusted p {p_value(pair['p_adjusted'])}"
    shown = "" if part["against"] == MAJORITY else f", {percent(pair['difference'], signed=True)} points,"
    return f"After Holm's correction for {adjusted}, its difference to {part['against']}{shown} {said}. "


def limits(result: Part) -> list[str]:
    """What the run can and cannot tell."""
    n, p, methods = result["problems"], result["power"], result["methods"]
    chance = f"{p['power']:.0%}"
    against = result["comparisons"]["against"]
    found = [
        f"With {count(n, 'problem')}, a true difference to {against} of {points(p['paired'])} points or more is found"
        f" with a chance of {chance} (before the correction for many comparisons); smaller ones are likely to be"
        " missed, and then “not significant” does not mean “equal”."
        if p["paired"] is not None
        else f"{count(n, 'problem')}: too few to find any difference with a chance of {chance}."
    ]
    if p["single"] is not None:
        found.append(
            f"Beside an accuracy on {n:,} other problems, as one from a publication, only a difference of"
            f" {points(p['single'])} points or more would be found."
        )
    found.append(_equal(result["comparisons"]))
    if best(result):
        found.append("The most accurate method was chosen after looking: its accuracy is flattered by the choice.")
    once = [name for name, m in methods.items() if m["rule"] in ("best-of-N", "vote") and m["seeds"] == 1]
    if once:
        found.append("A scorer that was trained once is judged as it is: the intervals do not cover another training.")
    return [*found, *_lacking(result)]


def _equal(part: Part) -> str:
    """What equivalence was tested."""
    if part["margin"] is None:
        return "No margin was given, so no two methods are called equal (--margin tests that)."
    pairs = [p for p in part["pairs"] if p["equivalence"] is not None]
    equal = [p for p in pairs if equivalent(p, part["alpha"])]
    names = ", ".join(f"{p['method']} at N = {p['k']}" for p in equal)
    return (
        f"Equal to {part['against']} within ± {points(part['margin'])} points (after Holm's correction over"
        f" {count(len(pairs), 'test')}): {names or 'none'}."
    )


def equivalent(pair: Part, alpha: float) -> bool:
    """True where equivalence was tested and holds after the correction."""
    test = pair["equivalence"]
    return test is not None and test["p_adjusted"] is not None and test["p_adjusted"] < alpha


def _lacking(result: Part) -> list[str]:
    """What is not in the numbers."""
    found = []
    if result["left_out_problems"]:
        found.append(f"{count(result['left_out_problems'], 'problem')} with too few samples are left out.")
    of = result["problems"] * result["samples_per_problem"]
    found += [
        f"{n:,} of {of:,} samples have no score by {name}: they rank last and have no weight in a vote."
        for name, n in result["unscored"].items()
    ]
    if result["ungraded_share"]:
        found.append(f"{result['ungraded_share']:.2%} of the answers could not be graded and count as wrong.")
    drawn = [f"N = {k} ({v['count']:,})" for k, v in result["vote_subsets"].items() if not v["all"]]
    if drawn:
        found.append(f"Votes are averages over a random choice of subsets of the samples at {', '.join(drawn)}.")
    return found


def verdict(pair: Part, alpha: float) -> str:
    """What a comparison shows, in a word or two."""
    if pair["p_adjusted"] is None:
        return UNDEFINED
    equal = equivalent(pair, alpha)
    if pair["p_adjusted"] < alpha and pair["difference"]["value"]:
        word = "better" if pair["difference"]["value"] > 0 else "worse"
        return f"{word}, within the margin" if equal else word
    return "equal" if equal else "not shown"


def equivalence_cells(pair: Part) -> list[str]:
    """The interval of an equivalence test, and its adjusted p."""
    test = pair["equivalence"]
    if test is None or test["low"] is None:
        return [UNDEFINED, UNDEFINED]
    return [f"[{100 * test['low']:+.1f}, {100 * test['high']:+.1f}]", p_value(test["p_adjusted"])]
