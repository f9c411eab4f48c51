"""Write docs/paper.md from the results that are committed.

python benchmarks/page_paper.py
python benchmarks/page_paper.py --reports runs/paper      # prints it with the reports that study_paper.py has made
"""

import argparse
import sys
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from _page import Part, percent, table
from paper.cost import cost_table
from paper.paper_steps import HERE
from paper.places import ROOT, Notes
from scipy.stats import binomtest

from arts.estimate import Estimate

SETTINGS = {
    "testbed": "testbed: bundled model, congruences",
    "svamp": "recorded: Qwen2.5-Coder-0.5B, SVAMP",
    "math": "recorded: Qwen2.5-1.5B, MATH-500",
    "gpu": "the paper's configuration, here",
}
BANNER = "> **A rehearsal**: the last column is of small models in place of the large, and its numbers mean nothing."
REHEARSED = "rehearsal with small models, no evidence"
MARGIN = 0.03
"""Accuracy within which two methods count as equal, as in benchmarks/squeeze."""
VERDICTS = ("reproduced", "contradicted", "undecided")
SOLVED = (373, 369, 337)
"""Of 500 problems: the published accuracies of ARTS, PRM and RM, as nearly as a whole number of problems comes."""


def contents(hardest: int = 5) -> dict[str, Any]:
    """What table.toml says; in a report, ``hardest`` is the level that stands for level 5."""
    text = (HERE / "table.toml").read_text(encoding="utf-8")
    return tomllib.loads(text.replace("g/subsets/level 5/", f"g/subsets/level {hardest}/"))


def page(of: Part, notes: Notes) -> str:
    """The text of page.md with tables and lists in their places, then the footnotes."""
    text = (HERE / "page.md").read_text(encoding="utf-8")
    parts = {
        "found": found(of["claim"], notes),
        "claims": claims_table(of["claim"], notes),
        "published": quantities(of["published"], notes),
        "noise": noise(),
        "beside": quantities(of["beside"], notes),
        "cost": cost_table(),
    }
    for name, part in parts.items():
        text = text.replace(f"{{{{{name}}}}}", part)
    return f"{text}{notes.footnotes()}\n"


def quantities(rows: Sequence[Part], notes: Notes) -> str:
    """Quantities by settings."""
    lines = []
    for row in rows:
        published = f"{row['paper']:.1f}" if "paper" in row else "–"
        lines.append([row["quantity"], published, *(cell(row.get(s), notes) for s in SETTINGS)])
    return table(("", "paper: Qwen2.5-7B, MATH-500", *SETTINGS.values()), lines)


def cell(place: str | None, notes: Notes, *, signed: bool = False) -> str:
    """Percent with its interval and the mark of its footnote; what stands for it where there is none."""
    if place is None:
        return "–"
    if absent := notes.absent(place):
        return absent
    return percent(notes.number(place), signed=signed, undefined="undefined") + notes.mark(place)


RULES: Mapping[str, Callable[[Sequence[Estimate]], str]] = {
    "positive": lambda e: _side(e[0].low, e[0].high),
    "negative": lambda e: _side(-e[0].high, -e[0].low),
    "equal": lambda e: _equal(e[0].low, e[0].high),
    "over half": lambda e: _side(e[0].low - 0.5, e[0].high - 0.5),
    "apart": lambda e: _side(e[0].low - e[1].high, e[0].high - e[1].low),
}
"""What an interval, or two, say about a claim."""


def _side(low: float, high: float) -> str:
    return "reproduced" if low > 0 else "contradicted" if high < 0 else "undecided"


def _equal(low: float, high: float) -> str:
    if low >= -MARGIN and high <= MARGIN:
        return "reproduced"
    return "contradicted" if low > MARGIN or high < -MARGIN else "undecided"


def verdict(claim: Part, setting: str, notes: Notes) -> str:
    """What a setting says about a claim; empty where it says nothing."""
    places = claim.get(setting, ())
    if not places or any(notes.absent(place) for place in places):
        return ""
    numbers = [notes.number(place) for place in places]
    rule = claim.get(f"{setting}_is", claim["is"])
    return RULES[rule](numbers) if all(number.defined for number in numbers) else "undecided"


def claims_table(claims: Sequence[Part], notes: Notes) -> str:
    """Every claim with the numbers that speak for or against it."""
    rows = [[c["text"], c["published"], *(_evidence(c, s, notes) for s in SETTINGS)] for c in claims]
    return table(("claim", "paper", *SETTINGS.values()), rows)


def _evidence(claim: Part, setting: str, notes: Notes) -> str:
    places = claim.get(setting, ())
    missing = next((notes.absent(p) for p in places if notes.absent(p)), "")
    if not places or missing:
        return missing or "–"
    shown = [cell(p, notes, signed=claim["is"] in ("positive", "equal")) for p in places]
    return f"**{verdict(claim, setting, notes)}**: {' against '.join(shown)}"


def found(claims: Sequence[Part], notes: Notes) -> str:
    """The claims by what the testbed says about them."""
    by = {name: [c["text"] for c in claims if verdict(c, "testbed", notes) == name] for name in VERDICTS}
    lines = (f"- **{name.capitalize()} on the testbed** ({len(of)}): {'; '.join(of)}." for name, of in by.items() if of)
    return "\n".join(lines)


def noise() -> str:
    """Published accuracies with the interval that so many problems give."""
    shown = []
    for solved in SOLVED:
        low, high = binomtest(solved, 500).proportion_ci(method="wilson")
        shown.append(percent(Estimate(value=solved / 500, low=low, high=high, n=500, method="Wilson")))
    return ", ".join(shown)


def main() -> int:
    """Write the page, or print it with reports that are elsewhere."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reports", type=Path, help="folder with report/ and policy-report/")
    parser.add_argument("--rehearsal", action="store_true", help="say that the reports are of small models")
    parser.add_argument("--hardest", type=int, default=5, help="the level in them that stands for level 5")
    args = parser.parse_args()
    of = contents(args.hardest)
    if args.reports is None:
        (ROOT / "docs" / "paper.md").write_text(page(of, Notes(sources=of["sources"])), encoding="utf-8")
        return 0
    for mark, name in (("g", "report"), ("p", "policy-report")):
        of["sources"][mark] = {**of["sources"][mark], "file": str(args.reports.resolve() / name / "report.json")}
        del of["sources"][mark]["absent"]
    text = page(of, Notes(sources=of["sources"]))
    if args.rehearsal:
        text = f"{BANNER}\n\n{text.replace(SETTINGS['gpu'], REHEARSED)}"
    sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
