import asyncio
from contextlib import asynccontextmanager

import pytest
from world import HUNCH, LONGEST, PROBLEMS, SETTINGS, SOLUTIONS, Reciter, cost, make, solving, told

from arts.errors import EndpointError
from arts.proposers.openai import OpenAIProposer
from arts.proposers.options import BackendOptions
from arts.proposers.prompt import PromptFormat
from arts.sampling.failures import MAX_FAILURES_IN_A_ROW
from arts.search.budget import Budget
from arts.testbed.answers import recited
from arts.testbed.endpoint import NO_FAULTS, Faults, mock_endpoint
from arts.trees.store import TreeStore

MANY = PROBLEMS[:8]
every_strategy = pytest.mark.parametrize("name", SETTINGS)


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "s.db"
    with TreeStore.create(path) as store:
        store.add_problems(MANY)
    return path


@asynccontextmanager
async def served(*, faults=NO_FAULTS, seconds_per_token=1e-5, retries=4, timeout_s=2.0, concurrency=16):
    """A mock endpoint with the small world's solutions and a proposer over it that never waits long between tries."""
    waits = []

    async def sleep(seconds):
        waits.append(seconds)
        await asyncio.sleep(min(seconds, 0.002))

    answer = recited(SOLUTIONS)
    async with mock_endpoint(answer, faults=faults, seconds_per_token=seconds_per_token) as endpoint:
        proposer = OpenAIProposer(
            endpoint.url,
            "mock",
            prompt=PromptFormat(),
            options=BackendOptions(concurrency=concurrency, timeout_s=timeout_s, retries=retries),
            sleep=sleep,
        )
        try:
            yield endpoint, proposer, waits
        finally:
            await proposer.aclose()


def recorded(path):
    """Every draw on record by problem and number."""
    with TreeStore.open(path) as store:
        rows = [
            ((tree.problem_id, r.backbone), (r.pivot, tree.solution(r.leaf), tree.stop[r.leaf], r.tokens, r.stop))
            for tree in store.trees()
            for r in tree.rollouts
        ]
    assert len({key for key, _ in rows}) == len(rows)
    return dict(rows)


async def run(path, name, proposer, *, problems=MANY, verifier=HUNCH, **plan):
    with TreeStore.open(path, write=True) as store:
        plan = {"selector": "flow_vote", **plan}
        return await solving(problems, make(name), proposer=proposer, store=store, verifier=verifier, **plan)


def check(found, path):
    """What holds of every run that has come to its end."""
    draws = recorded(path)
    for solved in found:
        assert (solved.decision is None) == bool(solved.error)
        mine = {number: row for (problem, number), row in draws.items() if problem == solved.tree.problem_id}
        assert {r.backbone for r in solved.tree.rollouts} == mine.keys()
        assert len(mine) == solved.spend.proposer_calls - solved.spend.cancelled_calls
        assert sum(row[3] for row in mine.values()) == solved.spend.generated_tokens
        assert sum(row[4] == "error" for row in mine.values()) == solved.spend.failed_calls
    return draws


FAULTS = {
    "nothing": Faults(),
    "errors": Faults(error=0.2),
    "limits": Faults(rate_limit=0.2, retry_after=7),
    "stalls": Faults(stall=0.05),
    "cuts": Faults(truncate=0.2),
    "rubbish": Faults(malformed=0.2),
    "all": Faults(error=0.1, rate_limit=0.1, stall=0.02, truncate=0.1, malformed=0.1, retry_after=3),
}


@pytest.mark.parametrize("kind", FAULTS)
@pytest.mark.parametrize("name, retries", [("best_of_n", 0), ("adaptive_majority", 4), ("beam", 0), ("puct", 4)])
def test_a_run_over_a_faulty_endpoint_comes_to_its_end(kind, name, retries, path):
    async def body():
        async with served(faults=FAULTS[kind], retries=retries, timeout_s=0.5 if FAULTS[kind].stall else 5) as (
            endpoint,
            proposer,
            waits,
        ):
            found = await run(path, name, proposer)
            return found, endpoint, waits

    found, endpoint, waits = asyncio.run(body())
    draws = check(found, path)
    asked = sum(s.spend.proposer_calls for s in found)
    assert any(s.decision is not None for s in found)
    assert (sum(endpoint.faults.values()) > 0) == (kind != "nothing")
    assert endpoint.in_work == 0
    if retries:
        ended = sum(s.spend.failed_calls + s.spend.cancelled_calls for s in found)
        assert len(waits) >= sum(endpoint.faults.values()) - ended
        assert sum(row[4] == "error" for row in draws.values()) < asked / 10
    elif kind == "errors":
        assert sum(row[4] == "error" for row in draws.values()) == sum(endpoint.faults.values())
    if kind == "limits" and retries:
        assert waits and min(waits) >= 7
    if kind == "nothing":
        assert endpoint.answered == asked
        assert waits == []


def test_a_healthy_endpoint_and_the_script_itself_come_to_the_same(path, monkeypatch):
    seeds = "arts.search.session.SEEDS"
    monkeypatch.setattr(seeds, 2**31)  # those that an endpoint is sent

    async def body():
        async with served() as (_, proposer, _):
            return await run(path, "beam", proposer)

    over_http = asyncio.run(body())
    itself = asyncio.run(solving(MANY, make("beam"), verifier=HUNCH, selector="flow_vote"))
    keep = ("candidates", "decision", "stop_reason", "error", "spend")
    assert [{k: told(s)[k] for k in keep} for s in over_http] == [{k: told(s)[k] for k in keep} for s in itself]


@pytest.mark.parametrize("name", ["best_of_n", "adaptive_majority", "beam", "best_first"])
@pytest.mark.parametrize("dies_after", [1, 20])
def test_a_run_whose_endpoint_dies_goes_on_over_another_one(name, dies_after, path):
    async def first():
        async with served(faults=Faults(dies_after=dies_after), retries=1) as (endpoint, proposer, _):
            with pytest.raises(EndpointError):
                await run(path, name, proposer)
            assert asyncio.all_tasks() == {asyncio.current_task()} | set(endpoint._connections)

    async def second():
        async with served() as (endpoint, proposer, _):
            return await run(path, name, proposer), endpoint.answered

    asyncio.run(first())
    before = recorded(path)
    assert 0 < len([row for row in before.values() if row[4] != "error"]) <= dies_after
    found, answered = asyncio.run(second())
    after = check(found, path)
    assert before.items() <= after.items()
    unused = answered - (len(after) - len(before))  # nothing on record was drawn again
    assert 0 <= unused <= sum(s.spend.cancelled_calls for s in found)
    assert all(s.decision is not None for s in found)
    again, answered = asyncio.run(second())
    assert answered == 0
    assert recorded(path) == after
    assert [told(s, replayed=True) for s in again] == [told(s, replayed=True) for s in found]


def test_an_endpoint_that_is_dead_from_the_first_leaves_an_empty_store(path):
    async def body():
        async with served(faults=Faults(error=1.0), retries=0) as (endpoint, proposer, _):
            with pytest.raises(EndpointError, match=f"{MAX_FAILURES_IN_A_ROW} requests in a row failed"):
                await run(path, "beam", proposer)
            return endpoint

    asyncio.run(body())
    assert recorded(path) == {}


class Killed(Exception):
    pass


async def interrupted(path, name, after, *, how, **options):
    """Run until ``after`` draws are on record; returns whether the run was still going then."""
    proposer = options.pop("proposer", None) or Reciter(batch_size=8, delay=lambda count: 0)
    with TreeStore.open(path, write=True) as store:
        write, seen = store.write_rollout, []

        def record(*row):
            if how == "at once" and len(seen) == after:
                raise Killed
            write(*row)
            seen.append(row)
            if how == "by cancelling" and len(seen) == after:
                task.cancel()

        store.write_rollout = record
        options = {"verifier": HUNCH, "selector": "flow_vote", **options}
        task = asyncio.create_task(solving(MANY[:3], make(name), proposer=proposer, store=store, **options))
        try:
            await task
        except (asyncio.CancelledError, Killed):
            assert asyncio.all_tasks() == {asyncio.current_task()}
            assert proposer.out == 0
            return True
        return False


def whole(path, name, **options):
    with TreeStore.open(path, write=True) as store:
        options = {"verifier": HUNCH, "selector": "flow_vote", **options}
        return asyncio.run(solving(MANY[:3], make(name), store=store, **options))


def same(solved, name):
    """What two runs share; a wave of a vote that was broken off may be settled by those of it that had come back."""
    found = told(solved, replayed=True)
    return found["decision"]["answer"] if name.startswith("adaptive") else found


@every_strategy
@pytest.mark.parametrize("how", ["at once", "by cancelling"])
@pytest.mark.parametrize("budget", [Budget(), Budget(generated_tokens=3 * LONGEST, proposer_calls=14)], ids=repr)
def test_a_run_that_was_broken_off_ends_as_if_it_had_not_been(name, how, budget, path):
    untouched = [same(s, name) for s in asyncio.run(solving(
        MANY[:3], make(name), verifier=HUNCH, selector="flow_vote", budget=budget
    ))]  # fmt: skip
    moments, broken = (1, 4, 9, 17), 0
    for after in moments:
        fresh = path.with_name(f"{after}.db")
        fresh.write_bytes(path.read_bytes())
        broken += asyncio.run(interrupted(fresh, name, after, how=how, budget=budget))
        before = recorded(fresh)
        proposer = Reciter()
        found = whole(fresh, name, budget=budget, proposer=proposer)
        assert [same(s, name) for s in found] == untouched
        after_all = check(found, fresh)
        assert before.items() <= after_all.items()
        assert len(proposer.asked) == len(after_all) - len(before)
    assert broken >= 3


@every_strategy
def test_a_run_that_is_broken_off_again_and_again_comes_to_the_same_end(name, path):
    untouched = [
        same(s, name) for s in asyncio.run(solving(MANY[:3], make(name), verifier=HUNCH, selector="flow_vote"))
    ]
    rounds = 0
    while asyncio.run(interrupted(path, name, 4, how="at once")):
        rounds += 1
        assert len(recorded(path)) == 4 * rounds
    assert rounds >= 3
    proposer = Reciter()
    assert [same(s, name) for s in whole(path, name, proposer=proposer)] == untouched
    assert proposer.asked == []


def test_failures_on_record_stay_after_a_run_was_broken_off(path):
    def proposer():
        return Reciter(batch_size=4, delay=lambda count: 0, fails=lambda count: count % 5 == 1)

    assert asyncio.run(interrupted(path, "best_of_n", 9, how="at once", proposer=proposer()))
    before = recorded(path)
    assert any(row[4] == "error" for row in before.values())
    found = whole(path, "best_of_n")
    assert before.items() <= check(found, path).items()
    assert all(cost(s.spend)["failed_calls"] <= 3 for s in found)
