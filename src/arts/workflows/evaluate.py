"""Compare every way of deciding on the same samples."""

import os
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ParamSpec, get_args

from arts.errors import UsageError
from arts.evaluation.audit import audit as audited
from arts.evaluation.cassette import LEAD_AGGREGATIONS, Cassette, Settings
from arts.evaluation.compare import compare
from arts.evaluation.evaluate import Family, observe
from arts.evaluation.methods import MAJORITY, ORACLE, RANDOM
from arts.evaluation.parts import About
from arts.evaluation.results import Evaluation
from arts.files import StrPath
from arts.logs.formats import LogOptions, VerdictsOf
from arts.logs.samples import Samples, read_samples
from arts.problems.graders import GraderLike, opened_grader
from arts.proposers.options import BackendOptions
from arts.sampling.grow import OnRollout
from arts.selection.scores import Aggregation
from arts.trees.splitting import SplitterName
from arts.verifiers.base import Unit, Verifier
from arts.verifiers.load import load_verifier
from arts.versions import versions
from arts.where import condition
from arts.workflows.blocking import blocking, like
from arts.workflows.choices import Note, reachable, remark_on_units, score_names, usable, verdicts_by_problem
from arts.workflows.probes import Probes, count_success

VERSIONS = ("python", "arts", "numpy", "scipy", "math-verify")
"""Packages that the numbers of a report depend on."""
P = ParamSpec("P")
Scorer = StrPath | Verifier | Family
"""A verifier, its name or folder, or ``NAME=FOLDER,FOLDER,…``: one that was trained with several seeds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationRun:
    """What is evaluated: the samples, and the verifiers by what they were named with."""

    samples: Samples
    verifiers: Mapping[str, Verifier | Family]


async def observe_samples_async(
    source: StrPath | Samples,
    verifiers: Sequence[Scorer] = ("likelihood",),
    *,
    n: Sequence[int] = (2, 4, 8, 16),
    scores: Sequence[str] | None = None,
    score_unit: Unit = "logit",
    grader: GraderLike = "math",
    splitter: SplitterName = "paragraph",
    log: LogOptions = LogOptions(),
    verdicts: VerdictsOf = "key",
    aggregations: Sequence[Aggregation] = LEAD_AGGREGATIONS,
    against: str = MAJORITY,
    margin: float | None = None,
    where: Sequence[str] = (),
    policy: StrPath | None = None,
    audit: bool = False,
    drill_down: int = 100,
    calibration: bool = False,
    probes: Probes = Probes(),
    probes_store: StrPath = "probes.db",
    backend: BackendOptions = BackendOptions(),
    seed: int = 0,
    on_note: Note = lambda note: None,
    on_start: Callable[[EvaluationRun], None] = lambda run: None,
    on_probes: Callable[[int, int], None] = lambda states, rollouts: None,
    on_rollout: OnRollout = lambda rollout, outcome: None,
) -> Cassette:
    """Compare every way of deciding between ``n`` samples, on the same samples of the same problems.

    ``source`` is a tree store, what ``arts store export`` wrote, a log of another tool, or :class:`Samples`.
    ``verifiers`` are names, checkpoint folders or objects; ``scores`` names columns of scores that the samples carry,
    in ``score_unit``. ``log``, ``splitter``, ``grader`` and ``verdicts`` say how samples of other tools are read and
    judged; of a store the grader says which answers are equal. ``aggregations`` make a solution's score of those of
    its steps. Every method is compared with ``against``, and called equal within ``margin`` points of accuracy.
    ``where`` makes subsets by expressions; ``policy``, samples of another policy, the subset that it no longer solves.
    ``audit`` asks whether the grading holds, ``calibration`` what step scores say of success: by ``probes``, kept in
    ``probes_store`` and sampled with ``backend``, or by the source's own rollouts. ``seed`` is for the bootstrap.

    Raises:
        UsageError: settings do not fit the samples, or one another.
        InputError: no such file, or a row that does not fit, named by file and row.

    >>> import arts
    >>> result = arts.evaluate("test.db", verifiers=["flow"])  # doctest: +SKIP
    >>> print(result.methods["flow"].best_of_n[16])  # doctest: +SKIP
    0.685 [0.62, 0.75]
    """
    _check(n, verifiers, aggregations, margin, where, drill_down, seed)
    with opened_grader(grader) as judge:

        def read(path: StrPath, names: Sequence[str] | None = None) -> Samples:
            found = read_samples(path, log=log, splitter=splitter, grader=judge, verdicts=verdicts, scores=names)
            for note in found.notes:
                on_note(f"{found.path}: {note}")
            return found

        samples = source if isinstance(source, Samples) else read(source, scores)
        names = score_names(scores, samples)
        remark_on_units(names, score_unit, samples.trees, on_note)
        rival = None if policy is None else verdicts_by_problem(read(policy), samples, on_note)
        loaded = dict(_loaded(v) for v in usable(verifiers, samples.trees, on_note))
        judges = list(loaded.values())
        _check_against(against, [v.name for v in judges] + names)
        reference = None
        if calibration:
            place = Path(probes_store)
            reference = await count_success(samples, probes, backend, place, on_start=on_probes, on_rollout=on_rollout)
        on_start(EvaluationRun(samples=samples, verifiers=loaded))
        settings = Settings(
            ks=tuple(reachable(n, samples.trees, on_note)),
            aggregations=tuple(aggregations),
            against=against,
            margin=None if margin is None else margin / 100,
            where=tuple(where),
            drill_down=drill_down,
            seed=seed,
        )
        scored = [(name, score_unit) for name in names]
        found = observe(samples.problems, samples.trees, judges, judge, settings, scores=scored, reference=reference)
    checked = audited(samples.problems, samples.trees, logged=samples.logged, seed=seed) if audit else None
    stored = samples.kind == "store"
    about = About(
        source_kind="store" if stored else f"samples, format {samples.format}",
        verdicts="" if stored else samples.verdicts,
        proposer=samples.run_config.proposer or "",
        score_unit=score_unit if names else "",
        versions=versions(*VERSIONS),
        seed=seed,
        settings=samples.taken.with_scores(scores).named(),
    )
    return replace(found, policy=rival, audit=checked, about=about)


def _compared(watch: Callable[P, Coroutine[Any, Any, Cassette]]) -> Callable[P, Coroutine[Any, Any, Evaluation]]:
    async def evaluate_async(*args: P.args, **kwargs: P.kwargs) -> Evaluation:
        return compare(await watch(*args, **kwargs))

    evaluate_async.__doc__ = watch.__doc__
    return like(watch, evaluate_async, returns=Evaluation)


evaluate_async = _compared(observe_samples_async)
observe_samples, evaluate = blocking(observe_samples_async), blocking(evaluate_async)


def _check(
    n: Sequence[int],
    verifiers: Sequence[Scorer],
    aggregations: Sequence[Aggregation],
    margin: float | None,
    where: Sequence[str],
    drill_down: int,
    seed: int,
) -> None:
    for listed, given in (("n", n), ("verifiers", verifiers), ("where", where)):
        if isinstance(given, str | int):
            raise UsageError(f"{listed} is {given!r}; give a list")
    if not n or min(n) < 1:
        raise UsageError(f"n is {tuple(n)}; give numbers of samples, each 1 or more")
    if not aggregations:
        raise UsageError(f"aggregations is empty; give any of {', '.join(get_args(Aggregation))}")
    if margin is not None and not 0 < margin < 100:
        raise UsageError(f"margin is {margin:g}; give points of accuracy between 0 and 100")
    for name, value in (("drill_down", drill_down), ("seed", seed)):
        if value < 0:
            raise UsageError(f"{name} is {value}; use 0 or more")
    for expression in where:
        condition(expression)


def _check_against(against: str, scorers: Sequence[str]) -> None:
    """Refuse before anything is scored what cannot be a method's name."""
    if against not in (RANDOM, MAJORITY, ORACLE) and not any(against.startswith(f"{name} ") for name in scorers):
        there = ", ".join([RANDOM, MAJORITY, ORACLE, *(f"{name} best-of-N" for name in scorers)])
        raise UsageError(f"against: no method '{against}'; there are: {there}, and others of the table")


def _loaded(verifier: Scorer) -> tuple[str, Verifier | Family]:
    """What it was named with, and the verifier."""
    if not isinstance(verifier, str | os.PathLike):
        return verifier.name, verifier
    name, mark, folders = str(verifier).partition("=")
    if not mark:
        return str(verifier), load_verifier(verifier)
    members = tuple(load_verifier(folder) for folder in folders.split(",") if folder)
    if not name or len(members) < 2:
        raise UsageError(f"verifiers: '{verifier}' is no verifier of several seeds; give NAME=FOLDER,FOLDER,…")
    if len({m.unit for m in members}) > 1:
        raise UsageError(f"verifiers: those of '{name}' have different units; give seeds of one objective")
    return str(verifier), Family(name=name, members=members)
