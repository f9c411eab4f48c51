"""The tables of docs/objectives.md; the text around them is written by hand and stays."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from _page import Part, number, percent, table, write_part
from objectives.variants import VARIANTS

OTHER_KS = (2, 4, 8, 64)
"""Numbers of samples that the first table does not have."""


def write_page(results: Part, path: Path) -> None:
    """Put the tables into the page."""
    write_part(path, "study_objectives.py", tables(results))


def tables(results: Part) -> str:
    """All tables, as Markdown."""
    testbed = results["testbed"]
    seeds = f"{results['seeds']} seeds"
    parts = [
        f"### Testbed: {testbed['problems']} test problems, {seeds}\n",
        "Accuracy in percent with N = 16: best-of-16 with each aggregation of the step scores, and the vote by the last"
        " one.\n",
        table(
            ("method", "last", "min", "product", "mean", "vote"),
            _rows(testbed, [*(f"best {a} 16" for a in ("last", "min", "product", "mean")), "vote 16"], plain=16),
        ),
        "\nBest-of-N by the last score, and vote, as N grows.\n",
        table(
            ("method", *(f"best-of-{k}" for k in OTHER_KS), *(f"vote of {k}" for k in OTHER_KS)),
            _rows(testbed, [*(f"best last {k}" for k in OTHER_KS), *(f"vote {k}" for k in OTHER_KS)]),
        ),
        "\nOther measures. Rare: best-of-8 on problems that the other eight samples label rare. AUC: a correct"
        " candidate above an incorrect one of its problem. First error: the first wrong line is where the score drops"
        " most."
        f" Rank and calibration error: {testbed['states']['states']} inner states against"
        f" {testbed['states']['rollouts']:,} counted continuations.\n",
        table(("objective", "rare", "AUC", "first error", "Spearman", "calibration error (× 100)"), _measures(testbed)),
        "\nSpearman rank correlation with counted success, by depth of the state.\n",
        _by_depth(testbed["states"]["variants"]),
        f"\n{results['validation']['problems']} validation problems; the best mean of best-of-16 and vote has"
        f" `{results['chosen_on_validation']}`.\n",
        table(
            ("method", "best-of-16", "vote of 16"), _rows(results["validation"], ["best last 16", "vote 16"], plain=16)
        ),
        f"\nTest problems: `{results['compared']}` minus the others, in points, paired.\n",
        _differences(testbed["differences"]),
        "\nTest problems: every objective minus the published baselines, best-of-16 by the last score of both.\n",
        _against_baselines(testbed["against_baselines"]),
    ]
    for found in results["recorded"].values():
        top = found["top"]
        parts += [
            f"\n### {found['about']}: {found['problems']} test problems, N = {top}, {seeds}\n",
            table(
                ("method", "last", "min", "product", "mean", "vote", "AUC"),
                _rows(
                    found,
                    [*(f"best {a} {top}" for a in ("last", "min", "product", "mean")), f"vote {top}", "auc"],
                    plain=top,
                ),
            ),
            f"\n`{results['compared']}` minus the others, in points, paired.\n",
            _differences(found["differences"]),
        ]
    return "\n".join(parts)


def ordered(names: Iterable[str]) -> list[str]:
    """Names in the order of the variants, those of an earlier run last."""
    known = list(names)
    now = [v.name for v in VARIANTS]
    return [n for n in now if n in known] + [n for n in known if n not in now]


def _rows(found: Part, keys: Sequence[str], plain: int = 0) -> list[list[str]]:
    rows = []
    if plain:
        for name, key in (("one sample", "oracle 1"), ("majority", f"majority {plain}"), ("oracle", f"oracle {plain}")):
            where = "vote" if name == "majority" else "last"
            rows.append([name, *(percent(found["plain"][key]) if where in k else "" for k in keys)])
    methods = {**found["baselines"], **{n: found["variants"][n] for n in ordered(found["variants"])}}
    for name, row in methods.items():
        rows.append([name, *(percent(row[key]) if key in row else "" for key in keys)])
    return rows


def _measures(testbed: Part) -> list[list[str]]:
    rows = []
    for name in ordered(testbed["variants"]):
        row, states = testbed["variants"][name], testbed["states"]["variants"][name]
        cells = [percent(row[key]) for key in ("rare", "auc", "first error")]
        rows.append([name, *cells, number(states["spearman"]), percent(states["calibration error"])])
    baselines = [[n, percent(r["rare"]), percent(r["auc"]), "", "", ""] for n, r in testbed["baselines"].items()]
    return baselines + rows


def _by_depth(states: Part) -> str:
    names = ordered(states)
    depths = list(states[names[0]]["spearman by depth"])
    rows = [[n, *(number(states[n]["spearman by depth"][d]) for d in depths)] for n in names]
    return table(("objective", *(f"depth {d}" for d in depths)), rows)


def _differences(found: Part) -> str:
    rules = ("best-of-N", "vote")
    rows = [[n, *(percent(row[r], signed=True) if r in row else "" for r in rules)] for n, row in found.items()]
    return table(("against", *rules), rows)


def _against_baselines(found: Part) -> str:
    rows = [[n, *(percent(row[b], signed=True) if b in row else "" for b in ("prm", "rm"))] for n, row in found.items()]
    return table(("objective", "minus prm", "minus rm"), rows)
