"""GGUF models through llama.cpp inside this process: continuous batching, prompt cache, real log-probabilities."""

import asyncio
import codecs
import os
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self, final

import httpx
import xllamacpp

from arts.errors import ModelError, UsageError
from arts.files import StrPath
from arts.proposers.base import Completion, CompletionStop, Request, Sampling, as_finished
from arts.proposers.options import BackendOptions
from arts.proposers.prompt import PromptFormat
from arts.proposers.wire import refusal
from arts.text import well_formed

GGUF_MAGIC = b"GGUF"
SILENT = -1


@final
class LlamaCppProposer:
    """A GGUF file served by llama.cpp in this process.

    xllamacpp runs the server on a loopback port that only this object knows the key of. ``parallel`` rollouts
    are decoded together, each in a slot of ``context_tokens`` tokens. Temperature is applied before top-p, as in
    the other backends, and no other sampler is active. Log-probabilities are those of the untempered model.
    """

    def __init__(
        self, server: xllamacpp.Server, client: httpx.AsyncClient, name: str, prompt: PromptFormat, parallel: int
    ) -> None:
        self._server, self._client, self._prompt = server, client, prompt
        self._slots = asyncio.Semaphore(parallel)
        self._openings: dict[str, str] = {}
        self.name = name
        self.batch_size = parallel
        self.reproducible = False
        self.concurrent = True

    @classmethod
    def load(
        cls, path: StrPath, *, prompt: PromptFormat, options: BackendOptions = BackendOptions(), name: str = ""
    ) -> Self:
        """Load a model file; its ``name`` is the file's where none is given.

        Raises:
            ModelError: the file is missing, not a GGUF file, or llama.cpp cannot load it.
        """
        path = Path(path)
        _check_file(path)
        key = secrets.token_urlsafe(32)
        params = xllamacpp.CommonParams()
        params.model.path = str(path)
        params.n_parallel = options.parallel
        params.n_ctx = options.parallel * options.context_tokens
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = options.threads or os.cpu_count() or 1
        params.fit_params = params.ui = params.warmup = False
        params.verbosity = SILENT
        params.api_keys = [key]
        try:
            server = xllamacpp.Server(params)
        except (RuntimeError, ValueError, MemoryError) as error:
            raise ModelError(f"{path}: llama.cpp cannot load this file ({error}); is it complete?") from error
        client = httpx.AsyncClient(
            base_url=server.listening_address,
            headers={"Authorization": f"Bearer {key}"},
            timeout=httpx.Timeout(None, connect=10.0),
            limits=httpx.Limits(max_connections=None),
            trust_env=False,
        )
        return cls(server, client, name or path.stem, prompt, options.parallel)

    def propose(self, requests: Sequence[Request], sampling: Sampling) -> AsyncIterator[tuple[int, Completion]]:
        """Yield completions as they finish; all slots are shared by concurrent calls."""
        return as_finished(lambda request: self._guarded(request, sampling), requests)

    async def aclose(self) -> None:
        """Close the connections and unload the model."""
        await self._client.aclose()
        del self._server

    async def _guarded(self, request: Request, sampling: Sampling) -> Completion:
        async with self._slots:
            try:
                return await self._complete(request, sampling)
            except (httpx.HTTPError, KeyError, TypeError, ValueError) as error:
                return Completion.failed(f"{type(error).__name__}: {error}")

    async def _complete(self, request: Request, sampling: Sampling) -> Completion:
        body = {
            "prompt": await self._opening(request.state.question) + request.state.text,
            "n_predict": request.limit(sampling),
            "seed": request.seed % 2**32,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "samplers": ["temperature", "top_p"],
            "stop": list(sampling.stop),
            "n_probs": 1,
            "post_sampling_probs": False,
            "cache_prompt": True,
        }
        response = await self._client.post("/completion", json=body)
        if response.status_code != httpx.codes.OK:
            return Completion.failed(refusal(response))
        return parse_completion(response.json())

    async def _opening(self, question: str) -> str:
        """Everything before the state's text: the chat template applied, up to the assistant's turn.

        Style auto is plain where llama.cpp cannot apply the model's template.

        Raises:
            UsageError: it cannot, and style chat was asked for.
        """
        if self._prompt.style == "plain":
            return self._prompt.plain(question)
        known = self._openings.get(question)
        if known is None:
            body = {"messages": self._prompt.messages(question)}
            response = await self._client.post("/apply-template", json=body)
            if response.status_code == httpx.codes.OK:
                known = str(response.json()["prompt"])
            elif self._prompt.style == "auto":
                known = self._prompt.plain(question)
            else:
                raise UsageError(
                    f"{self.name}: no usable chat template ({refusal(response)}); use --prompt.style plain"
                )
            self._openings[question] = known
        return known


def parse_completion(row: Mapping[str, Any]) -> Completion:
    """A completion from the JSON of llama.cpp's ``/completion`` endpoint.

    It leaves out the log-probabilities of a stop string's tokens; then all are left out here, because those of the
    whole are not known.
    """
    text = well_formed(str(row["content"]))
    tokens = row.get("completion_probabilities") or []
    if row.get("truncated"):
        return Completion.failed("the text outgrew the context; raise context_tokens", refused=True)
    stops: dict[str, CompletionStop] = {"limit": "length", "eos": "stop", "word": "stop"}
    boundary = row["stop_type"] == "word"
    counted = int(row["tokens_predicted"])
    if boundary and counted > len(tokens):
        tokens = []
    return Completion(
        text=text,
        tokens=len(tokens) or counted,
        stop=stops[row["stop_type"]],
        token_ends=_token_ends(tokens, len(text)),
        token_logprobs=tuple(float(t["logprob"]) for t in tokens),
        boundary=boundary,
        prompt_tokens=int(row.get("tokens_evaluated") or 0),
    )


def _token_ends(tokens: Sequence[Mapping[str, Any]], length: int) -> tuple[int, ...]:
    """Characters completed after each token; a token that ends inside a character does not complete it."""
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    ends, total = [], 0
    for token in tokens:
        total += len(decoder.decode(bytes(token["bytes"])))
        ends.append(min(total, length))
    if ends:
        ends[-1] = length
    return tuple(ends)


def _check_file(path: Path) -> None:
    if not path.is_file():
        raise ModelError(f"{path}: no such model file; 'arts models list' names those that can be fetched")
    with path.open("rb") as file:
        if file.read(len(GGUF_MAGIC)) != GGUF_MAGIC:
            raise ModelError(f"{path}: not a GGUF file; give a .gguf model, a model folder or a Hub id")
