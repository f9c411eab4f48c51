import pytest
from hypothesis import given, strategies as st

from arts.trees.splitting import SPLITTERS, split_lines, split_numbered, split_paragraphs

TEXTS = st.lists(
    st.sampled_from(
        [
            "a",
            "Step 1: go",
            "## Step 2",
            "\n",
            "\n\n",
            "\r\n",
            " ",
            "\\[",
            "\\]",
            "$$",
            "```",
            "\\begin{align}",
            "\\end{align}",
            "- item",
            "  more",
            "1. first",
            "#### 72",
            "\x00",
            "\u202e",
            "Step 10",
            "x" * 40,
        ]
    ),
    max_size=30,
).map("".join)


@pytest.mark.parametrize("name", SPLITTERS)
@given(text=TEXTS | st.text(max_size=200))
def test_pieces_join_back_to_the_text(name, text):
    pieces = SPLITTERS[name](text)
    assert "".join(pieces) == text
    assert all(pieces)


@pytest.mark.parametrize("name", SPLITTERS)
@given(text=TEXTS)
def test_only_a_blank_text_gives_a_blank_step(name, text):
    if text.strip():
        assert all(piece.strip() for piece in SPLITTERS[name](text))


def test_lines_keep_their_newline_and_following_blank_lines():
    assert split_lines("a\n\nb\nc") == ["a\n\n", "b\n", "c"]


def test_numbered_steps_with_headings_and_two_digits():
    text = "Intro\n## Step 1: a\nx\nStep 10: b\n**Step 11** c"
    assert split_numbered(text) == ["Intro\n", "## Step 1: a\nx\n", "Step 10: b\n", "**Step 11** c"]


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("one\n\ntwo\n\nthree", 3),
        ("We have\n\\[\nx\n\n= 1\n\\]\n\nso x.", 2),  # a blank line inside display mathematics
        ("We have\n\n\\[x = 1\\]\n\nso x.", 2),  # display mathematics stays with its sentence
        ("Code:\n\n```\na\n\nb\n```\n\nend", 3),
        ("\\begin{align}a\n\nb\\end{align}\n\nend", 2),
        ("- a\n\n- b\n\ntext", 2),  # a loose bullet list is one step
        ("1. a\n\n   more of a\n\n2. b", 2),  # an indented body belongs to its item
        ("never closed \\[ a\n\nb\n\nc", 3),
        ("a\r\n\r\nb", 2),
    ],
)
def test_paragraphs(text, steps):
    assert len(split_paragraphs(text)) == steps


def test_hostile_text_is_split_in_linear_time():
    text = "\\[\n\n" * 200_000 + "$$" * 100_001
    assert "".join(split_paragraphs(text)) == text
