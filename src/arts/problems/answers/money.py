"""Currencies behind their amounts, where units stand; dollar signs that delimit formulas go."""

import re

_MONEY = re.compile(
    r"(?P<sign>-?)\s*(?P<mark>\\\$|\\euro|\\pounds|\\yen|\\rupee|(?:USD|EUR|GBP|Rs\.?|INR)(?=\s*\d))\s*(?P<minus>-?)"
    r"(?P<amount>\d[\d,]*(?:\.\d+)?|\.\d+)(?P<scale>\s*(?:\\text\{\s*)?(?:hundred|thousand|million|billion|trillion)\}?)?"
)
_MONEY_ALONE = re.compile(r"\\(?:\$|euro|pounds|yen|rupee)(?![a-zA-Z])\s*")
_NAMES = {"\\$": "dollar", "\\euro": "euro", "\\pounds": "pound", "\\yen": "yen", "\\rupee": "rupee"}
_NAMES |= {"USD": "dollar", "EUR": "euro", "GBP": "pound", "Rs": "rupee", "Rs.": "rupee", "INR": "rupee"}
_CODES = tuple(name for name in _NAMES if name.isalnum())


def behind_amounts(text: str) -> str:
    """Currencies behind their amounts, where units stand; dollar signs that delimit formulas go."""
    if "$" in text:
        bare = re.sub(r"\\\$", "", text)
        if bare.count("$") % 2 and re.search(r"(?<!\\)\$\s*-?\d", text):
            text = re.sub(r"(?<!\\)\$", r"\\$", text)
        text = re.sub(r"(?<!\\)\$", " ", text)
    if "\\" in text or text.startswith(_CODES):
        text = _MONEY.sub(_amount, text)
        text = _MONEY_ALONE.sub("", text)
    return text


def _amount(match: re.Match[str]) -> str:
    sign, scale = match["sign"] or match["minus"], match["scale"] or ""
    amount = match["amount"].rstrip(",")
    dropped = match["amount"][len(amount) :]
    return f"{sign}{amount}{scale}\\text{{{_NAMES[match['mark']]}}}{dropped}"
