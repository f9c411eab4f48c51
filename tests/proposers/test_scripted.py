import asyncio
import math

import pytest

from arts.errors import UsageError
from arts.proposers.base import Request, Sampling, find_stop
from arts.proposers.scripted import ScriptedProposer
from arts.trees.tree import State

SCRIPT = {"q": {"ab\ncd": 1.0, "ab\nef": 3.0}}


def recite(text="", seed=0, max_tokens=None, **sampling):
    async def run():
        request = Request(state=State(problem_id="p", question="q", text=text), seed=seed, max_tokens=max_tokens)
        return [c async for _, c in ScriptedProposer(SCRIPT).propose([request], Sampling(**sampling))]

    (completion,) = asyncio.run(run())
    return completion


def test_the_characters_of_a_stop_string_are_tokens_without_text():
    c = recite(stop=("\nc", "\ne"))
    assert (c.text, c.tokens, c.token_ends, c.stop, c.boundary) == ("ab", 4, (1, 2, 2, 2), "stop", True)
    assert math.exp(sum(c.token_logprobs)) == pytest.approx(0.25 if recite().text.endswith("d") else 0.75)


@pytest.mark.parametrize("limit, stop, text, boundary", [(2, "length", "ab", False), (3, "stop", "ab", True)])
def test_a_stop_string_counts_when_its_last_token_is_within_the_limit(limit, stop, text, boundary):
    c = recite(max_tokens=limit, stop=("\n",))
    assert (c.stop, c.text, c.tokens, c.boundary) == (stop, text, limit, boundary)


def test_a_text_whose_end_mark_is_beyond_the_limit_is_cut():
    assert [recite(max_tokens=n).stop for n in (5, 6)] == ["length", "stop"]
    assert [recite(max_tokens=n).tokens for n in (5, 6)] == [5, 6]


def test_the_prompt_is_counted_in_characters():
    assert recite("ab\n").prompt_tokens == 4


def test_the_stop_string_that_is_complete_first_counts():
    assert find_stop("abcd", ("abcd", "bc")) == (1, 3)
    assert find_stop("abcd", ("x",)) is None
    assert find_stop("abcd", ()) is None


def test_an_empty_stop_string_is_refused():
    with pytest.raises(UsageError, match="stop string"):
        Sampling(stop=("a", ""))
