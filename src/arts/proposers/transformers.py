"""Any Hugging Face causal LM or GGUF file as a proposer: batched, with a KV cache and a seed per rollout."""

import asyncio
import inspect
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self, final

import numpy as np
import torch
from safetensors import SafetensorError
from torch.nn.utils.rnn import pad_sequence
from transformers import AutoModelForCausalLM, AutoTokenizer

from arts.errors import ModelError, UsageError
from arts.files import StrPath
from arts.models import refusal
from arts.proposers.base import Completion, Request, Sampling, find_stop
from arts.proposers.chat import QUESTION, opening
from arts.proposers.decoding import StopWatch, Texts
from arts.proposers.options import BackendOptions
from arts.proposers.prompt import PromptFormat
from arts.trees.tree import State

COMPACT_BELOW = 0.75
"""Finished rows are dropped from the batch when no more than this share of it is still running."""
TOP_CANDIDATES = (32, 1024)
"""Top-p looks at so many likeliest tokens first, and sorts the whole vocabulary only if they do not suffice."""


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
        self._texts = Texts(tokenizer, int(model.config.get_text_config().vocab_size))
        self._busy = asyncio.Lock()
        self.name = name
        self.batch_size = batch_size
        self.reproducible = True
        self.concurrent = False

    @classmethod
    def load(
        cls, path: StrPath, *, prompt: PromptFormat, options: BackendOptions = BackendOptions(), name: str = ""
    ) -> Self:
        """Load a model folder, a Hub id or a ``.gguf`` file; fp32 on a CPU, bf16 on an accelerator.

        Its ``name`` is that of the folder or file where none is given.

        Raises:
            ModelError: nothing loadable there, or no chat template where chat style was asked for.
        """
        where = _device(options.device)
        source = Path(path)
        extra = {"gguf_file": source.name} if source.suffix == ".gguf" else {}
        folder = source.parent if extra else path
        dtype = torch.float32 if where == "cpu" else torch.bfloat16
        try:
            tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False, **extra)
            model = AutoModelForCausalLM.from_pretrained(folder, trust_remote_code=False, dtype=dtype, **extra)
        except (OSError, ValueError, ImportError, KeyError, RuntimeError, SafetensorError) as error:
            raise ModelError(f"{path}: cannot be loaded as a causal language model: {refusal(error)}") from error
        if prompt.style == "chat" and not tokenizer.chat_template:
            raise ModelError(f"{path}: has no chat template; use --prompt.style plain")
        made = cls(model.to(where).eval(), tokenizer, name or source.name, prompt, options.batch_size)
        made._encode(State(problem_id="", question=QUESTION))  # what cannot be prompted is said before any work
        return made

    async def propose(self, requests: Sequence[Request], sampling: Sampling) -> AsyncIterator[tuple[int, Completion]]:
        """Yield completions batch by batch, in the order of the requests within a batch."""
        states = {(r.state.question, r.state.text): r.state for r in requests}
        encoded = {key: self._encode(state) for key, state in states.items()}
        prompts = [encoded[r.state.question, r.state.text] for r in requests]
        fitting = [i for i, ids in enumerate(prompts) if len(ids) < self._context]
        for index in sorted(set(range(len(requests))) - set(fitting)):
            reason = f"the prompt has {len(prompts[index])} tokens, the model's context only {self._context}"
            yield index, Completion.failed(reason, refused=True)
        fitting.sort(key=lambda i: len(prompts[i]))
        for start in range(0, len(fitting), self.batch_size):
            batch = fitting[start : start + self.batch_size]
            rows = [_Row(prompt=prompts[i], seed=requests[i].seed, limit=requests[i].limit(sampling)) for i in batch]
            async with self._busy:
                completions = await asyncio.to_thread(self._complete, rows, sampling)
            for index, completion in zip(batch, completions, strict=True):
                yield index, completion

    async def aclose(self) -> None:
        """Drop the model."""
        del self._model

    def _encode(self, state: State) -> list[int]:
        if self._chat:
            before = opening(self._tokenizer, self._prompt.messages(state.question), self.name)
            ids: list[int] = self._tokenizer(before + state.text, add_special_tokens=False)["input_ids"]
        else:
            ids = self._tokenizer(self._prompt.plain(state.question) + state.text)["input_ids"]
        return ids

    @torch.inference_mode()
    def _complete(self, rows: Sequence["_Row"], sampling: Sampling) -> list[Completion]:
        limits = [min(row.limit, self._context - len(row.prompt)) for row in rows]
        tokens = torch.full((len(rows), max(limits)), -1)
        logprobs = torch.zeros((len(rows), max(limits)))
        for column, alive, drawn, logprob in self._decode(rows, limits, sampling):
            tokens[alive, column] = drawn
            logprobs[alive, column] = logprob
        return [
            self._completion(row, t[t >= 0].tolist(), lp[t >= 0].tolist(), sampling)
            for row, t, lp in zip(rows, tokens, logprobs, strict=True)
        ]

    def _decode(
        self, rows: Sequence["_Row"], limits: Sequence[int], sampling: Sampling
    ) -> Iterator[tuple[int, torch.Tensor, torch.Tensor, torch.Tensor]]:
        """Per position: rows still running, the tokens drawn for them and their log-probabilities."""
        device = self._model.device
        prompts, of_row = _distinct([row.prompt for row in rows])
        ids, mask = _left_padded(prompts, self._ends[0], device)
        positions = (mask.cumsum(1) - 1).clamp(min=0)
        uniforms = np.stack([np.random.default_rng(row.seed).random(max(limits)) for row in rows])
        draws = torch.as_tensor(uniforms, device=device)
        ends = torch.tensor(self._ends, device=device)
        last = torch.tensor(limits, device=device) - 1
        alive = torch.arange(len(rows), device=device)  # row of each line of the batch
        running = torch.ones(len(rows), dtype=torch.bool, device=device)
        stops = StopWatch(self._texts, sampling.stop, (len(rows), max(limits)), device)
        cache = None
        for column in range(max(limits)):
            out = self._model(
                input_ids=ids, attention_mask=mask, position_ids=positions, use_cache=True, logits_to_keep=1,
                **{self._cache_name: cache},
            )  # fmt: skip
            cache = out[self._cache_name]
            logits = out.logits[:, -1].float()
            if len(logits) < len(alive):  # each prompt was read once
                select = torch.tensor(of_row, device=device)
                cache.batch_select_indices(select)
                logits, mask, positions = logits[select], mask[select], positions[select]
            drawn = draw(logits, draws[alive, column], sampling)
            logprob = logits.log_softmax(-1).gather(1, drawn[:, None])[:, 0]
            yield column, alive[running].cpu(), drawn[running].cpu(), logprob[running].cpu()
            running &= ~torch.isin(drawn, ends) & (column < last[alive])
            stops.update(column, alive, drawn, running)
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

    def _completion(self, row: "_Row", tokens: list[int], logprobs: list[float], sampling: Sampling) -> Completion:
        ended = bool(tokens) and tokens[-1] in self._ends
        text, ends = self._texts.aligned(tokens[:-1] if ended else tokens)
        found = find_stop(text, sampling.stop)
        text = text[: found[0]] if found else text
        return Completion(
            text=text,
            tokens=len(tokens),
            stop="stop" if ended or found else "length",
            token_ends=tuple(min(end, len(text)) for end in [*ends, len(text)][: len(tokens)]),
            token_logprobs=tuple(logprobs),
            boundary=found is not None,
            prompt_tokens=len(row.prompt),
        )


class _Row(NamedTuple):
    prompt: list[int]
    seed: int
    limit: int


def draw(logits: torch.Tensor, uniform: torch.Tensor, sampling: Sampling) -> torch.Tensor:
    """One token per row by the inverse distribution function of the tempered, top-p truncated distribution.

    ``logits`` (B, V), ``uniform`` (B,) in [0, 1); returns (B,). Tokens are ordered from likely to unlikely, so
    that nearby logits give the same token for almost every uniform number.
    """
    if sampling.temperature == 0:
        return logits.argmax(-1)
    scaled = (logits / sampling.temperature).double()
    total = scaled.logsumexp(-1, keepdim=True)
    for count in (*(c for c in TOP_CANDIDATES if c < logits.shape[-1]), logits.shape[-1]):
        top, order = scaled.topk(count, dim=-1)
        probability = (top - total).exp()
        mass = probability.cumsum(-1)
        if count == logits.shape[-1] or sampling.top_p <= float(mass[:, -1].min()):
            break
    before = mass - probability
    kept = before < sampling.top_p  # the token that crosses top_p is in; the first always is
    reachable = torch.where(kept, mass, torch.zeros_like(mass)).max(-1).values
    index = torch.searchsorted(mass, (uniform * reachable)[:, None], right=True)
    last = kept.sum(-1, keepdim=True) - 1
    return order.gather(1, torch.minimum(index, last))[:, 0]


def _distinct(prompts: Sequence[list[int]]) -> tuple[list[list[int]], list[int]]:
    """The different ones among them, in order of first appearance, and which of those each is."""
    places: dict[tuple[int, ...], int] = {}
    of_row = [places.setdefault(tuple(prompt), len(places)) for prompt in prompts]
    return [list(prompt) for prompt in places], of_row


def _left_padded(rows: Sequence[Sequence[int]], pad: int, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    ids = [torch.tensor(row, dtype=torch.long) for row in rows]
    padded = pad_sequence(ids, batch_first=True, padding_value=pad, padding_side="left")
    mask = pad_sequence([torch.ones_like(row) for row in ids], batch_first=True, padding_side="left")
    return padded.to(device), mask.to(device)


def _end_tokens(model: Any, tokenizer: Any) -> list[int]:
    configured = model.generation_config.eos_token_id
    ends = configured if isinstance(configured, list) else [configured]
    found = sorted({int(e) for e in [*ends, tokenizer.eos_token_id] if e is not None})
    if not found:
        raise ModelError(f"{model.config.name_or_path}: no end-of-sequence token is configured")
    return found


def _device(device: str) -> str:
    usable = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if device == "auto":
        return next(kind for kind, can_run in usable.items() if can_run)
    try:
        kind = torch.device(device).type
    except RuntimeError as error:
        raise UsageError(f"no device '{device}'; use auto, cpu, cuda, cuda:N or mps") from error
    if not usable.get(kind, True):
        raise UsageError(f"device '{device}' is not usable on this machine or by this torch; use auto or cpu")
    return device
