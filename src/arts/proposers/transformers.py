"""Any Hugging Face causal LM or GGUF file as a proposer: batched, with a KV cache and a seed per rollout."""

import asyncio
import inspect
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, final

import numpy as np
import torch
from safetensors import SafetensorError
from transformers import AutoModelForCausalLM, AutoTokenizer

from arts.errors import ModelError, UsageError
from arts.proposers.base import Completion, CompletionStop, Request, Sampling
from arts.proposers.prompt import PromptFormat

COMPACT_BELOW = 0.75
"""Finished rows are dropped from the batch when no more than this share of it is still running."""
TOP_CANDIDATES = 1024
"""Top-p looks at this many likeliest tokens first, and sorts the whole vocabulary only if they do not suffice."""


@final
class TransformersProposer:
    """A causal LM that runs here.

    The randomness of a row comes from its own seed alone: one uniform number per token, turned into a token by the
    inverse distribution function. The same batch of requests on the same machine gives the same completions to
    the last bit; another batch can differ where two tokens are within floating-point error of each other.
    """

    def __init__(self, model: Any, tokenizer: Any, name: str, prompt: PromptFormat, batch_size: int) -> None:
        self._model, self._tokenizer, self._prompt = model, tokenizer, prompt
        self._ends = _end_tokens(model, tokenizer)
        self._context = int(getattr(model.config, "max_position_embeddings", 0) or 2**31)
        self._chat = prompt.style == "chat" or (prompt.style == "auto" and bool(tokenizer.chat_template))
        takes = inspect.signature(model.forward).parameters
        self._cache_name = "cache" if "cache" in takes else "past_key_values"  # renamed in transformers 5
        self._busy = asyncio.Lock()
        self.name = name
        self.batch_size = batch_size
        self.reproducible = True

    @classmethod
    def load(
        cls,
        path: str,
        *,
        prompt: PromptFormat,
        device: str = "auto",
        batch_size: int = 256,
        name: str = "",
    ) -> Self:
        """Load a model folder, a Hub id or a ``.gguf`` file; fp32 on a CPU, bf16 on an accelerator.

        Its ``name`` is that of the folder or file where none is given.

        Raises:
            ModelError: nothing loadable there, or no chat template where chat style was asked for.
        """
        where = _device(device)
        source = Path(path)
        extra = {"gguf_file": source.name} if source.suffix == ".gguf" else {}
        folder = str(source.parent) if extra else path
        dtype = torch.float32 if where == "cpu" else torch.bfloat16
        try:
            tokenizer = AutoTokenizer.from_pretrained(folder, **extra)
            model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, **extra)
        except (OSError, ValueError, ImportError, KeyError, RuntimeError, SafetensorError) as error:
            detail = " ".join(str(error).split())[:200]
            raise ModelError(f"{path}: cannot be loaded as a causal language model: {detail}") from error
        if prompt.style == "chat" and not tokenizer.chat_template:
            raise ModelError(f"{path}: has no chat template; use --prompt.style plain")
        return cls(model.to(where).eval(), tokenizer, name or source.name, prompt, batch_size)

    async def propose(self, requests: Sequence[Request], sampling: Sampling) -> AsyncIterator[tuple[int, Completion]]:
        """Yield completions batch by batch, in the order of the requests within a batch."""
        prompts = [self._encode(request) for request in requests]
        fitting = [i for i, ids in enumerate(prompts) if len(ids) < self._context]
        for index in sorted(set(range(len(requests))) - set(fitting)):
            yield index, _too_long(len(prompts[index]), self._context)
        fitting.sort(key=lambda i: len(prompts[i]))
        for start in range(0, len(fitting), self.batch_size):
            batch = fitting[start : start + self.batch_size]
            rows = [_Row(prompt=prompts[i], seed=requests[i].seed) for i in batch]
            async with self._busy:
                completions = await asyncio.to_thread(self._complete, rows, sampling)
            for index, completion in zip(batch, completions, strict=True):
                yield index, completion

    async def aclose(self) -> None:
        """Drop the model."""
        del self._model

    def _encode(self, request: Request) -> list[int]:
        state = request.state
        if self._chat:
            opening = self._tokenizer.apply_chat_template(
                self._prompt.messages(state.question), add_generation_prompt=True, tokenize=False
            )
            ids: list[int] = self._tokenizer(opening + state.text, add_special_tokens=False)["input_ids"]
        else:
            ids = self._tokenizer(self._prompt.plain(state.question) + state.text)["input_ids"]
        return ids

    @torch.inference_mode()
    def _complete(self, rows: Sequence["_Row"], sampling: Sampling) -> list[Completion]:
        limits = [min(sampling.max_tokens, self._context - len(row.prompt)) for row in rows]
        tokens = torch.full((len(rows), max(limits)), -1)
        logprobs = torch.zeros((len(rows), max(limits)))
        for column, alive, drawn, logprob in self._decode(rows, limits, sampling):
            tokens[alive, column] = drawn
            logprobs[alive, column] = logprob
        return [
            self._completion(t[t >= 0].tolist(), lp[t >= 0].tolist(), sampling)
            for t, lp in zip(tokens, logprobs, strict=True)
        ]

    def _decode(
        self, rows: Sequence["_Row"], limits: Sequence[int], sampling: Sampling
    ) -> Iterator[tuple[int, torch.Tensor, torch.Tensor, torch.Tensor]]:
        """Per position: rows still running, the tokens drawn for them and their log-probabilities."""
        device = self._model.device
        ids, mask = _left_padded([row.prompt for row in rows], self._ends[0], device)
        positions = (mask.cumsum(1) - 1).clamp(min=0)
        uniforms = np.stack([np.random.default_rng(row.seed).random(max(limits)) for row in rows])
        draws = torch.as_tensor(uniforms, device=device)
        ends = torch.tensor(self._ends, device=device)
        last = torch.tensor(limits, device=device) - 1
        alive = torch.arange(len(rows), device=device)  # row of each line of the batch
        running = torch.ones(len(rows), dtype=torch.bool, device=device)
        stops = _StopWatch(self._tokenizer, sampling.stop, len(rows))
        cache = None
        for column in range(max(limits)):
            out = self._model(
                input_ids=ids, attention_mask=mask, position_ids=positions, use_cache=True, logits_to_keep=1,
                **{self._cache_name: cache},
            )  # fmt: skip
            cache = out[self._cache_name]
            logits = out.logits[:, -1].float()
            drawn = draw(logits, draws[alive, column], sampling)
            logprob = logits.log_softmax(-1).gather(1, drawn[:, None])[:, 0]
            yield column, alive[running].cpu(), drawn[running].cpu(), logprob[running].cpu()
            running &= ~torch.isin(drawn, ends) & (column < last[alive])
            stops.update(alive, drawn, running)
            left = int(running.sum())
            if left == 0:
                return
            if left <= COMPACT_BELOW * len(alive):
                keep = running.nonzero()[:, 0]
                cache.batch_select_indices(keep)
                alive, drawn, mask, positions = alive[keep], drawn[keep], mask[keep], positions[keep]
                running = running[keep]
            ids = drawn[:, None]
            mask = torch.cat([mask, mask.new_ones(len(mask), 1)], dim=1)
            positions = (positions[:, -1:] + 1).clamp(max=self._context - 1)  # ended rows stand still there

    def _completion(self, tokens: list[int], logprobs: list[float], sampling: Sampling) -> Completion:
        ended = bool(tokens) and tokens[-1] in self._ends
        texts = self._prefix_texts(tokens[:-1] if ended else tokens)
        text = texts[-1] if texts else ""
        cut = min((at for s in sampling.stop if (at := text.find(s)) >= 0), default=-1)
        stop: CompletionStop = "stop" if ended or cut >= 0 else "length"
        text = text[:cut] if cut >= 0 else text
        ends = [min(len(t), len(text)) for t in texts] + ([len(text)] if ended else [])
        return Completion(
            text=text,
            tokens=len(tokens),
            stop=stop,
            token_ends=tuple(ends),
            token_logprobs=tuple(logprobs),
        )

    def _prefix_texts(self, tokens: list[int]) -> list[str]:
        """Text after each token; decoded as a whole, because a token's own text can depend on its neighbours."""
        if not tokens:
            return []
        decode = self._tokenizer.decode
        pieces = self._tokenizer.batch_decode([[t] for t in tokens], skip_special_tokens=True)
        whole = decode(tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        if "".join(pieces) == whole:
            return [whole[:end] for end in np.cumsum([len(p) for p in pieces])]
        prefixes = [decode(tokens[: i + 1], skip_special_tokens=True, clean_up_tokenization_spaces=False)
                    for i in range(len(tokens))]  # fmt: skip
        return [p.rstrip("\ufffd") for p in prefixes[:-1]] + prefixes[-1:]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    prompt: list[int]
    seed: int


class _StopWatch:
    """Notices stop strings; costs nothing when there are none."""

    def __init__(self, tokenizer: Any, stop: Sequence[str], rows: int) -> None:
        self._tokenizer, self._stop = tokenizer, stop
        self._tokens: list[list[int]] = [[] for _ in range(rows)]

    def update(self, alive: torch.Tensor, drawn: torch.Tensor, running: torch.Tensor) -> None:
        """Take the newest tokens in; rows whose text holds a stop string are marked as no longer running."""
        if not self._stop:
            return
        for line, (row, token) in enumerate(zip(alive.tolist(), drawn.tolist(), strict=True)):
            self._tokens[row].append(token)
            recent = self._tokens[row][-2 * max(map(len, self._stop)) :]
            text = self._tokenizer.decode(recent, skip_special_tokens=True)
            if any(s in text for s in self._stop):
                running[line] = False


def draw(logits: torch.Tensor, uniform: torch.Tensor, sampling: Sampling) -> torch.Tensor:
    """One token per row by the inverse distribution function of the tempered, top-p truncated distribution.

    ``logits`` (B, V), ``uniform`` (B,) in [0, 1); returns (B,). Tokens are ordered from likely to unlikely, so
    that nearby logits give the same token for almost every uniform number.
    """
    if sampling.temperature == 0:
        return logits.argmax(-1)
    scaled = (logits / sampling.temperature).double()
    total = scaled.logsumexp(-1, keepdim=True)
    for count in (min(TOP_CANDIDATES, logits.shape[-1]), logits.shape[-1]):
        top, order = scaled.topk(count, dim=-1)
        mass = (top - total).exp().cumsum(-1)
        if sampling.top_p <= float(mass[:, -1].min()) or count == logits.shape[-1]:
            break
    before = mass - (top - total).exp()
    kept = before < sampling.top_p  # the token that crosses top_p is in; the first always is
    reachable = torch.where(kept, mass, torch.zeros_like(mass)).max(-1).values
    index = torch.searchsorted(mass, (uniform * reachable)[:, None], right=True)
    last = kept.sum(-1, keepdim=True) - 1
    return order.gather(1, torch.minimum(index, last))[:, 0]


def _left_padded(rows: Sequence[Sequence[int]], pad: int, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    width = max(map(len, rows))
    ids = torch.full((len(rows), width), pad, device=device)
    mask = torch.zeros((len(rows), width), dtype=torch.long, device=device)
    for i, row in enumerate(rows):
        ids[i, width - len(row) :] = torch.tensor(row, device=device)
        mask[i, width - len(row) :] = 1
    return ids, mask


def _end_tokens(model: Any, tokenizer: Any) -> list[int]:
    configured = model.generation_config.eos_token_id
    ends = configured if isinstance(configured, list) else [configured]
    found = sorted({int(e) for e in [*ends, tokenizer.eos_token_id] if e is not None})
    if not found:
        raise ModelError(f"{model.config.name_or_path}: no end-of-sequence token is configured")
    return found


def _device(device: str) -> str:
    if device != "auto":
        return _named_device(device)
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _named_device(device: str) -> str:
    try:
        kind = torch.device(device).type
    except RuntimeError as error:
        raise UsageError(f"no device '{device}'; use auto, cpu, cuda, cuda:N or mps") from error
    usable = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not usable.get(kind, True):
        raise UsageError(f"device '{device}' is not usable on this machine or by this torch; use auto or cpu")
    return device


def _too_long(length: int, context: int) -> Completion:
    error = f"the prompt has {length} tokens, the model's context only {context}"
    return Completion(text="", tokens=0, stop="error", error=error)
