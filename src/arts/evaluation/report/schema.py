"""The JSON Schema of ``report.json``; ``python -m arts.evaluation.report.schema`` writes the file that ships."""

import json
from inspect import cleandoc
from pathlib import Path
from typing import Any

import msgspec

from arts.evaluation.results import Evaluation

FILE = Path(__file__).with_name("report.schema.json")


def schema_text() -> str:
    """The schema (draft 2020-12), generated from the structs of a result; the same with every release of msgspec."""
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "report.json of arts evaluate"}
    return json.dumps(head | _dedented(msgspec.json.schema(Evaluation)), indent=1, ensure_ascii=False) + "\n"


def _dedented(part: Any) -> Any:
    """How far a docstring is indented depends on the releases of Python and msgspec."""
    if isinstance(part, list):
        return [_dedented(each) for each in part]
    if not isinstance(part, dict):
        return part
    described = {"description": cleandoc(part["description"])} if isinstance(part.get("description"), str) else {}
    return {key: _dedented(value) for key, value in (part | described).items()}


if __name__ == "__main__":
    FILE.write_text(schema_text(), encoding="utf-8")
