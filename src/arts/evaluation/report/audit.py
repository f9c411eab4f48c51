"""The audit of the grading as tables."""

from collections.abc import Iterator

from arts.documents.document import Section, Table
from arts.documents.words import count, excerpt, percent
from arts.estimate import UNDEFINED
from arts.evaluation.optional_parts import Audit, Disagreement
from arts.problems.base import Verdict

LONGEST_CELL = 200


def audit_section(audit: Audit) -> Section:
    """All of it; a table without rows is left out."""
    tables = [_audited(audit), _judges(audit), _reasons(audit), *_differences(audit), *_keys(audit)]
    return Section(
        name="audit",
        title="Grading, audited",
        words=["Shares in percent with 95 % intervals over problems. Speeds are measured and differ from run to run."],
        findings=[_difference(pair) for pair in audit.disagreements],
        tables=[t for t in (*tables, _longest(audit), _speed(audit)) if t.rows],
    )


def _difference(pair: Disagreement) -> str:
    """How often two judges differ, and which way."""
    first, second = pair.judges
    more = pair.table[Verdict.INCORRECT][Verdict.CORRECT]
    less = pair.table[Verdict.CORRECT][Verdict.INCORRECT]
    return (
        f"{first} and {second} differ on {pair.count:,} of {count(pair.samples, 'sample')}:"
        f" {more:,} are right for {second} alone, {less:,} for {first} alone."
    )


def _audited(audit: Audit) -> Table:
    rows = [
        ["problems with a key", f"{audit.problems:,}", ""],
        ["problems without a key, left out", f"{audit.without_key:,}", ""],
        ["samples", f"{audit.samples:,}", ""],
        ["samples without an answer", f"{audit.without_answer.count:,}", percent(audit.without_answer.share)],
        ["ungraded samples", f"{audit.ungraded.count:,}", percent(audit.ungraded.share)],
        ["rollouts that failed", f"{audit.failed_rollouts.count:,}", ""],
    ]
    return Table(title="What was audited", header=["what", "count", "share, %"], rows=rows)


def _judges(audit: Audit) -> Table:
    rows = [
        [name, *(f"{n:,}" for n in (tally.correct, tally.incorrect, tally.ungraded, tally.no_verdict))]
        for name, tally in audit.judges.items()
    ]
    header = ["judge", "correct", "incorrect", "ungraded", "no verdict"]
    return Table(title="What each judge says", header=header, rows=rows)


def _reasons(audit: Audit) -> Table:
    of = [("ungraded sample", audit.ungraded.reasons)]
    of += [(f"ungraded by {name}", tally.reasons or []) for name, tally in audit.judges.items()]
    of += [("failed rollout", audit.failed_rollouts.reasons)]
    rows = [[what, excerpt(r.reason, LONGEST_CELL), f"{r.count:,}"] for what, reasons in of for r in reasons]
    return Table(title="The most frequent reasons", header=["of", "reason", "count"], rows=rows)


def _differences(audit: Audit) -> Iterator[Table]:
    """Every two judges: how often they differ, how their verdicts go together, and on which answers."""
    pairs, together, examples = [], [], []
    for d in audit.disagreements:
        first, second = d.judges
        name, kappa = f"{first}, {second}", UNDEFINED if d.kappa is None else f"{d.kappa:.3g}"
        pairs.append([name, f"{d.samples:,}", f"{d.count:,}", f"{d.problems:,}", percent(d.share), kappa])
        together += [[f"{first} {a}", second, *(f"{d.table[a][b]:,}" for b in Verdict)] for a in Verdict]
        for e in d.examples:
            texts = (excerpt(text, LONGEST_CELL) for text in (e.key, UNDEFINED if e.answer is None else e.answer))
            said = (f"{judge} {verdict}" for judge, verdict in e.verdicts.items())
            examples.append([e.id, *texts, *said, f"{e.samples:,}"])
    header = ["judges", "samples", "differ", "problems", "share, %", "kappa"]
    yield Table(title="Where judges differ", header=header, rows=pairs)
    yield Table(title="Verdicts of two judges", header=["first", "second", *Verdict], rows=together)
    header = ["problem", "key", "answer", "first", "second", "samples"]
    yield Table(title="Answers on which judges differ", header=header, rows=examples)


def _keys(audit: Audit) -> Iterator[Table]:
    """How many keys each grader does not take for correct or cannot read, and which."""
    graders = audit.golds.items()
    yield Table(
        title="Keys that do not grade themselves correct",
        header=["grader", "keys", "not correct", "right only in their own spelling"],
        rows=[[g, f"{audit.problems:,}", f"{len(k.failing):,}", f"{len(k.only_by_spelling):,}"] for g, k in graders],
    )
    of = [(g, "not correct", k.failing) for g, k in graders]
    of += [(g, "only by spelling", k.only_by_spelling) for g, k in graders]
    listed = [
        [g, what, k.id, *(excerpt(t, LONGEST_CELL) for t in (k.key, k.verdict, k.reason))]
        for g, what, keys in of
        for k in keys
    ]
    header = ["grader", "what", "problem", "key", "verdict", "reason"]
    yield Table(title="These keys", header=header, rows=listed)


def _longest(audit: Audit) -> Table:
    rows = [[a.id, excerpt(a.answer, LONGEST_CELL), f"{a.characters:,}"] for a in audit.longest_answers]
    return Table(title="Longest answers", header=["problem", "answer", "characters"], rows=rows)


def _speed(audit: Audit) -> Table:
    rows = [
        [
            *(name, _measured(s.start_seconds), f"{s.pairs:,}", _measured(s.pairs_per_second)),
            *(f"{s.samples:,}", _measured(s.again_per_second)),
        ]
        for name, s in audit.throughput.items()
    ]
    header = ["grader", "start, s", "different pairs", "pairs per second", "samples", "samples per second, all known"]
    return Table(title="Speed of grading", header=header, rows=rows)


def _measured(x: float | None) -> str:
    return UNDEFINED if x is None else f"{x:,.0f}" if x >= 100 else f"{x:.3g}"
