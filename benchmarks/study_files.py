"""What arts makes of public result files, beside what their authors say of them.

    python benchmarks/study_files.py --clones FOLDER       # of the repositories in _public.py; writes docs/files.md

Every file is taken at the commit that is pinned there. No model is called.
"""

from pathlib import Path
from typing import Any

from _public import bring, public_parser
from _study import publish, runs
from public_files import files_page
from public_files.cases import CASES, Case

from arts.evaluation.reach import pass_at_k
from arts.logs.formats import LogOptions
from arts.logs.samples import read_samples, verdicts_of
from arts.problems.base import Verdict


def main() -> None:
    """Measure every file and write the page."""
    given = public_parser(__doc__, "runs/files").parse_args()
    cases = CASES[-2:] if given.quick else CASES
    results = {"files": [measure(case, bring(given.clones, case.repository, case.path, runs(given))) for case in cases]}
    publish(given, results, files_page.write_page, "public_files", "files.md")


def measure(case: Case, file: Path) -> dict[str, Any]:
    """Accuracy by our grader and by the file's verdicts, and how often the two differ."""
    found = read_samples(file, log=LogOptions(fields=case.fields))
    verdicts = [v for tree in found.trees for v in verdicts_of(tree)]
    logged = [v for p in found.problems for v in found.logged[p.id]]
    both = [(ours, theirs) for ours, theirs in zip(verdicts, logged, strict=True) if theirs is not None]
    return {
        "kind": case.kind,
        "what": case.what,
        "file": case.path,
        "repository": case.repository.link,
        "licence": case.repository.licence,
        "command": " ".join(["arts evaluate", Path(case.path).name, case.flags]).strip(),
        "stated": None if case.stated is None else {"percent": case.stated[0], "where": case.stated[1]},
        "why": case.why,
        "problems": len(found.problems),
        "samples": len(verdicts),
        "ours": pass_at_k(found.trees, (), 0)[1],
        "ungraded": sum(v is Verdict.UNGRADED for v in verdicts),
        "logged": sum(theirs is Verdict.CORRECT for _, theirs in both) / len(both) if both else None,
        "differ": sum(ours is not theirs for ours, theirs in both) if both else None,
        "taken": found.taken.lines(),
        "format": found.format,
    }


if __name__ == "__main__":
    main()
