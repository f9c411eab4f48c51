"""Reports from files: read, and held against ``report.schema.json`` before anything is made of them."""

import json
import math
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, ValidationError
from jsonschema.exceptions import best_match

from arts.documents.words import excerpt
from arts.errors import InputError
from arts.evaluation.compare import SCHEMA_VERSION

REPORT = "report.json"

LONGEST_VALUE = 60
"""Characters that are shown of what does not belong in a report."""


def read_report(path: Path) -> dict[str, Any]:
    """The result that a report's folder or its ``report.json`` holds.

    Raises:
        InputError: it is no report, of another version, or not whole; the text names the place.
    """
    file = path / REPORT if path.is_dir() else path
    if not file.is_file():
        raise InputError(f"{path}: no report; give the folder of a report of arts evaluate, or its {REPORT}")
    try:
        result = json.loads(file.read_bytes(), parse_constant=_finite, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{file}: not a report: no JSON ({error}); run arts evaluate again") from error
    _check_version(result, file)
    broken = best_match(Draft202012Validator(schema()).iter_errors(result))
    found = [_complaint(broken)] if broken is not None else _contradictions(result)
    for problem in found:
        raise InputError(f"{file}: not a whole report: {problem}; run arts evaluate again")
    assert isinstance(result, dict)
    return result


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"the number {text} has no end")
    return number


def _check_version(result: object, file: Path) -> None:
    version = result.get("schema") if isinstance(result, dict) else None
    if not isinstance(result, dict) or type(version) is not int or "methods" not in result:
        raise InputError(f"{file}: not a report of arts evaluate; give its folder or its {REPORT}")
    if version < SCHEMA_VERSION:
        raise InputError(f"{file}: made by an older arts (schema {version}); run arts evaluate again")
    if version > SCHEMA_VERSION:
        raise InputError(
            f"{file}: made by a newer arts (schema {version}, this one reads {SCHEMA_VERSION}); update arts"
        )


@cache
def schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of ``report.json``, which ships with the package."""
    text = (files("arts.evaluation.report") / "report.schema.json").read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def _complaint(error: ValidationError) -> str:
    """Where and what is wrong; what stands there is shown in part."""
    value = repr(error.instance)
    place = ".".join(map(str, error.absolute_path))
    return f"{place}: {error.message.replace(value, excerpt(value, LONGEST_VALUE))}".removeprefix(": ")


def _contradictions(result: Mapping[str, Any]) -> Iterator[str]:
    """What a schema cannot say: parts that must fit one another."""
    ks, table = [str(k) for k in result["ks"]], result["problem_table"]
    if result["top_k"] not in result["ks"]:
        yield "top_k: is none of ks"
    for name, m in result["methods"].items():
        if any(k not in m["accuracy"] or k not in m["tokens"] for k in ks):
            yield f"methods.{name}: lacks a number of samples that ks has"
        if any(k not in table["accuracy"].get(name, {}) for k in ks):
            yield f"problem_table.accuracy.{name}: lacks a number of samples that ks has"
    if "1" not in result["pass_at_k"]:
        yield "pass_at_k: has no '1'"
    columns = {n: table[n] for n in ("ids", "questions", "samples", "solved")}
    columns |= {f"accuracy.{n}.{k}": row for n, rows in table["accuracy"].items() for k, row in rows.items()}
    for name, column in columns.items():
        if len(column) != result["problems"]:
            yield f"problem_table.{name}: has {len(column)} items for {result['problems']} problems"
    if max(table["solved"]) > result["samples_per_problem"]:
        yield "problem_table.solved: has more correct samples than there are"
    for name, m in result["methods"].items():
        for k, e in m["accuracy"].items():
            if None not in (e["value"], e["low"], e["high"]) and not e["low"] <= e["value"] <= e["high"]:
                yield f"methods.{name}.accuracy.{k}: lies outside its interval"
    if len(set(table["ids"])) < len(table["ids"]):
        yield "problem_table.ids: has one id twice"
