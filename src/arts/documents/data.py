"""Results as JSON: written with null where a number is undefined, and read back as what they were."""

import json
from operator import methodcaller
from pathlib import Path
from typing import TypeVar

import msgspec

from arts.errors import InputError
from arts.text import parsed_json

Result = TypeVar("Result")


def as_json(result: object, *, indent: int | None = 1) -> str:
    """Structs, dataclasses, plain values, numpy's scalars and arrays as ASCII text; NaN and infinities become null."""
    plain = json.dumps(msgspec.to_builtins(result, enc_hook=methodcaller("tolist")))
    return json.dumps(json.loads(plain, parse_constant=lambda _: None), indent=indent) + "\n"


def read_result(path: Path, kind: type[Result], what: str) -> Result:
    """Open a file that :func:`as_json` has written of a ``kind``; ``what`` names it in messages.

    Raises:
        InputError: the file cannot be read, or is something else.
    """
    try:
        return msgspec.convert(parsed_json(path.read_bytes()), kind, str_keys=True)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, msgspec.ValidationError) as error:
        raise InputError(f"{path}: is no {what}: {' '.join(str(error).split())}") from error
