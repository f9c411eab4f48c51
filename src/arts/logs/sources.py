"""What a path or name given by a user stands for."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Literal

from arts.files import StrPath
from arts.logs.files import file_rows
from arts.logs.unread import Unread
from arts.models import BUNDLED, MODELS
from arts.trees.exchange import TREES

SourceKind = Literal["store", "samples", "data set", "model"]
STORES = (".db", ".sqlite", ".store")
"""How names of stores end; what is there is told by its content, whatever its name."""
SAMPLES = (".jsonl", ".jsonl.gz", ".json", ".json.gz", ".ndjson", ".parquet", ".eval")
"""How names of logs end, where there is no such file."""
MODEL_FILE = ".gguf"
_SQLITE = b"SQLite format 3\0"
_ROWS = (b"{", b"[", b"\xef\xbb\xbf", b"\x1f\x8b", b"PK\x03\x04", b"PAR1")
"""How files of rows start, if not by a space."""


def kind_of(source: StrPath) -> SourceKind:
    """What a source is: a tree store, a file or pattern of samples, a folder of exported trees, or else a model.

    A file is a store by its content, a model by its name, or else samples, whatever its name and whatever it holds:
    who reads it says what it is. Only of one that is called a store and holds no rows the name counts. Names of the
    catalogue and endpoints (``openai:…``) are models, also where a file has that name.

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
                start = file.read(len(_SQLITE))
            if start == _SQLITE:
                return "store"
            if start and path.suffix != MODEL_FILE and (start.startswith(_ROWS) or not name.endswith(STORES)):
                return "samples"
    if name.endswith(STORES):
        return "store"
    return "samples" if name.endswith(SAMPLES) or "*" in path.name else "model"


def holds_trees(source: StrPath) -> bool:
    """Whether a source is a file of exported trees, by its first row, or a folder.

    Raises:
        InputError: the file cannot be read.
    """
    path = Path(source)
    if not path.is_file():
        return path.is_dir()
    first = next(file_rows(path, Unread(), lambda row: True), None)
    return first is not None and {"parent", "rollouts"} <= first[1].keys()
