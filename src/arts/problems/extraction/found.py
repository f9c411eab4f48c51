"""What the looks of this room give."""

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Found:
    """An answer, where in the text it is announced, and whether it is but the last number of a sentence."""

    value: str
    start: int = 0
    number: bool = False

    def at(self, start: int) -> "Found":
        """The same, announced at another place."""
        return replace(self, start=start)
