"""Answers that a phrase announces, "the answer is …", in several languages."""

import re
from collections.abc import Iterator

from arts.problems.extraction.found import Found
from arts.problems.extraction.lines import is_value, value_of

_WORDS = (
    *("answer", "option", "choice", "result", "solution"),
    *(
        "respuesta",
        "réponse",
        "reponse",
        "antwort",
        "resposta",
        "risposta",
        "ответ",
        "答案",
        "故选",
        "答え",
        "答",
        "정답",
        "답",
    ),
)
"""What every phrase has; they are looked for before anything else is."""
LAST = 4
"""How many phrases are looked at from the end, and"""
_OCCURRENCES = 16
"""how many occurrences of a word."""

_LINE = r"([^\n]{1,500})"
_GAP = r"(?P<gap>(?:```\w{0,12}\n|[\s:*_>`]|(?:\\\[|\$\$)\s*\n)*+)"
"""After a colon the answer may stand on a later line, below the opening of a displayed formula or a code fence too."""
_NOUN = (
    r"(?<![a-z])answers?|(?:(?<=correct )|(?<=right )|(?<=best )|(?<=final ))(?:option|choice|result|solution)"
    r"|respuestas?|r[ée]ponse|antwort|resposta|risposta|ответ"
)
_OF_WHAT = r"(?:[ \t]++(?:final|finale|correcta?|correcte|richtige|to (?:the|this) (?:question|problem)|here)\b){0,2}+"
_VERB = r"(?:is|are|was|(?:would|will|should|must) be|es|son|est|ist|lautet|é|è|будет)\b"
_SPACED = re.compile(
    rf"(?:{_NOUN}){_OF_WHAT}[*_]*+(?:[ \t]++{_VERB}[*_]*+(?:[ \t]*+(?!:)(?=\S)|[ \t]*+:?{_GAP})"
    rf"|[ \t]*+[=:：]{_GAP.replace('gap', 'colon')}|(?<=final answer)[*_ \t]*+\n(?P<below>\s*)){_LINE}",
    re.IGNORECASE,
)
_UNSPACED = re.compile(
    rf"(?:答案(?:应该?)?(?:(?:是|为|為)[:：]?|[:：])|故选[:：]?(?=\s*[A-J])|答え?(?:は|[:：])|정?답(?:은|[:：]))\s*{_LINE}"
)


def stated(text: str) -> Found | None:
    """The value of the last phrase that states one, a mathematical one or a letter before mere words."""
    words: Found | None = None
    for number, match in enumerate(_phrases(text)):
        if number == LAST:
            break
        gap = "".join(match.groupdict().get(name) or "" for name in ("gap", "colon"))
        below = "\n" in gap or match.groupdict().get("below") is not None
        said = value_of(match[match.lastindex or 0], below=below)
        if said is None:
            break
        if is_value(said.value):
            return said.at(match.start())
        words = words or said.at(match.start())
    return words


def _phrases(text: str) -> Iterator[re.Match[str]]:
    """The phrases of a text, the last one first."""
    lowered = text.lower()
    if len(lowered) != len(text):
        lowered = text
    for at in sorted({at for word in _WORDS for at in _occurrences(lowered, word)}, reverse=True):
        match = _SPACED.match(text, at) or _UNSPACED.match(text, at)
        if match:
            yield match


def _occurrences(text: str, word: str) -> Iterator[int]:
    """The last places of a word."""
    at = len(text)
    for _ in range(_OCCURRENCES):
        at = text.rfind(word, 0, at)
        if at < 0:
            return
        yield at
        at += len(word) - 1
