"""One result in three forms: JSON, Markdown and a self-contained HTML page."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from arts.evaluation.report.markdown import to_markdown


def write_report(result: Mapping[str, Any], folder: Path) -> list[Path]:
    """Write ``report.json``, ``report.md`` and, with the extra ``report``, ``report.html``; returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    data = json.dumps(result, indent=1, allow_nan=False, ensure_ascii=True) + "\n"
    forms = {"report.json": data, "report.md": to_markdown(result)}
    try:
        from arts.evaluation.report.html import to_html
    except ModuleNotFoundError as error:
        if error.name not in ("jinja2", "matplotlib"):
            raise
    else:
        forms["report.html"] = to_html(result)
    paths = []
    for name, text in forms.items():
        path = folder / name
        path.write_text(text, encoding="utf-8")
        paths.append(path)
    return paths
