"""Things that users choose by name: built in, registered from outside, or given as ``module:attribute``."""

import difflib
import importlib
import sys
from collections.abc import Mapping
from typing import Any, TypeVar

from arts.errors import UsageError

T = TypeVar("T")


def find(registry: Mapping[str, T | str], name: str, kind: str) -> T:
    """The entry called ``name``, or the object of one's own that ``module:attribute`` names.

    An entry that is itself such a text is imported on use.

    Raises:
        UsageError: there is no such entry, module or attribute; ``kind`` says of what.

    >>> find({"exact": 1, "math": 2}, "math", "grader")
    2
    >>> find({}, "math:pi", "number")
    3.141592653589793
    """
    entry = registry.get(name, name)
    if not isinstance(entry, str):
        return entry
    if ":" in entry:
        found: T = imported(entry, kind)
        return found
    near = difflib.get_close_matches(name, registry, n=1)
    hint = f"did you mean '{near[0]}'? " if near else ""
    raise UsageError(f"no {kind} '{name}'; {hint}there are: {', '.join(registry)}, or give module:attribute")


def imported(name: str, kind: str) -> Any:
    """The object that ``module:attribute`` names; modules of the working directory are found too.

    Raises:
        UsageError: it cannot be imported, or has no such attribute.
    """
    module, _, attribute = name.partition(":")
    if "" not in sys.path:
        sys.path.insert(0, "")
    try:
        return getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise UsageError(f"{kind} '{name}': {error}; give module:attribute of something Python can import") from error
