"""Command lines that make a result again."""

import shlex
from collections.abc import Iterator
from dataclasses import MISSING, fields, is_dataclass
from operator import attrgetter
from typing import Any

from arts.cli.sample import Config as SampleConfig
from arts.config import from_dict
from arts.errors import ArtsError
from arts.trees.runs import RunConfig
from arts.verifiers.base import Verifier


def command_line(command: str, config: Any, *positional: str) -> str:
    """The command with the flags that are not at their defaults; ``positional`` names fields that are no flags.

    A field of a field is named with a dot.
    """
    given = [attrgetter(name)(config) for name in positional]
    places = [str(value) for value in given if value is not None]
    return shlex.join(["arts", *command.split(), *places, *_flags(config, "", positional)])


def _flags(config: Any, prefix: str, skipped: tuple[str, ...] = ()) -> Iterator[str]:
    for f in fields(config):
        value = getattr(config, f.name)
        name = prefix + f.name.replace("_", "-")
        if name in skipped or value is None or value == _default(f):
            continue
        if is_dataclass(value):
            yield from _flags(value, f"{name}.", skipped)
        elif isinstance(value, bool):
            yield f"--{name}" if value else f"--{prefix}no-{f.name.replace('_', '-')}"
        elif isinstance(value, tuple):
            yield from (f"--{name}", *map(str, value))
        else:
            yield from (f"--{name}", str(value))


def _default(f: Any) -> Any:
    return f.default_factory() if f.default_factory is not MISSING else f.default


def origin(run: RunConfig, store: str, problems: int) -> list[str]:
    """The command that sampled a store, from what the store remembers; none where it remembers none."""
    if run.sample is None:
        return []
    table = {**run.sample, "backend": run.backend or {}, "store": store, "limit": problems}
    try:
        return [command_line("sample", from_dict(SampleConfig, table, store), "problems", "store")]
    except ArtsError:  # sampled by an arts with other flags
        return []


def training(spec: str, verifier: Verifier) -> list[str]:
    """The command that trained a verifier, from what its checkpoint remembers; none for one without parameters."""
    saved = getattr(verifier, "about", None)
    if saved is None:
        return []
    from arts.cli.train import Config as TrainCommand
    from arts.training.config import TrainConfig

    names = {f.name for f in fields(TrainConfig)}
    kept = {k: v for k, v in saved.training.settings.items() if k in names and v is not None}
    if isinstance(of := kept.get("options"), dict):  # as earlier checkpoints have them
        kept["options"] = [f"{name}={value}" for name, value in of.items() if value is not None]
    table = {"store": saved.training.store or "STORE", "out": spec, "training": kept}
    try:
        config = from_dict(TrainCommand, table, spec)
    except ArtsError:  # trained by an arts with other flags
        return []
    shape = list(_flags(saved.architecture, "architecture."))
    return [shlex.join([*shlex.split(command_line("train", config, "store")), *shape])]
