r"""Units behind a number: what they are called, which of them scale the number, and what they leave of it.

A unit that only one side states does not count; two that differ do. Words that scale (``million``) belong to the
number, ``%`` and the halves of a day are kept apart, and any other word behind a number is a unit: ``5 apples``.
"""

import re
from dataclasses import dataclass

from arts.problems.answers.numbers import exact_number

_SCALES = {
    "hundred": 10**2,
    "thousand": 10**3,
    "million": 10**6,
    "billion": 10**9,
    "trillion": 10**12,
    "dozen": 12,
    "score": 20,
    "gross": 144,
    "lakh": 10**5,
    "crore": 10**7,
    "mn": 10**6,
    "mln": 10**6,
    "bn": 10**9,
    "millionen": 10**6,
    "millones": 10**6,
    "milliard": 10**9,
    "milliarden": 10**9,
}
_NAMES = {
    "m": "metre meter",
    "cm": "centimetre centimeter",
    "mm": "millimetre millimeter",
    "km": "kilometre kilometer",
    "in": "inch inche",
    "ft": "foot feet",
    "yd": "yard",
    "mi": "mile",
    "g": "gram gramme",
    "kg": "kilogram kilogramme",
    "mg": "milligram",
    "pound": "lb lbs gbp",
    "oz": "ounce",
    "s": "second sec",
    "min": "minute",
    "h": "hour hr",
    "d": "day",
    "wk": "week",
    "mo": "month",
    "yr": "year",
    "L": "liter litre l",
    "mL": "milliliter millilitre ml",
    "dollar": "usd buck",
    "euro": "eur",
    "cent": "¢",
    "degree": "deg",
    "rad": "radian",
    "J": "joule",
    "N": "newton",
    "W": "watt",
    "V": "volt",
    "Hz": "hertz",
    "Pa": "pascal",
    "mol": "mole",
    "person": "people",
    "child": "children",
    "man": "men",
    "woman": "women",
    "mouse": "mice",
    "K": "kelvin",
}
_CANONICAL = {name: unit for unit, names in _NAMES.items() for name in names.split()}
_SYMBOLS = frozenset(_NAMES) | {"kcal", "cal", "kJ", "eV", "MeV", "keV", "kW", "kWh", "kPa", "kHz", "MHz", "GHz", "nm"}
_COMPOUND = {"mph": (("mi", 1), ("h", -1)), "kph": (("km", 1), ("h", -1)), "kmh": (("km", 1), ("h", -1))}
_POWERS = {"square": 2, "sq": 2, "cubic": 3, "cu": 3}
_POWERS_BEHIND = {"squared": 2, "cubed": 3}
_NO_UNITS = frozenset(
    ["unit", "units", "ratio", "total", "in", "of", "the", "all", "altogether", "exactly", "each", "way", "different"]
)
"""Words that say nothing about the size of a number."""
_NO_QUANTITY = frozenset(
    [
        "and",
        "or",
        "mod",
        "choose",
        "to",
        "plus",
        "minus",
        "times",
        "over",
        "if",
        "for",
        "when",
        "where",
        "than",
        "with",
        "base",
        "is",
        "not",
        "wrong",
        "false",
        "incorrect",
        "pi",
        "root",
        "factorial",
        "inverse",
        "reciprocal",
        "repeating",
        "recurring",
        "binary",
        "octal",
        "hex",
        "hexadecimal",
        "ppm",
        "ppb",
        "mille",
        "basis",
    ]
)
"""Words behind a number that make it something else than a quantity."""
_FRACTION = re.compile(
    r"(?:hal(?:f|ve)|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|eleventh|twelfth|(?:hundred|thousand|million|billion)th)s?"
)
_MONEY = frozenset({"dollar", "euro", "pound"})
"""Units that may stand before what scales the number: ``$5 million``."""
_LONE = frozenset("mgsLlh")
"""Letters that are units behind a plain number and a blank; set without a blank they are variables."""
_LONG = 4
"""A longer word behind any formula is its unit; a shorter one may be a product of variables."""
MAX_CHARACTERS = 300
"""Longer texts are no quantities."""

_TAIL = re.compile(
    r"(?P<number>.*?(?:[\d})\]]|\\pi|[A-Za-z](?=\s*\\text\{)))(?:(?:st|nd|rd|th)(?![a-z]))?(?!\s*\^\{?-?\d)"
    r"(?P<unit>(?:\s*(?:\\text\{[^{}]*\}|\^\\circ|\\%|%|¢|\^\{?-?\d\}?|[/*.,]|\\cdot|(?<=[\s}/.,*])[A-Za-z]+(?:-[a-z]+)?))+)"
)
_TEXT = re.compile(r"\\text\{([^{}]*)\}")
_PIECE = re.compile(
    r"(?P<degree>\^\\circ)|(?P<percent>\\?%|\bpercent\b)|\^\{?(?P<power>-?\d)\}?|(?P<over>/|\bper\b)|(?P<dot>\\cdot)"
    r"|(?P<word>[^\W\d_]+(?:-[^\W\d_]+)*|¢)",
    re.IGNORECASE,
)
_ORDINAL = re.compile(r"(\d+)\^?\{?(?:\\text\{)?(?:st|nd|rd|th)\}?\}?")
_HALF = re.compile(r"(?P<half>[ap])\.?\s?m\.?", re.IGNORECASE)
_RATE = re.compile(r" (?:m|g|J|N|mol|km|mi|L|kg)/(?:s|h|m|L|K|kg|g|min)(?:\^-?\d)?")


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number and what stands behind it.

    ``number`` is its text, ``scale`` what a word such as million multiplies it by, ``unit`` a canonical unit or "",
    ``half`` "a" or "p" for a time of day.
    """

    number: str
    scale: int
    unit: str
    percent: bool = False
    half: str = ""


def quantity(text: str) -> Quantity | None:
    r"""The number and the unit that a text consists of, or None where it has no unit.

    >>> quantity("5\\text{million dollars}")
    Quantity(number='5', scale=1000000, unit='dollar', percent=False, half='')
    """
    ordinal = _ORDINAL.fullmatch(text)
    if ordinal:
        return Quantity(ordinal[1], 1, "")
    found = None if len(text) > MAX_CHARACTERS else _TAIL.fullmatch(text)
    if found is None:
        return None
    number, tail = found["number"], found["unit"]
    flat = _TEXT.sub(r" \1 ", tail)
    half = _HALF.fullmatch(flat.strip())
    if half:
        return Quantity(number, 1, "", half=half["half"].lower())
    plain = _TEXT.sub(" ", tail)
    if not all(_may_be_unit(word[0], number, tail) for word in re.finditer(r"(?<!\\)\b[A-Za-z]+|¢", plain)):
        return None
    return _measured(number, flat)


def _may_be_unit(word: str, number: str, tail: str) -> bool:
    """Whether a word that is not set as text can be a unit: a lone letter only behind a plain number and a blank."""
    plain = exact_number(number.replace(",", "")) is not None
    if len(word) == 1:
        return word == "¢" or (plain and ((tail == f" {word}" and word in _LONE) or bool(_RATE.fullmatch(tail))))
    return plain or _is_known(word) or len(word) >= _LONG


def _measured(number: str, tail: str) -> Quantity | None:
    scale, percent, sign, power = 1, False, 1, 1
    units: list[tuple[str, int]] = []
    for piece in _PIECE.finditer(tail):
        word = (piece["word"] or "").lower()
        behind = bool(piece["power"]) or word in _POWERS_BEHIND
        if word in _NO_QUANTITY or _FRACTION.fullmatch(word) or (behind and not units):
            return None
        if piece["degree"]:
            units.append(("degree", sign))
        elif piece["percent"]:
            percent = True
        elif piece["over"]:
            sign = -1
        elif behind:
            times = int(piece["power"] or _POWERS_BEHIND[word])
            units[-1:] = [(name, old * times) for name, old in units[-1:]]
        elif word in _POWERS:
            power = _POWERS[word]
        elif (size := scale_of(word)) and {name for name, _ in units} <= _MONEY:
            scale *= size
        elif word and (word not in _NO_UNITS or (word == "in" and piece.end() == len(tail.rstrip()))):
            units += [
                (name, sign * power * times) for name, times in _COMPOUND.get(word) or ((_unit(piece["word"]), 1),)
            ]
            power = 1
    unit = " ".join(sorted(name if size == 1 else f"{name}^{size}" for name, size in units))
    return Quantity(number, scale, unit, percent=percent)


def scale_of(word: str) -> int:
    """What a word multiplies a number by, singular or plural; 0 for any other word."""
    return _SCALES.get(word.lower()) or _SCALES.get(word.lower().removesuffix("s"), 0)


def _is_known(word: str) -> bool:
    return word in _SYMBOLS or _unit(word) in _SYMBOLS or bool(scale_of(word)) or word.lower() in _COMPOUND


def _unit(word: str) -> str:
    """The canonical name: symbols as they are, names without their plural."""
    lower = word.lower()
    for name in (word, lower, lower.removesuffix("s"), lower.removesuffix("es")):
        if name in _SYMBOLS or name in _CANONICAL:
            return _CANONICAL.get(name, name)
    if lower.endswith("ies"):
        return lower[:-3] + "y"
    return lower.removesuffix("s") if len(lower) >= _LONG and not lower.endswith("ss") else lower


_NEXT_WORD = re.compile(
    r"(?:^[\s$*]*|(?<=[a-zA-Z%.]) |/)(\\?%|[ap]\.\s?m\.?|[^\W\d_]+)(?:\^\{?-?\d\}?|[²³])?", re.IGNORECASE
)


def leading_unit(text: str) -> str:
    """The unit that a text begins with, with a blank before it; "" where it begins with anything else.

    >>> leading_unit(" square metres of land"), leading_unit(" which is right")
    (' square metres', '')
    """
    end, at = 0, 0
    while found := _NEXT_WORD.match(text, at):
        word = found[1]
        at = found.end()
        if _says_unit(word):
            end = at
        elif word.lower() not in ("per", "square", "cubic", "sq", "of"):
            break
    unit = text[:end].strip(" $*\n\t")
    return f" {unit}" if unit else ""


def _says_unit(word: str) -> bool:
    """Whether a word of prose is a unit; "in" is none there, and lone letters are not."""
    if "%" in word or _HALF.fullmatch(word) or word.lower() == "percent":
        return True
    return len(word) > 1 and word.lower() != "in" and _is_known(word)
