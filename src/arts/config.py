"""Strict TOML ↔ frozen dataclass: every key known, every value of its declared type, errors that name the key."""

import contextlib
import dataclasses
import json
import math
import tomllib
import types
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias, TypeVar, Union, get_args, get_origin, get_type_hints

from arts.errors import InputError, UsageError
from arts.files import StrPath

C = TypeVar("C")
BOOLS = {"true": True, "yes": True, "false": False, "no": False}

Settings: TypeAlias = dict[str, Any]
"""The settings of a run as JSON values, as :func:`to_dict` makes them of a dataclass and files remember them."""


def load_toml(path: Path, cls: type[C]) -> C:
    """The dataclass that a TOML file describes; keys left out keep their defaults.

    Raises:
        InputError: the file is missing or not TOML, a key is unknown or its value does not fit.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such configuration file") from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"{path}: not readable as TOML: {error}") from error
    return from_dict(cls, table, str(path))


def from_dict(cls: type[C], table: Mapping[str, Any], place: str = "$") -> C:
    """Decode a nested mapping into ``cls``; ``place`` prefixes the path in error messages."""
    hints = get_type_hints(cls, include_extras=False)
    names = [f.name for f in dataclasses.fields(cls)]  # type: ignore[arg-type]
    for key in table:
        if key not in names:
            raise InputError(f"{place}: unknown key '{key}'; known are: {', '.join(names)}")
    values = {key: _decode(hints[key], value, f"{place}: {key}") for key, value in table.items()}
    try:
        return cls(**values)
    except TypeError as error:
        missing = [
            f.name
            for f in dataclasses.fields(cls)  # type: ignore[arg-type]
            if f.name not in values and f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
        ]
        if not missing:
            raise
        raise InputError(f"{place}: missing key(s): {', '.join(missing)}") from error


def from_settings(cls: type[C], settings: Sequence[str], what: str) -> C:
    """The dataclass that ``NAME=VALUE`` settings describe; ``what`` has them, each is read as its field's type.

    Raises:
        UsageError: ``cls`` is no dataclass; a setting is unknown, malformed, or does not fit.
    """
    if not (isinstance(cls, type) and dataclasses.is_dataclass(cls)):
        raise UsageError(f"{what}: not a dataclass; its fields would be its settings")
    hints = get_type_hints(cls)
    names = [f.name for f in dataclasses.fields(cls)]
    values: dict[str, bool | float | str] = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals:
            raise UsageError(f"'{setting}' is not NAME=VALUE; as in: n=16")
        if name not in names:
            raise UsageError(f"{what} has no setting '{name}'; it has: {', '.join(names) or 'none'}")
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
    table: Settings = _encode(config)
    return table


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
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        inner = [a for a in args if a is not type(None)]
        if value is None and len(inner) < len(args):
            return None
        if len(inner) != 1:
            raise UsageError(f"{place}: this key can only be given as a flag")
        return _decode(inner[0], value, place)
    if origin is Literal:
        if value not in args:
            raise InputError(f"{place}: expected one of {list(args)}, got {value!r}")
        return value
    if origin in (tuple, list):
        if not isinstance(value, list):
            raise InputError(f"{place}: expected a list, got {value!r}")
        element = args[0] if args else str
        items = [_decode(element, item, place) for item in value]
        return tuple(items) if origin is tuple else items
    if origin is dict:
        if not isinstance(value, Mapping):
            raise InputError(f"{place}: expected a table, got {value!r}")
        return {name: _decode(args[1], inner, f"{place}.{name}") for name, inner in value.items()}
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        if not isinstance(value, Mapping):
            raise InputError(f"{place}: expected a table, got {value!r}")
        return from_dict(hint, value, place)
    return _decode_scalar(hint, value, place)


def _decode_scalar(hint: Any, value: Any, place: str) -> Any:
    if hint is Path and isinstance(value, str):
        return Path(value)
    if hint is float and type(value) is int:
        return float(value)
    if hint is Any:
        return value
    if type(value) is not hint:
        raise InputError(f"{place}: expected {getattr(hint, '__name__', hint)}, got {value!r}")
    return value


def _encode(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        pairs = ((f.name, getattr(value, f.name)) for f in dataclasses.fields(value))
        return {name: _encode(inner) for name, inner in pairs if inner is not None}
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, (tuple, list)):
        return [_encode(item) for item in value]
    return value


def _write_table(table: Mapping[str, Any], prefix: str, lines: list[str]) -> None:
    nested = {k: v for k, v in table.items() if isinstance(v, Mapping)}
    for key, value in table.items():
        if key not in nested:
            lines.append(f"{key} = {_toml_value(value)}")
    for key, inner in nested.items():
        name = f"{prefix}{key}"
        lines.extend(["", f"[{name}]"])
        _write_table(inner, f"{name}.", lines)


def _toml_value(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_toml_value(v) for v in value)}]"
    if isinstance(value, str):
        # JSON escapes are TOML escapes, but for DEL, which TOML wants escaped
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value)
