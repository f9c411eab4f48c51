"""The way from a cell of the page to its number: files of results, places in them, footnotes that name both."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from _page import estimate

from arts.estimate import Estimate

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Notes:
    """The sources of table.toml, their files below ``root``; ``shown`` are the places a page has marked, in order."""

    sources: Mapping[str, Mapping[str, str]]
    root: Path = ROOT
    shown: dict[str, str] = field(default_factory=dict)

    def absent(self, place: str) -> str:
        """What stands for a number whose file is not there yet; empty when it is.

        Raises:
            FileNotFoundError: the file is missing, and ought not to be.
        """
        source = self.sources[place.partition("/")[0]]
        if (self.root / source["file"]).exists():
            return ""
        if "absent" not in source:
            raise FileNotFoundError(f"{source['file']}: missing; make it with: {source['command']}")
        return source["absent"]

    def number(self, place: str) -> Estimate:
        """The estimate at a place of a file that is there, where it may be undefined.

        Raises:
            LookupError: there is no such place; it says how far the way goes.
        """
        mark, *way = place.split("/")
        value = read(self.root / self.sources[mark]["file"])
        for i, name in enumerate(way):
            try:
                value = _inside(value, name)
            except LookupError as error:
                raise LookupError(f"{self.sources[mark]['file']}: nothing at /{'/'.join(way[: i + 1])}") from error
        return estimate(value)

    def mark(self, place: str) -> str:
        """A footnote's mark for a place."""
        letter = place.partition("/")[0]
        count = sum(p.startswith(f"{letter}/") for p in self.shown)
        return f"[^{self.shown.setdefault(place, f'{letter}{count + 1}')}]"

    def footnotes(self) -> str:
        """One line for every place that was marked: file, place, command."""
        lines = []
        for place, label in self.shown.items():
            letter, _, way = place.partition("/")
            file, command = self.sources[letter]["file"], self.sources[letter]["command"]
            link = file if Path(file).is_absolute() else f"../{file}"
            lines.append(f"[^{label}]: [{file}]({link}) at `/{way}`, by `{command}`")
        return "\n".join(lines)


@cache
def read(path: Path) -> Any:
    """A JSON file, read once."""
    return json.loads(path.read_text(encoding="utf-8"))


def _inside(value: Any, name: str) -> Any:
    """What is called so in an object or a list; see table.toml."""
    if not isinstance(value, list):
        return value[name]
    if name.isdigit():
        return value[int(name)]
    wanted = [part.split("=", 1) if "=" in part else ["name", part] for part in name.split(";")]
    found = [element for element in value if all(str(element.get(key)) == text for key, text in wanted)]
    if len(found) != 1:
        raise LookupError(f"{len(found)} elements are called {name}")
    return found[0]
