"""Chat templates: programs that come with a model, run in jinja's sandbox and within a time limit."""

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Any

import jinja2

from arts.errors import ModelError
from arts.models import refusal

DEADLINE_S = 5.0
"""Seconds for one question; templates take milliseconds."""
QUESTION = "What is 7 * 8?"
"""What a template is tried on before anything is sampled."""


def opening(tokenizer: Any, messages: list[dict[str, str]], name: str) -> str:
    """Everything before the assistant's words, by the template of the model ``name``.

    Raises:
        ModelError: the template is malformed, refuses the messages, or does not come to an end.
    """
    try:
        _refuse_powers(tokenizer.chat_template)
        with _deadline(DEADLINE_S):
            rendered = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
        if not isinstance(rendered, str):
            raise TypeError(f"it gives a {type(rendered).__name__}")
        return rendered
    except Exception as error:  # whatever a program of somebody else's raises
        raise ModelError(f"{name}: its chat template fails: {refusal(error)}; use --prompt.style plain") from error


def _refuse_powers(template: object) -> None:
    """Refuse ``**``, the one operator by which a few characters compute for ever where no deadline can be looked at."""
    if isinstance(template, Mapping):
        for one in template.values():
            _refuse_powers(one)
    elif any(word == "**" for _, kind, word in jinja2.Environment().lex(str(template)) if kind == "operator"):
        raise ValueError("it computes powers (**), which arts does not allow")


@contextmanager
def _deadline(seconds: float) -> Iterator[None]:
    """Raise TimeoutError in the Python code that runs inside once the time is over; works in any thread."""
    until, before = time.monotonic() + seconds, sys.gettrace()

    def look(frame: FrameType, event: str, arg: object) -> Any:
        if time.monotonic() > until:
            raise TimeoutError(f"it does not come to an end within {seconds:g} s")
        return look

    sys.settrace(look)
    try:
        yield
    finally:
        sys.settrace(before)
