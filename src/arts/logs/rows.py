"""Rows of logs as their files have them, and those formats that spread one sample over several rows or messages."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from arts.errors import InputError
from arts.logs.files import IsRow, Placed, file_rows
from arts.logs.formats import LogName
from arts.logs.inspect_log import inspected
from arts.logs.unread import Unread
from arts.logs.values import MISSING, is_number, look
from arts.problems.rows import Row, part


def rows_of(source: str, unread: Unread, is_row: IsRow) -> Iterator[Placed]:
    """The rows of a file, or of all files that a pattern like ``rollouts/*.jsonl`` names, in the order of their names.

    Raises: as :func:`arts.logs.files.file_rows`.
    """
    pattern = Path(source)
    paths = sorted(pattern.parent.glob(pattern.name)) if "*" in pattern.name else [pattern]
    if not paths:
        raise InputError(f"{source}: no file has such a name")
    for path in paths:
        yield from file_rows(path, unread, is_row)


def joined(name: LogName, rows: Iterable[Placed]) -> Iterator[Placed]:
    """The rows of a format with everything about a sample in one."""
    join = _JOINS.get(name)
    yield from join(rows) if join else rows


def _events(rows: Iterable[Placed]) -> Iterator[Placed]:
    """One row per graded sample of an event log: each ``match`` with the ``sampling`` before it of the same sample."""
    drawn: dict[str, Row] = {}
    for place, event in rows:
        data = event.get("data")
        if not isinstance(data, Mapping):
            continue  # the specification of the run, its final report
        if event.get("type") == "sampling":
            drawn[_named(event, "sample_id")] = data
        elif event.get("type") == "match":
            before = drawn.pop(_named(event, "sample_id"), {})
            head = {name: value for name, value in event.items() if name != "data"}
            yield place, {**head, **before, **{name: value for name, value in data.items() if value is not None}}


def _chats(rows: Iterable[Placed]) -> Iterator[Placed]:
    """The messages of a conversation as ``prompt``, up to the last of the user, and ``completion``, what follows it.

    A row without messages stays as it is.
    """
    for place, row in rows:
        messages = row.get("messages")
        if not isinstance(messages, list) or not all(isinstance(m, Mapping) for m in messages):
            yield place, row
            continue
        asked = max((i for i, m in enumerate(messages, start=1) if m.get("role") == "user"), default=0)
        yield place, {**row, "prompt": messages[:asked], "completion": messages[asked:]}


def _batches(rows: Iterable[Placed]) -> Iterator[Placed]:
    """The answers of a batch, with the ``prompt`` of the request of that name where the requests are among the rows."""
    asked: dict[str, object] = {}
    answered: list[Placed] = []
    for place, row in rows:
        if "response" in row:
            answered.append((place, row))
        else:
            asked[_named(row, "custom_id")] = look("body.messages", row)
    for place, row in answered:
        prompt = asked.get(_named(row, "custom_id"), MISSING)
        head = row if prompt is MISSING else {**row, "prompt": prompt}
        yield place, {**head, "choices": _choices(part(part(row, "response"), "body"))}


def _named(row: Row, name: str) -> str:
    """What a row is matched by; it may be anything that JSON has."""
    return json.dumps(row.get(name), sort_keys=True, default=str)


def _choices(body: Row) -> list[Row]:
    """What a response holds, each with its tokens and log-probability where they are told; none of a failed one."""
    choices = body.get("choices")
    found = [c for c in choices if isinstance(c, Mapping)] if isinstance(choices, list) else []
    spent = look("usage.completion_tokens", body) if len(found) == 1 else None
    return [
        {"text": _said(c), "finish_reason": c.get("finish_reason"), "model": body.get("model"), **_measured(c, spent)}
        for c in found
    ]


def _said(choice: Row) -> list[Row]:
    """A chat of the one message; a refusal says nothing."""
    return [{"role": "assistant", "content": part(choice, "message").get("content", "")}]


def _measured(choice: Row, spent: object) -> Row:
    drawn = look("logprobs.content", choice)
    values = [t.get("logprob") for t in drawn if isinstance(t, Mapping)] if isinstance(drawn, list) else []
    known = [value for value in values if is_number(value)]
    if not known or len(known) < len(values):
        return {"tokens": spent} if is_number(spent) else {}
    return {"tokens": len(known), "logprob": sum(known)}


_JOINS: dict[LogName, Callable[[Iterable[Placed]], Iterator[Placed]]] = {
    "openai-evals": _events,
    "openai-batch": _batches,
    "chat": _chats,
    "inspect": inspected,
}
