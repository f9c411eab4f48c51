"""What the pages of the studies are made of: results as JSON, estimates in words, tables, figures, the written part.

A study hands in nested dicts and lists with an :class:`arts.estimate.Estimate` at their leaves; its page is made from
what JSON keeps of that, so a page can be written again from a ``results.json`` alone.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from arts.estimate import NOTHING, Estimate

Part = Mapping[str, Any]
"""An object of a results file."""
END = "<!-- end of tables -->"


def as_json(results: Any) -> Any:
    """Results as a file of them gives them back: estimates are objects, an undefined number is None."""
    return msgspec.json.decode(_encoded(results))


def write_json(results: Any, path: Path) -> None:
    """One value a line, so that two versions can be compared."""
    path.write_bytes(msgspec.json.format(_encoded(results), indent=1) + b"\n")


def _encoded(results: Any) -> bytes:
    return msgspec.json.encode(results, enc_hook=lambda scalar: scalar.item())  # numpy's


def estimate(found: Estimate | Part | None) -> Estimate:
    """An estimate out of a results file, whose ``n`` and ``method`` may be missing; undefined where there is none."""
    if found is None or isinstance(found, Estimate):
        return found or NOTHING
    n, method = int(found.get("n", 0)), found.get("method", "")
    return Estimate(value=found["value"], low=found["low"], high=found["high"], n=n, method=method)


def rounded(of: Estimate) -> Estimate:
    """To five digits: more than some hundred problems can tell."""
    return msgspec.structs.replace(of, value=round(of.value, 5), low=round(of.low, 5), high=round(of.high, 5))


def number(found: Estimate | Part | None, *, digits: int = 2, signed: bool = False, undefined: str = "") -> str:
    """``0.57 [0.52, 0.62]``; without the interval where there is none, ``undefined`` where there is no value."""
    of, form = estimate(found), f"{'+' if signed else ''}.{digits}f"
    if not of.defined:
        return undefined
    return f"{of.value:{form}}" if math.isnan(of.low) else f"{of.value:{form}} [{of.low:{form}}, {of.high:{form}}]"


def percent(found: Estimate | Part | None, *, signed: bool = False, undefined: str = "") -> str:
    """``57.3 [52.1, 62.4]`` for 0.573; of a difference, ``signed``, ``+5.1 [+1.0, +9.3]``."""
    of = estimate(found)
    hundredfold = msgspec.structs.replace(of, value=100 * of.value, low=100 * of.low, high=100 * of.high)
    return number(hundredfold, digits=1, signed=signed, undefined=undefined)


def percents(values: Iterable[float]) -> str:
    """Several numbers without intervals, as those of the seeds: ``57.3 / 58.1``."""
    return " / ".join(f"{100 * value:.1f}" for value in values)


def table(header: Sequence[str], rows: Iterable[Sequence[str]], *, rule: str = "---") -> str:
    """A Markdown table; ``rule`` ``---:`` aligns its columns to the right."""
    return "\n".join(f"| {' | '.join(line)} |" for line in (header, [rule] * len(header), *rows))


def write_part(path: Path, script: str, body: str) -> None:
    """Put a body between the marks of the script that writes it, at the end of a page without them; the rest stays."""
    begin = f"<!-- tables: written by benchmarks/{script} -->"
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    before, _, rest = text.partition(begin)
    after = rest.partition(END)[2] or "\n"
    path.write_text(f"{before}{begin}\n\n{body}\n{END}{after}", encoding="utf-8")


@contextmanager
def drawn(path: Path, panels: int = 1, **how: Any) -> Iterator[Any]:
    """The axes of a figure, an array of them with more ``panels``; saved as SVG, for equal numbers the same bytes."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "arts"
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(1, panels, **how)
    yield axes
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def bars(found: Iterable[Part]) -> tuple[list[float], list[list[float]]]:
    """Values in percent, and how far their intervals reach to either side, as matplotlib takes error bars."""
    of = [estimate(one) for one in found]
    values = [100 * e.value for e in of]
    below = [value - 100 * e.low for value, e in zip(values, of, strict=True)]
    above = [100 * e.high - value for value, e in zip(values, of, strict=True)]
    return values, [below, above]
