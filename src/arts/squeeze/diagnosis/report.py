"""The diagnosis as JSON, Markdown and one self-contained HTML page."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from arts.documents.words import shown
from arts.estimate import Estimate
from arts.files import write_whole
from arts.squeeze.diagnosis.tables import headline, origin, tables

IN_MARKDOWN = 20
ON_PAGE = 200
"""Problems that are listed."""


def write_diagnosis(result: Mapping[str, Any], folder: Path) -> list[Path]:
    """Write ``report.json``, ``report.md`` and, with the extra ``report``, ``report.html``; returns their paths.

    Each file is there whole or not at all.
    """
    folder.mkdir(parents=True, exist_ok=True)
    data = json.dumps(result, indent=1, allow_nan=False, ensure_ascii=True) + "\n"
    forms = {"report.json": data, "report.md": to_markdown(result)}
    try:
        forms["report.html"] = to_html(result)
    except ModuleNotFoundError as error:
        if error.name not in ("jinja2", "matplotlib"):
            raise
    return [write_whole(folder / name, text) for name, text in forms.items()]


def to_markdown(result: Mapping[str, Any]) -> str:
    """The report but for the figure."""
    lines = ["# What RL took and gave\n", _line(headline(result)) + "\n"]
    lines += [f"- {_line(note)}" for note in result["notes"]]
    for table in tables(result, IN_MARKDOWN):
        rows = [table.header, ["---"] * len(table.header), *table.rows]
        lines += [f"\n## {table.title}\n", _line(table.note) + "\n"]
        lines += ["| " + " | ".join(map(_line, row)) + " |" for row in rows]
    lines += ["\n## How this was made\n", *(f"- {_line(k)}: {_line(v)}" for k, v in origin(result))]
    return "\n".join(lines) + "\n"


def _line(text: object) -> str:
    """One line in which pipes, backslashes and tags of texts from outside are plain characters."""
    return re.sub(r"([\\|<])", r"\\\1", " ".join(shown(text).split()))


def to_html(result: Mapping[str, Any]) -> str:
    """The page; the same result gives the same bytes.

    Raises:
        ModuleNotFoundError: without the extra ``report``.
    """
    import jinja2
    from markupsafe import Markup

    from arts.documents.figures import accuracy_lines

    rooms = [jinja2.PackageLoader("arts.squeeze.diagnosis", ""), jinja2.PackageLoader("arts", "documents")]
    environment = jinja2.Environment(
        loader=jinja2.ChoiceLoader(rooms), autoescape=True, undefined=jinja2.StrictUndefined
    )
    environment.filters["shown"] = shown
    curves = result["curves"]
    lines = {
        name: msgspec.convert(curves[side], dict[int, Estimate], str_keys=True)
        for name, side in (("base pass@k", "base"), ("RL pass@k", "rl"))
    }
    return environment.get_template("page.html.j2").render(
        headline=headline(result),
        notes=result["notes"],
        figure=Markup(accuracy_lines(lines, "k (samples)")),
        tables=tables(result, ON_PAGE),
        origin=origin(result),
    )
