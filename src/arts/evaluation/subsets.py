"""The subsets of a report: how every method does on the problems of one level, one type, one zone."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median_low
from typing import Any

import numpy as np
from msgspec import structs

from arts.arrays import Bools, Ints
from arts.documents.words import span
from arts.evaluation import zones
from arts.evaluation.answer_types import ANSWER_TYPES, answer_type
from arts.evaluation.candidates import Candidates, CandidateScores
from arts.evaluation.intervals import mean
from arts.evaluation.methods import Method
from arts.evaluation.parts import Kind, Subset
from arts.evaluation.solve_rates import RARE, ZONE_SAMPLES
from arts.evaluation.steps import depth_groups
from arts.problems.base import Problem
from arts.where import condition

LEAST = 2
"""Problems that a group needs to be shown."""
MOST_GROUPS = 20
"""Groups of one kind that are shown, the largest ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Panel:
    """What all subsets are cut from."""

    table: Sequence[Method]
    k: int
    policy: zones.Counts | None
    seed: int

    def on(self, mask: Bools, *, name: str, kind: Kind, note: str) -> Subset:
        """The methods' decisions between all samples of some problems, (P,), which were chosen by other things."""
        own = None if self.policy is None else zones.policy_on(self.policy, mask.astype(np.float64), self.seed)
        return Subset(
            name=name,
            kind=kind,
            problems=float(mask.sum()),
            k=self.k,
            note=note,
            label_noise=None,
            methods={m.name: mean(m.per_problem[self.k][..., mask], self.seed) for m in self.table},
            policy=own,
        )


def subset_panel(
    candidates: Candidates,
    scored: Sequence[CandidateScores],
    table: Sequence[Method],
    k: int,
    *,
    policy: Mapping[str, Sequence[bool]] | None = None,
    where: Sequence[str] = (),
    seed: int = 0,
) -> list[Subset]:
    """Accuracy of every method of ``table`` at ``k`` by subset.

    In this order: levels, subjects, depths and answer types (kinds that tell the problems apart), one subset for each
    expression of ``where`` (:func:`arts.where.condition`), rare problems where there are four samples,
    problems extinct in a ``policy`` whose verdicts are given by problem id. ``label_noise`` is None unless samples
    label the problems; ``policy`` is the accuracy of one of its samples there, None without one.

    Raises:
        UsageError: an expression cannot be read.
    """
    counts = None if policy is None else zones.Counts.of(candidates.problems, policy)
    panel = _Panel(table=table, k=k, policy=counts, seed=seed)
    depths = np.array([median_low(tree.depth[leaf] for leaf in leaves) for tree, leaves in candidates.paths])
    types = [answer_type(p.answer) for p in candidates.problems]
    found = [
        *_grouped(panel, "level", [p.level for p in candidates.problems], "as the problem set gives it"),
        *_grouped(panel, "subject", [p.subject for p in candidates.problems], "as the problem set gives it"),
        *_by_depth(panel, depths),
        *_grouped(panel, "answer type", types, "how the answer key is written", order=ANSWER_TYPES),
        *_given(panel, candidates.problems, depths, types, where),
    ]
    found += _rare(panel, candidates, scored)
    if counts is not None:
        found.append(_extinct(panel, counts))
    return found


def _grouped(panel: _Panel, kind: Kind, values: Sequence[Any], note: str, order: Sequence[Any] = ()) -> list[Subset]:
    """One subset for each value that enough problems share; none where there would be only one."""
    count = Counter(v for v in values if v is not None)
    kept = [v for v, times in count.most_common(MOST_GROUPS) if times >= LEAST]
    if len(kept) < 2:
        return []
    lost = len(values) - sum(count[v] for v in kept)
    if lost:
        note += f"; {lost} of {len(values)} problems have none, or are in a group that is too small to be shown"
    kept.sort(key=order.index if order else None)
    name = "level {}" if kind == "level" else "{}"
    return [panel.on(np.array([x == v for x in values]), name=name.format(v), kind=kind, note=note) for v in kept]


def _by_depth(panel: _Panel, depths: Ints) -> list[Subset]:
    runs = depth_groups(depths)
    names = {int(d): _steps(int(run[0]), int(run[-1])) for run in runs for d in run}
    labels = [names[d] for d in depths.tolist()]
    note = (
        "median number of steps of the same samples, whose verdicts it does not know; cut into groups of similar size"
    )
    return _grouped(panel, "depth", labels, note, order=list(dict.fromkeys(names.values())))


def _steps(first: int, last: int) -> str:
    steps = span(first, last)
    return f"{steps} step" if steps == "1" else f"{steps} steps"


def _given(
    panel: _Panel, problems: Sequence[Problem], depths: Ints, types: Sequence[str], where: Sequence[str]
) -> list[Subset]:
    rows = zip(problems, types, depths.tolist(), strict=True)
    fields = [asdict(p) | {"answer_type": t, "depth": d} for p, t, d in rows]
    found = []
    for expression in where:
        holds = condition(expression)
        mask = np.array([holds(f) for f in fields])
        note = "the expression holds; a comparison with a missing field is false"
        found.append(panel.on(mask, name=expression, kind="given", note=note))
    return found


def _rare(panel: _Panel, candidates: Candidates, scored: Sequence[CandidateScores]) -> list[Subset]:
    found = zones.halved(candidates, scored, RARE, panel.seed)
    if found is None:
        return []
    counts = np.arange(found.half + 1)
    most = int(counts[RARE.labels(counts, found.half)].max())
    note = (
        f"{_range(1, most)} of {found.half} samples correct; labelled on one half of the samples, decided on the other,"
        f" over {zones.SPLITS} random halvings"
    )
    if found.half * RARE.most < ZONE_SAMPLES:
        note += "; one in so few is above the rates of the zone, so that most labels are false"
    own = None if panel.policy is None else zones.policy_on(panel.policy, found.labelled, panel.seed)
    return [
        Subset(
            name="rare",
            kind="rare",
            problems=float(found.labelled.sum()),
            k=found.half,
            note=note,
            label_noise=zones.halved_noise(found, candidates, RARE, panel.seed),
            methods=found.accuracy(found.fair, panel.seed),
            policy=own,
        )
    ]


def _extinct(panel: _Panel, policy: zones.Counts) -> Subset:
    drawn = policy.drawn[policy.drawn > 0].tolist()
    samples = _range(min(drawn), max(drawn)) if drawn else "0"
    note = (
        f"none of the policy's {samples} samples correct; methods decide between samples of the base model; the"
        " policy's accuracy, 0 on the samples that label, is that of one half of them where the other has none correct"
    )
    shown = panel.on(zones.extinct(policy), name="extinct", kind="extinct", note=note)
    noise, own = zones.extinct_noise(policy, panel.seed), zones.policy_where_extinct(policy, panel.seed)
    return structs.replace(shown, label_noise=noise, policy=own)


def _range(first: int, last: int) -> str:
    return f"{first}" if first == last else f"{first} to {last}"
