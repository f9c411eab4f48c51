"""Lines of code of a folder, by room and in all: without blank lines, comments and docstrings.

    python benchmarks/code_lines.py src/arts

A room is what lies directly in the folder: a folder with all below it, or a file. A string that stands by itself, as a
docstring does, is no code, wherever it stands; any other string counts with all its lines.
"""

import argparse
import ast
import io
import tokenize
from collections import Counter
from pathlib import Path

UNCOUNTED = {
    tokenize.COMMENT,
    tokenize.DEDENT,
    tokenize.ENCODING,
    tokenize.ENDMARKER,
    tokenize.INDENT,
    tokenize.NEWLINE,
    tokenize.NL,
}


def code_lines(source: str) -> int:
    """Lines of a module with at least one token of code.

    Raises:
        SyntaxError: the source is not Python.
    """
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in UNCOUNTED:
            lines.update(range(token.start[0], token.end[0] + 1))
    return len(lines - _bare_strings(source))


def by_room(folder: Path) -> Counter[str]:
    """Lines of all modules below a folder, by the first part of their way from it."""
    rooms: Counter[str] = Counter()
    for path in folder.rglob("*.py"):
        rooms[path.relative_to(folder).parts[0]] += code_lines(path.read_text(encoding="utf-8"))
    return rooms


def _bare_strings(source: str) -> set[int]:
    """Lines of the strings that are statements."""
    lines: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            lines.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return lines


def main() -> None:
    """Print a line per room, then the sum."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    rooms = by_room(parser.parse_args().folder)
    for room, lines in sorted(rooms.items()):
        print(f"{lines:6} {room}")
    print(f"{rooms.total():6} in all")


if __name__ == "__main__":
    main()
