"""The table of docs/files.md; the text around it is written by hand and stays."""

from pathlib import Path

from _page import Part, percent, table, write_part

HEADER = (
    *("kind of log", "file", "problems × samples", "authors, %", "their verdicts, %", "arts, %", "differ"),
    "why",
)


def write_page(results: Part, path: Path) -> None:
    """Put the table into the page, and below it the commands and what they say."""
    rows = [_row(found) for found in results["files"]]
    commands = "\n\n".join(_command(found) for found in results["files"])
    write_part(path, "study_files.py", f"{table(HEADER, rows)}\n\n### The commands, and what they take\n\n{commands}\n")


def _row(found: Part) -> list[str]:
    stated = found["stated"]
    samples = found["samples"] / found["problems"]
    differ = "" if found["differ"] is None else f"{found['differ']:,} of {found['samples']:,}"
    return [
        found["kind"],
        f"{found['what']} ({found['repository']}, {_licence(found)})",
        f"{found['problems']:,} × {samples:g}",
        f"{stated['percent']:g} ({stated['where']})" if stated else "",
        "" if found["logged"] is None else f"{100 * found['logged']:.1f}",
        percent(found["ours"]),
        differ,
        found["why"] or "–",
    ]


def _licence(found: Part) -> str:
    return "no licence stated" if found["licence"] == "none" else found["licence"]


def _command(found: Part) -> str:
    taken = "\n".join(found["taken"])
    return f"```console\n$ {found['command']}\n{taken}\n```"
