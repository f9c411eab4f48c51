r"""All that a solution puts into boxes; :mod:`arts.problems.extract` reads only the last."""

import re

from arts.problems.extract import box_content
from arts.problems.normalise import normalise

_BOX = re.compile(r"\\(?:boxed|fbox)")


def boxes(text: str) -> list[str]:
    r"""The contents of every balanced, non-empty ``\boxed{…}`` or ``\fbox{…}``, in order."""
    found = (box_content(text, box.end()) for box in _BOX.finditer(text))
    return [content.strip() for content in found if content and content.strip()]


def has_several_boxes(text: str) -> bool:
    """Whether the boxes hold different answers; other spellings of one answer do not count."""
    return len({normalise(box) for box in boxes(text)}) > 1
