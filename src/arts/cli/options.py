"""From arguments to a command's Config: defaults, then the ``--config`` file, then flags."""

import contextlib
import inspect
import io
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import field, fields, is_dataclass, make_dataclass
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from arts.cli.terminal import put_text
from arts.config import dump_toml, load_toml
from arts.errors import UsageError

C = TypeVar("C")
T = TypeVar("T")


FORMER = {"--rule": "--selector", "--record": "--cassette", "--no-record": "--no-cassette"}
"""Flags of 0.1 under their names of now; understood for a release."""


def parse(cls: type[C], args: Sequence[str], *, prog: str, description: str) -> C | None:
    """The resolved Config, or None when ``--dry-run`` has printed it.

    Raises:
        UsageError: for a flag, one with several values that is given twice, a missing value of ``--config`` or a file
            that does not fit ``cls``.
        SystemExit: with code 0, after ``--help``.
    """
    import tyro

    rest = [part for arg in args for part in (arg.split("=", 1) if arg.startswith("--config=") else [arg])]
    rest = [FORMER.get(flag, flag) + mark + value for flag, mark, value in (arg.partition("=") for arg in rest)]
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
    asked = _with_flags(cls, rest)
    default_or_missing: Any = tyro.MISSING_NONPROP if default is None else asked(**_values(default))
    complaint = io.StringIO()
    try:
        with contextlib.redirect_stderr(complaint):
            found = tyro.cli(asked, args=rest, default=default_or_missing, prog=prog, description=description)
            config = cls(**_values(found))
    except SystemExit as end:
        if end.code in (0, None):
            raise
        raise UsageError(f"{_one_line(complaint.getvalue())} ({prog} --help lists the flags)") from None
    if dry_run:
        put_text(dump_toml(config).rstrip("\n"))
        return None
    return config


def call(function: Callable[..., T], flags: Any, /, **more: Any) -> T:
    """Call a function whose parameters are flags of a command, or given by ``more``."""
    parameters = inspect.signature(function).parameters
    given = {name: value for name, value in _values(flags).items() if name in parameters}
    return function(**{**given, **more})


def _values(config: Any) -> dict[str, Any]:
    return {f.name: getattr(config, f.name) for f in fields(config)}


def _with_flags(cls: type[C], args: Sequence[str]) -> type[C]:
    """The class in which what is given by a flag is no longer given by its position.

    Commands name what they work on by position; its flags of earlier versions are still understood.
    """
    flags = {arg.partition("=")[0] for arg in args}
    hints = get_type_hints(cls, include_extras=True)
    moved = [f for f in fields(cls) if _is_positional(hints[f.name]) and f"--{f.name.replace('_', '-')}" in flags]  # type: ignore[arg-type]
    if not moved:
        return cls
    specs = [(f.name, get_args(hints[f.name])[0], field(default=f.default)) for f in moved]
    return make_dataclass(cls.__name__, specs, bases=(cls,), frozen=True, kw_only=True)


def _is_positional(hint: Any) -> bool:
    import tyro

    return any(part in get_args(tyro.conf.Positional[int]) for part in get_args(hint)[1:])


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
