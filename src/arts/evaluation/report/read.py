"""Reports from files."""

import json
import math
from pathlib import Path

import msgspec

from arts.errors import InputError
from arts.evaluation.results import SCHEMA_VERSION, Evaluation
from arts.evaluation.upgrade import upgraded_report

REPORT = "report.json"
OLDEST = 2
"""The oldest schema that can be read."""


def read_report(path: Path) -> Evaluation:
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
    version = _version(result, file)
    try:
        if version < SCHEMA_VERSION:
            result = upgraded_report(result)
        return msgspec.convert(result, Evaluation, str_keys=True)
    except (msgspec.ValidationError, AttributeError, KeyError, TypeError) as error:
        raise InputError(f"{file}: not a whole report: {error}; run arts evaluate again") from error


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"the number {text} has no end")
    return number


def _version(result: object, file: Path) -> int:
    version = result.get("schema") if isinstance(result, dict) else None
    if not isinstance(result, dict) or not isinstance(version, int) or version is True or "methods" not in result:
        raise InputError(f"{file}: not a report of arts evaluate; give its folder or its {REPORT}")
    if version < OLDEST:
        raise InputError(f"{file}: made by an older arts (schema {version}); run arts evaluate again")
    if version > SCHEMA_VERSION:
        raise InputError(
            f"{file}: made by a newer arts (schema {version}, this one reads {SCHEMA_VERSION}); update arts"
        )
    return version
