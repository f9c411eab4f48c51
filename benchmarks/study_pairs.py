"""What reinforcement learning took and gave in public result files, beside what their authors say.

    python benchmarks/study_pairs.py --clones FOLDER       # of the repositories in _public.py
    python benchmarks/study_pairs.py --clones FOLDER --quick

Writes the last part of docs/squeeze-diagnose.md. Every file is taken at the commit that is pinned. No model is called.
"""

from pathlib import Path
from typing import Any

from _public import bring, public_parser
from _study import publish, runs
from msgspec import structs
from public_pairs import pairs_page
from public_pairs.pairs import PAIRS, Pair

from arts.workflows.diagnose import diagnose


def main() -> None:
    """Diagnose every pair and write the page."""
    given = public_parser(__doc__, "runs/pairs").parse_args()
    pairs = PAIRS[:1] if given.quick else PAIRS
    results = {"pairs": [measure(pair, given.clones, runs(given)) for pair in pairs]}
    publish(given, results, pairs_page.write_page, "public_pairs", "squeeze-diagnose.md")


def measure(pair: Pair, clones: Path, out: Path) -> dict[str, Any]:
    """The diagnosis, as far as the page shows it."""
    base, rl = (bring(clones, pair.repository, path, out) for path in (pair.base, pair.rl))
    found = diagnose(base, rl)
    curves, changes = found.curves, found.changes
    return {
        "name": pair.name,
        "models": pair.models,
        "problems": pair.problems,
        "repository": pair.repository.link,
        "licence": pair.repository.licence,
        "command": pair.command,
        "stated": {str(k): list(values) for k, values in pair.stated.items()},
        "where": pair.where,
        "said": pair.said,
        "headline": str(found),
        "verdicts": [found.sides.base.verdicts, found.sides.rl.verdicts],
        "curves": {
            name: {str(k): e for k, e in getattr(curves, name).items()}
            for name in ("base", "rl", "difference", "lost", "gained")
        },
        "crossing": None if curves.crossing is None else structs.asdict(curves.crossing),
        "counts": changes.counts,
        "mcnemar": None if changes.mcnemar is None else structs.asdict(changes.mcnemar),
        "moved": _moved([(row.base[0], row.rl[0]) for row in found.problems]),
    }


def _moved(counts: list[tuple[int, int]]) -> dict[str, int]:
    """Problems by what their counts of correct samples did."""
    return {
        "more often": sum(0 < before < after for before, after in counts),
        "for the first time": sum(before == 0 < after for before, after in counts),
        "less often": sum(before > after > 0 for before, after in counts),
        "no longer": sum(before > after == 0 for before, after in counts),
        "as often": sum(before == after for before, after in counts),
    }


if __name__ == "__main__":
    main()
