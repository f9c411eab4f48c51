"""Single problems with their samples, as every form of a report shows them."""

from collections.abc import Mapping, Sequence
from typing import Any

from arts.documents.document import Entry, Sample, Section
from arts.documents.words import count, excerpt

LONGEST_NAME = 90
"""Characters of a question that stand in the index."""
LONGEST_ANSWER = 200


def drill_down_section(result: Mapping[str, Any]) -> Section | None:
    """The problems of the result's drill-down; None where it has none."""
    part = result["drill_down"]
    problems = part["problems"]
    if not problems:
        return None
    by = next((name for p in problems for s in p["samples"] for name in s["scores"]), None)
    order = f"by {by}, the highest first" if by is not None else "as they were drawn"
    words = [
        f"{len(problems):,} of {count(part['of'], 'problem')}: those with both right and wrong samples are chosen"
        f" others. Samples are {order}. ● correct, ○ incorrect, · ungraded."
    ]
    return Section(name="problems", title="Problem by problem", words=words, entries=[_entry(p, by) for p in problems])


def _entry(problem: Mapping[str, Any], by: str | None) -> Entry:
    samples = ranked(problem["samples"], by)
    facts = [f"solved {problem['solved']} of {len(samples)}"]
    if problem.get("shrunk") is not None:
        facts.append(f"true rate about {problem['shrunk']:.0%}")
    facts += [f"level {problem['level']}"] if problem["level"] is not None else []
    facts += [str(problem["subject"])] if problem["subject"] is not None else []
    return Entry(
        name=excerpt(problem["question"], LONGEST_NAME) or problem["id"],
        facts=[*facts, problem["id"]],
        verdicts=[s["verdict"] for s in samples],
        question=problem["question"],
        key=problem["key"],
        samples=[_sample(s) for s in samples],
    )


def ranked(samples: Sequence[Mapping[str, Any]], by: str | None) -> list[Mapping[str, Any]]:
    """Samples in falling order of a score; equal ones as they were drawn, those without it last."""
    return sorted(samples, key=lambda s: -s["scores"][by] if by in s["scores"] else float("inf"))


def _sample(sample: Mapping[str, Any]) -> Sample:
    facts = [] if sample["answer"] is None else [f"answer {excerpt(sample['answer'], LONGEST_ANSWER)}"]
    if sample["verdict"] == "ungraded" and sample["reason"]:
        facts.append(excerpt(sample["reason"], LONGEST_ANSWER))
    facts += [f"{name} {score:g}" for name, score in sample["scores"].items()]
    facts += [f"{sample['tokens']:,} tokens"] if sample["tokens"] else []
    return Sample(verdict=sample["verdict"], facts=facts, text=sample["text"])
