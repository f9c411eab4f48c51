"""``where`` over logs: expressions and FIELD=VALUE, of a sample or else of its row."""

import pytest
from hypothesis import assume, given, strategies as st

from arts.errors import UsageError
from arts.logs.conditions import Where
from arts.logs.values import spelling
from arts.where import condition

ROW = {
    "doc": {"level": 4, "subject": "Algebra", "tags": ["a"], "solved": True, "none": None},
    "filter": "strict-match",
    "step": 100,
    "exact_match,none": 1.0,
    "model": "row",
}
SAMPLE = {"model": "a", "score": 0.5, "acc": False}


def wanted(*where, holder=SAMPLE, row=ROW):
    return Where(where)(holder, row)


@pytest.mark.parametrize(
    "where",
    [
        (),
        ("model=a",),
        ("model=a", "model=b"),
        ("model=a", "step=100"),
        ("filter=strict-match",),
        ("exact_match,none=1.0",),
        ("acc=false",),
        ("doc.none=null",),
        ("doc.solved=true",),
        ("doc.level >= 4",),
        ('doc.level >= 4 and doc.subject == "Algebra"',),
        ("doc.level>=4",),
        ("doc.level==4",),
        ("score != 0",),
        ('model in ["a", "b"]',),
        ("step in [100, 200]",),
        ('"Alg" in doc.subject and not "Geo" in doc.subject',),
        ('startswith(filter, "strict") and len(model) == 1',),
        ("doc.solved and not acc",),
        ("step / 2 == score * 100",),
        ("model=a", "doc.level < 5"),
    ],
)
def test_what_holds_of_a_sample_or_its_row_keeps_it(where):
    assert wanted(*where)


@pytest.mark.parametrize(
    "where",
    [
        ("model=b",),
        ("model=row",),
        ("model=a", "step=200"),
        ("model=a", "doc.level > 4"),
        ("score=0.50",),
        ('step == "100"',),
        ('step != "100"',),
        ("step != doc.subject",),
        ("step == doc.subject",),
        ("doc.subject > 3",),
        ("doc.level in [5]",),
        ('doc.level not in ["4"]',),
        ('"a" in doc.tags',),
        ('"a" in step',),
        ("nowhere == 1",),
        ("nowhere != 1",),
        ("doc.nowhere.deeper < 1",),
        ("doc.level.deeper < 1",),
        ("doc.none == 1",),
        ("doc.none != 1",),
        ("acc",),
        ("model",),
        ("-model < 1",),
        ("step + filter > 0",),
        ("doc == doc.level",),
        ("lower(step) == lower(step)",),
        ("doc.solved == 1",),
        ("doc.solved != 1",),
    ],
)
def test_what_does_not_or_compares_unlike_kinds_drops_it(where):
    assert not wanted(*where)


def test_the_fields_that_were_asked_for_are_remembered_with_their_values():
    chosen = Where(("model=z", "doc.level > 4", "step=100"))
    for holder in (SAMPLE, {"model": "b"}):
        assert not chosen(holder, ROW)
    assert chosen.met == {"model": {"a", "b"}, "doc.level": {"4"}, "step": {"100"}}


@pytest.mark.parametrize(
    "where, why",
    [
        ("", "cannot be read at character 1"),
        ("level >", "cannot be read"),
        ('"a=b" == c d', "cannot be read"),
        ("doc.level ** 9 > 1", "this is not understood; fields are the names of a row"),
        ("doc['level'] > 1", "this is not understood"),
        ("doc.lower() == 1", "functions are len, lower, startswith"),
        ("(lambda: 1)() == 1", "this is not understood"),
        ('model == ["a"]', "this is not understood"),
        ("not " * 100 + "acc", "levels of nesting"),
        ("level > 0 or " * 100_000, "characters, at most"),
        ('step > "1"', "this is a text, where a number is needed"),
        ('step in ["a", 1]', "this is a number, where a text is needed"),
    ],
)
def test_what_is_not_understood_is_one_line(where, why):
    with pytest.raises(UsageError, match="expression") as raised:
        Where((where,))
    assert why in str(raised.value) and "\n" not in str(raised.value)


def test_nothing_but_what_a_row_holds_can_be_reached():
    assert not wanted('model.__class__.__name__ == "str"')
    assert not wanted("doc.keys == doc.keys or doc.__len__ > 0")


values = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.integers(), max_size=2)


@given(st.dictionaries(st.sampled_from(["a", "b"]), values), st.dictionaries(st.sampled_from(["a", "b"]), values))
def test_the_short_form_is_equality_of_spellings(sample, row):
    seen = sample["a"] if "a" in sample else row.get("a")
    there = "a" in sample or "a" in row
    text = spelling(seen)
    assume(not text.startswith("="))  # ``a==…`` is an expression
    assert wanted(f"a={text}", holder=sample, row=row) == there
    assert not wanted(f"a={text}x", holder=sample, row=row)


@given(values, values, st.sampled_from(["==", "!=", "<", "<=", ">", ">="]))
def test_a_comparison_of_unlike_or_missing_values_is_false_and_of_like_ones_what_python_says(a, b, sign):
    def kind(x):
        return "n" if type(x) in (int, float) else "s" if type(x) is str else ""

    found = condition(f"a {sign} b", None)({"a": a, "b": b})
    assert found in (True, False)
    ordered = sign in ("<", "<=", ">", ">=")
    if kind(a) != kind(b) or a is None or (ordered and kind(a) != "n"):
        alike = type(a) is type(b) is bool or (type(a) is type(b) is list)
        assert found is False or (alike and not ordered)
    elif kind(a):
        assert found is eval(f"a {sign} b", {"a": a, "b": b})


@given(values, st.integers(-3, 3))
def test_a_foreign_number_is_judged_as_a_known_one(value, bound):
    known = condition(f"level >= {bound} or level in [1, 2] or not level < 9", {"level": "number"})
    foreign = condition(f"level >= {bound} or level in [1, 2] or not level < 9", None)
    number = value if type(value) in (int, float) else None
    assert foreign({"level": value}) is known({"level": number})
