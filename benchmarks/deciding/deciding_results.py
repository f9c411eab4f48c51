"""From kept scores to estimates: every way of deciding on a file, against majority, with what can be told at all."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from _page import rounded
from _study import Floats
from deciding.files import FILES, LEARNED, MIXTURES, PUBLISHED_MINIMUM
from deciding.scorers import Bools, auc, boxed, learned_stem, selector

from arts.evaluation.candidates import Candidates
from arts.evaluation.intervals import gap_closed, mean, paired_difference
from arts.evaluation.methods import MAJORITY, ORACLE, RANDOM, Method, methods
from arts.evaluation.paired import holm, paired_test
from arts.evaluation.power import detectable_difference, problems_needed
from arts.selection.scores import Aggregation
from arts.selection.selectors import SELECTORS

TO_SHOW = 0.05
"""A difference of accuracies for which the number of problems is given that would show it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scorer:
    """Kept scores of one name, by seed; ``mixture`` is what a verifier was trained on."""

    name: str
    mixture: str | None
    paths: tuple[Path, ...]
    aggregations: tuple[Aggregation, ...] = ("last",)


def scorers(folder: Path, name: str, seeds: int) -> list[Scorer]:
    """All scorers of a file: given and simple ones, then those trained for it, mixture by mixture."""
    about = FILES[name]
    plain = [*([about.given[0]] if about.given else []), *about.untrained]
    found = [Scorer(name=n, mixture=None, paths=(folder / f"{n}.npz",)) for n in plain]
    for mixture in (m for m, (_, tested) in MIXTURES.items() if name in tested):
        for variant in LEARNED:
            paths = tuple(folder / f"{learned_stem(mixture, variant.name, seed)}.npz" for seed in range(seeds))
            how: tuple[Aggregation, ...] = ("last", "min") if variant.name in PUBLISHED_MINIMUM else ("last",)
            found.append(Scorer(name=variant.name, mixture=mixture, paths=paths, aggregations=how))
    return found


def summarise(folder: Path, name: str, candidates: Candidates, seeds: int) -> dict[str, Any]:
    """A file's part of the results; differences to majority, with all the file's samples, are adjusted together."""
    ks, top = FILES[name].ks, max(FILES[name].ks)
    table = list(_rows(candidates, scorers(folder, name, seeds), ks))
    plain = {m.name: m.per_problem for _, m in table if m.name in (RANDOM, MAJORITY, ORACLE)}
    box = boxed(candidates)
    rows = [_row(scorer, m, plain, ks) | _aucs(scorer, m, candidates.correct, box) for scorer, m in table]
    tests = [row["against_majority"] for row in rows if row["against_majority"]]
    for test, p in zip(tests, holm([test["p"] for test in tests]), strict=True):
        test["p_adjusted"] = round(float(p), 5)
    right = candidates.correct.sum(axis=1)
    return {
        "about": FILES[name].recorded.about,
        "problems": len(right),
        "samples": candidates.n,
        "ks": list(ks),
        "right": int(right.sum()),
        "boxed": round(float(box.mean()), 5),
        "mixed": int(((right > 0) & (right < candidates.n)).sum()),
        "open": int((plain[ORACLE][top] > plain[MAJORITY][top]).sum()),
        "ceiling": _against(plain[ORACLE][top], plain[MAJORITY][top]),
        "methods": rows,
    }


def _rows(candidates: Candidates, of: Sequence[Scorer], ks: Sequence[int]) -> Iterator[tuple[Scorer | None, Method]]:
    """Random choice, majority, each scorer's ways of deciding, oracle."""
    random, majority, oracle = methods(candidates, [], ks, 0)
    yield from ((None, random), (None, majority))
    for scorer in of:
        selectors = [selector(path, scorer.name, how) for how in scorer.aggregations for path in scorer.paths]
        yield from (
            (scorer, m) for m in methods(candidates, selectors, ks, 0) if m.name not in (RANDOM, MAJORITY, ORACLE)
        )
    yield None, oracle


def _row(
    scorer: Scorer | None, m: Method, plain: Mapping[str, Mapping[int, Floats]], ks: Sequence[int]
) -> dict[str, Any]:
    decided = m.per_problem[max(ks)]
    single, majority, best = (plain[name][max(ks)] for name in (RANDOM, MAJORITY, ORACLE))
    compared = m.name not in (RANDOM, MAJORITY, ORACLE)
    return {
        "name": m.name,
        "scorer": scorer.name if scorer else None,
        "mixture": scorer.mixture if scorer else None,
        "rule": {"random": "one sample", "oracle": "oracle"}.get(m.selector, SELECTORS[m.selector].title),
        "seeds": m.seeds,
        "accuracy": {str(k): rounded(mean(m.per_problem[k])) for k in ks},
        "gap_closed": rounded(gap_closed(decided, single, best)) if m.name not in (RANDOM, ORACLE) else None,
        "against_majority": _against(decided, majority) if compared else None,
    }


def _aucs(scorer: Scorer | None, m: Method, correct: Bools, box: Bools) -> dict[str, Any]:
    """By the last score, of all candidates and of those with a box, where some have none."""
    if not scorer or m.name != f"{scorer.name} best-of-N":
        return {"auc": None, "auc_boxed": None}
    kept = [selector(path, scorer.name, "last").scores for path in scorer.paths]
    every, within = (np.stack([auc(correct, s, among) for s in kept]) for among in (np.ones_like(box), box))
    some = box.any() and not box.all() and scorer.name != "box"
    return {"auc": rounded(mean(every)), "auc_boxed": rounded(mean(within)) if some else None}


def _against(a: Floats, b: Floats) -> dict[str, Any]:
    """The difference, its test, and what so many problems can show when differences vary as these do."""
    test = paired_test(a, b)
    spread = float((np.atleast_2d(a).mean(axis=0) - b).std(ddof=1))
    return {
        "difference": rounded(paired_difference(a, b)),
        "test": test.test,
        "wins": test.wins,
        "losses": test.losses,
        "p": round(test.p, 5),
        "detectable": round(detectable_difference(len(b), spread), 5),
        "needed": problems_needed(TO_SHOW, spread),
    }
