"""The comparison of two runs as a document."""

from arts.documents.document import Document, Section, Table
from arts.documents.words import count, excerpt, percent
from arts.estimate import UNDEFINED
from arts.evaluation.report.pieces import pairs_table, reach_section, verdict
from arts.evaluation.results import Comparison, Sides

LONGEST_QUESTION = 120
LISTED = 5
"""Methods that a sentence names."""


def comparison(result: Comparison) -> Document:
    """The report of ``arts report A B``."""
    parts = [
        Section(name="matching", title="What is compared with what", findings=matched(result)),
        _methods(result),
        _reach(result.pass_at_k) if result.pass_at_k else None,
        _changed(result),
        _flipped(result),
    ]
    return Document(title="Two runs", lead=summary(result), sections=[s for s in parts if s is not None])


def summary(result: Comparison) -> str:
    """How many methods are better and worse in B, and what one sample says."""
    pairs = result.pairs
    if not pairs:
        return "The two runs share no method at the same number of samples, so no decisions can be compared."
    said = {word: [p.method for p in pairs if verdict(p, result.alpha).startswith(word)] for word in _WORDS}
    parts = [f"{_WORDS[word]}: {_listed(names)}" for word, names in said.items() if names]
    how = "On the same problems" if result.paired else "On two sets of problems, unpaired"
    return (
        f"{how}, {count(len(pairs), 'method')} that both runs have, deciding between {count(result.k or 0, 'sample')}"
        f" (B − A, after Holm's correction). {'. '.join(parts)}."
    )


def _listed(names: list[str]) -> str:
    return "; ".join(names) if len(names) <= LISTED else str(len(names))


_WORDS = {
    "better": "Better in B",
    "worse": "Worse in B",
    "equal": "Equal within the margin",
    "not shown": "Not shown to differ",
    UNDEFINED: "Undefined",
}


def matched(result: Comparison) -> list[str]:
    """How problems and samples match, and what follows for the intervals."""
    m = result.matching
    first, second = m.problems
    found = [f"A has {count(first, 'problem')}, B {second:,}; {m.shared:,} have the same id in both."]
    if m.other_question:
        found.append(
            f"But {count(m.other_question, 'such problem')} asks another question in B: equal ids do not mean equal"
            " problems here, so the runs are compared as independent sets."
        )
    if not result.paired:
        return [
            *found,
            "Nothing is paired: intervals add the distances of both runs as squares, tests exchange their problems at"
            " random, and any difference between the two sets of problems is part of the difference shown.",
        ]
    if m.shared < max(first, second):
        found.append(
            f"Everything below is about the {m.shared:,} shared problems only, and so may differ from A and B."
        )
    same, other = m.same_samples, m.shared - m.same_samples
    if same:
        found.append(f"On {same:,} of them the samples are the same too, so that only the deciding differs.")
    if other:
        found.append(
            f"On {other:,} of them the samples are not the same; the chance of drawing them is part of the difference"
            " and of its interval."
        )
    found.append("Intervals are over problems; of methods with several trained seeds the means are compared.")
    return found


def methods_table(result: Comparison) -> Table:
    """A row for each method that both runs have."""
    note = (
        "Accuracy in percent, differences in points, with 95 % intervals. Wins and losses: problems on which B is above"
        f" and below A. Shown: what holds at {result.alpha:g} after Holm's correction over the methods."
    )
    rows = [([p.method, percent(p.a), percent(p.b), percent(p.difference, signed=True)], p) for p in result.pairs]
    return pairs_table(f"B − A at N = {result.k}", note, ["method", "A", "B", "B − A"], rows, result)


def _methods(result: Comparison) -> Section:
    alone = (("A", result.only_a), ("B", result.only_b))
    lacking = [f"Only {side} has: {', '.join(names)}." for side, names in alone if names]
    tables = [methods_table(result)] if result.pairs else []
    return Section(name="methods", title="Ways of deciding", words=lacking, tables=tables)


def _reach(part: dict[int, Sides]) -> Section:
    lines = {"A": {k: row.a for k, row in part.items()}, "B": {k: row.b for k, row in part.items()}}
    note = "In percent with 95 % intervals over problems, none of them corrected for the number of rows."
    return reach_section("pass@k of both runs", note, lines, {k: row.difference for k, row in part.items()})


def _changed(result: Comparison) -> Section:
    rows = [[c.what, *(UNDEFINED if text is None else text for text in (c.a, c.b))] for c in result.changed]
    tables = [Table(title="Not the same in both", header=["what", "A", "B"], rows=rows)] if rows else []
    words = [] if rows else ["Settings, versions, flags and costs are the same."]
    commands = [result.about.command] if result.about.command else []
    return Section(name="changed", title="What changed", words=words, tables=tables, commands=commands)


def _flipped(result: Comparison) -> Section | None:
    if not result.flipped:
        return None
    rows = [
        [
            excerpt(p.question or p.id, LONGEST_QUESTION),
            " → ".join(f"{c}/{n}" for c, n in zip(p.solved, result.samples_per_problem, strict=True)),
            "the same" if p.same_samples else "other",
            str(sum(x > 0 for x in p.change.values())),
            str(sum(x < 0 for x in p.change.values())),
        ]
        for p in result.flipped
    ]
    note = f"By the mean size of the change over methods at N = {result.k}; the first {len(rows)}."
    header = ["problem", "solved, A → B", "samples", "methods up", "methods down"]
    table = Table(title="Largest changes", note=note, header=header, rows=rows)
    return Section(name="flipped", title="Problems that flipped most", tables=[table])
