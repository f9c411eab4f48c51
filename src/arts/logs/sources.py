"""What a path or name given by a user stands for."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Literal

from arts.files import StrPath
from arts.models import BUNDLED, MODELS
from arts.trees.exchange import TREES

SourceKind = Literal["store", "samples", "data set", "model"]
STORES = (".db", ".sqlite", ".store")
"""How names of stores end; what is there is told by its content, whatever its name."""
SAMPLES = (".jsonl", ".jsonl.gz", ".parquet")
_SQLITE = b"SQLite format 3\0"


def kind_of(source: StrPath) -> SourceKind:
    """What a source is: a tree store, a file or pattern of samples, a folder of exported trees, or else a model.

    Names of the catalogue and endpoints (``openai:…``) are models, also where a file has that name.

    >>> kind_of("runs/train.db"), kind_of("logs/*.jsonl"), kind_of("Qwen/Qwen2.5-0.5B")
    ('store', 'samples', 'model')
    """
    name, path = os.fspath(source), Path(source)
    if name == BUNDLED or name in MODELS or name.startswith("openai:"):
        return "model"
    with suppress(OSError, ValueError):  # not readable, or no name of a file
        if path.is_dir():
            return "data set" if any((path / TREES).glob("*.parquet")) else "model"
        if path.is_file():
            with path.open("rb") as file:
                if file.read(len(_SQLITE)) == _SQLITE:
                    return "store"
    if name.endswith(STORES):
        return "store"
    return "samples" if name.endswith(SAMPLES) or "*" in path.name else "model"
