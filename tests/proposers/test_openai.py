import asyncio
import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest

from arts.errors import EndpointError, UsageError
from arts.proposers.base import Request, Sampling
from arts.proposers.openai import CONNECTIONS_PER_CLIENT, OpenAIProposer, parse_choice
from arts.proposers.options import BackendOptions
from arts.proposers.prompt import PromptFormat
from arts.trees.tree import State

GOOD = {"choices": [{"message": {"content": "4"}, "finish_reason": "stop"}], "usage": {"completion_tokens": 1}}


def ask(answers, *, text="", api="chat", prompt=None, limit=None, retries=4, **given):
    """One request against a transport that gives these answers in turn; returns completion, bodies and waits."""
    bodies, waits, queue = [], [], list(answers)

    def handle(http):
        bodies.append(json.loads(http.content))
        answer = queue.pop(0) if len(queue) > 1 else queue[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def sleep(seconds):
        waits.append(seconds)

    async def run():
        proposer = OpenAIProposer(
            "http://localhost:1/v1",
            "m",
            prompt=prompt or PromptFormat(),
            options=BackendOptions(api=api, retries=retries),
            transport=httpx.MockTransport(handle),
            sleep=sleep,
            **given,
        )
        request = Request(state=State(problem_id="p", question="2+2?", text=text), seed=2**40 + 5, max_tokens=limit)
        pairs = [pair async for pair in proposer.propose([request], Sampling(stop=("\n\n",)))]
        await proposer.aclose()
        return pairs[0][1]

    return asyncio.run(run()), bodies, waits


@pytest.mark.parametrize(
    "fault",
    [
        httpx.Response(500, text="oops"),
        httpx.Response(200, text="{not json"),
        httpx.Response(200, json={"choices": []}),
        httpx.Response(200, json={"choices": [{"message": {"content": 5}}]}),
        httpx.ReadTimeout("slow"),
        httpx.RemoteProtocolError("cut"),
    ],
)
def test_passing_failures_are_tried_again(fault):
    completion, bodies, waits = ask([fault, httpx.Response(200, json=GOOD)])
    assert (completion.text, len(bodies), len(waits)) == ("4", 2, 1)


def test_a_failure_that_stays_is_an_error_completion():
    completion, bodies, _ = ask([httpx.Response(503, json={"error": {"message": "busy"}})], retries=2)
    assert (completion.stop, len(bodies)) == ("error", 3)
    assert "busy" in completion.error


def test_retry_after_is_honoured():
    limited = httpx.Response(429, headers={"Retry-After": "7"}, text="slow down")
    _, _, waits = ask([limited, httpx.Response(200, json=GOOD)])
    assert waits[0] >= 7


def test_retry_after_as_a_date_is_honoured():
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    limited = httpx.Response(429, headers={"Retry-After": date}, text="slow down")
    _, _, waits = ask([limited, httpx.Response(200, json=GOOD)])
    assert 20 <= waits[0] <= 30


def test_rate_limits_are_waited_out_longer_than_unreadable_answers():
    for answer, tries in ((httpx.Response(429), 9), (httpx.Response(200, text='{"choices": [{"mess'), 3)):
        completion, bodies, waits = ask([answer], retries=4, jitter=lambda low, high: high)
        assert (completion.stop, len(bodies), len(waits)) == ("error", tries, tries - 1)
        assert waits == sorted(waits)


def test_who_is_cancelled_does_not_try_again():
    waits = []

    class Stalled(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request):
            await asyncio.sleep(60)

    async def run():
        proposer = OpenAIProposer(
            "http://localhost:1/v1", "m", prompt=PromptFormat(), transport=Stalled(), sleep=waits.append
        )
        request = Request(state=State(problem_id="p", question="q"), seed=0)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                async for _ in proposer.propose([request], Sampling()):
                    pass
        assert proposer._under_way == [0] * len(proposer._under_way)

    asyncio.run(run())
    assert waits == []


def test_requests_under_way_are_spread_over_the_clients():
    class Counting(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request):
            counts.append(list(proposer._under_way))
            await asyncio.sleep(0.01)
            return httpx.Response(200, json=GOOD)

    counts = []
    proposer = OpenAIProposer(
        "http://localhost:1/v1",
        "m",
        prompt=PromptFormat(),
        options=BackendOptions(concurrency=20),
        transport=Counting(),
    )

    async def run():
        requests = [Request(state=State(problem_id="p", question="q"), seed=i) for i in range(60)]
        return [c.text async for _, c in proposer.propose(requests, Sampling())]

    assert asyncio.run(run()) == ["4"] * 60
    assert max(map(max, counts)) <= CONNECTIONS_PER_CLIENT
    assert max(map(sum, counts)) == 20


def test_the_limit_of_a_request_is_sent():
    assert [ask([httpx.Response(200, json=GOOD)], limit=n)[1][0]["max_tokens"] for n in (7, 9999, None)] == [
        7,
        512,
        512,
    ]


@pytest.mark.parametrize(
    "told, tokens, boundary",
    [
        ({"stop_reason": "\n"}, None, True),
        ({"stop_reason": None}, None, False),
        ({"stop_reason": 2}, None, False),
        ({"matched_stop": "\n"}, None, True),
        ({"matched_stop": 151645}, None, False),
        ({}, None, True),
        ({}, ["a b", "\n"], True),
        ({}, ["a", " b\nc"], True),
        ({}, ["a", " b", "<|im_end|>"], False),
        ({}, ["a", " b", ""], False),
        ({}, ["a", " b"], True),
        ({"finish_reason": "length"}, ["a", " b"], False),
    ],
)
def test_a_boundary_is_a_stop_string_as_far_as_the_server_tells(told, tokens, boundary):
    logprobs = tokens and {"content": [{"token": t, "logprob": -1.0} for t in tokens]}
    choice = {"message": {"content": "a b"}, "finish_reason": "stop", "logprobs": logprobs, **told}
    completion = parse_choice({"choices": [choice], "usage": {"prompt_tokens": 9}}, chat=True, stop=("\n",))
    assert (completion.boundary, completion.prompt_tokens) == (boundary, 9)
    assert not parse_choice({"choices": [{**choice, "stop_reason": None}]}, chat=True).boundary
    assert not parse_choice({"choices": [choice]}, chat=True).boundary


def test_logprobs_without_those_of_the_stop_string_are_left_out():
    logprobs = {"content": [{"token": t, "logprob": -1.0} for t in ("a", " b")]}
    choice = {"message": {"content": "a b"}, "finish_reason": "stop", "logprobs": logprobs}
    completion = parse_choice({"choices": [choice], "usage": {"completion_tokens": 3}}, chat=True, stop=("\n",))
    assert (completion.tokens, completion.token_ends, completion.token_logprobs) == (3, (), ())


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_request_that_is_refused_fails_alone_and_at_once(status):
    completion, bodies, waits = ask([httpx.Response(status, json={"error": {"message": "too long"}})])
    assert (completion.stop, completion.error) == ("error", f"HTTP {status}: too long")
    assert (len(bodies), waits) == (1, [])


@pytest.mark.parametrize("status", [401, 403, 404, 405])
def test_what_cannot_pass_ends_the_run_at_once(status):
    with pytest.raises(EndpointError, match=f"HTTP {status}: bad model"):
        ask([httpx.Response(status, json={"error": {"message": "bad\nmodel"}})])


def test_an_endpoint_that_was_never_reached_is_named():
    with pytest.raises(EndpointError, match="is the server running"):
        ask([httpx.ConnectError("refused")], retries=1)


def test_a_stalled_request_ends_at_its_deadline():
    class Stalled(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request):
            await asyncio.sleep(60)

    async def run():
        proposer = OpenAIProposer(
            "http://localhost:1/v1",
            "m",
            prompt=PromptFormat(),
            options=BackendOptions(timeout_s=0.05, retries=0),
            transport=Stalled(),
        )
        request = Request(state=State(problem_id="p", question="q"), seed=0)
        return [c async for _, c in proposer.propose([request], Sampling())]

    (completion,) = asyncio.run(run())
    assert completion.stop == "error"


def test_a_state_is_sent_as_the_opening_of_the_answer():
    _, (body,), _ = ask([httpx.Response(200, json=GOOD)], text="First,")
    assert body["messages"][-1] == {"role": "assistant", "content": "First,"}
    assert body["continue_final_message"] is True
    assert body["seed"] < 2**31
    _, (fresh,), _ = ask([httpx.Response(200, json=GOOD)])
    assert fresh["messages"][-1]["role"] == "user"


@pytest.mark.parametrize(
    ("content", "tokens", "kept"),
    [
        ("First, two.", None, " two."),
        ("First, two.", [" two", "."], " two."),
        ("First, two.", ["First", ", two", "."], "First, two."),
        (" two.", [" two", "."], " two."),
    ],
    ids=["sent back", "sent back, as the tokens show", "written by the model", "not sent back"],
)
def test_an_opening_that_is_sent_back_is_no_part_of_the_continuation(content, tokens, kept):
    logprobs = tokens and {"content": [{"token": t, "logprob": -1.0} for t in tokens]}
    choice = {"message": {"content": content}, "finish_reason": "stop", "logprobs": logprobs}
    completion, _, _ = ask([httpx.Response(200, json={"choices": [choice]})], text="First,")
    assert completion.text == kept
    assert len(completion.token_ends) == len(tokens or ())


@pytest.mark.parametrize("content, ends", [("a b", (1, 3, 3)), ("", (0, 0, 0))])
def test_tokens_beyond_the_text_keep_their_logprobs(content, ends):
    tokens = [{"token": t, "logprob": -float(i)} for i, t in enumerate(["a", " b", "<|im_end|>"])]
    choice = {"message": {"content": content}, "finish_reason": "stop", "logprobs": {"content": tokens}}
    completion, _, _ = ask([httpx.Response(200, json={"choices": [choice]})])
    assert (completion.text, completion.token_ends, completion.token_logprobs) == (content, ends, (0.0, -1.0, -2.0))


@pytest.mark.parametrize(
    "api, setting, remedy",
    [
        ("chat", {"style": "plain"}, "--backend.api completions"),
        ("completions", {"style": "chat"}, "--backend.api chat"),
        ("completions", {"instruction": ""}, "--backend.api chat"),
        ("completions", {"system": "Be brief."}, "--backend.api chat"),
    ],
)
def test_a_prompt_setting_that_the_interface_leaves_out_is_refused(api, setting, remedy):
    with pytest.raises(UsageError, match=f"{next(iter(setting))} .*{remedy}"):
        ask([], api=api, prompt=PromptFormat(**setting))


def test_half_a_surrogate_pair_becomes_text():
    content = b'{"choices": [{"message": {"content": "a\\ud800b"}, "finish_reason": "stop"}]}'
    completion, _, _ = ask([httpx.Response(200, content=content)])
    assert completion.text == "a?b"


def test_completions_send_the_raw_prompt_and_read_logprobs():
    choice = {"text": "a b", "finish_reason": "length", "logprobs": {"tokens": ["a", " b"], "token_logprobs": [-1, -2]}}
    completion, (body,), _ = ask([httpx.Response(200, json={"choices": [choice]})], text="x", api="completions")
    assert body["prompt"] == "2+2?\nx"
    assert (completion.token_ends, completion.token_logprobs, completion.stop) == ((1, 3), (-1.0, -2.0), "length")


def test_a_missing_key_names_the_variable_and_a_key_is_never_shown(monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(UsageError, match="OPENAI_API_KEY"):
        OpenAIProposer("https://example.org/v1", "m", prompt=PromptFormat())
    monkeypatch.setenv("OPENAI_API_KEY", "secret-key")
    with pytest.raises(EndpointError) as caught:
        ask([httpx.Response(401, text="no")])
    assert "secret-key" not in str(caught.value)
