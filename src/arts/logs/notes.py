"""What a reader of a report must know of a log, in whole sentences."""

from collections import Counter
from collections.abc import Iterator

from arts.logs.differences import Differences
from arts.logs.formats import VerdictsOf
from arts.logs.read import Log
from arts.logs.trees import AS_GIVEN, AS_MOST_GIVEN, NO_VERDICT
from arts.logs.unread import counted

FEW_SCORES = 2
"""A score that takes more values than these is no plain verdict."""
FEW_STEPS = 5
"""Training steps that a note names."""


def judged_by(reasons: Counter[str], grader: str) -> str:
    """Who has said what is correct, by the reasons of all outcomes."""
    names = {AS_GIVEN: "of the log", AS_MOST_GIVEN: "of the log", NO_VERDICT: "missing"}
    found: Counter[str] = Counter()
    for reason, count in reasons.items():
        found[names.get(reason, f"of the {grader} grader")] += count
    return ", ".join(name if len(found) == 1 else f"{count} {name}" for name, count in found.most_common())


def notes(
    log: Log, reasons: Counter[str], differing: Differences, correct_above: float, flags: str, verdicts: VerdictsOf
) -> Iterator[str]:
    """Everything that a log has which could mislead; ``flags`` is how its flags begin."""
    if log.unread.count:
        yield f"{counted(log.unread.count, 'row')} cannot be read and left out: {log.unread}."
    if log.keyless:
        yield f"{counted(len(log.keyless), 'problem')} without a key and a verdict, ungraded: {_named(log.keyless)}."
    if log.shared:
        yield f"{counted(log.shared, 'row')} with one verdict for several samples, not used as it is of none of them."
    by_log = reasons[AS_GIVEN] + reasons[AS_MOST_GIVEN]
    if verdicts == "log" and not by_log:
        yield "the log has no verdicts of its samples, so the grader judges."
    if remark := differing.remark(believed=verdicts == "log" and by_log > 0):
        yield remark
    if len(log.scores) > FEW_SCORES and by_log:
        values = ", ".join(f"{x:g}" for x in log.scores)
        yield f"scores are {values}; correct means above {correct_above:g} (correct_above)."
    if odd := reasons[AS_MOST_GIVEN]:
        yield f"{odd} samples have a text that the log judges both ways; most of its verdicts count."
    if len(log.steps) > 1:
        steps = ", ".join([*log.steps[:FEW_STEPS], "…"][: len(log.steps)])
        yield (
            f"the samples are of {len(log.steps)} training steps ({steps}), hence of as many policies; choose by"
            f" {flags}.where step={log.steps[-1]}."
        )
    if log.empty:
        yield f"{log.empty} rows have no sample, as of requests that failed."


def _named(places: tuple[str, ...]) -> str:
    return places[0] if len(places) == 1 else f"{places[0]} and {len(places) - 1} more"
