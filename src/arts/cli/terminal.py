"""All that a command prints goes through here: data to stdout, remarks to stderr, drawings by rich.

Names and texts come from models, files and servers. Whatever they hold is spelled out, so that none of it can move the
cursor, set the clipboard or forge a line. The rest of ``cli`` does not print (ruff's T20).
"""

import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, TextIO

from arts.text import LONGEST_LINE, cell, shortened, visible

if TYPE_CHECKING:
    from rich.console import Console


def put(line: object = "") -> None:
    """One line of data, for stdout."""
    put_text(" ".join(str(line).splitlines()))


def put_text(text: object) -> None:
    """Data of several lines, for stdout."""
    _write(visible(text), sys.stdout)


def put_table(rows: Sequence[Sequence[str]]) -> None:
    """Rows of a table, separated by tabs, for stdout."""
    for row in rows:
        _write("\t".join(map(cell, row)), sys.stdout)


def say(remark: object) -> None:
    """One line for stderr, cut where it is far too long."""
    line = " ".join(str(remark)[: 2 * LONGEST_LINE].splitlines())
    _write(shortened(visible(line), LONGEST_LINE), sys.stderr)


def _write(text: str, stream: TextIO) -> None:
    print(text, file=stream, flush=True)


def console(*, stderr: bool = False) -> "Console":
    """What rich draws on; control characters of what is drawn are spelled out."""
    from arts.cli.rendering import safe_console

    return safe_console(stderr=stderr)


@contextlib.contextmanager
def streams() -> Iterator[None]:
    """Prepare stdout and stderr for the run of a command: closed ones, and those that cannot write every character."""
    for number in (0, 1, 2):  # else the next file that is opened would get the number, and what is printed
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_WRONLY), "w"))
        with contextlib.suppress(AttributeError, ValueError):  # a stream of somebody else's
            getattr(sys, name).reconfigure(errors="backslashreplace")
    yield


@contextlib.contextmanager
def flushed() -> Iterator[None]:
    """At the end bring out what was printed, so that it fails here where nobody can read it, and not at the exit."""
    try:
        yield
    finally:
        sys.stdout.flush()


def leave_stdout() -> None:
    """Forget what is still to be written, as nobody reads it any more."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
