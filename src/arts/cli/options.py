"""From arguments to a command's Config: defaults, then the ``--config`` file, then flags."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from arts.config import dump_toml, load_toml
from arts.errors import UsageError

C = TypeVar("C")


def parse(cls: type[C], args: Sequence[str], *, prog: str, description: str) -> C | None:
    """The resolved Config, or None when ``--dry-run`` has printed it.

    Raises:
        UsageError: for a missing value of ``--config`` or a file that does not fit ``cls``.
        SystemExit: from tyro, with code 0 for ``--help`` and 2 for a flag that does not fit.
    """
    import tyro

    rest = [part for arg in args for part in (arg.split("=", 1) if arg.startswith("--config=") else [arg])]
    dry_run = "--dry-run" in rest
    if dry_run:
        rest.remove("--dry-run")
    default: C | None = None
    if "--config" in rest:
        at = rest.index("--config")
        if at + 1 >= len(rest):
            raise UsageError("--config needs a file: --config run.toml")
        default = load_toml(Path(rest[at + 1]), cls)
        del rest[at : at + 2]
    default_or_missing: Any = tyro.MISSING_NONPROP if default is None else default
    config: C = tyro.cli(cls, args=rest, default=default_or_missing, prog=prog, description=description)
    if dry_run:
        sys.stdout.write(dump_toml(config))
        return None
    return config
