"""The recipe of the bundled model: students' demonstrations → a small Llama, in a few minutes on two cores."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from arts.arrays import Ints
from arts.files import StrPath
from arts.testbed.congruences import congruence_problems, parse_question
from arts.testbed.students import StudentHabits, demonstrate
from arts.testbed.tokenizer import make_tokenizer

IGNORED = -100
POOL_BATCHES = 50


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that decides the weights; the defaults made the shipped model."""

    habits: StudentHabits = field(default_factory=StudentHabits)
    demonstrations: int = 200_000
    updates: int = 4_500
    batch_size: int = 64
    learning_rate: float = 3e-3
    warmup: int = 100
    weight_decay: float = 0.01
    seed: int = 0
    width: int = 128
    layers: int = 3
    heads: int = 4
    feed_forward: int = 336


def build_model(
    recipe: Recipe, out: StrPath, on_update: Callable[[int, float], None] = lambda step, loss: None
) -> None:
    """Train the model on demonstrations of train-split problems and save it as a Hugging Face folder."""
    torch.manual_seed(recipe.seed)
    rng = np.random.default_rng(recipe.seed)
    tokenizer = make_tokenizer()
    marks = {f"{mark}_token_id": getattr(tokenizer, f"{mark}_token_id") for mark in ("pad", "bos", "eos")}
    sequences, asked = _tokenised(tokenizer, recipe, rng)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=recipe.width,
            num_hidden_layers=recipe.layers,
            num_attention_heads=recipe.heads,
            intermediate_size=recipe.feed_forward,
            max_position_embeddings=128,
            tie_word_embeddings=True,
            attn_implementation="sdpa",
            **marks,
        )
    )
    _train(model, sequences, asked, recipe, rng, on_update)
    model.generation_config = GenerationConfig(**marks)
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)


def _tokenised(
    tokenizer: PreTrainedTokenizerFast, recipe: Recipe, rng: np.random.Generator
) -> tuple[list[list[int]], int]:
    """Token ids of each demonstration with its end mark, and how many of them are the question's, of any question."""
    problems = congruence_problems("train")
    texts: list[str] = []
    while len(texts) < recipe.demonstrations:
        question = problems[int(rng.integers(len(problems)))].question
        congruence = parse_question(question)
        assert congruence is not None
        solution = demonstrate(congruence, rng, recipe.habits)
        if solution is not None:
            texts.append(f"{question}\n{solution}")
    rows = tokenizer(texts)["input_ids"]
    return [[*row, tokenizer.eos_token_id] for row in rows], len(tokenizer(f"{question}\n")["input_ids"])


def _train(
    model: LlamaForCausalLM,
    sequences: list[list[int]],
    asked: int,
    recipe: Recipe,
    rng: np.random.Generator,
    on_update: Callable[[int, float], None],
) -> None:
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay, betas=(0.9, 0.95)
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _rate(step, recipe))
    lengths = np.array([len(ids) for ids in sequences])
    model.train()
    for update, rows in enumerate(_batches(lengths, recipe, rng)):
        ids, labels = _padded([sequences[i] for i in rows], asked, model.config.pad_token_id)
        logits = model(input_ids=ids).logits[:, :-1]
        loss = functional.cross_entropy(logits.flatten(0, 1), labels[:, 1:].flatten(), ignore_index=IGNORED)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        on_update(update, loss.item())


def _rate(step: int, recipe: Recipe) -> float:
    """Linear warm-up, then a half cosine to zero."""
    if step < recipe.warmup:
        return (step + 1) / recipe.warmup
    progress = (step - recipe.warmup) / max(recipe.updates - recipe.warmup, 1)
    return float(0.5 * (1 + np.cos(np.pi * progress)))


def _batches(lengths: Ints, recipe: Recipe, rng: np.random.Generator) -> Iterator[Ints]:
    """Rows of one update each; rows of similar length go together, which saves nearly half of the padding."""
    pool = recipe.batch_size * POOL_BATCHES
    order: Ints = np.empty(0, dtype=np.int64)
    done = 0
    while done < recipe.updates:
        if len(order) < pool:
            order = np.concatenate([order, rng.permutation(len(lengths))])
        rows, order = order[:pool], order[pool:]
        batches = np.split(rows[np.argsort(lengths[rows], kind="stable")], POOL_BATCHES)
        for at in rng.permutation(POOL_BATCHES)[: recipe.updates - done]:
            yield batches[at]
            done += 1


def _padded(rows: list[list[int]], asked: int, pad: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Right-padded ids and labels; only solution tokens and the end mark, after ``asked`` tokens, are predicted.

    Padding needs no attention mask here: it comes last, and a causal model does not look ahead.
    """
    ids = pad_sequence([torch.tensor(row) for row in rows], batch_first=True, padding_value=pad)
    labels = ids.masked_fill(ids == pad, IGNORED)
    labels[:, :asked] = IGNORED
    return ids, labels
