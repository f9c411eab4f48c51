"""Any OpenAI-compatible endpoint as a proposer: vLLM, SGLang, llama.cpp, Ollama, and OpenAI itself.

With ``api="chat"`` a state's text is sent as the opening of the assistant's turn. vLLM and SGLang continue it
because of ``continue_final_message``; llama.cpp and Ollama continue a trailing assistant turn by themselves; OpenAI's
own models start a new turn, so that forks need ``api="completions"`` there.
"""

import asyncio
import math
import os
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from itertools import accumulate
from typing import final
from urllib.parse import urlsplit

import httpx
import msgspec
from msgspec import UNSET

from arts.errors import EndpointError, UsageError
from arts.proposers.base import Completion, Request, Sampling, as_finished
from arts.proposers.options import BackendOptions
from arts.proposers.prompt import PromptFormat
from arts.proposers.retry import TREATMENTS, Failure, Patience, kind_of_status, retry_after_s
from arts.proposers.wire import Answer, Ask, Choice, Logprobs, Message, Usage, refusal
from arts.text import well_formed

LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1", "0.0.0.0"})
KEY_REFUSED = ("HTTP 401", "HTTP 403")
CONNECTIONS_PER_CLIENT = 8
"""A connection pool of httpx looks through all its connections and requests at every request, so pools are small."""


@final
class OpenAIProposer:
    """One model behind one endpoint.

    Passing failures are tried again as :data:`arts.proposers.retry.TREATMENTS` says, with ``retries`` as the measure
    of patience; then the request is an error completion. One that the endpoint refuses is so at once. A wrong key,
    address or model end the run, and so does an endpoint that cannot be reached for as long as a request is patient,
    while no other request gets an answer either.
    """

    def __init__(
        self,
        url: str,
        model: str,
        *,
        prompt: PromptFormat,
        options: BackendOptions = BackendOptions(),
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: Callable[[float, float], float] = random.uniform,
    ) -> None:
        _check_prompt(prompt, options.api)
        key = os.environ.get(options.key_env, "")
        if not key and urlsplit(url).hostname not in LOCAL_HOSTS:
            raise UsageError(f"{url}: no key; set the environment variable {options.key_env}")
        self.name, self.batch_size, self.reproducible = model, options.concurrency, False
        self.concurrent = True
        self._url, self._prompt, self._options, self._chat = url.rstrip("/"), prompt, options, options.api == "chat"
        self.continues = not self._chat
        self._sleep, self._jitter = sleep, jitter
        self._gate = asyncio.Semaphore(options.concurrency)
        self._answers = 0
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        timeout = httpx.Timeout(options.timeout_s, connect=min(options.timeout_s, 10.0))
        verify = httpx.create_ssl_context()
        self._clients = [
            httpx.AsyncClient(headers=headers, timeout=timeout, transport=transport, verify=verify)
            for _ in range(math.ceil(options.concurrency / CONNECTIONS_PER_CLIENT))
        ]
        self._under_way = [0] * len(self._clients)

    def propose(self, requests: Sequence[Request], sampling: Sampling) -> AsyncIterator[tuple[int, Completion]]:
        """Yield completions as they finish.

        Raises:
            EndpointError: the endpoint refuses every request, or is gone.
        """
        return as_finished(lambda request: self._complete(request, sampling), requests)

    async def aclose(self) -> None:
        """Close the connections."""
        for client in self._clients:
            await client.aclose()

    async def _complete(self, request: Request, sampling: Sampling) -> Completion:
        async with self._gate:
            body, patience = self._body(request, sampling), Patience(self._options.retries, self._jitter)
            reached, before = True, self._answers
            while True:
                before = self._answers if reached else before
                result = await self._attempt(body, request, sampling)
                if isinstance(result, Completion):
                    return result
                reached = result.kind != "unreachable"
                wait = patience.wait_s(result)
                if wait is None:
                    return self._given_up(result, gone=not reached and self._answers == before)
                await self._sleep(wait)

    async def _attempt(self, body: Ask, request: Request, sampling: Sampling) -> Completion | Failure:
        try:
            async with asyncio.timeout(self._options.timeout_s):
                response = await self._post(body)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            return Failure(kind="unreachable", reason=f"cannot connect ({error})")
        except (httpx.HTTPError, TimeoutError) as error:
            stalled = isinstance(error, httpx.TimeoutException | TimeoutError)
            reason = f"{type(error).__name__}: {error}".rstrip(": ")
            return Failure(kind="stalled" if stalled else "broken", reason=reason)
        self._answers += 1
        if response.status_code != httpx.codes.OK:
            return Failure(
                kind=kind_of_status(response.status_code),
                reason=f"HTTP {response.status_code}: {refusal(response)}",
                retry_after_s=retry_after_s(response.headers.get("Retry-After", "")),
            )
        opening = request.state.text
        try:
            return parse_choice(response.json(), chat=self._chat, opening=opening, stop=sampling.stop)
        except (ValueError, TypeError, IndexError, OverflowError, RecursionError, msgspec.ValidationError) as error:
            return Failure(kind="unreadable", reason=f"unreadable answer ({type(error).__name__})")

    async def _post(self, body: Ask) -> httpx.Response:
        """By the client that has the least to do."""
        client = self._under_way.index(min(self._under_way))
        self._under_way[client] += 1
        try:
            return await self._clients[client].post(self._endpoint, json=msgspec.to_builtins(body))
        finally:
            self._under_way[client] -= 1

    def _given_up(self, failure: Failure, *, gone: bool) -> Completion:
        if TREATMENTS[failure.kind].ends_run:
            hint = f"; is the key in {self._options.key_env} right?" if failure.reason.startswith(KEY_REFUSED) else ""
            raise EndpointError(f"{self._endpoint}: {failure.reason}{hint}")
        if gone:
            raise EndpointError(f"{self._url}: {failure.reason}; is the server running, and is this its address?")
        return Completion.failed(failure.reason, refused=failure.kind == "refused")

    @property
    def _endpoint(self) -> str:
        return f"{self._url}/{'chat/completions' if self._chat else 'completions'}"

    def _body(self, request: Request, sampling: Sampling) -> Ask:
        state = request.state
        body = Ask(
            model=self.name,
            max_tokens=request.limit(sampling),
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            seed=request.seed % 2**31,
            stop=list(sampling.stop) or None,
            logprobs=True if self._chat else 1,
        )
        if not self._chat:
            body.prompt = self._prompt.plain(state.question) + state.text
            return body
        body.messages = [Message(**turn) for turn in self._prompt.messages(state.question)]
        if state.text:
            body.messages.append(Message(role="assistant", content=state.text))
            body.continue_final_message, body.add_generation_prompt = True, False
        return body


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


def parse_choice(row: object, *, chat: bool, opening: str = "", stop: Sequence[str] = ()) -> Completion:
    """The first choice of a response, with log-probabilities where the server gave them.

    ``opening`` is the text that was to be continued. Some servers send it back in front of the continuation; it is
    cut off, unless the generated tokens show that the model itself has written it. The tokens may go on where the
    text ends: an end mark, one of the strings ``stop``. llama.cpp counts the tokens of a stop string and leaves out
    their log-probabilities; then all are left out, because those of the whole are not known.
    """
    answer = msgspec.convert(row, Answer, strict=False)
    choice, usage = answer.choices[0], answer.usage or Usage()
    text = ((choice.message and choice.message.content) or "") if chat else choice.text
    if not isinstance(text, str):
        raise TypeError("the text is not a string")
    texts, logprobs = _tokens(choice.logprobs or Logprobs(), chat=chat)
    generated = "".join(texts)
    if opening and text.startswith(opening) and not generated.startswith(text):
        text = text[len(opening) :]
    text = well_formed(text)
    aligned = generated.startswith(text)
    reason = choice.finish_reason
    boundary = bool(stop) and reason == "stop" and _at_boundary(choice, text, texts if aligned else [], stop)
    counted = usage.completion_tokens or len(texts)
    if not aligned or (boundary and counted > len(texts)):
        texts, logprobs = [], []
    return Completion(
        text=text,
        tokens=len(texts) or counted,
        stop="length" if reason == "length" else "stop",
        token_ends=tuple(min(at, len(text)) for at in accumulate(map(len, texts))),
        token_logprobs=tuple(logprobs),
        boundary=boundary,
        prompt_tokens=usage.prompt_tokens or 0,
    )


def _at_boundary(choice: Choice, text: str, texts: Sequence[str], stop: Sequence[str]) -> bool:
    """Whether a text that has ended did so at a stop string, as far as the server lets it be known.

    vLLM and SGLang name the string. Elsewhere the tokens behind the text tell: a stop string or the beginning of one,
    or else an end mark. Where there are none, either may have been left out; nothing at all is an end.
    """
    for named in (choice.stop_reason, choice.matched_stop):
        if named is not UNSET:
            return isinstance(named, str)
    behind = "".join(texts)[len(text) :]
    if behind:
        return any(s in behind or s.startswith(behind) for s in stop)
    return bool(text) and not (texts and texts[-1] == "")


def _tokens(found: Logprobs, *, chat: bool) -> tuple[list[str], list[float]]:
    if chat or found.content is not None:
        content = found.content or []
        return [t.token for t in content], [t.logprob for t in content]
    return found.tokens or [], found.token_logprobs or []
