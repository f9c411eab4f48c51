r"""Answers in ``<answer>`` tags and in JSON objects; these need not be valid, as models often do not escape LaTeX."""

import json
import re
from collections import deque

_TAG = re.compile(
    r"<(answer|final_answer)>\s*+(?P<inside>[^<]{0,2000}(?:<(?!/?(?:answer|final_answer)>)[^<]{0,2000})*+)(?P<end></\1>)?",
    re.IGNORECASE,
)
_UNCLOSED = 200
"""A tag that is not closed holds no more characters than these: the closing one was where the model was stopped."""
_KEY = re.compile(
    r"(?:[{,]\s{0,200}|[\s`(])[\"'](?:(?:final|correct|predicted)[ _]?)?(?:answer|ans|result)[\"']\s{0,20}:\s{0,20}",
    re.IGNORECASE,
)
_STRING = re.compile(
    r"\"((?:[^\"\\]|\\.){0,2000})\"(?=\s*(?:[,}\]`]|\Z|\n))|'((?:[^'\\\n]|\\.){0,2000})'(?=\s*[,}\]])", re.DOTALL
)
_BARE = re.compile(r"-?\d[\d,_.eE+/-]{0,100}?(?=\s*[,}\]\n])|true|false|null", re.IGNORECASE)
_LIST = re.compile(r"\[([^\[\]{}]{0,1000})\]")
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|[bfnrt](?![a-zA-Z])|[\"'\\/])")
_OPENED = re.compile(r"\s*(?:```\w{0,12}\s*)?\{\s*[\"']\w{1,30}[\"']\s*:")
_CLOSED = re.compile(r"[\"'\d\]}e]\s*\}")
_PLAIN = {"b": " ", "f": " ", "n": "\n", "r": " ", "t": " "}


def tagged(text: str) -> str | None:
    """What the last ``<answer>`` tag holds."""
    found = deque(_TAG.finditer(text) if "<" in text else (), maxlen=1)
    if not found:
        return None
    inside = found[0]["inside"].strip()
    return inside if found[0]["end"] or len(inside) <= _UNCLOSED else None


def from_object(text: str) -> str | None:
    r"""The last value of a JSON object under ``answer`` or a name like it, "" where it is null.

    >>> from_object('{"reasoning": "the answer is simple", "answer": "\\\\frac{1}{2}"}')
    '\\frac{1}{2}'
    """
    found = deque(_KEY.finditer(text) if ":" in text else (), maxlen=1)
    return _value(text, found[0].end()) if found else None


def is_cut_object(text: str) -> bool:
    """Whether a text is a JSON object that does not end: what it says is no answer yet."""
    return bool(_OPENED.match(text)) and not _CLOSED.search(text)


def _value(text: str, at: int) -> str | None:
    string = _STRING.match(text, at)
    if string:
        return _unescaped(string[1] if string[1] is not None else string[2]).strip()
    bare = _BARE.match(text, at)
    if bare:
        return "" if bare[0].lower() == "null" else bare[0].rstrip(",")
    listed = _LIST.match(text, at)
    if listed is None:
        return None
    strings = [
        _unescaped(one or two) for one, two in re.findall(r"\"((?:[^\"\\]|\\.)*)\"|'((?:[^'\\]|\\.)*)'", listed[1])
    ]
    return ", ".join(strings) if strings else listed[1].strip()


def _unescaped(text: str) -> str:
    r"""JSON's escapes resolved, but not where they begin a command: in ``"\frac"`` the backslash was meant."""

    def plain(match: re.Match[str]) -> str:
        escape = match[1]
        if escape[0] == "u" and len(escape) == 5:
            return str(json.loads(f'"\\{escape}"'))
        return _PLAIN.get(escape, escape)

    return _ESCAPE.sub(plain, text)
