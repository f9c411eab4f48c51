import asyncio
import json
import subprocess
import sys
from collections import Counter

import httpx
import pytest

from arts.errors import UsageError
from arts.proposers.base import Request, Sampling
from arts.proposers.openai import OpenAIProposer
from arts.proposers.options import BackendOptions
from arts.proposers.prompt import PromptFormat
from arts.testbed.answers import filler, recited
from arts.testbed.endpoint import NO_FAULTS, Faults, mock_endpoint
from arts.trees.tree import State

SOLUTION = "add 7 x = 41\ndiv 1 x = 6\n"
SCRIPT = {"q": {SOLUTION: 1.0}}
PROMPTS = {"chat": PromptFormat(instruction=""), "completions": PromptFormat()}


def chat(question="q", text="", **options):
    turns = [{"role": "user", "content": question}]
    return {"messages": [*turns, {"role": "assistant", "content": text}] if text else turns, "seed": 1, **options}


def served(use, *, answer=None, **options):
    """What ``use(endpoint, client)`` returns."""

    async def run():
        async with (
            mock_endpoint(answer or recited(SCRIPT), **options) as endpoint,
            httpx.AsyncClient(base_url=endpoint.url, timeout=30) as client,
        ):
            return await use(endpoint, client)

    return asyncio.run(run())


def asked(body, path="chat/completions", **options):
    """The response to one request."""
    return served(lambda endpoint, client: client.post(path, json=body), **options)


def proposed(requests, sampling, *, answer, faults=NO_FAULTS, options=BackendOptions(), **given):
    """Completions of the requests in their order, and the endpoint."""

    async def use(endpoint, client):
        proposer = OpenAIProposer(endpoint.url, "mock", prompt=PROMPTS[options.api], options=options, **given)
        completions = dict([pair async for pair in proposer.propose(requests, sampling)])
        await proposer.aclose()
        return [completions[i] for i in range(len(requests))], endpoint

    return served(use, answer=answer, faults=faults)


def states(n, text=""):
    return [Request(state=State(problem_id="p", question="q", text=text), seed=seed) for seed in range(n)]


async def at_once(moment):
    await asyncio.sleep(0)


@pytest.mark.parametrize("api", ["chat", "completions"])
@pytest.mark.parametrize("stop", [(), ("\n",), ("8", "x = 6\n")])
@pytest.mark.parametrize("text", ["", "add 7 x = 41\n"])
@pytest.mark.parametrize("max_tokens", [5, 100])
def test_the_proposer_reads_the_completion_that_was_answered(api, stop, text, max_tokens):
    (got,), _ = proposed(
        states(1, text),
        Sampling(max_tokens=max_tokens, stop=stop),
        answer=recited(SCRIPT),
        options=BackendOptions(api=api),
    )
    wanted = recited(SCRIPT)("q", text, 0, max_tokens, stop)
    assert (got.text, got.tokens, got.stop) == (wanted.text, wanted.tokens, wanted.stop)
    assert (got.token_ends, got.token_logprobs) == (wanted.token_ends, wanted.token_logprobs)


def test_a_stop_string_that_was_met_is_the_reason_and_an_end_mark_is_none():
    met = asked(chat(stop=["8", "\n"], logprobs=True)).json()["choices"][0]
    assert (met["message"]["content"], met["finish_reason"], met["stop_reason"]) == ("add 7 x = 41", "stop", "\n")
    assert "".join(t["token"] for t in met["logprobs"]["content"]) == "add 7 x = 41\n"
    ended = asked(chat(stop=["?"])).json()["choices"][0]
    assert (ended["message"]["content"], ended["finish_reason"], ended["stop_reason"]) == (SOLUTION, "stop", None)
    assert ended["logprobs"] is None


def test_the_usage_counts_prompt_and_generated_tokens():
    usage = asked(chat(text="add", max_tokens=4)).json()["usage"]
    assert usage == {"prompt_tokens": 4, "completion_tokens": 4, "total_tokens": 8}


def test_the_default_instruction_is_no_part_of_the_question():
    question = PromptFormat().messages("q")[-1]["content"]
    assert asked(chat(question)).json()["choices"][0]["message"]["content"] == SOLUTION


@pytest.mark.parametrize(
    "body, path, status",
    [
        (chat("unknown"), "chat/completions", 400),
        ({"messages": []}, "chat/completions", 400),
        ([], "completions", 400),
        (chat(), "embeddings", 404),
    ],
)
def test_what_cannot_be_answered_is_refused_with_a_reason(body, path, status):
    response = asked(body, path)
    assert response.status_code == status
    assert response.json()["error"]["message"]


def test_an_answer_takes_the_time_of_its_tokens():
    async def use(endpoint, client):
        await client.post("chat/completions", json=chat(max_tokens=5))
        return endpoint.log

    (row,) = served(use, seconds_per_token=0.02)
    assert (row.tokens, row.latency) == (5, pytest.approx(0.1))
    assert row.finish - row.arrival >= 0.09


def test_requests_in_work_at_once_are_counted():
    async def use(endpoint, client):
        await asyncio.gather(*(client.post("chat/completions", json=chat(max_tokens=5)) for _ in range(7)))
        await client.post("chat/completions", json=chat(max_tokens=5))
        return endpoint.in_work, endpoint.most_in_work, endpoint.answered

    assert served(use, seconds_per_token=0.02) == (0, 7, 8)


def test_a_client_that_leaves_is_no_longer_in_work():
    async def use(endpoint, client):
        with pytest.raises(httpx.ReadTimeout):
            await client.post("chat/completions", json=chat(), timeout=0.05)
        while endpoint.in_work:
            await asyncio.sleep(0.01)
        return endpoint.answered

    assert served(use, seconds_per_token=10.0) == 0


def test_a_connection_is_kept():
    async def use(endpoint, client):
        ports = set()
        for _ in range(3):
            async with client.stream("POST", "chat/completions", json=chat()) as response:
                ports.add(response.extensions["network_stream"].get_extra_info("client_addr"))
                await response.aread()
        return ports

    assert len(served(use)) == 1


def test_a_server_error_is_a_500():
    assert asked(chat(), faults=Faults(error=1)).status_code == 500


def test_a_rate_limit_says_when_to_come_again():
    response = asked(chat(), faults=Faults(rate_limit=1, retry_after=0.25))
    assert (response.status_code, response.headers["Retry-After"]) == (429, "0.25")


def test_a_stalled_request_is_not_answered_until_the_client_leaves():
    async def use(endpoint, client):
        with pytest.raises(httpx.ReadTimeout):
            await client.post("chat/completions", json=chat(), timeout=0.2)
        while endpoint.in_work:
            await asyncio.sleep(0.01)
        return endpoint.faults

    assert served(use, faults=Faults(stall=1)) == {"stall": 1}


def test_a_truncated_answer_ends_before_its_length():
    with pytest.raises(httpx.RemoteProtocolError, match="without sending complete message body"):
        asked(chat(), faults=Faults(truncate=1))


def test_a_malformed_answer_is_a_200_without_json():
    response = asked(chat(), faults=Faults(malformed=1))
    assert response.status_code == 200
    with pytest.raises(json.JSONDecodeError):
        response.json()


def test_an_endpoint_that_dies_drops_what_is_in_work_and_refuses_what_comes():
    async def use(endpoint, client):
        waiting = asyncio.create_task(client.post("chat/completions", json=chat()))
        short = [await client.post("chat/completions", json=chat(max_tokens=1)) for _ in range(2)]
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            await waiting
        with pytest.raises(httpx.ConnectError):
            await client.post("chat/completions", json=chat())
        return [r.status_code for r in short], endpoint.answered

    assert served(use, faults=Faults(dies_after=2), seconds_per_token=0.2) == ([200, 200], 2)


def test_faults_are_a_function_of_seed_and_count_in_their_shares():
    faults = Faults(error=0.1, rate_limit=0.2, stall=0.05, truncate=0.1, malformed=0.05, seed=3)
    drawn = [faults.of(count) for count in range(4000)]
    assert drawn == [faults.of(count) for count in range(4000)]
    assert drawn != [Faults(error=0.1, rate_limit=0.2, seed=4).of(count) for count in range(4000)]
    shares = {fault: n / 4000 for fault, n in Counter(drawn).items()}
    wanted = {"error": 0.1, "rate_limit": 0.2, "stall": 0.05, "truncate": 0.1, "malformed": 0.05, None: 0.5}
    assert shares == {fault: pytest.approx(share, abs=0.03) for fault, share in wanted.items()}


@pytest.mark.parametrize("shares", [{"error": -0.1}, {"error": 0.6, "stall": 0.5}, {"error": float("nan")}])
def test_shares_that_are_none_are_refused(shares):
    with pytest.raises(UsageError, match="shares"):
        Faults(**shares)


def test_the_proposer_survives_a_fifth_of_faults():
    faults = Faults(error=0.05, rate_limit=0.05, stall=0.02, truncate=0.04, malformed=0.04, retry_after=0.01, seed=1)
    completions, endpoint = proposed(
        states(200),
        Sampling(),
        answer=recited(SCRIPT),
        faults=faults,
        options=BackendOptions(retries=8, timeout_s=1.0),
        sleep=at_once,
    )
    assert {(c.text, c.stop) for c in completions} == {(SOLUTION, "stop")}
    assert endpoint.answered == 200
    assert set(endpoint.faults) == {"error", "rate_limit", "stall", "truncate", "malformed"}
    assert 0.1 < endpoint.faults.total() / (200 + endpoint.faults.total()) < 0.3
    assert endpoint.most_in_work <= 32


@pytest.mark.parametrize("stop", [(), ("\n",)])
@pytest.mark.parametrize("max_tokens", [3, 1000])
def test_filler_is_a_function_of_the_request_and_ends_after_its_lines(stop, max_tokens):
    requests = states(4)
    got, _ = proposed(requests, Sampling(max_tokens=max_tokens, stop=stop), answer=filler(4))
    again, _ = proposed(requests, Sampling(max_tokens=max_tokens, stop=stop), answer=filler(4))
    assert got == again
    assert len({c.text for c in got}) == 4
    for c in got:
        assert len(c.token_ends) == c.tokens <= max_tokens
        assert c.text.count("\n") == (0 if stop or max_tokens == 3 else 3)


def test_filler_that_is_continued_line_by_line_ends_in_a_boxed_answer():
    answer, text = filler(4), ""
    for _ in range(3):
        completion = answer("q", text, 0, 1000, ("\n",))
        assert (completion.stop, completion.boundary) == ("stop", True)
        text += completion.text + "\n"
    last = answer("q", text, 0, 1000, ("\n",))
    assert (last.stop, last.boundary, last.text[:7]) == ("stop", False, "\\boxed{")


def test_another_process_is_served_too():
    command = [sys.executable, "-m", "arts.testbed.endpoint", "--lines", "2", "--error", "0.5", "--dies-after", "9"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            url = process.stdout.readline().strip()
            statuses = [httpx.post(f"{url}/chat/completions", json=chat()).status_code for _ in range(8)]
        finally:
            process.kill()
    assert statuses == [500 if Faults(error=0.5).of(count) else 200 for count in range(8)]
