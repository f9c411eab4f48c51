"""From arguments to a command's Config: defaults, then the ``--config`` file, then flags."""

import contextlib
import io
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from arts.config import dump_toml, load_toml
from arts.errors import UsageError

C = TypeVar("C")


def parse(cls: type[C], args: Sequence[str], *, prog: str, description: str) -> C | None:
    """The resolved Config, or None when ``--dry-run`` has printed it.

    Raises:
        UsageError: for a flag, one with several values that is given twice, a missing value of ``--config`` or a file
            that does not fit ``cls``.
        SystemExit: with code 0, after ``--help``.
    """
    import tyro

    rest = [part for arg in args for part in (arg.split("=", 1) if arg.startswith("--config=") else [arg])]
    dry_run = "--dry-run" in rest
    if dry_run:
        rest.remove("--dry-run")
    default: C | None = None
    if "--config" in rest:
        at = rest.index("--config")
        if at + 1 >= len(rest):
            raise UsageError("--config needs a file: --config run.toml")
        default = load_toml(Path(rest[at + 1]), cls)
        del rest[at : at + 2]
    _refuse_repeated(cls, rest)
    default_or_missing: Any = tyro.MISSING_NONPROP if default is None else default
    complaint = io.StringIO()
    try:
        with contextlib.redirect_stderr(complaint):
            config: C = tyro.cli(cls, args=rest, default=default_or_missing, prog=prog, description=description)
    except SystemExit as end:
        if end.code in (0, None):
            raise
        raise UsageError(f"{_one_line(complaint.getvalue())} ({prog} --help lists the flags)") from None
    if dry_run:
        sys.stdout.write(dump_toml(config))
        return None
    return config


def _refuse_repeated(cls: type, args: Sequence[str]) -> None:
    """Of a flag that takes several values the last occurrence would win, and the others be lost without a word."""
    given = Counter(arg.partition("=")[0].replace("_", "-") for arg in args if arg.startswith("--"))
    for flag in _lists(cls, "--"):
        if given[flag] > 1:
            raise UsageError(f"{flag} is given {given[flag]} times; write all its values after one: {flag} A B")


def _lists(cls: Any, prefix: str) -> Iterator[str]:
    """The flags that take several values."""
    for name, hint in get_type_hints(cls).items():
        flag = prefix + name.replace("_", "-")
        if is_dataclass(hint):
            yield from _lists(hint, f"{flag}.")
        elif any(get_origin(part) is tuple for part in (hint, *get_args(hint))):
            yield flag


def _one_line(boxed: str) -> str:
    """What a framed message says, without its frame, its rules and its own pointer to the help."""
    words = re.sub(r"[─-╿]+|\x1b\[[0-9;]*m", " ", boxed.partition("For full helptext")[0])
    return " ".join(words.split()).removeprefix("Parsing error ").removeprefix("Unrecognized options ")
