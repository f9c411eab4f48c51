import asyncio
import json

import httpx
import pytest

from arts.errors import UsageError
from arts.proposers.base import Request, Sampling
from arts.proposers.prompt import PromptFormat
from arts.trees.tree import State

pytest.importorskip("xllamacpp")


def prompt_sent(style):
    """The prompt that reaches a model whose chat template llama.cpp cannot apply."""
    from arts.proposers.llamacpp import LlamaCppProposer

    prompts = []

    def answer(http):
        if http.url.path == "/apply-template":
            return httpx.Response(500, json={"error": {"message": "no template"}})
        prompts.append(json.loads(http.content)["prompt"])
        return httpx.Response(200, json={"content": "4", "tokens_predicted": 1, "stop_type": "eos"})

    async def run():
        client = httpx.AsyncClient(base_url="http://localhost:1", transport=httpx.MockTransport(answer))
        proposer = LlamaCppProposer(None, client, "m", PromptFormat(style=style), parallel=1)
        request = Request(state=State(problem_id="p", question="2+2?", text="x"), seed=0)
        pairs = [pair async for pair in proposer.propose([request], Sampling())]
        await proposer.aclose()
        return pairs

    ((_, completion),) = asyncio.run(run())
    assert completion.text == "4"
    return prompts


def test_style_auto_is_plain_without_a_usable_template():
    assert prompt_sent("auto") == ["2+2?\nx"]


def test_style_chat_without_a_usable_template_is_refused():
    with pytest.raises(UsageError, match="use --prompt"):
        prompt_sent("chat")


@pytest.mark.parametrize(
    "kind, stop, boundary", [("word", "stop", True), ("eos", "stop", False), ("limit", "length", False)]
)
def test_the_kind_of_end_is_told_and_the_prompt_counted(kind, stop, boundary):
    from arts.proposers.llamacpp import parse_completion

    shown = [{"bytes": [97], "logprob": -1.0}]
    row = {"content": "a", "tokens_predicted": 1 + boundary, "tokens_evaluated": 9, "stop_type": kind}
    c = parse_completion({**row, "completion_probabilities": shown})
    assert (c.stop, c.boundary, c.prompt_tokens, c.tokens) == (stop, boundary, 9, 1 + boundary)
    assert c.token_ends == (() if boundary else (1,))


@pytest.mark.gguf
def test_a_catalogue_model_is_called_by_its_name(gguf):
    from arts.proposers.load import load_proposer
    from arts.proposers.options import BackendOptions

    options = BackendOptions(parallel=1, context_tokens=256)
    assert load_proposer("smollm2-135m", prompt=PromptFormat(), options=options).name == "smollm2-135m"
    assert load_proposer(str(gguf), prompt=PromptFormat(), options=options).name == gguf.stem
