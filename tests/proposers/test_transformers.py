import asyncio
import shutil

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st

from arts.errors import ModelError
from arts.models import bundled_model
from arts.proposers.base import Request, Sampling
from arts.proposers.decoding import StopWatch, Texts
from arts.proposers.load import load_proposer
from arts.proposers.options import BackendOptions
from arts.proposers.prompt import PromptFormat
from arts.proposers.transformers import TransformersProposer, draw
from arts.trees.tree import State

QUESTIONS = ["solve 7 x = 12 mod 29", "solve 3 x = 5 mod 19", "solve 11 x = 40 mod 47"]


@pytest.fixture(scope="module")
def proposer():
    return TransformersProposer.load(str(bundled_model()), prompt=PromptFormat(), options=BackendOptions(device="cpu"))


def run(proposer, requests, sampling):
    async def collect():
        return [pair async for pair in proposer.propose(requests, sampling)]

    return [c for _, c in sorted(asyncio.run(collect()), key=lambda pair: pair[0])]


def requests(n=12):
    return [
        Request(state=State(problem_id="p", question=QUESTIONS[i % 3], text="" if i % 2 else "neg 4 x = 3\n"), seed=i)
        for i in range(n)
    ]


def test_logprobs_are_those_of_a_plain_forward_pass(proposer):
    model, tokenizer = proposer._model, proposer._tokenizer
    for r, c in zip(requests(), run(proposer, requests(), Sampling(max_tokens=30, temperature=0.7)), strict=True):
        prompt = tokenizer(f"{r.state.question}\n{r.state.text}")["input_ids"]
        tokens = tokenizer(c.text, add_special_tokens=False)["input_ids"] + [2] * (c.stop == "stop")
        with torch.inference_mode():
            logits = model(torch.tensor([prompt + tokens])).logits[0, len(prompt) - 1 : -1]
        expected = logits.log_softmax(-1).gather(1, torch.tensor(tokens)[:, None])[:, 0]
        np.testing.assert_allclose(c.token_logprobs, expected.numpy(), atol=1e-4)


def test_a_row_does_not_depend_on_its_batch(proposer):
    together = run(proposer, requests(), Sampling(max_tokens=30, temperature=1.0))
    alone = [run(proposer, [r], Sampling(max_tokens=30, temperature=1.0))[0] for r in requests()]
    assert [c.text for c in together] == [c.text for c in alone]


def test_the_token_limit_of_a_row_does_not_depend_on_its_batch(proposer, monkeypatch):
    """The short prompt goes on where the long one has reached the context's end, and stops at its own."""
    monkeypatch.setattr(proposer, "_ends", [0])  # padding, which is never drawn
    states = [State(problem_id="p", question=QUESTIONS[0], text="add 7 x = 41\n" * k) for k in (1, 4)]
    rows = [Request(state=s, seed=i) for i, s in enumerate(states)]
    lengths = [len(proposer._encode(r.state)) for r in rows]
    monkeypatch.setattr(proposer, "_context", lengths[1] + 3)
    together = run(proposer, rows, Sampling(temperature=1.0))
    assert [c.tokens for c in together] == [lengths[1] - lengths[0] + 3, 3]
    assert [c.text for c in together] == [run(proposer, [r], Sampling(temperature=1.0))[0].text for r in rows]


def test_greedy_is_the_same_for_every_seed(proposer):
    state = State(problem_id="p", question=QUESTIONS[0])
    texts = {c.text for c in run(proposer, [Request(state=state, seed=i) for i in range(4)], Sampling(temperature=0))}
    assert len(texts) == 1


def test_stop_strings_end_the_text_and_are_not_part_of_it(proposer):
    for c in run(proposer, requests(), Sampling(max_tokens=30, temperature=1.0, stop=("\n",))):
        assert "\n" not in c.text
        assert c.stop == "stop"
        assert c.boundary


class Bytes:
    """A tokenizer whose tokens are bytes."""

    def __len__(self):
        return 256

    def decode(self, tokens, **options):
        return bytes(tokens).decode(errors="replace")


@pytest.mark.parametrize("stop", ["\n", "é", "𝄞", "ab", "x𝄞"])
def test_stop_strings_are_noticed_with_their_last_token(stop):
    """Also where a character is several tokens."""
    texts = Texts(Bytes(), 256)
    rows = [f"🙂a{stop}z", "no end in sigh", f"é{stop}"]
    tokens = [list(row.encode()) for row in rows]
    width = max(map(len, tokens))
    watch = StopWatch(texts, (stop,), (len(rows), width), torch.device("cpu"))
    alive, running, ended = torch.arange(len(rows)), torch.ones(len(rows), dtype=torch.bool), {}
    for column in range(width):
        watch.update(column, alive, torch.tensor([t[column] if column < len(t) else 0 for t in tokens]), running)
        ended |= {row: column for row in range(len(rows)) if not running[row] and row not in ended}
    expected = {i: len(r[: r.index(stop)].encode() + stop.encode()) - 1 for i, r in enumerate(rows) if stop in r}
    assert ended == expected


def test_few_tokens_can_complete_a_stop_string(proposer):
    closing = proposer._texts.closing(("\n",))
    assert closing.sum() == 1
    assert closing[proposer._tokenizer("\n", add_special_tokens=False)["input_ids"][-1]]


def test_a_prompt_that_is_asked_for_often_is_read_once(proposer, monkeypatch):
    shapes = []
    forward = proposer._model.forward

    def spy(*args, **inputs):
        shapes.append(tuple(inputs["input_ids"].shape))
        return forward(*args, **inputs)

    monkeypatch.setattr(proposer._model, "forward", spy)
    together = run(proposer, requests(), Sampling(max_tokens=5, temperature=1.0))
    assert shapes[0][0] == len({r.state for r in requests()}) < shapes[1][0] <= len(together)


def test_a_prompt_beyond_the_context_is_an_error_completion(proposer):
    long = State(problem_id="p", question=QUESTIONS[0], text="add 7 x = 41\n" * 60)
    ok = State(problem_id="p", question=QUESTIONS[0])
    bad, good = run(proposer, [Request(state=long, seed=0), Request(state=ok, seed=0)], Sampling(max_tokens=5))
    assert (bad.stop, good.stop) == ("error", "length")
    assert "context" in bad.error


@settings(max_examples=50)
@given(
    st.lists(st.floats(-8, 8), min_size=2, max_size=12), st.sampled_from([0.3, 1.0]), st.sampled_from([0.5, 0.9, 1.0])
)
def test_draws_follow_the_tempered_truncated_distribution(logits, temperature, top_p):
    scaled = np.array(logits) / temperature
    p = np.exp(scaled - scaled.max())
    p /= p.sum()
    order = np.argsort(-p, kind="stable")
    before = np.cumsum(p[order]) - p[order]
    kept = order[before < top_p - 1e-9]
    wanted = np.zeros(len(p))
    wanted[kept] = p[kept] / p[kept].sum()
    u = torch.linspace(0, 1, 4001, dtype=torch.double)[:-1]
    rows = torch.tensor(logits, dtype=torch.double).repeat(len(u), 1)
    drawn = draw(rows, u, Sampling(temperature=temperature, top_p=top_p))
    got = np.bincount(drawn.numpy(), minlength=len(p)) / len(u)
    if np.abs(before - top_p).min() > 1e-6 and len(np.unique(np.round(p, 9))) == len(p):
        np.testing.assert_allclose(got, wanted, atol=2e-3)


def test_what_is_no_model_is_named(tmp_path):
    with pytest.raises(ModelError, match=str(tmp_path)):
        TransformersProposer.load(str(tmp_path), prompt=PromptFormat())
    with pytest.raises(ModelError, match="chat template"):
        TransformersProposer.load(str(bundled_model()), prompt=PromptFormat(style="chat"))


def test_weights_with_a_broken_header_are_named(tmp_path):
    folder = shutil.copytree(bundled_model(), tmp_path / "broken")
    (weights,) = folder.glob("*.safetensors")
    weights.write_bytes(b"\xff" * 64)
    with pytest.raises(ModelError, match="broken: cannot be loaded"):
        TransformersProposer.load(str(folder), prompt=PromptFormat())


def test_a_model_is_called_as_the_user_calls_it(tmp_path):
    folder = shutil.copytree(bundled_model(), tmp_path / "mine")
    for model, name in (("bundled", "bundled"), (str(folder), "mine")):
        assert load_proposer(model, prompt=PromptFormat(), options=BackendOptions(device="cpu")).name == name
