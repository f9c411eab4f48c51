"""Which samples of a log are wanted: ``where``, asked of a sample or else of its row."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from arts.logs.values import MISSING, either, spelling
from arts.problems.rows import Row
from arts.where import condition

_SHORT = re.compile(r"""([^=<>!"']+)=(?!=)(.*)""", re.DOTALL)
"""FIELD=VALUE; what compares by ``==``, ``<=``, ``>=`` or ``!=`` is an expression."""


class Where:
    """All of some conditions; calling it says whether a sample meets them.

    Each is an expression (:func:`arts.where.condition`), or FIELD=VALUE, where several values of one field are
    alternatives. ``met`` has by the fields that were asked for the spellings of their values.

    Raises:
        UsageError: an expression cannot be read.
    """

    def __init__(self, where: Sequence[str]) -> None:
        self._allowed: dict[str, set[str]] = {}
        short = [(text, _SHORT.fullmatch(text)) for text in where]
        for _, parts in short:
            if parts:
                self._allowed.setdefault(parts[1], set()).add(parts[2])
        self._conditions = [condition(text, None) for text, parts in short if not parts]
        self.met: dict[str, set[str]] = {name: set() for name in self._allowed}

    def __call__(self, holder: Row, row: Row) -> bool:
        """Whether the sample ``holder`` of a row meets all conditions; every one is asked, for ``met``."""
        asked = _Asked(holder, row, self.met)
        values = [(asked.see(name), allowed) for name, allowed in self._allowed.items()]
        equal = [value is not MISSING and spelling(value) in allowed for value, allowed in values]
        return all([*equal, *(holds(asked) for holds in self._conditions)])


@dataclass(frozen=True, slots=True)
class _Asked:
    """A sample and its row, whose values are remembered when they are asked for."""

    holder: Row
    row: Row
    met: dict[str, set[str]]

    def see(self, name: str) -> object:
        value = either(name, self.holder, self.row)
        seen = self.met.setdefault(name, set())
        if value is not MISSING:
            seen.add(spelling(value))
        return value

    def get(self, name: str, /) -> object:
        value = self.see(name)
        return None if value is MISSING else value
