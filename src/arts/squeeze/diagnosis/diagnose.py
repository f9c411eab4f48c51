"""The whole diagnosis as one plain result."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from arts.squeeze.diagnosis.curves import curves
from arts.squeeze.diagnosis.diversity import diversity
from arts.squeeze.diagnosis.pairs import Pair, Side
from arts.squeeze.diagnosis.planning import plan
from arts.squeeze.diagnosis.recovery import recovery
from arts.squeeze.diagnosis.significance import Changes, find_changes, mcnemar, upper_bound

SCHEMA_VERSION = 1
LONGEST_QUESTION = 1_000
"""Characters of a question that the result keeps."""


def diagnose(
    pair: Pair,
    *,
    rate: float,
    seed: int,
    sides: Mapping[str, Mapping[str, Any]] | None = None,
    notes: Sequence[str] = (),
    about: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Everything a report shows, JSON-able; estimates are objects ``{value, low, high, n, method}``.

    ``rate`` is that of false discoveries among the problems found. ``sides`` ("base" and "rl": where samples come
    from), ``notes`` (what has to be known to read the numbers) and ``about`` become part of the result.
    """
    changes = find_changes(pair, rate)
    planned = plan(pair, changes, seed)
    needed = planned.pop("needed") if planned else [None] * len(pair.problems)
    return {
        "schema": SCHEMA_VERSION,
        "matching": dict(pair.matching),
        "sides": {
            name: {**(sides or {}).get(name, {}), **_sizes(side)}
            for name, side in (("base", pair.base), ("rl", pair.rl))
        },
        "notes": list(notes),
        "curves": curves(pair, seed),
        "changes": {
            "rate": rate,
            "test": "Fisher's exact test, two-sided; Benjamini-Hochberg",
            "counts": changes.counts(),
            "tested": int(changes.tested.sum()),
            "level": changes.level,
            "mcnemar": mcnemar(pair),
            "plan": planned,
        },
        "problems": _problems(pair, changes, needed),
        "recovery": recovery(pair, seed),
        "diversity": diversity(pair, seed),
        "about": dict(about or {}),
    }


def _sizes(side: Side) -> dict[str, Any]:
    return {
        "samples": len(side.owner),
        "least_samples": int(side.n.min()),
        "most_samples": int(side.n.max()),
        "ungraded_share": float(side.ungraded.mean()),
    }


def _problems(pair: Pair, changes: Changes, needed: Sequence[int | None]) -> list[dict[str, Any]]:
    """A row per problem, the most significant first; where RL solved none, ``rl_at_most`` bounds its rate at 95 %."""
    rows = []
    for i, problem in enumerate(pair.problems):
        d, m = int(pair.rl.c[i]), int(pair.rl.n[i])
        rows.append(
            {
                "id": problem.id,
                "question": problem.question[:LONGEST_QUESTION],
                "base": [int(pair.base.c[i]), int(pair.base.n[i])],
                "rl": [d, m],
                "p": float(changes.p[i]),
                "adjusted": None if np.isnan(changes.adjusted[i]) else float(changes.adjusted[i]),
                "change": changes.change[i],
                "rl_at_most": upper_bound(m) if d == 0 else None,
                "needed": needed[i],
            }
        )
    return sorted(rows, key=lambda row: (row["p"], str(row["id"])))
