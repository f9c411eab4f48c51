"""An OpenAI-compatible endpoint that answers from a function and fails as it is told to, down to the bytes sent.

``async with mock_endpoint(...)`` serves in this process; ``python -m arts.testbed.endpoint`` serves filler to others.
"""

import asyncio
import json
import random
import sys
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, get_args

import msgspec
import tyro

from arts.errors import UsageError
from arts.proposers.base import Completion, find_stop
from arts.proposers.prompt import MATH_INSTRUCTION
from arts.proposers.wire import Answer as Body, Ask, Choice, Logprobs, Message, Token, Usage
from arts.testbed.answers import Answer, filler
from arts.testbed.connection import Connection

Fault = Literal["error", "rate_limit", "stall", "truncate", "malformed"]

FAULTS: tuple[Fault, ...] = get_args(Fault)
END_MARK = "<|im_end|>"
LONGEST_QUEUE = 4096
"""Connections that wait to be accepted; more are turned away by the operating system."""


@dataclass(frozen=True, kw_only=True)
class Faults:
    """How requests fail; the first five are shares of all requests, in [0, 1] and together at most 1."""

    error: float = 0.0
    """HTTP 500 at once."""
    rate_limit: float = 0.0
    """HTTP 429 at once, with ``Retry-After``."""
    stall: float = 0.0
    """No answer until the client leaves."""
    truncate: float = 0.0
    """Half of the body, then the connection is closed."""
    malformed: float = 0.0
    """HTTP 200 whose body is no JSON."""
    retry_after: float = 1.0
    """Seconds that ``Retry-After`` asks for."""
    dies_after: int | None = None
    """Answered requests after which the endpoint closes its socket and all connections, whatever is in work on them."""
    seed: int = 0
    """Of the faults."""

    def __post_init__(self) -> None:
        if not all(share >= 0 for share in self._shares) or not sum(self._shares) <= 1 + 1e-9:
            raise UsageError("the shares of faults must be 0 or more, and together at most 1")

    def of(self, count: int) -> Fault | None:
        """The fault that the request with this count, from 0, meets."""
        drawn = random.Random(f"{self.seed}/{count}").random()
        for fault, share in zip(FAULTS, self._shares, strict=True):
            if drawn < share:
                return fault
            drawn -= share
        return None

    @property
    def _shares(self) -> tuple[float, ...]:
        return tuple(getattr(self, fault) for fault in FAULTS)


NO_FAULTS = Faults()


@dataclass(frozen=True, kw_only=True)
class Answered:
    """One answered request; seconds, ``arrival`` and ``finish`` since the endpoint opened.

    ``latency`` is what generating the answer was made to take, ``finish - arrival`` what it took.
    """

    arrival: float
    finish: float
    latency: float
    tokens: int


class Endpoint:
    """A running endpoint and what it has counted; :func:`mock_endpoint` makes one."""

    def __init__(self, answer: Answer, faults: Faults, seconds_per_token: float) -> None:
        self.url = ""
        self.log: list[Answered] = []
        self.faults: Counter[Fault] = Counter()
        self.in_work = self.most_in_work = 0
        self.closed = asyncio.Event()
        self._answer, self._faults, self._seconds_per_token = answer, faults, seconds_per_token
        self._clock = asyncio.get_running_loop().time
        self._opened = self._clock()
        self._asked = 0
        self._connections: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    @property
    def answered(self) -> int:
        """Requests that got a whole answer."""
        return len(self.log)

    async def open(self, port: int) -> None:
        """Listen on this port of this machine; 0: any."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port, backlog=LONGEST_QUEUE)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/v1"

    def close(self) -> None:
        """Stop listening and break every connection but the one this is called from."""
        self.closed.set()
        self._server.close()
        for task, writer in self._connections.items():
            if task is not asyncio.current_task():
                writer.transport.abort()

    async def aclose(self) -> None:
        """Close, and wait until nothing is in work."""
        self.close()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections[task] = writer
        try:
            while not self.closed.is_set() and await self._handle(Connection(reader, writer)):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client left
        finally:
            del self._connections[task]
            writer.close()

    async def _handle(self, client: Connection) -> bool:
        """Read and answer one request; false when the connection is to be closed."""
        path, content = await client.read()
        if path not in ("/v1/chat/completions", "/v1/completions"):
            return await client.send(404, _error(f"nothing is at {path}"))
        fault = self._faults.of(self._asked)
        self._asked += 1
        self.in_work += 1
        self.most_in_work = max(self.most_in_work, self.in_work)
        try:
            if fault:
                self.faults[fault] += 1
            return await self._fail_early(fault, client) or await self._complete(content, fault, client)
        finally:
            self.in_work -= 1

    async def _fail_early(self, fault: Fault | None, client: Connection) -> bool:
        """Whether the request has met a fault after which the connection stays; one that stalls raises in the end."""
        if fault == "error":
            return await client.send(500, _error("a fault that was asked for"))
        if fault == "rate_limit":
            wait = f"Retry-After: {self._faults.retry_after:g}\r\n"
            return await client.send(429, _error("too many requests"), headers=wait)
        if fault == "stall":
            await client.wait(None)
        return False

    async def _complete(self, content: bytes, fault: Fault | None, client: Connection) -> bool:
        arrival = self._clock() - self._opened
        try:
            body, completion = self._answered(msgspec.json.decode(content, type=Ask, strict=False))
        except (ValueError, IndexError, msgspec.DecodeError) as error:
            return await client.send(400, _error(f"unreadable request ({type(error).__name__}: {error})"))
        if completion.stop == "error":
            return await client.send(400, _error(completion.error))
        latency = self._seconds_per_token * completion.tokens
        if latency > 0:
            await client.wait(latency)
        if fault == "malformed":
            return await client.send(200, "{no JSON")
        text = msgspec.json.encode(body).decode()
        if fault == "truncate":
            await client.send(200, text, cut=len(text) // 2)
            return False
        await client.send(200, text)
        finish = self._clock() - self._opened
        self.log.append(Answered(arrival=arrival, finish=finish, latency=latency, tokens=completion.tokens))
        if self.answered == self._faults.dies_after:
            self.close()
        return True

    def _answered(self, ask: Ask) -> tuple[Body, Completion]:
        question, text = _state(ask)
        stop = (ask.stop,) if isinstance(ask.stop, str) else tuple(ask.stop or ())
        asked = (question, text, ask.seed or 0, ask.max_tokens or 512)
        completion = self._answer(*asked, stop)
        matched = None
        if completion.boundary:
            matched = stop[0] if len(stop) == 1 else _matched(self._answer(*asked, ()).text, stop)
        return _body(completion, matched, chat=ask.messages is not None, logprobs=bool(ask.logprobs)), completion


@asynccontextmanager
async def mock_endpoint(
    answer: Answer, *, faults: Faults = NO_FAULTS, seconds_per_token: float = 0.0, port: int = 0
) -> AsyncIterator[Endpoint]:
    """Serve ``answer`` at ``endpoint.url``; an answer is sent ``seconds_per_token`` × its tokens after its request."""
    endpoint = Endpoint(answer, faults, seconds_per_token)
    await endpoint.open(port)
    try:
        yield endpoint
    finally:
        await endpoint.aclose()


def _state(ask: Ask) -> tuple[str, str]:
    """Question and text so far: first user message and trailing assistant message, or first line and rest."""
    if ask.messages is None:
        if ask.prompt is None:
            raise ValueError("neither messages nor a prompt")
        first, _, rest = ask.prompt.partition("\n")
        return first, rest
    question = [turn.content or "" for turn in ask.messages if turn.role == "user"][0]  # noqa: RUF015 (an IndexError)
    last = ask.messages[-1]
    return question.removesuffix(f"\n\n{MATH_INSTRUCTION}"), (last.content or "" if last.role == "assistant" else "")


def _matched(text: str, stop: Sequence[str]) -> str | None:
    """The stop string that is met first."""
    found = find_stop(text, stop)
    return found and text[slice(*found)]


def _body(completion: Completion, matched: str | None, *, chat: bool, logprobs: bool) -> Body:
    choice = Choice(index=0, finish_reason=completion.stop, stop_reason=matched)
    if chat:
        choice.message = Message(role="assistant", content=completion.text)
    else:
        choice.text = completion.text
    if logprobs and completion.token_ends:
        tokens, values = _tokens(completion, matched or END_MARK), list(completion.token_logprobs)
        content = [Token(token, value) for token, value in zip(tokens, values, strict=True)]
        choice.logprobs = Logprobs(content=content) if chat else Logprobs(tokens=tokens, token_logprobs=values)
    prompt, generated = completion.prompt_tokens, completion.tokens
    usage = Usage(prompt_tokens=prompt, completion_tokens=generated, total_tokens=prompt + generated)
    kind = "chat.completion" if chat else "text_completion"
    return Body(id="mock", object=kind, model="mock", choices=[choice], usage=usage)


def _tokens(completion: Completion, tail: str) -> list[str]:
    """Texts of the tokens; ``tail``, the end mark or a stop string, goes to those after the text, bit by bit."""
    tokens = [completion.text[a:b] for a, b in pairwise((0, *completion.token_ends))]
    spare = len(tokens) - len([end for end in completion.token_ends if end < len(completion.text)])
    spare -= bool(completion.text)  # the token that the text ends with
    for i in range(spare):
        tokens[i - spare] = tail[i : i + 1] if i < spare - 1 else tail[i:]
    return tokens


def _error(message: str) -> str:
    return json.dumps({"error": {"message": message}})


async def serve(
    faults: tyro.conf.OmitArgPrefixes[Faults] = NO_FAULTS,
    *,
    port: int = 0,
    seconds_per_token: float = 0.0,
    lines: int = 8,
) -> None:
    """Print the address and serve filler text, in solutions of ``lines`` lines, until killed or until it dies."""
    async with mock_endpoint(filler(lines), faults=faults, seconds_per_token=seconds_per_token, port=port) as endpoint:
        sys.stdout.write(f"{endpoint.url}\n")
        sys.stdout.flush()
        await endpoint.closed.wait()


if __name__ == "__main__":
    asyncio.run(tyro.cli(serve, prog="python -m arts.testbed.endpoint"))
