"""The diagnosis of two sets of samples, part by part."""

from collections.abc import Mapping, Sequence

import numpy as np
from msgspec import structs

from arts.squeeze.diagnosis.curves import curves
from arts.squeeze.diagnosis.diversity import diversity
from arts.squeeze.diagnosis.pairs import Pair, Side
from arts.squeeze.diagnosis.parts import Both, ChangesResult, Origin, ProblemRow, SideResult
from arts.squeeze.diagnosis.planning import needed, plan
from arts.squeeze.diagnosis.recovery import recovery
from arts.squeeze.diagnosis.results import Diagnosis
from arts.squeeze.diagnosis.significance import Changes, find_changes, mcnemar, upper_bound

LONGEST_QUESTION = 1_000
"""Characters of a question that the result keeps."""
UNKNOWN = Both(base=Origin(), rl=Origin())


def diagnose(
    pair: Pair,
    *,
    rate: float,
    seed: int,
    origins: Both[Origin] = UNKNOWN,
    notes: Sequence[str] = (),
    about: Mapping[str, str] | None = None,
) -> Diagnosis:
    """Everything that the samples tell.

    ``rate`` is that of false discoveries among the problems found. ``origins`` (where samples come from), ``notes``
    (what has to be known to read the numbers) and ``about`` become part of the result.
    """
    changes = find_changes(pair, rate)
    planned = plan(pair, changes, seed)
    more = needed(pair, planned) if planned else [None] * len(pair.problems)
    return Diagnosis(
        matching=pair.matching,
        sides=Both(base=_side(origins.base, pair.base), rl=_side(origins.rl, pair.rl)),
        notes=list(notes),
        curves=curves(pair, seed),
        changes=ChangesResult(
            rate=rate,
            test="Fisher's exact test, two-sided; Benjamini-Hochberg",
            counts=changes.counts(),
            tested=int(changes.tested.sum()),
            level=changes.level,
            mcnemar=mcnemar(pair),
            plan=planned,
        ),
        problems=_problems(pair, changes, more),
        recovery=recovery(pair, seed),
        diversity=diversity(pair, seed),
        about=dict(about or {}),
    )


def _side(origin: Origin, side: Side) -> SideResult:
    return SideResult(
        **structs.asdict(origin),
        samples=len(side.owner),
        least_samples=int(side.n.min()),
        most_samples=int(side.n.max()),
        ungraded_share=float(side.ungraded.mean()),
        last_numbers=side.last_numbers,
    )


def _problems(pair: Pair, changes: Changes, more: Sequence[int | None]) -> list[ProblemRow]:
    """A row per problem, the most significant first."""
    base, rl = ([(int(c), int(n)) for c, n in zip(s.c, s.n, strict=True)] for s in (pair.base, pair.rl))
    rows = [
        ProblemRow(
            id=problem.id,
            question=problem.question[:LONGEST_QUESTION],
            base=base[i],
            rl=rl[i],
            p=float(changes.p[i]),
            adjusted=None if np.isnan(changes.adjusted[i]) else float(changes.adjusted[i]),
            change=changes.change[i],
            rl_at_most=None if rl[i][0] else upper_bound(rl[i][1]),
            needed=more[i],
        )
        for i, problem in enumerate(pair.problems)
    ]
    return sorted(rows, key=lambda row: (row.p, row.id))
