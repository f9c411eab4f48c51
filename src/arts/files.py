"""Paths as callers give them, and files that are there whole or not at all."""

from os import PathLike
from pathlib import Path

StrPath = str | PathLike[str]
"""What a function of this package takes for a path."""

UNFINISHED = ".new"
"""Ends the name of a file that is being written."""


def write_whole(path: Path, text: str) -> Path:
    """Write a text file in UTF-8 so that a reader, or a later run, never meets half of it; returns its path."""
    unfinished = path.with_name(f".{path.name}{UNFINISHED}")
    unfinished.write_text(text, encoding="utf-8")
    return unfinished.replace(path)
