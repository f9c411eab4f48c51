"""The JSON Schema of ``report.json``; ``python -m arts.evaluation.report.schema`` writes the file that ships."""

import json
from pathlib import Path

import msgspec

from arts.evaluation.results import Evaluation

FILE = Path(__file__).with_name("report.schema.json")


def schema_text() -> str:
    """The schema (draft 2020-12), generated from the structs of a result."""
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "report.json of arts evaluate"}
    return json.dumps(head | msgspec.json.schema(Evaluation), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.write_text(schema_text(), encoding="utf-8")
