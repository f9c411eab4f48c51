r"""The stated answer of a solution text, and how it was found.

Thoughts do not count, and of several statements the last one does: a closed ``\boxed{…}``, a line ``#### …``, "the
answer is …". ``<answer>`` tags and a JSON object with an answer go before these. Without any statement it is what the
last sentence ends in, and, as a declared fallback, the last number. Each look is linear in the text and bounded.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from arts.problems.answers.spelling import normalise
from arts.problems.extraction.boxes import MAX_ANSWER, boxes, last_box
from arts.problems.extraction.ending import conclusion, ends_in_formula, lone_choice
from arts.problems.extraction.found import Found
from arts.problems.extraction.lines import hashed, is_value, last_number
from arts.problems.extraction.objects import from_object, is_cut_object, tagged
from arts.problems.extraction.phrases import stated
from arts.problems.extraction.thinking import final_part

TAIL = 20_000
"""Phrases, marks and numbers are looked for in this many characters at the end."""

How = Literal["boxed", "tag", "json", "hash", "phrase", "ending", "last_number", "own"]
"""``own``: by the extraction of a grader of one's own."""
UNSTATED: frozenset[How] = frozenset({"ending", "last_number"})
"""Ways of finding an answer that nothing announces. Of a text that was cut they find what was not meant as one."""
LAST_NUMBER = "the answer is the last number of the text"
"""The remark on an answer that was found so; it ends the reason of an outcome."""


@dataclass(frozen=True, slots=True)
class Extraction:
    """An answer and how it was found."""

    value: str
    how: How

    def remarked(self, reason: str) -> str:
        """The reason of an outcome with a remark where the text does not state the answer."""
        return "; ".join(filter(None, (reason, LAST_NUMBER if self.how == "last_number" else "")))


def extract_answer(text: str) -> Extraction | None:
    """The answer that a text states, or None."""
    text = final_part(text)
    tail = text[-TAIL:]
    inside = tagged(tail)
    if inside is not None:
        return _within(inside, "tag")
    value = from_object(tail)
    if value is not None:
        return _within(value, "json")
    if is_cut_object(text):
        return None
    return _announced(text, tail) or _unannounced(text, tail)


def _within(value: str, how: How) -> Extraction | None:
    """The answer in a tag or an object, which may be a whole sentence."""
    box = last_box(value)
    if box is not None:
        return Extraction(box.content, how) if box.content is not None else None
    said = stated(value)
    if said is not None and is_value(said.value):
        return Extraction(said.value, how)
    return Extraction(value, how) if value else None


def _announced(text: str, tail: str) -> Extraction | None:
    """The last of the box, the mark and the phrase; nothing where the last box is not closed."""
    box, said = last_box(text), []
    after = box.end - (len(text) - len(tail)) if box else 0
    for found, how in _SAYINGS:
        phrase = found(tail)
        if phrase and phrase.start >= after and not (box and (phrase.number or not is_value(phrase.value))):
            said.append((phrase.start, Extraction(phrase.value, "last_number" if phrase.number else how)))
    if said:
        start, last = max(said, key=lambda one: one[0])
        return None if start > tail.rstrip().rfind("\n") and ends_in_formula(tail) else last
    return Extraction(box.content, "boxed") if box and box.content is not None else None


_SAYINGS: tuple[tuple[Callable[[str], Found | None], How], ...] = ((hashed, "hash"), (stated, "phrase"))


def _unannounced(text: str, tail: str) -> Extraction | None:
    if last_box(text) is not None or ends_in_formula(tail):
        return None
    value = lone_choice(text) or conclusion(tail)
    if value is not None and len(value) <= MAX_ANSWER:
        return Extraction(value, "ending")
    number = last_number(tail)
    return Extraction(number, "last_number") if number else None


def has_several_boxes(text: str) -> bool:
    """Whether the boxes hold different answers; other spellings of one answer do not count."""
    return len({normalise(box) for box in boxes(text)}) > 1
