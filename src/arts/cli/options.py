"""From arguments to a command's Config: defaults, then the ``--config`` file, then flags."""

import contextlib
import io
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from arts.config import dump_toml, load_toml
from arts.errors import UsageError

C = TypeVar("C")


def parse(cls: type[C], args: Sequence[str], *, prog: str, description: str) -> C | None:
    """The resolved Config, or None when ``--dry-run`` has printed it.

    Raises:
        UsageError: for a flag, a missing value of ``--config`` or a file that does not fit ``cls``.
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


def _one_line(boxed: str) -> str:
    """What a framed message says, without its frame, its rules and its own pointer to the help."""
    words = re.sub(r"[─-╿]+|\x1b\[[0-9;]*m", " ", boxed.partition("For full helptext")[0])
    return " ".join(words.split()).removeprefix("Parsing error ").removeprefix("Unrecognized options ")
