import pytest
from hypothesis import given, strategies as st

from arts.problems.extraction.answer import extract_answer

BALANCED = st.recursive(
    st.text(st.characters(codec="utf-8", exclude_characters="{}\\"), max_size=5),
    lambda inner: st.lists(inner.map(lambda s: f"{{{s}}}") | st.just("\\frac"), max_size=3).map("".join),
    max_leaves=8,
)


@given(BALANCED.filter(str.strip), st.text(st.characters(exclude_characters="\\"), max_size=20))
def test_a_balanced_box_gives_its_content_back(content, before):
    found = extract_answer(f"{before}\\boxed{{{content}}} and so on 7")
    assert found is not None
    assert (found.how, found.value) == ("boxed", content.strip())


@pytest.mark.parametrize(
    ("text", "value", "how"),
    [
        ("\\boxed{1} then \\boxed{2}", "2", "boxed"),
        ("so \\boxed 5.", "5", "boxed"),
        ("\\fbox{a}", "a", "boxed"),
        ("12 * 6\n#### 1,234", "1,234", "hash"),
        ("The answer is 12. It was easy.", "12", "phrase"),
        ("The final answer is: 3.5", "3.5", "phrase"),
        ("add 7 x = 41\ndiv 1 x = 5\n", "5", "ending"),
        ("we get 1,000, done", "1,000", "last_number"),
        ("temperature -3/4", "-3/4", "last_number"),
    ],
)
def test_how_an_answer_is_found(text, value, how):
    found = extract_answer(text)
    assert found is not None
    assert (found.value, found.how) == (value, how)


@pytest.mark.parametrize("text", ["", "no answer here", "\x00\x00", "\\boxed{", "{" * 1000])
def test_no_answer(text):
    assert extract_answer(text) is None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("The final answer is:\n\n72", "72"),
        ("**Final answer:**\n\n**72** clips", "72"),
        ("The answer is:\n\\[\nx^2\n\\]", "x^2"),
        ("The answer is 18 dollars.", "18 dollars"),
        ("The answer is $1,800.50 per year.", "$1,800.50"),
        ("The answer is -$5 exactly", "-$5"),
        ("The answer is 72, which is correct.", "72"),
        ("The answer is 1/2 of the pie", "1/2"),
        *((f"The answer is {kept}", kept) for kept in ("Evelyn", "A", "x+1", "1/2", "(1, 2)", "Room 5", "x = 5")),
        *((f"The answer is {kept}", kept) for kept in ("2 sqrt(3)", "3 or 4", "5 million", "10 (mod 12)", "3 ab + 2")),
        *((f"Answer: {kept}", kept) for kept in ("\\frac{1}{2} of 3 apples", "all $x$ such that $x>2$")),
    ],
)
def test_a_stated_answer_is_the_number_that_words_follow_or_the_whole_phrase(text, value):
    found = extract_answer(text)
    assert found is not None
    assert (found.value, found.how) == (value, "phrase")


@pytest.mark.parametrize(
    "text",
    [
        "First 5. Answer: Natalia sold 48/2 = 24, so 72 clips in all. It took 2 months.",
        "Answer: she paid $5, then $72",
        "Answer:\nNatalia sold 48 clips in April.\nThat makes 72.",  # the solution, not the answer, is below
    ],
)
def test_of_a_sentence_the_last_number_is_taken(text):
    found = extract_answer(text)
    assert found is not None
    assert (found.value, found.how) == ("72", "last_number")


@pytest.mark.parametrize(
    "text",
    [
        *("\\boxed{" * 300_000, "1" * 10_000_000, "####" * 1_000_000, "\\boxed" * 500_000),
        *(
            "answer:" + "\n" * 1_000_000,
            "answer: \\[" * 500_000,
            "answer: " + "$" * 1_000_000,
            "answer: ab 1 " * 500_000,
        ),
    ],
)
def test_huge_texts_are_bounded(text):
    extract_answer(text)  # the suite's time limit is the assertion
