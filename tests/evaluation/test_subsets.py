import json

import numpy as np
import pytest

from arts.documents.data import as_json
from arts.errors import UsageError
from arts.evaluation.subsets import LEAST, MOST_GROUPS

from .samples import RATES, candidates, drawn, panel, values


def test_groups_hold_the_problems_that_share_a_value_and_are_judged_on_all_their_samples():
    correct = np.array([[1, 1], [1, 0], [0, 0], [0, 1], [1, 1]], dtype=bool)
    found = panel(candidates(correct, level=[1, 1, 5, 5, 1], subject=["b", "a", "b", "a", "a"]))
    assert [(e.kind, e.name, e.problems, values(e)) for e in found] == [
        ("level", "level 1", 3, pytest.approx(5 / 6)),
        ("level", "level 5", 2, pytest.approx(1 / 4)),
        ("subject", "a", 3, pytest.approx(2 / 3)),
        ("subject", "b", 2, pytest.approx(1 / 2)),
    ]
    assert [values(e, "oracle (pass@N)") for e in found] == pytest.approx([1, 1 / 2, 1, 1 / 2])
    assert {e.k for e in found} == {2} and all(e.label_noise is None and e.policy is None for e in found)
    assert found[0].methods["random"].n == 3


def test_a_kind_that_does_not_tell_problems_apart_is_not_shown():
    assert panel(candidates(np.zeros((4, 2), dtype=bool), level=[3] * 4, subject=[None] * 4)) == []


def test_problems_without_a_value_and_alone_in_theirs_are_left_out_and_counted():
    correct = np.ones((7, 2), dtype=bool)
    found = panel(candidates(correct, level=[1, 1, 2, 2, 3, None, None]))
    assert [e.name for e in found] == ["level 1", "level 2"]
    assert all("; 3 of 7 problems have none, or are in a group that is too small" in e.note for e in found)
    assert "too small" not in panel(candidates(correct[:4], level=[1, 1, 2, 2]))[0].note
    assert LEAST == 2


def test_of_very_many_groups_the_largest_are_shown():
    subjects = [f"s{i:02}" for i in range(30) for _ in range(2 + (i >= 10))]
    found = panel(candidates(np.ones((len(subjects), 2), dtype=bool), subject=subjects))
    assert [e.name for e in found] == [f"s{i}" for i in range(10, 30)]
    assert len(found) == MOST_GROUPS


def test_depth_is_the_median_number_of_steps_in_groups_of_similar_size():
    depth = [1, 1, 2, 2, 3, 4, 5, [9, 9, 1, 1], [7, 6, 9, 1]]
    found = panel(candidates(np.eye(9, 4, dtype=bool), depth=depth))[:-1]
    assert [(e.name, e.kind, e.problems) for e in found] == [
        ("1 step", "depth", 3),
        ("2 steps", "depth", 2),
        ("3–4 steps", "depth", 2),
        ("5–6 steps", "depth", 2),
    ]


def test_answer_types_come_in_their_own_order():
    keys = ["\\text{even}", "x+1", "3", "4", "x", "\\text{odd}"]
    found = panel(candidates(np.ones((6, 2), dtype=bool), answer=keys))
    assert [e.name for e in found] == ["whole number", "expression", "text"]
    assert {e.kind for e in found} == {"answer type"}


def test_given_subsets_know_all_fields():
    correct = np.array([[1, 1], [1, 0], [0, 0]], dtype=bool)
    found = candidates(
        correct,
        solution=["", "", None],
        level=[3, 4, None],
        answer=["1", "(1,2)", "2"],
        depth=[1, 2, 5],
        subject=["a", None, "a"],
    )
    where = ["level >= 4", 'answer_type == "whole number"', "depth > 1", 'id == "p1" or question == "x"', "level > 9"]
    entries = [e for e in panel(found, where=where) if e.kind == "given"]
    assert [e.name for e in entries] == where
    assert [e.problems for e in entries] == [1, 2, 2, 1, 0]
    assert [values(e) for e in entries] == [0.5, 0.5, 0.25, 0.5, None]
    fields = ['subject == "a"', 'solution == ""', 'source == ""']
    assert [e.problems for e in panel(found, where=fields) if e.kind == "given"] == [2, 2, 3]


def test_an_expression_that_cannot_be_read_is_a_usage_error():
    with pytest.raises(UsageError, match="'solved'"):
        panel(candidates(np.ones((2, 2), dtype=bool)), where=["solved < 2"])


def test_one_seed_gives_one_panel_whatever_came_before():
    correct = drawn(RATES[:60], 8, 9)
    found = candidates(correct, level=[i % 3 for i in range(60)])
    rows = {f"p{i}": row.tolist() for i, row in enumerate(drawn(RATES[:60], 8, 10))}
    first, again, other = (panel(found, policy=rows, where=["level > 1"], seed=s) for s in (1, 1, 2))
    assert first == again
    assert all(a.methods != b.methods for a, b in zip(first, other, strict=True))
    assert [e.kind for e in first] == ["level"] * 3 + ["given", "rare", "extinct"]
    for entry in first:
        written = json.loads(as_json(entry), parse_constant=pytest.fail)
        assert list(written) == ["name", "kind", "problems", "k", "note", "label_noise", "methods", "policy"]
