"""A number with its interval, as every result of this package carries it."""

import math
from typing import TYPE_CHECKING

import msgspec

UNDEFINED = "–"
"""What stands in a text where there is no number."""

if TYPE_CHECKING:
    Number = float
else:
    Number = float | None  # JSON has no NaN: an undefined number is null there


class Estimate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A value with its 95 % interval.

    ``value``, ``low`` and ``high`` are NaN where undefined, ``null`` in JSON. ``n`` is the number of problems and
    ``method`` how the interval was made.

    >>> accuracy = Estimate(value=0.685, low=0.62, high=0.75, n=200, method="problem bootstrap, BCa")
    >>> print(accuracy)
    0.685 [0.62, 0.75]
    >>> accuracy.excludes_zero
    True
    """

    value: Number
    low: Number
    high: Number
    n: int
    method: str

    def __post_init__(self) -> None:
        for name in ("value", "low", "high"):
            if getattr(self, name) is None:
                msgspec.structs.force_setattr(self, name, math.nan)

    @property
    def defined(self) -> bool:
        """True where there is a value."""
        return not math.isnan(self.value)

    @property
    def excludes_zero(self) -> bool:
        """True when the interval lies on one side of zero."""
        return self.low > 0 or self.high < 0

    def __str__(self) -> str:
        if not self.defined:
            return UNDEFINED
        interval = "" if math.isnan(self.low) else f" [{self.low:.2f}, {self.high:.2f}]"
        return f"{self.value:.3f}{interval}"


NOTHING = Estimate(value=math.nan, low=math.nan, high=math.nan, n=0, method="no problems")
"""The estimate of a quantity without a single problem."""
