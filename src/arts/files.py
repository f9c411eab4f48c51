"""Paths as callers give them, and files that are there whole or not at all."""

from os import PathLike
from pathlib import Path

StrPath = str | PathLike[str]
"""What a function of this package takes for a path."""

UNFINISHED = ".new"
"""Ends the name of a file that is being written."""


def write_whole(path: StrPath, content: str | bytes) -> Path:
    """Write a file, text in UTF-8, so that a reader, or a later run, never meets half of it; returns its path."""
    path = Path(path)
    unfinished = path.with_name(f".{path.name}{UNFINISHED}")
    unfinished.write_bytes(content.encode() if isinstance(content, str) else content)
    return unfinished.replace(path)
