"""The laws of the Proposer protocol, over every implementation."""

import asyncio

import httpx
import pytest

from arts.models import bundled_model
from arts.proposers.base import Request, Sampling
from arts.proposers.openai import OpenAIProposer
from arts.proposers.options import BackendOptions
from arts.proposers.prompt import PromptFormat
from arts.proposers.scripted import ScriptedProposer
from arts.trees.tree import State

QUESTION = "solve 7 x = 12 mod 29"
PREFIX = "add 7 x = 41\n"
SCRIPT = {QUESTION: {"add 7 x = 41\ndiv 1 x = 6\n": 1.0, "add 7 x = 41\nadd 7 x = 70\ndiv 1 x = 10\n": 2.0}}


def scripted(request):
    return ScriptedProposer(SCRIPT)


def transformers(request):
    from arts.proposers.transformers import TransformersProposer

    return TransformersProposer.load(str(bundled_model()), prompt=PromptFormat(), options=BackendOptions(device="cpu"))


def llamacpp(request):
    from arts.proposers.llamacpp import LlamaCppProposer

    path = request.getfixturevalue("gguf")
    return LlamaCppProposer.load(path, prompt=PromptFormat(), options=BackendOptions(parallel=2, context_tokens=256))


def openai(request):
    """An endpoint that answers as the script does."""
    script = ScriptedProposer(SCRIPT)

    def answer(http):
        import json

        body = json.loads(http.content)
        turns = body["messages"]
        text = turns[-1]["content"] if turns[-1]["role"] == "assistant" else ""
        question = turns[0]["content"].split("\n")[0]
        state = State(problem_id="", question=question, text=text)
        sampling = Sampling(max_tokens=body["max_tokens"], stop=tuple(body.get("stop", ())))
        whole = script._complete(Request(state=state, seed=body["seed"]), sampling)
        shown = [*whole.text, *sampling.stop[: whole.boundary]]
        shown += ["<end>"] * (whole.tokens - len(shown))
        content = [{"token": c, "logprob": x} for c, x in zip(shown, whole.token_logprobs, strict=True)]
        choice = {
            "message": {"content": whole.text},
            "finish_reason": whole.stop,
            "logprobs": {"content": content},
        }
        usage = {"completion_tokens": len(content), "prompt_tokens": whole.prompt_tokens}
        return httpx.Response(200, json={"choices": [choice], "usage": usage})

    transport = httpx.MockTransport(answer)
    return OpenAIProposer("http://localhost:1/v1", "mock", prompt=PromptFormat(instruction=""), transport=transport)


def live_openai(request):
    """The HTTP proposer against a running llama.cpp server."""
    import xllamacpp

    path = request.getfixturevalue("gguf")
    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.n_parallel, params.n_ctx, params.verbosity = 2, 1024, -1
    params.fit_params = params.warmup = params.ui = False
    server = xllamacpp.Server(params)
    request.addfinalizer(lambda: server and None)
    return OpenAIProposer(
        f"{server.listening_address}/v1", "smollm2", prompt=PromptFormat(), options=BackendOptions(concurrency=2)
    )


@pytest.fixture(
    params=[
        scripted,
        transformers,
        openai,
        pytest.param(llamacpp, marks=pytest.mark.gguf),
        pytest.param(live_openai, marks=pytest.mark.gguf),
    ],
    ids=lambda make: make.__name__,
)
def propose(request):
    """A function from states and seeds to completions in request order."""
    proposer = request.param(request)

    def call(states, seeds, limits=None, **sampling):
        own = limits or [None] * len(states)
        requests = [Request(state=s, seed=x, max_tokens=n) for s, x, n in zip(states, seeds, own, strict=True)]
        settings = Sampling(**{"temperature": 1.0, "max_tokens": 24, **sampling})

        async def run():
            return [pair async for pair in proposer.propose(requests, settings)]

        # one loop for all calls: clients and locks belong to it
        pairs = loop.run_until_complete(run())
        assert sorted(i for i, _ in pairs) == list(range(len(requests)))
        return [c for _, c in sorted(pairs, key=lambda pair: pair[0])]

    loop = asyncio.new_event_loop()
    call.proposer = proposer
    yield call
    loop.run_until_complete(proposer.aclose())
    loop.close()


def at(text=""):
    return State(problem_id="p", question=QUESTION, text=text)


def test_one_completion_per_request_with_consistent_parts(propose):
    for c in propose([at()] * 5, range(5)):
        assert c.stop in ("stop", "length"), c.error
        assert c.tokens >= 1
        assert len(c.token_ends) == len(c.token_logprobs)
        if c.token_ends:
            assert len(c.token_ends) == c.tokens
            assert list(c.token_ends) == sorted(c.token_ends)
            assert c.token_ends[-1] == len(c.text)
            assert all(x <= 1e-6 for x in c.token_logprobs)


def test_an_empty_batch_yields_nothing(propose):
    assert propose([], []) == []


def test_the_limit_holds_and_is_reported(propose):
    (c,) = propose([at()], [1], max_tokens=3)
    assert c.tokens <= 3
    assert c.stop == "length"


def test_the_same_batch_gives_the_same_text_where_promised(propose):
    if not propose.proposer.reproducible:
        pytest.skip("the backend does not promise it")
    assert propose([at()] * 6, range(6)) == propose([at()] * 6, range(6))


def test_seeds_matter(propose):
    assert len({c.text for c in propose([at()] * 12, range(12))}) > 1


def test_a_prefix_is_continued_not_repeated(propose):
    for c in propose([at(PREFIX)] * 2, range(2)):
        assert not c.text.startswith(PREFIX)
        assert c.text


def test_a_request_has_its_own_limit_where_it_is_the_lower_one(propose):
    limits = [1, 3, 100, None]
    completions = propose([at()] * 4, range(4), limits, max_tokens=5)
    for c, limit in zip(completions, limits, strict=True):
        assert 1 <= c.tokens <= min(limit or 5, 5)
        assert c.stop == "stop" or c.tokens == min(limit or 5, 5)
        assert not c.boundary


def test_a_stop_string_ends_the_text_and_is_no_part_of_it(propose):
    completions = propose([at()] * 4, range(4), stop=("1", "e", "\n"))
    for c in completions:
        assert not {"1", "e", "\n"} & set(c.text)
        assert c.stop == "stop" and c.tokens >= 1
        assert len(c.token_ends) in (0, c.tokens)
    assert any(c.boundary for c in completions)


def test_without_stop_strings_no_text_ends_at_one(propose):
    for c in propose([at()] * 2, range(2)):
        assert c.stop in ("stop", "length")
        assert not c.boundary


def test_the_prompt_is_counted_with_its_prefix(propose):
    short, long = propose([at(), at(PREFIX)], [1, 1])
    assert 0 < short.prompt_tokens < long.prompt_tokens


def test_a_state_is_continued_line_by_line_until_the_model_ends(propose):
    if propose.proposer.name not in ("scripted", "mock", "model"):
        pytest.skip("this model has no lines to speak of")
    text, lines = "", []
    for _ in range(20):
        (c,) = propose([at(text)], [3], stop=("\n",))
        if not c.boundary:
            break
        lines.append(c.text)
        text += c.text + "\n"
    assert c.stop == "stop" and not c.boundary
    assert len(lines) >= 2 and all(lines)
