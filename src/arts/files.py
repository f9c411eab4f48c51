"""Files that are there whole or not at all."""

from pathlib import Path

UNFINISHED = ".new"
"""Ends the name of a file that is being written."""


def write_whole(path: Path, text: str) -> Path:
    """Write a text file in UTF-8 so that a reader, or a later run, never meets half of it; returns its path."""
    unfinished = path.with_name(f".{path.name}{UNFINISHED}")
    unfinished.write_text(text, encoding="utf-8")
    return unfinished.replace(path)
