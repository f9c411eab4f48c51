"""Any OpenAI-compatible endpoint as a proposer: vLLM, SGLang, llama.cpp, Ollama, and OpenAI itself.

With ``api="chat"`` a state's text is sent as the opening of the assistant's turn. vLLM and SGLang continue it
because of ``continue_final_message``; llama.cpp and Ollama continue a trailing assistant turn by themselves; OpenAI's
own models start a new turn, so that forks need ``api="completions"`` there.
"""

import asyncio
import os
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any, Literal, final
from urllib.parse import urlsplit

import httpx

from arts.errors import EndpointError, UsageError
from arts.proposers.base import Completion, CompletionStop, Request, Sampling, as_finished
from arts.proposers.prompt import PromptFormat
from arts.text import well_formed

LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1", "0.0.0.0"})
BACKOFF_S = 0.5
LONGEST_WAIT_S = 60.0
HOPELESS = frozenset({401, 403, 404, 405})
"""Answers that no further request will change: the key, the address or the model is wrong."""
REFUSED = frozenset({400, 413, 422})
"""Answers that no further try of this request will change: it is too long, say."""


@final
class OpenAIProposer:
    """One model behind one endpoint.

    Passing failures (429, 5xx, time-outs, broken connections, unreadable bodies) are tried again with exponential
    backoff and full jitter, ``Retry-After`` is honoured, and after ``retries`` further tries the request is an error
    completion; one that the endpoint refuses is so at once. A wrong key, address or model, and an endpoint that was
    never reached, end the run.
    """

    def __init__(
        self,
        url: str,
        model: str,
        *,
        prompt: PromptFormat,
        api: Literal["chat", "completions"] = "chat",
        key_env: str = "OPENAI_API_KEY",
        concurrency: int = 32,
        timeout_s: float = 300.0,
        retries: int = 4,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        _check_prompt(prompt, api)
        key = os.environ.get(key_env, "")
        if not key and urlsplit(url).hostname not in LOCAL_HOSTS:
            raise UsageError(f"{url}: no key; set the environment variable {key_env}")
        self.name, self.batch_size, self.reproducible = model, concurrency, False
        self._url, self._prompt, self._api = url.rstrip("/"), prompt, api
        self._retries, self._sleep, self._timeout_s = retries, sleep, timeout_s
        self._key_env = key_env
        self._gate = asyncio.Semaphore(concurrency)
        self._reached = False
        self._client = httpx.AsyncClient(
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=httpx.Timeout(timeout_s, connect=min(timeout_s, 10.0)),
            limits=httpx.Limits(max_connections=concurrency),
            transport=transport,
        )

    def propose(self, requests: Sequence[Request], sampling: Sampling) -> AsyncIterator[tuple[int, Completion]]:
        """Yield completions as they finish.

        Raises:
            EndpointError: the endpoint refuses every request, or was never reached.
        """
        return as_finished(lambda request: self._complete(request, sampling), requests)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _complete(self, request: Request, sampling: Sampling) -> Completion:
        async with self._gate:
            return await self._with_retries(self._body(request, sampling), request.state.text)

    async def _with_retries(self, body: Mapping[str, Any], opening: str) -> Completion:
        reason, refused = "", False
        for attempt in range(self._retries + 1):
            wait = random.uniform(0, BACKOFF_S * 2**attempt)
            try:
                async with asyncio.timeout(self._timeout_s):
                    response = await self._client.post(self._endpoint, json=body)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                reason, refused = f"cannot connect ({error})", True
            except (httpx.HTTPError, TimeoutError) as error:
                self._reached = True
                reason, refused = f"{type(error).__name__}: {error}".rstrip(": "), False
            else:
                self._reached, refused = True, False
                if response.status_code in HOPELESS:
                    hint = f"; is the key in {self._key_env} right?" if response.status_code in (401, 403) else ""
                    raise EndpointError(f"{self._endpoint}: HTTP {response.status_code}: {_reason(response)}{hint}")
                if response.status_code == httpx.codes.OK:
                    try:
                        return parse_choice(response.json(), chat=self._api == "chat", opening=opening)
                    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
                        reason = f"unreadable answer ({type(error).__name__})"
                else:
                    reason = f"HTTP {response.status_code}: {_reason(response)}"
                    if response.status_code in REFUSED:
                        break
                    wait = max(wait, _retry_after(response))
            if attempt < self._retries:
                await self._sleep(min(wait, LONGEST_WAIT_S))
        if refused and not self._reached:
            raise EndpointError(f"{self._url}: {reason}; is the server running, and is this its address?")
        return Completion(text="", tokens=0, stop="error", error=reason)

    @property
    def _endpoint(self) -> str:
        return f"{self._url}/{'chat/completions' if self._api == 'chat' else 'completions'}"

    def _body(self, request: Request, sampling: Sampling) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": self.name,
            "max_tokens": sampling.max_tokens,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "seed": request.seed % 2**31,
        }
        if sampling.stop:
            body["stop"] = list(sampling.stop)
        state = request.state
        if self._api == "completions":
            return {**body, "prompt": self._prompt.plain(state.question) + state.text, "logprobs": 1}
        messages = self._prompt.messages(state.question)
        if state.text:
            messages.append({"role": "assistant", "content": state.text})
            body |= {"continue_final_message": True, "add_generation_prompt": False}
        return {**body, "messages": messages, "logprobs": True}


def _check_prompt(prompt: PromptFormat, api: str) -> None:
    """Refuse what this interface would leave out."""
    if api == "chat" and prompt.style == "plain":
        raise UsageError("prompt.style plain is not for backend.api chat; use --backend.api completions")
    chat_only = {
        "style chat": prompt.style == "chat",
        "instruction": prompt.instruction is not None,
        "system": bool(prompt.system),
    }
    for name in [name for name, given in chat_only.items() if given and api == "completions"]:
        raise UsageError(f"prompt.{name} is not for backend.api completions; leave it out or use --backend.api chat")


def parse_choice(row: Mapping[str, Any], *, chat: bool, opening: str = "") -> Completion:
    """The first choice of a response, with log-probabilities where the server gave them.

    ``opening`` is the text that was to be continued. Some servers send it back in front of the continuation; it is
    cut off, unless the generated tokens show that the model itself has written it. The tokens may go on where the
    text ends: an end mark, a stop string.
    """
    choice = row["choices"][0]
    text = (choice["message"]["content"] or "") if chat else choice["text"]
    if not isinstance(text, str):
        raise TypeError("the text is not a string")
    usage = row.get("usage") or {}
    texts, logprobs = _tokens(choice.get("logprobs") or {}, chat=chat)
    generated = "".join(texts)
    if opening and text.startswith(opening) and not generated.startswith(text):
        text = text[len(opening) :]
    text = well_formed(text)
    aligned = generated.startswith(text)
    reason = choice.get("finish_reason")
    stop: CompletionStop = "length" if reason == "length" else "stop"
    ends, at = [], 0
    for token in texts if aligned else ():
        at += len(token)
        ends.append(min(at, len(text)))
    return Completion(
        text=text,
        tokens=len(ends) or int(usage.get("completion_tokens") or len(texts)),
        stop=stop,
        token_ends=tuple(ends),
        token_logprobs=tuple(logprobs) if aligned else (),
    )


def _tokens(logprobs: Mapping[str, Any], *, chat: bool) -> tuple[list[str], list[float]]:
    if chat or "content" in logprobs:
        content = logprobs.get("content") or []
        return [t["token"] for t in content], [float(t["logprob"]) for t in content]
    return list(logprobs.get("tokens") or []), [float(x) for x in logprobs.get("token_logprobs") or []]


def _reason(response: httpx.Response) -> str:
    try:
        error = response.json()["error"]
        text = error["message"] if isinstance(error, Mapping) else error
    except (ValueError, KeyError, TypeError):
        text = response.text
    return " ".join(str(text).split())[:200] or "no reason given"


def _retry_after(response: httpx.Response) -> float:
    try:
        return float(response.headers.get("Retry-After", 0))
    except ValueError:
        return 0.0
