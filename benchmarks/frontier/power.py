"""Power sampling (arXiv 2510.14901): draw from a power of the model's own probability of a whole solution.

Metropolis-Hastings: a place in the solution so far is chosen at random, what follows is drawn again at a low
temperature, and kept with the probability that makes p^alpha the distribution that is drawn from. The solution grows
block by block, with some such moves after each block. No training, no verifier.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from _study import Floats
from transformers import AutoModelForCausalLM, AutoTokenizer

from arts.models import resolve_model
from arts.proposers.prompt import PromptFormat


@dataclass(slots=True)
class Chain:
    """A solution so far; ``target`` and ``proposal`` are log-probabilities of its tokens, in nats."""

    tokens: list[int]
    target: list[float]
    proposal: list[float]


class PowerSampler:
    """Many questions side by side.

    ``block`` tokens are drawn before each round of moves, at most ``most`` in all. Proposals are drawn at the
    temperature 1 / alpha, as in the paper.
    """

    def __init__(self, model: str, *, alpha: float, moves: int, block: int, most: int) -> None:
        folder = resolve_model(model)
        self._tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False, padding_side="left")
        self._network: Any = AutoModelForCausalLM.from_pretrained(folder, trust_remote_code=False).eval()
        self._alpha, self._moves, self._block, self._most = alpha, moves, block, most

    def draw(self, questions: Sequence[str], seed: int) -> tuple[list[str], Floats]:
        """A solution of each question, and the tokens that were generated for it."""
        chains, spent = self.chains(questions, seed)
        return [self._tokenizer.decode(c.tokens, skip_special_tokens=True) for c in chains], spent

    def chains(self, questions: Sequence[str], seed: int) -> tuple[list[Chain], Floats]:
        """The same as tokens."""
        torch.manual_seed(seed)
        rng = np.random.default_rng(seed)
        prompts = [self._tokenizer(PromptFormat().plain(q))["input_ids"] for q in questions]
        chains = [Chain([], [], []) for _ in questions]
        spent = np.zeros(len(questions))
        for length in range(self._block, self._most + self._block, self._block):
            going = [i for i, chain in enumerate(chains) if not self._ended(chain)]
            for i, more in zip(going, self._continued(prompts, chains, going, length), strict=True):
                spent[i] += len(more.tokens)
                chains[i] = _joined(chains[i], more, len(chains[i].tokens))
            if not going:
                break
            for _ in range(self._moves):
                self._move(prompts, chains, going, length, spent, rng)
        return chains, spent

    def _move(
        self,
        prompts: Sequence[list[int]],
        chains: list[Chain],
        which: Sequence[int],
        length: int,
        spent: Floats,
        rng: np.random.Generator,
    ) -> None:
        cuts = {i: int(rng.integers(len(chains[i].tokens))) for i in which}
        kept = {i: _upto(chains[i], cut) for i, cut in cuts.items()}
        drawn = self._continued(prompts, [kept.get(i, c) for i, c in enumerate(chains)], which, length)
        for i, more in zip(which, drawn, strict=True):
            spent[i] += len(more.tokens)
            if np.log(rng.random()) < self._gain(chains[i], more, cuts[i]):
                chains[i] = _joined(chains[i], more, cuts[i])

    def _gain(self, chain: Chain, more: Chain, cut: int) -> float:
        """Log of the ratio that a move is accepted with; places are chosen among as many tokens as there are."""
        target = sum(more.target) - sum(chain.target[cut:])
        proposal = sum(chain.proposal[cut:]) - sum(more.proposal)
        places = np.log(len(chain.tokens)) - np.log(cut + len(more.tokens))
        return float(self._alpha * target + proposal + places)

    def _ended(self, chain: Chain) -> bool:
        return bool(chain.tokens) and chain.tokens[-1] == self._tokenizer.eos_token_id

    @torch.inference_mode()
    def _continued(
        self, prompts: Sequence[list[int]], chains: Sequence[Chain], which: Sequence[int], length: int
    ) -> list[Chain]:
        """What is drawn behind each of these, up to ``length`` tokens of the solution."""
        if not which:
            return []
        texts = self._tokenizer.pad({"input_ids": [prompts[i] + chains[i].tokens for i in which]}, return_tensors="pt")
        left = [length - len(chains[i].tokens) for i in which]
        found = self._network.generate(
            **texts,
            do_sample=True,
            temperature=1 / self._alpha,
            top_k=0,
            top_p=1.0,
            max_new_tokens=max(left),
            output_logits=True,
            return_dict_in_generate=True,
            pad_token_id=self._tokenizer.pad_token_id,
        )
        new = found.sequences[:, texts["input_ids"].shape[1] :]
        logits = torch.stack(found.logits, dim=1).float()
        target, proposal = (
            x.log_softmax(-1).gather(2, new[..., None])[..., 0].double().numpy() for x in (logits, logits * self._alpha)
        )
        ends = [self._length(row, most) for row, most in zip(new.tolist(), left, strict=True)]
        return [
            Chain(new[i, :end].tolist(), target[i, :end].tolist(), proposal[i, :end].tolist())
            for i, end in enumerate(ends)
        ]

    def _length(self, tokens: list[int], most: int) -> int:
        end = self._tokenizer.eos_token_id
        return min(tokens.index(end) + 1 if end in tokens else len(tokens), most)


def _upto(chain: Chain, cut: int) -> Chain:
    return Chain(chain.tokens[:cut], chain.target[:cut], chain.proposal[:cut])


def _joined(chain: Chain, more: Chain, cut: int) -> Chain:
    first = _upto(chain, cut)
    return Chain(first.tokens + more.tokens, first.target + more.target, first.proposal + more.proposal)
