"""List, show, fetch and check problem sets."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import tyro

from arts.cli.terminal import put, put_text, say
from arts.errors import UsageError
from arts.problems.check import Checked, KeyRemark, Overlap, check_problems
from arts.problems.fetch import Fetched, fetch_set, fetched
from arts.problems.graders import make_grader
from arts.problems.procedural import GYM, TASKS
from arts.problems.sets import SETS
from arts.workflows.tasks import CONGRUENCES, load_problems, other_splits, task_defaults

SHOWN = 10
"""Most lines of one kind that a check prints."""
TEMPLATE = 0.5
"""Share of near duplicates from which a set is taken to be made from templates, as all procedural ones are."""
WIDTH = 200
"""Longest such line in characters."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """Flags of ``arts problems``."""

    action: tyro.conf.Positional[Literal["list", "show", "fetch", "check"]]
    """list: the catalogue. show: some problems. fetch: bring a set here. check: counts, repetitions, wrong keys."""
    set: tyro.conf.Positional[str] = ""
    """A name of the list with or without :SPLIT, hf:REPO#SPLIT, or a .jsonl, .jsonl.gz or .parquet file."""
    limit: int | None = None
    """At most this many problems (show: 3 unless given)."""
    grader: str | None = None
    """Grader to check with: exact, math, or module:function of your own; default: the set's own."""
    file: Path | None = None
    """Fetch: a copy to take instead of asking the Hub; needs NAME:SPLIT where the set has several splits."""
    against: tuple[str, ...] = ()
    """Check: other sets to look for the same questions in; default: the other splits that are on this machine."""
    json: bool = False
    """Check: print everything that was found as JSON."""


def run(config: Config) -> int:
    """Do the action; data goes to stdout. A check that finds a wrong key is exit code 1."""
    if config.action == "list":
        _print(_tasks() if config.set == GYM else _catalogue())
        return 0
    if not config.set:
        raise UsageError(f"arts problems {config.action} needs a set: a name of 'arts problems list' or a .jsonl file")
    match config.action:
        case "show":
            for p in load_problems(config.set, limit=3 if config.limit is None else config.limit):
                put_text(f"{p.id}\n  {p.question}\n  key: {p.answer}")
            return 0
        case "fetch":
            return _fetch(config)
        case "check":
            return _check(config)


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        put(line)


def _catalogue() -> Iterator[str]:
    rows = [
        (CONGRUENCES, "train, validation, test", "generated", "Apache-2.0", "the bundled task: a x = b (mod m)"),
        *map(_entry, SETS),
        (GYM, "train, test", "generated", "Apache-2.0", f"{GYM}:TASK; the tasks: arts problems list {GYM}"),
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    yield from ("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def _entry(name: str) -> tuple[str, ...]:
    known = SETS[name]
    here = [split for split in known.splits if fetched(name, split)]
    where = "to fetch" if not here else "fetched" if len(here) == len(known.splits) else f"fetched: {', '.join(here)}"
    splits = ", ".join(f"{split} {known.splits[split].rows[0]:,}" for split in known.splits)
    return name, splits, where, known.licence, f"{known.about} ({known.hub_id})"


def _tasks() -> Iterator[str]:
    yield from (f"{GYM}:{task}" for task in TASKS)


def _fetch(config: Config) -> int:
    name, _, split = config.set.partition(":")
    if name not in SETS:
        raise UsageError(f"{config.set}: no set to fetch; there are: {', '.join(SETS)}")
    splits = [split] if split else [*SETS[name].splits]
    if config.file and len(splits) > 1:
        raise UsageError(f"{config.file}: say which split it is: {' or '.join(f'{name}:{split}' for split in splits)}")
    for split in splits:
        say(f"fetching {name}:{split}")
        _print(_fetched(f"{name}:{split}", fetch_set(name, split, file=config.file)))
    return 0


def _fetched(name: str, here: Fetched) -> Iterator[str]:
    yield f"{name}: {here.rows:,} problems from {here.origin}, sha256 {here.sha256}"
    for what, counts in (("left out", here.left_out), ("marked", here.marked)):
        if counts:
            yield f"  {what}: {', '.join(f'{count:,} {reason}' for reason, count in counts.items())}"
    yield f"  {here.path}"


def _check(config: Config) -> int:
    problems = load_problems(config.set, limit=config.limit)
    names = config.against or other_splits(config.set)
    others = {other: load_problems(other) for other in names if other != config.set}
    grader = make_grader(config.grader or task_defaults(config.set).grader)
    try:
        found = check_problems(config.set, problems, others, grader)
    finally:
        grader.close()
    if config.json:
        put_text(json.dumps(asdict(found), indent=1))
    else:
        _print(_table(found))
        _print(_remarks(found))
    return 1 if found.wrong else 0


def _table(found: Checked) -> Iterator[str]:
    yield f"{found.set}: {found.problems:,} problems"
    rows = [
        ("level", _counts(found.levels)),
        ("subject", _counts(found.subjects)),
        ("missing", _counts({field: count for field, count in found.missing.items() if count})),
        ("repeated within", _overlap(found.within)),
        *((f"repeats of {across.other}", f"{_overlap(across)} (of {across.problems:,})") for across in found.across),
        ("wrong keys", f"{len(found.wrong):,} ({found.stated:,} solutions state their answer)"),
        ("ungradable keys", f"{len(found.own_spelling):,}"),
        ("several boxes", f"{len(found.several_boxes):,}"),
        ("grading", _speed(found)),
    ]
    width = max(len(name) for name, _ in rows)
    yield from (f"  {name:<{width}}  {text or 'none'}" for name, text in rows)


def _speed(found: Checked) -> str:
    rate = found.pairs / max(found.seconds, 1e-9)
    hard = f", {found.respelled:,} of them by math-verify" if found.grader.startswith("math") else ""
    return f"{found.pairs:,} pairs in {found.seconds:.1f} s, {rate:,.0f}/s (grader {found.grader}{hard})"


def _counts(counts: dict[str, int]) -> str:
    shown = [f"{name} {count:,}" for name, count in counts.items()]
    more = [f"and {len(shown) - SHOWN} more"] if len(shown) > SHOWN else []
    return ", ".join(shown[:SHOWN] + more)


def _overlap(overlap: Overlap) -> str:
    template = "; a template, not listed" if _is_template(overlap) else ""
    return f"{len(overlap.same):,} the same, {len(overlap.near):,} the same but for numbers or a few words{template}"


def _is_template(overlap: Overlap) -> bool:
    return len(overlap.near) > TEMPLATE * max(1, overlap.checked)


def _remarks(found: Checked) -> Iterator[str]:
    yield from _some("wrong keys", map(_key, found.wrong))
    yield from _some("ungradable keys, right only as spelt", map(_key, found.own_spelling))
    for overlap in (found.within, *found.across):
        close = [] if _is_template(overlap) else sorted(overlap.near, key=lambda repeat: -repeat.jaccard)
        pairs = [f"{repeat.id} = {repeat.of} ({repeat.jaccard:g})" for repeat in [*overlap.same, *close]]
        yield from _some(f"the same or nearly the same in {overlap.other}", pairs)
    yield from _some("several boxes", found.several_boxes)


def _key(remark: KeyRemark) -> str:
    return f"{remark.id}: key {remark.key!r}: {remark.reason}"


def _some(title: str, lines: Iterable[str]) -> Iterator[str]:
    every: Sequence[str] = [*lines]
    if every:
        yield f"{title}:"
        yield from (f"  {line[:WIDTH]}" for line in every[:SHOWN])
        if len(every) > SHOWN:
            yield f"  and {len(every) - SHOWN:,} more; --json prints all"
