import ast
import string
import warnings

import pytest
from hypothesis import example, given, strategies as st

from arts.errors import UsageError
from arts.where import FIELDS, MOST_CHARACTERS, MOST_NESTED, condition

FULL = {
    "answer": r"\frac{1}{2}",
    "answer_type": "fraction or decimal",
    "depth": 3,
    "id": "p1",
    "level": 4,
    "question": "What is half of a triangle?",
    "solution": "See there.",
    "source": "math",
    "subject": "Geometry",
}
BARE = FULL | {"level": None, "subject": None, "solution": None}


def holds(expression, fields=FULL):
    return condition(expression)(fields)


@pytest.mark.parametrize(
    "expression",
    [
        'level >= 4 and subject == "Geometry"',
        '"triangle" in question',
        '"circle" not in question',
        "len(answer) > 3",
        'answer_type == "fraction or decimal"',
        "depth <= 3",
        "2 <= level < 5",
        "not level < 4",
        'level == 1 or subject != "Algebra"',
        'subject in ["Algebra", "Geometry"]',
        "level in (2, 4)",
        "level not in {1, 2}",
        'lower(subject) == "geometry"',
        'startswith(question, "What")',
        "11 % 4 == 3 and level % 3 == 1 and level * 2 - 1 == 7 and level / 8 == 0.5 and level + depth == 7",
        "-level < 0",
        "  level > 1  # hard ones",
        "(level == 4) == (depth == 3)",
    ],
)
def test_what_is_true_of_a_problem_holds(expression):
    assert holds(expression) is True
    assert holds(f"not ({expression.split('#')[0].strip()})") is False


@pytest.mark.parametrize(
    "expression",
    ["level > 4", "level < 4", '"half" not in question', "level in [1, 2]", "2 < level <= 3", "4 < 5 < level"],
)
def test_what_is_not_does_not(expression):
    assert holds(expression) is False


@pytest.mark.parametrize(
    "backslashes", [r'"\frac" in answer', r'startswith(answer, "\fr")', r"answer == '\frac{1}{2}'"]
)
def test_a_backslash_is_a_backslash(backslashes):
    assert holds(backslashes)
    assert holds(r'"\\" == answer', FULL | {"answer": "\\\\"})


@pytest.mark.parametrize(
    "expression",
    [
        "level == 4",
        "level != 4",
        "level < 4",
        "level in [4]",
        "level not in [4]",
        'subject == "x"',
        'subject != "x"',
        '"x" in solution',
        '"x" not in solution',
        'startswith(solution, "")',
        "len(subject) >= 0",
        "level + 1 > 0",
        "-level < 0",
        "1 < level",
        "0 < 1 < level",
        "depth / 0 == depth / 0",
        "depth % 0 < 1",
        "depth / 0 != 1",
    ],
)
def test_a_comparison_with_what_is_missing_is_false_whatever_it_compares(expression):
    assert holds(expression, BARE) is False
    assert holds(f"not ({expression})", BARE) is True


@pytest.mark.parametrize(
    ("expression", "place", "why"),
    [
        ("levle >= 4", "levle", "there is no such field; fields are answer, answer_type, depth"),
        (
            "level >= 4 and solved <= 2",
            "solved",
            "'rare' and 'extinct' are labelled and evaluated on different samples",
        ),
        ("correct > 0", "correct", "which favours some methods"),
        ('level > "4"', '"4"', "this is a text, where a number is needed"),
        ("question > 4", "question", "this is a text, where a number is needed"),
        ("4 < question", "question", "this is a text, where a number is needed"),
        ("question == 4", "4", "this is a number, where a text is needed"),
        ("level in question", "level", "this is a number, where a text is needed"),
        ("question in level", "level", "this is a number, where a text is needed"),
        ('subject in ["a", level]', "level", "this is a number, where a text is needed"),
        ("level", "level", "this is a number, where a condition is needed"),
        ('level > 1 and "a"', '"a"', "this is a text, where a condition is needed"),
        ("not level", "level", "this is a number, where a condition is needed"),
        ('"ab" * 9 == question', '"ab"', "this is a text, where a number is needed"),
        ('question % 3 == "a"', "question", "this is a text, where a number is needed"),
        ("-question == 3", "question", "this is a text, where a number is needed"),
        (r'"\frac" * 2 == answer', r'"\frac"', "this is a text, where a number is needed"),
        ("level ** 9 > 1", "level ** 9", "this is not understood"),
        ("level // 2 == 1", "level // 2", "this is not understood"),
        ("level << 9 > 1", "level << 9", "this is not understood"),
        ("~level > 1", "~level", "this is not understood"),
        ("level is 4", "4", "this comparison is not understood"),
        ("level == None", "None", "one with a missing field is false by itself"),
        ("level == True", "True", "one with a missing field is false by itself"),
        ("level == 4j", "4j", "this is not understood"),
        ('b"a" in question', 'b"a"', "this is not understood"),
        ("[level] == [4]", "[level]", "this is not understood"),
        ('f"{level}" == id', 'f"{level}"', "this is not understood"),
        ('question.lower() == "a"', "question.lower()", "functions are len, lower, startswith"),
        ("question.__class__ == id", "question.__class__", "this is not understood"),
        ("question[0] == id", "question[0]", "this is not understood"),
        ('__import__("os").system("true") == 0', '__import__("os").system("true")', "this is not understood"),
        ('eval("1") == 1', 'eval("1")', "this is not understood"),
        ('open("/etc/passwd") == id', 'open("/etc/passwd")', "this is not understood"),
        ("(lambda: level)() == 4", "(lambda: level)()", "this is not understood"),
        ("[level for level in id] == id", "[level for level in id]", "this is not understood"),
        ("(level := 4) == 4", "level := 4", "this is not understood"),
        ("level > 1 if level else level < 1", "level > 1 if level else level < 1", "this is not understood"),
        ("len(level) > 1", "level", "this is a number, where a text is needed"),
        ("len() > 1", "len()", "len takes 1 argument, not 0"),
        ("startswith(id)", "startswith(id)", "startswith takes 2 arguments, not 1"),
        ("len(obj=id) > 1", "len(obj=id)", "this is not understood"),
        ("len(*[id]) > 1", "*[id]", "this is not understood"),
        ("len == 1", "len", "there is no such field"),
        ("level not in 4", "4", "this is a number, where a text is needed"),
    ],
)
def test_what_is_not_understood_is_one_line_that_names_the_place(expression, place, why):
    with pytest.raises(UsageError) as error:
        condition(expression)
    assert str(error.value).startswith(f"expression '{expression}': at '{place}': ")
    assert why in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("", "cannot be read at character 1"),
        ("level >", "cannot be read at character 8"),
        ("level >= 4; id", "cannot be read at character 11: invalid syntax"),
        (r'"\\a" == id id', "cannot be read at character 13"),
        ("level >= 4\nor level < 2", "cannot be read"),
        ("level = 4", "cannot be read"),
        ("import os", "cannot be read"),
        ("\0level > 1", "cannot be read"),
        ("\ud800 > 1", "cannot be read"),
        ("(" * 300, "too many nested parentheses"),
        ("-" * 900 + "level > 0", f"more than {MOST_NESTED} levels of nesting"),
        ("not " * 200 + "level > 0", f"more than {MOST_NESTED} levels of nesting"),
        ("1 + " * 200 + "level > 0", f"more than {MOST_NESTED} levels of nesting"),
        ("level > 0 or " * 1_000_000, f"characters, at most {MOST_CHARACTERS:,} go"),
    ],
)
def test_what_cannot_be_read_or_is_huge_is_one_short_line(expression, why):
    with pytest.raises(UsageError) as error:
        condition(expression)
    assert why in str(error.value)
    assert "\n" not in str(error.value) and len(str(error.value)) < 600


def test_an_error_shows_control_marks_instead_of_sending_them():
    with pytest.raises(UsageError) as error:
        condition('"\x1b[31m\u202e" == foo')
    assert str(error.value).isprintable()


def test_what_python_would_warn_of_is_no_concern_of_ours():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert holds("level > 9or level > 1") is True


def test_as_much_as_may_be_written_can_be_evaluated():
    longest = " or ".join(["level > 9"] * 76)
    exact = longest + " " * (MOST_CHARACTERS - len(longest) - 1) + "#"
    assert holds(exact) is False
    with pytest.raises(UsageError, match="1,001 characters"):
        condition(exact + "#")
    assert holds("not " * (MOST_NESTED - 2) + "level > 3") is True
    assert holds("not " * (MOST_NESTED - 1) + "level > 3") is False
    with pytest.raises(UsageError, match="levels of nesting"):
        condition("not " * MOST_NESTED + "level > 3")
    huge = "9" * 400
    assert (
        holds(f"{huge} / 1.5 > 1") is False and holds(f"{huge} + 1 > level") is True and holds("1e999 > level") is True
    )


@given(st.text(max_size=60) | st.text(string.printable, max_size=60))
@example("level>1 and")
@example("'\\")
@example("level\\\n>1")
@example("1if 1else 1")
def test_no_text_does_more_than_raise_a_usage_error(text):
    try:
        found = condition(text)
    except UsageError as error:
        assert "\n" not in str(error)
    else:
        assert found(FULL) in (True, False) and found(BARE) in (True, False)


numbers = st.deferred(
    lambda: (
        st.sampled_from(["level", "depth", "len(question)", "2", "0.5"])
        | st.tuples(numbers, st.sampled_from("+-*/%"), numbers).map(lambda t: f"({t[0]} {t[1]} {t[2]})")
        | numbers.map(lambda t: f"(-{t})")
    )
)
texts = st.sampled_from(["question", "id", "lower(subject)", "'triangle'", '"p"'])
conditions = st.deferred(
    lambda: (
        st.tuples(numbers, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), numbers).map(" ".join)
        | st.tuples(numbers, st.sampled_from(["in", "not in"]), numbers, numbers).map(
            lambda t: f"{t[0]} {t[1]} [{t[2]}, {t[3]}]"
        )
        | st.tuples(texts, st.sampled_from(["in", "not in", "==", "!="]), texts).map(" ".join)
        | st.tuples(conditions, st.sampled_from(["and", "or"]), conditions).map(lambda t: f"({' '.join(t)})")
        | st.tuples(numbers, numbers, numbers).map(" < ".join)
        | conditions.map(lambda t: f"(not {t})")
    )
)


@given(conditions)
def test_it_means_what_python_means_by_it(text):
    if len(text) > MOST_CHARACTERS or _depth(ast.parse(text, mode="eval").body) > MOST_NESTED:
        return
    try:
        wanted = eval(text, {"lower": str.lower, "len": len}, FULL)
    except ZeroDivisionError:
        return  # of which Python makes an error, and we a comparison that is false
    assert holds(text) is wanted


def _depth(node):
    return 1 + max((_depth(child) for child in ast.iter_child_nodes(node)), default=0)


def test_every_field_can_be_asked_for():
    assert set(FIELDS) == set(FULL)
    for name, value in FULL.items():
        literal = f'"{value}"' if FIELDS[name] == "text" else value
        assert holds(f"{name} == {literal}")
        assert not holds(f"{name} == {literal}", FULL | {name: "" if FIELDS[name] == "text" else 0})


@pytest.mark.parametrize(
    ("text", "hint"), [("level > 1 && level < 3", "write and for &&"), ("level = 1", "write == for =")]
)
def test_words_of_other_languages_are_told(text, hint):
    with pytest.raises(UsageError, match=hint):
        condition(text)
