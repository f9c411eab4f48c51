"""Reports from files: read, and held against ``report.schema.json`` before anything is made of them."""

import json
import math
import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from arts.errors import InputError
from arts.evaluation.compare import SCHEMA_VERSION

REPORT = "report.json"

_KINDS: Mapping[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}
_NAMES = {dict: "an object", list: "a list", str: "text", bool: "true or false", type(None): "null"}


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
        raise InputError(f"{file}: not a report: no JSON ({error})") from error
    _check_version(result, file)
    for place, problem in complaints(result, schema()):
        raise InputError(f"{file}: not a whole report: {place or 'it'} {problem}; run arts evaluate again")
    for place, problem in _contradictions(result):
        raise InputError(f"{file}: not a whole report: {place} {problem}; run arts evaluate again")
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


def complaints(value: object, rule: Mapping[str, Any], place: str = "") -> Iterator[tuple[str, str]]:
    """Where and how a value breaks a rule, in those words of JSON Schema that our schema uses."""
    if "$ref" in rule:
        rule = schema()["$defs"][rule["$ref"].rpartition("/")[2]]
    if "anyOf" in rule:
        found = [list(complaints(value, option, place)) for option in rule["anyOf"]]
        if all(found):
            yield max(found, key=lambda problems: problems[0][0].count("."))[0]
        return
    wanted = rule.get("type")
    if wanted is not None and not _is(value, wanted):
        yield place, f"is {_NAMES.get(type(value), 'a number')}, not {wanted}"
    elif "const" in rule and value != rule["const"]:
        yield place, f"is not {rule['const']!r}"
    elif "enum" in rule and value not in rule["enum"]:
        yield place, f"is none of {', '.join(map(str, rule['enum']))}"
    elif isinstance(value, int | float):
        yield from _outside(value, rule, place)
    elif isinstance(value, dict):
        yield from _in_object(value, rule, place)
    elif isinstance(value, list):
        yield from _in_list(value, rule, place)


def _is(value: object, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    return isinstance(value, _KINDS[kind]) or (kind == "integer" and isinstance(value, float) and value.is_integer())


def _outside(value: float, rule: Mapping[str, Any], place: str) -> Iterator[tuple[str, str]]:
    if value < rule.get("minimum", -math.inf) or value > rule.get("maximum", math.inf):
        yield place, f"is {value:g}, which is out of range"


def _in_object(value: Mapping[str, Any], rule: Mapping[str, Any], place: str) -> Iterator[tuple[str, str]]:
    known = rule.get("properties", {})
    for name in rule.get("required", ()):
        if name not in value:
            yield place, f"has no '{name}'"
    for name, inner in value.items():
        where = f"{place}.{name}" if place else name
        if "propertyNames" in rule and not re.search(rule["propertyNames"]["pattern"], name):
            yield where, "has a name that does not belong there"
        other = rule.get("additionalProperties", True)
        if name in known or isinstance(other, dict):
            yield from complaints(inner, known.get(name, other), where)
        elif other is False:
            yield where, "does not belong there"


def _in_list(value: list[Any], rule: Mapping[str, Any], place: str) -> Iterator[tuple[str, str]]:
    if not rule.get("minItems", 0) <= len(value) <= rule.get("maxItems", math.inf):
        yield place, f"has {len(value)} items"
    for i, inner in enumerate(value):
        yield from complaints(inner, rule.get("items", {}), f"{place}.{i}")


def _contradictions(result: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What a schema cannot say: parts that must fit one another."""
    ks, table = [str(k) for k in result["ks"]], result["problem_table"]
    if result["top_k"] not in result["ks"]:
        yield "top_k", "is none of ks"
    for name, m in result["methods"].items():
        if any(k not in m["accuracy"] or k not in m["tokens"] for k in ks):
            yield f"methods.{name}", "lacks a number of samples that ks has"
        if any(k not in table["accuracy"].get(name, {}) for k in ks):
            yield f"problem_table.accuracy.{name}", "lacks a number of samples that ks has"
    if "1" not in result["pass_at_k"]:
        yield "pass_at_k", "has no '1'"
    columns = {n: table[n] for n in ("ids", "samples", "solved")}
    columns |= {f"accuracy.{n}.{k}": row for n, rows in table["accuracy"].items() for k, row in rows.items()}
    for name, column in columns.items():
        if len(column) != result["problems"]:
            yield f"problem_table.{name}", f"has {len(column)} items for {result['problems']} problems"
    if len(set(table["ids"])) < len(table["ids"]):
        yield "problem_table.ids", "has one id twice"
