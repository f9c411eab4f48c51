"""Recorded samples, whoever drew them: logs of other tools and exported trees, graded and as trees."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from arts.logs.formats import LogOptions, VerdictsOf
from arts.logs.read import Log, read_log
from arts.logs.trees import AS_GIVEN, AS_MOST_GIVEN, NO_VERDICT, import_rows
from arts.problems.base import Grader, Problem, Verdict
from arts.trees.exchange import is_exported, read_trees
from arts.trees.runs import RunConfig
from arts.trees.splitting import SplitterName
from arts.trees.tree import Tree

FEW_SCORES = 2
"""A score that takes more values than these is no plain verdict."""
FEW_STEPS = 5
"""Training steps that a note names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """Samples that were read.

    ``format`` names the tool (``arts`` for exported trees), ``verdicts`` says who has judged, ``notes`` are whole
    sentences about what a reader of a report must know. ``given`` has the log's own verdicts by the id of the problem,
    one per sample in the order of the tree's backbones, None where there was none. ``run`` is what exported trees
    remember of theirs.
    """

    problems: list[Problem]
    trees: list[Tree]
    format: str
    verdicts: str
    notes: tuple[str, ...]
    given: Mapping[str, Sequence[Verdict | None]]
    run: RunConfig


def read_samples(
    source: str,
    options: LogOptions,
    *,
    splitter: SplitterName,
    grader: Grader,
    verdicts: VerdictsOf = "key",
    scores: Sequence[str] | None = None,
    flags: str = "--log",
) -> Recorded:
    """The samples of a log, or the trees of a file or folder that ``arts store export`` made.

    ``scores`` names fields of samples that become score columns, see :func:`arts.logs.read.read_log`; ``flags`` is how
    notes begin the options' flags. Exported trees keep their steps, verdicts and scores.

    Raises:
        InputError: no such file, or a row that does not fit, named by file and row.
        MissingExtraError: a Parquet file without the extra ``data``.
    """
    if is_exported(source):
        return _exported(source)
    log = read_log(source, options, scores)
    problems, trees = import_rows(log.rows, splitter=splitter, grader=grader, believe=verdicts == "log")
    return Recorded(
        problems=problems,
        trees=trees,
        format=log.format,
        verdicts=_judges(trees, grader),
        notes=tuple(_notes(log, trees, options, flags)),
        given={row["problem_id"]: [_verdict(s["correct"]) for s in row["samples"]] for _, row in log.rows},
        run=RunConfig(),
    )


def _exported(source: str) -> Recorded:
    problems, trees, configs = zip(*read_trees(Path(source)), strict=True)
    return Recorded(
        problems=list(problems),
        trees=list(trees),
        format="arts",
        verdicts="of the store",
        notes=(),
        given={tree.problem_id: verdicts_of(tree) for tree in trees},
        run=configs[0],
    )


def verdicts_of(tree: Tree) -> list[Verdict | None]:
    """The verdict on each backbone of a tree, None where it has no outcome."""
    found = [tree.outcomes.get(r.leaf) for r in tree.backbones]
    return [outcome.verdict if outcome else None for outcome in found]


def _verdict(correct: bool | None) -> Verdict | None:
    if correct is None:
        return None
    return Verdict.CORRECT if correct else Verdict.INCORRECT


def _judges(trees: Sequence[Tree], grader: Grader) -> str:
    """Who has said what is correct."""
    names = {AS_GIVEN: "of the log", AS_MOST_GIVEN: "of the log", NO_VERDICT: "missing"}
    reasons = [tree.outcomes[r.leaf].reason for tree in trees for r in tree.backbones]
    found = Counter(names.get(reason, f"of the {grader.name} grader") for reason in reasons)
    return ", ".join(name if len(found) == 1 else f"{count} {name}" for name, count in found.most_common())


def _notes(log: Log, trees: Sequence[Tree], options: LogOptions, flags: str) -> Iterator[str]:
    judged = [tree.outcomes[r.leaf].reason for tree in trees for r in tree.backbones]
    if len(log.scores) > FEW_SCORES and (AS_GIVEN in judged or AS_MOST_GIVEN in judged):
        values = ", ".join(f"{x:g}" for x in log.scores)
        yield f"scores are {values}; correct means above {options.correct_above:g} (correct_above)."
    if odd := judged.count(AS_MOST_GIVEN):
        yield f"{odd} samples have a text that the log judges both ways; most of its verdicts count."
    if len(log.steps) > 1:
        steps = ", ".join([*log.steps[:FEW_STEPS], "…"][: len(log.steps)])
        yield (
            f"the samples are of {len(log.steps)} training steps ({steps}), hence of as many policies; choose by"
            f" {flags}.where step={log.steps[-1]}."
        )
    if log.empty:
        yield f"{log.empty} rows have no sample, as of requests that failed."
