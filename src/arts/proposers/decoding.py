"""From the tokens of a local model to text, and to the stop strings in it."""

from collections.abc import Sequence
from itertools import accumulate
from typing import Any, final

import torch

PARTIAL = "\ufffd"
"""What a token that ends inside a character decodes to."""


@final
class Texts:
    """From tokens to text; what is asked for again and again is kept."""

    def __init__(self, tokenizer: Any, vocabulary: int) -> None:
        self._tokenizer, self._vocabulary = tokenizer, vocabulary
        self._pieces: dict[int, str] = {}
        self._closing: dict[tuple[str, ...], torch.Tensor] = {}

    def decode(self, tokens: Sequence[int]) -> str:
        """Text of tokens side by side, without special ones."""
        text: str = self._tokenizer.decode(tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return text

    def aligned(self, tokens: Sequence[int]) -> tuple[str, list[int]]:
        """The text and its length after each token; a token's own text can depend on its neighbours."""
        for token in set(tokens) - self._pieces.keys():
            self._pieces[token] = self.decode([token])
        pieces = [self._pieces[token] for token in tokens]
        whole = self.decode(tokens)
        if "".join(pieces) == whole:
            return whole, list(accumulate(map(len, pieces)))
        prefixes = [self.decode(tokens[:i]) for i in range(1, len(tokens))]
        return whole, [*(len(p.rstrip(PARTIAL)) for p in prefixes), len(whole)]

    def closing(self, stop: tuple[str, ...]) -> torch.Tensor:
        """Per token id: whether a stop string may be complete with it, by its text between others of its kind."""
        known = self._closing.get(stop)
        if known is None:
            marks = {*(s[-1] for s in stop), PARTIAL}
            known = torch.ones(self._vocabulary, dtype=torch.bool)
            for token in range(min(self._vocabulary, len(self._tokenizer))):
                known[token] = not marks.isdisjoint(self.decode([token, token]))
            self._closing[stop] = known
        return known


@final
class StopWatch:
    """Notices stop strings; costs nothing when there are none."""

    def __init__(self, texts: Texts, stop: tuple[str, ...], shape: tuple[int, int], device: torch.device) -> None:
        self._texts, self._stop = texts, stop
        if stop:
            self._closing = texts.closing(stop).to(device)
            self._tokens = torch.zeros(shape, dtype=torch.long, device=device)
            self._window = 2 * max(len(s.encode()) for s in stop)  # a token that shows has a byte or more

    def update(self, column: int, alive: torch.Tensor, drawn: torch.Tensor, running: torch.Tensor) -> None:
        """Take the newest tokens in; rows whose text holds a stop string are marked as no longer running."""
        if not self._stop:
            return
        self._tokens[alive, column] = drawn
        lines = (running & self._closing[drawn]).nonzero()[:, 0]
        recent = self._tokens[alive[lines], max(column + 1 - self._window, 0) : column + 1]
        for line, tokens in zip(lines.tolist(), recent.tolist(), strict=True):
            text = self._texts.decode(tokens)
            running[line] = not any(s in text for s in self._stop)
