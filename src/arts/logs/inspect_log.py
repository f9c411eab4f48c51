"""Logs of inspect_ai: ``.eval``, which are zip archives of JSON, and ``.json``.

The names are those of inspect_ai 0.3: ``header.json`` or ``_journal/start.json`` of the run, and one
``samples/ID_epoch_N.json`` per sample.
"""

import io
import json
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from arts.errors import InputError, needs_extra
from arts.logs.unread import Unread
from arts.logs.values import is_number, look, text_of
from arts.logs.verdicts import verdict_in
from arts.problems.rows import Row, part

LARGEST_SAMPLE = 64 * 2**20
"""Bytes of a sample; a larger one is left out."""
LARGEST = 2 * 2**30
"""Bytes that an archive may unpack to."""
ZSTANDARD = 93
"""The method of compression of zip members that inspect_ai writes (0.3.285)."""
_NAME_LENGTHS = 26
"""Where a member's header has the lengths of its name and of its extra field."""
_HEADS = ("header.json", "_journal/start.json")
_ATTACHED = "attachment://"


def is_log(document: Row) -> bool:
    """Whether a JSON object is a whole log of inspect_ai."""
    return {"version", "status", "eval"} <= document.keys() and isinstance(document["eval"], Mapping)


def zipped_samples(path: Path, unread: Unread) -> Iterator[tuple[str, Row]]:
    """The samples of a ``.eval`` log, with their places ``file:member``.

    Raises:
        InputError: another zip archive, a damaged one, or one that unpacks to more than ``LARGEST``.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if not any(m.filename in _HEADS for m in members):
                if any(m.filename.startswith("xl/") for m in members):
                    raise InputError(f"{path}: a spreadsheet; save its rows as JSON Lines")
                names = ", ".join(m.filename for m in members[:3])
                raise InputError(f"{path}: a zip archive ({names}, …), no log of inspect_ai; unpack it, give its files")
            samples = [m for m in members if m.filename.startswith("samples/") and m.filename.endswith(".json")]
            if not samples:
                raise InputError(f"{path}: a log of inspect_ai without samples; log them (--log-samples)")
            if sum(m.file_size for m in samples) > LARGEST:
                raise InputError(f"{path}: unpacks to more than {LARGEST / 2**30:g} GiB; split it")
            for member in samples:
                place = f"{path}:{member.filename}"
                try:
                    yield place, _sample(path, archive, member)
                except (ValueError, RecursionError) as error:
                    unread.add(f"{place}: not JSON ({error})")
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, zlib.error) as error:
        raise InputError(f"{path}: a zip archive that cannot be read: {error}; copy it again") from error


def _sample(path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Row:
    with _zstandard(path, member) if member.compress_type == ZSTANDARD else archive.open(member) as file:
        data = file.read(LARGEST_SAMPLE + 1)
    if len(data) > LARGEST_SAMPLE:
        raise ValueError(f"more than {LARGEST_SAMPLE // 2**20} MiB")
    row = json.loads(data)
    if not isinstance(row, dict):
        raise ValueError(f"a {type(row).__name__}, no object")
    return row


@contextmanager
def _zstandard(path: Path, member: zipfile.ZipInfo) -> Iterator[IO[bytes]]:
    """A member that is compressed by zstandard, which the zipfile of Python knows from 3.14 on."""
    with needs_extra(f"{path}: a log of inspect_ai compressed by zstandard"):
        import pyarrow as pa
    with path.open("rb") as file:
        file.seek(member.header_offset + _NAME_LENGTHS)
        name, extra = struct.unpack("<HH", file.read(4))
        file.seek(name + extra, io.SEEK_CUR)
        packed = file.read(member.compress_size)
    try:
        with pa.CompressedInputStream(pa.BufferReader(packed), "zstd") as stream:
            yield stream
    except (OSError, pa.ArrowException) as error:
        raise ValueError(f"cannot be unpacked: {error}") from error


def inspected(rows: Iterable[tuple[str, Row]]) -> Iterator[tuple[str, Row]]:
    """Samples with ``question``, ``completion``, ``output_tokens``, and a scorer's ``score.value``, ``score.answer``.

    The scorer is the first one with a verdict, and of several choices the first is the sample, as for the scorers. A
    sample that failed has an empty list for its completion.
    """
    for place, row in rows:
        attached = part(row, "attachments")
        choices = look("output.choices", row)
        first = choices[:1] if isinstance(choices, list) and not row.get("error") else []
        scores = [score for score in part(row, "scores").values() if isinstance(score, Mapping)]
        score: Row = next((s for s in scores if verdict_in(s.get("value")) is not None), {})
        tokens = look("output.usage.output_tokens", row)
        flat = {
            "question": _text(row.get("input"), attached),
            "completion": [_text(part(c, "message").get("content"), attached) for c in first if isinstance(c, Mapping)],
            "score.value": verdict_in(score.get("value")),
            "score.answer": score.get("answer"),
            "output_tokens": tokens if is_number(tokens) else None,
        }
        yield place, {**row, **flat}


def _text(value: object, attached: Row) -> object:
    """A text or messages; what a sample keeps apart as it is long is put in its place."""
    if isinstance(value, str) and value.startswith(_ATTACHED):
        return attached.get(value.removeprefix(_ATTACHED), value)
    if isinstance(value, list) and all(isinstance(m, Mapping) and "role" in m for m in value):
        return [{**m, "content": _text(m.get("content"), attached)} for m in value]
    if isinstance(value, list):  # the parts of one message
        return text_of([{"content": value}], "")
    return value
