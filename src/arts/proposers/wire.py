"""The JSON of OpenAI's two interfaces, as far as it is asked and read; what else a server says is passed over."""

from collections.abc import Mapping
from typing import Any

import httpx
from msgspec import UNSET, Struct, UnsetType


class Message(Struct, kw_only=True):
    """A turn of a chat."""

    role: str | None = None
    content: str | None = None


class Ask(Struct, kw_only=True, omit_defaults=True):
    """A request for one completion: of ``messages`` by the chat interface, else of ``prompt``."""

    model: str = ""
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None
    stop: str | list[str] | None = None
    prompt: str | None = None
    messages: list[Message] | None = None
    logprobs: bool | int | None = None
    continue_final_message: bool | None = None
    add_generation_prompt: bool | None = None


class Token(Struct):
    """A generated token of a chat."""

    token: str
    logprob: float


class Logprobs(Struct, kw_only=True, omit_defaults=True):
    """Of generated tokens: ``content`` in a chat, else two lists side by side."""

    content: list[Token] | None = None
    tokens: list[str] | None = None
    token_logprobs: list[float] | None = None


class Choice(Struct, kw_only=True):
    """One completion. vLLM names the stop string that was met in ``stop_reason``, SGLang in ``matched_stop``."""

    index: int | None = None
    message: Message | UnsetType = UNSET
    text: str | UnsetType = UNSET
    finish_reason: Any = None
    stop_reason: Any = UNSET
    matched_stop: Any = UNSET
    logprobs: Logprobs | None = None


class Usage(Struct, kw_only=True):
    """Tokens as the server counts them."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None


class Answer(Struct, kw_only=True):
    """What an endpoint answers."""

    choices: list[Choice]
    usage: Usage | None = None
    id: str | None = None
    object: str | None = None
    model: str | None = None


def refusal(response: httpx.Response) -> str:
    """Why a server has refused a request, in one line, as far as it says so."""
    try:
        error = response.json()["error"]
        text = error["message"] if isinstance(error, Mapping) else error
    except (ValueError, KeyError, TypeError):
        text = response.text
    return " ".join(str(text).split())[:200] or "no reason given"
