"""What counts as a line of code."""

import sys

import code_lines

MODULE = '''"""A module.

With a docstring of several lines.
"""

# a comment

X = """a string
that is

a value"""  # three lines of four have something on them, all four are its own
"""What X means."""


class A:
    """A docstring."""

    y: int = 0  # with a comment
    """Of the field."""

    def f(self):
        "A short one."
        return (
            1,

            # nothing
            2,
        )
'''


def test_docstrings_comments_and_blanks_do_not_count_and_other_strings_do():
    assert code_lines.code_lines(MODULE) == 4 + 2 + 1 + 4
    assert code_lines.code_lines("") == code_lines.code_lines('"""Only this."""\n') == 0
    assert code_lines.code_lines('f("""a\n\nb""")\n') == 3


def test_rooms_are_folders_and_files_and_the_sum_is_of_all(tmp_path, monkeypatch, capsys):
    for place, source in (("room/deep/a.py", "a = 1\nb = 2\n"), ("room/b.py", "c = 3\n"), ("top.py", "d = 4\n")):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_text(source, encoding="utf-8")
    (tmp_path / "room" / "notes.txt").write_text("no code\n", encoding="utf-8")
    assert code_lines.by_room(tmp_path) == {"room": 3, "top.py": 1}
    monkeypatch.setattr(sys, "argv", ["code_lines.py", str(tmp_path)])
    code_lines.main()
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [
        ["3", "room"],
        ["1", "top.py"],
        ["4", "in", "all"],
    ]
