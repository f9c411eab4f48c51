import pytest
from hypothesis import given, strategies as st

from arts.problems.base import question_key
from arts.problems.near import Near, nearest, one_spelling, shingles

texts = st.lists(st.text("ab1 \\$", max_size=24), max_size=8)
thresholds = st.sampled_from([0.1, 0.5, 0.8, 1.0])


def jaccard(a, b):
    return len(shingles(a) & shingles(b)) / max(1, len(shingles(a) | shingles(b)))


def by_looking_at_all(text, among, threshold, besides=None):
    close = [(-jaccard(text, other), i) for i, other in enumerate(among) if i != besides]
    best = min(close, default=(0, 0))
    return Near(index=best[1], jaccard=-best[0]) if -best[0] >= threshold else None


@given(st.text(" \n\ta\u00a0B", max_size=12))
def test_the_key_of_a_question_is_what_is_left_without_regard_to_white_space(text):
    key = question_key(text)
    assert key == question_key(f" {text}\n") == question_key(key) == question_key(text.replace(" ", "  "))
    assert key.split() == text.split() and "  " not in key
    assert one_spelling(text) == key.casefold()


@given(texts, texts, thresholds)
def test_the_index_finds_what_looking_at_all_pairs_finds(mine, theirs, threshold):
    assert nearest(mine, theirs, threshold=threshold) == [by_looking_at_all(t, theirs, threshold) for t in mine]


@given(texts, thresholds)
def test_among_themselves_no_text_is_its_own_neighbour(mine, threshold):
    found = nearest(mine, threshold=threshold)
    assert found == [by_looking_at_all(t, mine, threshold, besides=i) for i, t in enumerate(mine)]


@given(texts, st.text("ab 1", max_size=9))
def test_a_text_is_nearest_to_its_like(others, text):
    (near,) = nearest([text], [*others, text])
    if shingles(text):
        assert near is not None
        assert near.jaccard == 1


def test_numbers_are_masked_and_words_are_not():
    asked = "What is the sum of all of the multiples of 7 between 100 and 200?"
    other_numbers = "What is the sum of all of the multiples of 33 between 1 and 2000?"
    other_words = "What is the product of some of our multiples of 7 beyond 100 and 200?"
    assert nearest([asked], [other_words, other_numbers]) == [Near(index=1, jaccard=1.0)]
    assert nearest([asked], [other_words]) == [None]


@pytest.mark.parametrize(
    ("text", "runs"),
    [
        ("", []),
        (" \n", []),
        ("Find $x$", [("find", "$", "x", "$")]),
        ("\\frac{12}{3}", [("\\frac", "{", "0", "}", "{"), ("{", "0", "}", "{", "0"), ("0", "}", "{", "0", "}")]),
    ],
)
def test_words_are_runs_of_letters_commands_and_single_signs(text, runs):
    assert shingles(text) == frozenset(runs)


def test_four_in_five_is_near_and_less_is_not():
    words = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m"]  # nine runs of five
    longer = " ".join([*words, "n", "o"])  # two more: 9/11 = 0.82
    longest = " ".join([*words, "n", "o", "p"])  # 9/12 = 0.75
    assert nearest([" ".join(words)], [longest, longer]) == [Near(index=1, jaccard=9 / 11)]
    assert nearest([" ".join(words)], [longest]) == [None]


@pytest.mark.parametrize("other", ["find  $X$\n", " FIND $x$"])
def test_case_and_white_space_do_not_make_another_question(other):
    assert one_spelling("Find $x$") == one_spelling(other)
    assert one_spelling("Find $x$") != one_spelling("Find $y$")


def test_of_equally_close_texts_it_is_the_first():
    behind, before = "b c d e f x", "x a b c d e"
    for among in ([behind, before], [before, behind]):
        assert nearest(["a b c d e f"], among, threshold=0.1) == [Near(index=0, jaccard=1 / 3)]
