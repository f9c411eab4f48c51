"""The part of a report that says how sure a verifier is of what it chooses."""

from collections.abc import Mapping

from arts.documents.document import Figure, Section, Table, point
from arts.documents.words import number, percent
from arts.evaluation.optional_parts import Confidence


def section(parts: Mapping[str, Confidence]) -> Section:
    """The part's section of the report."""
    shares = [p.coverage for p in next(iter(parts.values())).curve]
    rows = [
        [name, percent(c.predicted), percent(c.accuracy), number(c.calibration_error)]
        + [f"{percent(p.accuracy)} (≥ {100 * p.least:.0f})" for p in c.curve[1:]]
        for name, c in parts.items()
    ]
    table = Table(
        title="Accuracy where the verifier is sure",
        note=(
            "Of the best of all samples of each problem. Confidence: the success probability of the chosen sample."
            " Then accuracy in percent if only the surest share of the problems is answered, and in brackets the"
            " confidence that this takes, as for arts solve --abstain-below. 95 % intervals over the problems of the"
            " share."
        ),
        header=[
            *("verifier", "confidence", "all answered", "calibration error"),
            *(f"{share:.0%} answered" for share in shares[1:]),
        ],
        rows=rows,
    )
    lines = {name: [point(p.coverage, p.accuracy) for p in reversed(c.curve)] for name, c in parts.items()}
    figure = Figure(
        name="risk-coverage",
        caption="Accuracy of what is answered, by the share that is",
        x="share answered",
        y="accuracy",
        scale="shares",
        lines=lines,
    )
    return Section(name="confidence", title="How sure it is", tables=[table], figures=[figure])
