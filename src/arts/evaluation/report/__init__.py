"""One result in three forms: JSON, Markdown and a self-contained HTML page."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from arts.evaluation.report.markdown import to_markdown
from arts.files import write_whole


def write_report(result: Mapping[str, Any], folder: Path) -> list[Path]:
    """Write ``report.json``, ``report.md`` and, with the extra ``report``, ``report.html``; returns their paths.

    Each file is there whole or not at all, and where ``report.json`` is, the others are.
    """
    folder.mkdir(parents=True, exist_ok=True)
    forms = {"report.md": to_markdown(result)}
    try:
        from arts.evaluation.report.html import to_html
    except ModuleNotFoundError as error:
        if error.name not in ("jinja2", "matplotlib"):
            raise
    else:
        forms["report.html"] = to_html(result)
    data = json.dumps(result, indent=1, allow_nan=False, ensure_ascii=True) + "\n"
    readable = [write_whole(folder / name, text) for name, text in forms.items()]
    return [write_whole(folder / "report.json", data), *readable]
