import math
from datetime import UTC, datetime

import pytest

from arts.proposers.retry import LONGEST_WAIT_S, TREATMENTS, Failure, Patience, kind_of_status, retry_after_s

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def longest(low, high):
    return high


def waits(kind, retries=4, **failure):
    patience = Patience(retries, longest)
    found = []
    while (wait := patience.wait_s(Failure(kind=kind, reason="", **failure))) is not None:
        found.append(wait)
    return found


@pytest.mark.parametrize("kind", TREATMENTS)
def test_further_tries_are_in_proportion_to_the_retries(kind):
    for retries in (0, 1, 4, 7):
        assert len(waits(kind, retries)) == math.ceil(TREATMENTS[kind].patience * retries)


def test_rate_limits_get_more_patience_than_unreadable_answers_and_refusals_none():
    tries = {kind: len(waits(kind)) for kind in TREATMENTS}
    assert tries["rate limit"] > tries["server error"] > tries["unreadable"] > 0
    assert tries["refused"] == tries["hopeless"] == 0


def test_waits_double_up_to_the_longest():
    assert waits("server error", 9) == [min(0.5 * 2**k, LONGEST_WAIT_S) for k in range(9)]


def test_each_class_of_failure_has_its_own_patience():
    patience = Patience(1, longest)
    assert patience.wait_s(Failure(kind="broken", reason="")) == 0.5
    assert patience.wait_s(Failure(kind="server error", reason="")) == 0.5
    assert patience.wait_s(Failure(kind="broken", reason="")) is None


def test_what_the_endpoint_asks_for_is_the_least_wait_and_capped():
    assert waits("rate limit", 1, retry_after_s=7.0) == [7.0, 7.0]
    assert waits("rate limit", 1, retry_after_s=1e9) == [LONGEST_WAIT_S] * 2
    assert waits("unreadable", 1, retry_after_s=7.0) == [0.5]


@pytest.mark.parametrize(
    "status, kind",
    [(429, "rate limit"), (500, "server error"), (503, "server error"), (302, "server error")]
    + [(status, "refused") for status in (400, 413, 422)]
    + [(status, "hopeless") for status in (401, 403, 404, 405)],
)
def test_answers_have_their_class(status, kind):
    assert kind_of_status(status) == kind


@pytest.mark.parametrize(
    "header, seconds",
    [
        ("7", 7.0),
        ("1.5", 1.5),
        ("Fri, 02 Jan 2026 03:04:35 GMT", 30.0),
        ("Fri, 02 Jan 2026 03:04:35 -0000", 30.0),
        ("Fri, 02 Jan 2026 03:00:00 GMT", 0.0),
        ("-3", 0.0),
        ("nan", 0.0),
        ("inf", 0.0),
        ("soon", 0.0),
        ("", 0.0),
    ],
)
def test_the_time_to_wait_is_given_in_seconds_or_as_a_date(header, seconds):
    assert retry_after_s(header, NOW) == seconds
