import pytest
from hypothesis import given, strategies as st

from arts.problems.base import Problem, Verdict
from arts.problems.check import check_problems, failing_keys
from arts.problems.extraction.answer import has_several_boxes
from arts.problems.extraction.boxes import boxes
from arts.problems.graders import make_grader
from arts.problems.near import one_spelling

EXACT = make_grader("exact")


@pytest.fixture(scope="module")
def mathematics():
    grader = make_grader("math")
    yield grader
    grader.close()


def problem(name, question=None, answer="1", **more):
    return Problem(id=name, question=name if question is None else question, answer=answer, **more)


def checked(problems, others=None, grader=EXACT):
    return check_problems("set", problems, others or {}, grader)


def pairs(repeats):
    return [(r.id, r.of, r.jaccard) for r in repeats]


def test_it_counts_levels_subjects_and_what_is_missing():
    found = checked(
        [
            problem("a", level=10, subject="Algebra", solution="\\boxed{1}"),
            problem("b", level=2, subject="Geometry"),
            problem("c", level=2, subject="Geometry"),
            problem("d", solution=""),
            problem("e", level=0),
        ]
    )
    assert (found.set, found.problems) == ("set", 5)
    assert list(found.levels.items()) == [("0", 1), ("2", 2), ("10", 1)]
    assert list(found.subjects.items()) == [("Geometry", 2), ("Algebra", 1)]
    assert found.missing == {"solution": 4, "subject": 2, "level": 1}


def test_the_same_question_thrice_is_two_repetitions_of_the_first():
    found = checked([problem("a", "Find x"), problem("b", "find  X"), problem("c", "Find y"), problem("d", "FIND X")])
    assert pairs(found.within.same) == [("b", "a", 1.0), ("d", "a", 1.0)]
    assert found.within.near == []
    assert (found.within.checked, found.within.problems) == (4, 4)


def test_other_numbers_make_a_near_question_within_and_across():
    seven = problem("seven", "What is the sum of all multiples of 7 up to 100?")
    nine = problem("nine", "What is the sum of all multiples of 9 up to 50?")
    twin = problem("twin", "what is the sum of all multiples of 7 up to 100?")
    other = problem("other", "Who came?")
    found = checked([seven, other, nine], {"theirs": [twin, nine, twin], "none": [other]})
    assert pairs(found.within.near) == [("seven", "nine", 1.0), ("nine", "seven", 1.0)]
    theirs, none = found.across
    assert (theirs.other, theirs.checked, theirs.problems) == ("theirs", 3, 3)
    assert pairs(theirs.same) == [("seven", "twin", 1.0), ("nine", "nine", 1.0)]
    assert theirs.near == []
    assert (pairs(none.same), pairs(none.near)) == ([("other", "other", 1.0)], [])
    (again,) = checked([seven], {"theirs": [twin, problem("second", twin.question)]}).across
    assert pairs(again.same) == [("seven", "twin", 1.0)]
    (only,) = checked([nine], {"theirs": [other, twin]}).across
    assert (pairs(only.same), pairs(only.near)) == ([], [("nine", "twin", 1.0)])


def test_a_jaccard_is_shown_to_three_digits():
    words = "a b c d e f g h i j k l m"
    found = checked([problem("long", f"{words} n o"), problem("short", words)])
    assert pairs(found.within.near) == [("long", "short", 0.818), ("short", "long", 0.818)]


@given(st.lists(st.sampled_from(["x", "X ", "y", "y\n", "z w"])))
def test_what_is_left_without_the_repetitions_is_each_question_once(questions):
    problems = [problem(str(i), question) for i, question in enumerate(questions)]
    again = {repeat.id for repeat in checked(problems).within.same}
    left = [one_spelling(p.question) for p in problems if p.id not in again]
    assert sorted(left) == sorted({one_spelling(question) for question in questions})


def test_a_key_that_contradicts_its_solution_is_wrong(mathematics):
    found = checked(
        [
            problem("agrees", answer="0.5", solution="so $\\boxed{\\frac12}$"),
            problem("last counts", answer="3", solution="$\\boxed{2}$, then $\\boxed{3}$"),
            problem("contradicts", answer="4", solution="$\\boxed{5}$"),
            problem("marked", answer="1000", solution="thus\n#### 1,000"),
            problem("marked wrongly", answer="72", solution="thus\n#### 27"),
            problem("states nothing", answer="9", solution="87 - 78 = 10"),
        ],
        grader=mathematics,
    )
    assert [(r.id, r.key, r.reason) for r in found.wrong] == [
        ("contradicts", "4", "the solution ends in 5"),
        ("marked wrongly", "72", "the solution ends in 27"),
    ]
    assert (found.stated, found.pairs) == (5, 6 + 5 + found.respelled)
    assert found.several_boxes == ["last counts"]


def test_a_key_that_cannot_be_graded_is_wrong_with_the_graders_reason():
    long = "9" * 3000
    found = checked([problem("fine"), problem("long", answer=long)])
    assert [(r.id, r.key) for r in found.wrong] == [("long", long)]
    assert found.wrong[0].reason == "grades itself ungraded: the answer has more than 2000 characters"


def test_a_key_that_no_solution_can_state_is_wrong():
    problems = [problem("fine"), problem("open", answer="{12")]
    (failing,) = failing_keys(problems, EXACT)
    assert (failing.problem, failing.read, failing.grade.verdict) == (problems[1], None, Verdict.INCORRECT)
    (remark,) = checked(problems).wrong
    assert (remark.id, remark.reason) == ("open", "grades itself incorrect, read off a box as None: no answer")


def test_keys_that_math_verify_does_not_read_are_found(mathematics):
    found = checked(
        [
            problem("index", answer="E_1+x"),
            problem("again", answer="E_1+x"),
            problem("sum", answer="a + b + c"),
            problem("name", answer="\\text{Evelyn}"),
            problem("pair", answer="(1,2)"),
            problem("root", answer="2\\sqrt{3}"),
            problem("number", answer="1{,}000"),
        ],
        grader=mathematics,
    )
    assert [r.id for r in found.own_spelling] == ["index", "again"]
    assert {r.reason for r in found.own_spelling} == {"math-verify does not read it as mathematics"}
    assert found.wrong == []
    assert (found.respelled, found.pairs) == (5, 12)


def test_a_grader_of_spelling_is_not_asked_what_it_reads():
    found = checked([problem("sum", answer="a + b + c")])
    assert (found.own_spelling, found.respelled, found.pairs, found.grader) == ([], 0, 1, "exact")


@pytest.mark.parametrize(
    ("text", "held", "several"),
    [
        ("", [], False),
        ("$\\boxed{1}$", ["1"], False),
        ("$\\boxed{ 1 }$ or \\fbox{2}", ["1", "2"], True),
        ("\\boxed{\\dfrac{1}{6}} \\boxed{\\frac16}", ["\\dfrac{1}{6}", "\\frac16"], False),
        ("\\boxed{} \\boxed{3} \\boxed{", ["3"], False),
        ("\\boxed{\\frac{1}{2}} \\boxed 4", ["\\frac{1}{2}", "4"], True),
    ],
)
def test_boxes(text, held, several):
    assert boxes(text) == held
    assert has_several_boxes(text) == several
