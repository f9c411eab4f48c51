"""Strict TOML ↔ frozen dataclass: every key known, every value of its declared type, errors that name the key."""

import contextlib
import json
import math
import tomllib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import is_dataclass
from inspect import signature
from pathlib import Path
from types import NoneType
from typing import Any, Literal, TypeAlias, TypeVar, get_args, get_origin, get_type_hints

import msgspec

from arts.errors import InputError, UsageError
from arts.files import StrPath
from arts.text import LONGEST_NAME, TOO_DEEP, quoted, require_shallow, shortened

C = TypeVar("C")
LONGEST_TOML = 1_000_000
"""Characters of a configuration file."""
BOOLS = {"true": True, "yes": True, "false": False, "no": False}

Settings: TypeAlias = dict[str, Any]
"""The settings of a run as JSON values, as :func:`to_dict` makes them of a dataclass and files remember them."""


def load_toml(path: Path, cls: type[C]) -> C:
    """The dataclass that a TOML file describes; keys left out keep their defaults.

    Raises:
        InputError: the file is missing or not TOML, a key is unknown or its value does not fit.
    """
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(LONGEST_TOML + 1)
        if len(text) > LONGEST_TOML:
            raise ValueError(f"more than {LONGEST_TOML:,} characters")
        table = tomllib.loads(text)
        require_shallow(table)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such configuration file") from error
    except RecursionError as error:
        raise InputError(f"{path}: not readable as TOML: {TOO_DEEP}") from error
    except (OSError, ValueError) as error:  # of UTF-8 and of TOML, too
        raise InputError(f"{path}: not readable as TOML: {error}") from error
    return from_dict(cls, table, str(path))


def from_dict(cls: type[C], table: Mapping[str, Any], place: str = "$") -> C:
    """Decode a nested mapping into the dataclass ``cls``; ``place`` prefixes the path in error messages.

    Raises:
        InputError: a key is unknown or missing, or its value does not fit.
    """
    hints, known = get_type_hints(cls), signature(cls).parameters
    for key in table:
        if key not in known:
            raise InputError(f"{place}: unknown key '{key}'; known are: {', '.join(known)}")
    values = {key: _decode(hints[key], value, f"{place}: {key}") for key, value in table.items()}
    missing = [name for name, field in known.items() if field.default is field.empty and name not in table]
    if missing:
        raise InputError(f"{place}: missing key(s): {', '.join(missing)}")
    return cls(**values)


def from_settings(cls: type[C], settings: Sequence[str], what: str) -> C:
    """The dataclass that ``NAME=VALUE`` settings describe; ``what`` has them, each is read as its field's type.

    Raises:
        UsageError: ``cls`` is no dataclass; a setting is unknown, malformed, or does not fit.
    """
    if not (isinstance(cls, type) and is_dataclass(cls)):
        raise UsageError(f"{what}: not a dataclass; its fields would be its settings")
    hints, known = get_type_hints(cls), signature(cls).parameters
    values: dict[str, bool | float | str] = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals:
            raise UsageError(f"'{setting}' is not NAME=VALUE; as in: n=16")
        if name not in known:
            raise UsageError(f"{what} has no setting '{name}'; it has: {', '.join(known) or 'none'}")
        values[name] = _read(hints[name], text)
    return from_dict(cls, values, what)


def require_at_least(config: Any, least: float, *names: str) -> None:
    """Refuse a configuration one of whose fields ``names`` is smaller than ``least``; None passes.

    Raises:
        UsageError: names the field.
    """
    for name in names:
        value = getattr(config, name)
        if value is not None and not value >= least:
            raise UsageError(f"{name} is {value}; use {least:g} or more")


def require_finite(config: Any, *names: str) -> None:
    """Refuse a configuration one of whose fields ``names`` is infinite.

    Raises:
        UsageError: names the field.
    """
    for name in names:
        if getattr(config, name) == math.inf:
            raise UsageError(f"{name} is inf; use a finite number")


def to_dict(config: Any) -> Settings:
    """The dataclass as plain JSON-able values, None entries left out."""
    table: Settings = _plain(msgspec.to_builtins(config, enc_hook=str))
    return table


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items() if inner is not None}
    return list(value) if isinstance(value, tuple) else value


def check_same_run(
    place: StrPath, before: Settings, now: Settings, *, may_grow: Collection[str] = (), remedy: str
) -> None:
    """Refuse to go on with a run that was begun with other settings.

    A setting that is missing equals None. Those named in ``may_grow``, of the outermost level, may be larger now than
    they were; there None and 0 are the same. ``remedy`` says what to do about the others.

    Raises:
        UsageError: names the first setting that differs, with both values.

    >>> check_same_run("a.db", {"n": 4, "seed": 1}, {"n": 8, "seed": 1}, may_grow=["n"], remedy="use another store")
    >>> check_same_run("a.db", {"prompt": {"style": "chat"}}, {}, remedy="use another store")
    Traceback (most recent call last):
    arts.errors.UsageError: a.db: was made with prompt.style = chat, not None; use another store
    """
    for name in may_grow:
        had, wanted = (settings.get(name) or 0 for settings in (before, now))
        if wanted < had:
            raise UsageError(f"{place}: was made with a larger {name}, {had}; use the same value or a larger one")
    old, new = (dict(_leaves({k: v for k, v in s.items() if k not in may_grow})) for s in (before, now))
    for name in sorted({*old, *new}):
        if old.get(name) != new.get(name):
            raise UsageError(f"{place}: was made with {name} = {old.get(name)}, not {new.get(name)}; {remedy}")


def _leaves(settings: Settings, prefix: str = "") -> Iterator[tuple[str, object]]:
    """Names, with dots, and values of all that is no table."""
    for name, value in settings.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def dump_toml(config: Any) -> str:
    """The dataclass as TOML that :func:`load_toml` reads back to an equal one."""
    lines: list[str] = []
    _write_table(to_dict(config), "", lines)
    return "\n".join(lines) + "\n"


def _read(hint: Any, text: str) -> bool | float | str:
    """What ``text`` says where ``hint`` is expected; the text itself where that is nothing of its type."""
    for kind in (hint, *get_args(hint)):
        if kind is bool:
            return BOOLS.get(text.lower(), text)
        if kind in (int, float):
            with contextlib.suppress(ValueError):
                number = kind(text)
                return number if kind is int or math.isfinite(number) else text
    return text


def _decode(hint: Any, value: Any, place: str) -> Any:
    """The value where ``hint`` is expected: a table for a dataclass, a text for a path, an integer for a float too."""
    kind = next((part for part in (hint, *get_args(hint)) if isinstance(part, type) and is_dataclass(part)), None)
    if kind and isinstance(value, Mapping):
        return from_dict(kind, value, place)
    try:
        return msgspec.convert(value, hint, dec_hook=lambda path, text: path(text))
    except (msgspec.ValidationError, ValueError, OverflowError) as error:
        expected = "a table" if kind else _in_words(hint)
        shown = quoted(value) if isinstance(value, str) else shortened(repr(value), LONGEST_NAME)
        raise InputError(f"{place}: expected {expected}, got {shown}") from error


def _in_words(hint: Any) -> str:
    """What a value of this type is, None apart."""
    origin, parts = get_origin(hint), [part for part in get_args(hint) if part is not NoneType]
    if origin is Literal:
        return f"one of {parts}"
    if origin in (tuple, list):
        return f"a list, each {_in_words(parts[0])}"
    if origin is dict:
        return "a table"
    return _in_words(parts[0]) if parts else hint.__name__


def _write_table(table: Settings, prefix: str, lines: list[str]) -> None:
    nested = {key: value for key, value in table.items() if isinstance(value, dict)}
    lines += [f"{key} = {_toml_value(value)}" for key, value in table.items() if key not in nested]
    for key, inner in nested.items():
        lines += ["", f"[{prefix}{key}]"]
        _write_table(inner, f"{prefix}{key}.", lines)


def _toml_value(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_toml_value, value))}]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        # JSON escapes are TOML escapes, but for DEL, which TOML wants escaped
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return repr(value)
