"""What of a log cannot be read: counted, and named by the first few places."""

NAMED = 2
"""Faults that a note names."""


def counted(number: int, one: str) -> str:
    """``1 row``, ``2,000 rows``."""
    return f"{number:,} {one if number == 1 else one + 's'}"


class Unread:
    """Faults of rows that are left out.

    >>> faults = Unread()
    >>> faults.add("a.jsonl:3: not JSON")
    >>> faults.count, faults.first
    (1, 'a.jsonl:3: not JSON')
    """

    def __init__(self) -> None:
        self.count = 0
        self.named: list[str] = []

    def add(self, fault: str) -> None:
        """Count a fault, a text that names file and row."""
        self.count += 1
        if len(self.named) < NAMED:
            self.named.append(fault)

    @property
    def first(self) -> str:
        """The first fault, "" without any."""
        return self.named[0] if self.named else ""

    def __str__(self) -> str:
        more = self.count - len(self.named)
        return "; ".join([*self.named, *([f"and {more} more"] if more else [])])
