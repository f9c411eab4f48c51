"""What the reports of one run and of two have alike: tests of pairs, and what is reachable."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from arts.documents.document import Figure, Section, Table, line
from arts.documents.words import p_value, percent, points
from arts.estimate import UNDEFINED, Estimate
from arts.evaluation.parts import Comparisons, Pair

if TYPE_CHECKING:
    from arts.evaluation.results import Comparison


def pairs_table(
    title: str, note: str, header: list[str], rows: Sequence[tuple[list[str], Pair]], of: "Comparisons | Comparison"
) -> Table:
    """Pairs with what tests say of them, behind the cells that ``rows`` begin with."""
    interval = f"{1 - 2 * of.alpha:.0%} interval"
    header = [*header, "shown", "wins – losses", "p", "p, Holm", "test"]
    if of.margin is not None:
        header += [interval, "p of equivalence, Holm"]
        note += (
            f" Equal: within ± {points(of.margin)} points by two one-sided tests, Holm over these; their {interval}"
            " is valid for any number of problems, hence wider."
        )
    cells = [[*leading, *_tested(pair, of.alpha)][: len(header)] for leading, pair in rows]
    return Table(title=title, note=note, header=header, rows=cells)


def _tested(pair: Pair, alpha: float) -> list[str]:
    decided = UNDEFINED if pair.wins is None else f"{pair.wins} – {pair.losses}"
    ends, p = UNDEFINED, UNDEFINED
    if (test := pair.equivalence) and test.low is not None and test.high is not None:
        ends, p = f"[{100 * test.low:+.1f}, {100 * test.high:+.1f}]", p_value(test.p_adjusted)
    return [verdict(pair, alpha), decided, p_value(pair.p), p_value(pair.p_adjusted), pair.test, ends, p]


def verdict(pair: Pair, alpha: float) -> str:
    """What a comparison shows, in a word or two."""
    if pair.p_adjusted is None:
        return UNDEFINED
    equal = pair.equivalent(alpha)
    if pair.p_adjusted < alpha and pair.difference.value:
        word = "better" if pair.difference.value > 0 else "worse"
        return f"{word}, within the margin" if equal else word
    return "equal" if equal else "not shown"


def reach_section(
    caption: str,
    note: str,
    lines: Mapping[str, Mapping[int, Estimate]],
    difference: Mapping[int, Estimate] | None = None,
) -> Section:
    """pass@k by the name of each line, and of two runs their ``difference``."""
    figure = Figure(
        name="pass-at-k",
        caption=caption,
        x="k (samples)",
        y="problems, %",
        scale="powers of 2",
        lines={name: line(by_k, scale=100) for name, by_k in lines.items()},
    )
    columns = {name: {k: percent(e) for k, e in by_k.items()} for name, by_k in lines.items()}
    if difference is not None:
        columns["B − A"] = {k: percent(e, signed=True) for k, e in difference.items()}
    first = next(iter(columns.values()))
    rows = [[str(k), *(column[k] for column in columns.values())] for k in first]
    table = Table(title="pass@k", note=note, header=["k", *columns], rows=rows)
    return Section(name="reach", title="What is reachable", figures=[figure], tables=[table])
