"""Single problems with their samples, as every form of a report shows them."""

from collections.abc import Sequence

from arts.documents.document import Entry, Sample, Section
from arts.documents.words import count, excerpt
from arts.evaluation.parts import DrillDown, ShownProblem, ShownSample
from arts.problems.base import Verdict

LONGEST_NAME = 90
"""Characters of a question that stand in the index."""
LONGEST_ANSWER = 200


def drill_down_section(part: DrillDown) -> Section | None:
    """The problems of the drill-down; None where it has none."""
    problems = part.problems
    if not problems:
        return None
    by = next((name for p in problems for s in p.samples for name in s.scores), None)
    order = f"by {by}, the highest first" if by is not None else "as they were drawn"
    words = [
        f"{len(problems):,} of {count(part.of, 'problem')}: those with both right and wrong samples come"
        f" before others. Samples are {order}. ● correct, ○ incorrect, · ungraded."
    ]
    return Section(name="problems", title="Problem by problem", words=words, entries=[_entry(p, by) for p in problems])


def _entry(problem: ShownProblem, by: str | None) -> Entry:
    samples = ranked(problem.samples, by)
    facts = [f"solved {problem.solved} of {len(samples)}"]
    if problem.shrunk is not None:
        facts.append(f"true rate about {problem.shrunk:.0%}")
    facts += [f"level {problem.level}"] if problem.level is not None else []
    facts += [problem.subject] if problem.subject is not None else []
    return Entry(
        name=excerpt(problem.question, LONGEST_NAME) or problem.id,
        facts=[*facts, problem.id],
        verdicts=[s.verdict for s in samples],
        question=problem.question,
        key=problem.key,
        samples=[_sample(s) for s in samples],
    )


def ranked(samples: Sequence[ShownSample], by: str | None) -> list[ShownSample]:
    """Samples in falling order of a score; equal ones as they were drawn, those without it last."""
    return sorted(samples, key=lambda s: float("inf") if by is None or by not in s.scores else -s.scores[by])


def _sample(sample: ShownSample) -> Sample:
    facts = [] if sample.answer is None else [f"answer {excerpt(sample.answer, LONGEST_ANSWER)}"]
    if sample.verdict is Verdict.UNGRADED and sample.reason:
        facts.append(excerpt(sample.reason, LONGEST_ANSWER))
    facts += [f"{name} {score:g}" for name, score in sample.scores.items()]
    facts += [f"{sample.tokens:,} tokens"] if sample.tokens else []
    return Sample(verdict=sample.verdict, facts=facts, text=sample.text)
