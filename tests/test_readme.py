"""What the README promises holds: its example prints what it shows, its table names every command, its flags exist."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from arts.cli import COMMANDS, main

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def block(language, after):
    """The first fenced block in a language after some words."""
    return re.search(rf"^```{language}\n(.*?)^```$", README[README.index(after) :], re.MULTILINE | re.DOTALL)[1]


def test_the_example_prints_what_is_shown(tmp_path):
    example = block("python", "The core installation")
    done = subprocess.run([sys.executable, "-c", example], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout == block("", "prints the tree")


def test_the_example_is_short():
    assert len([line for line in block("python", "The core installation").splitlines() if line.strip()]) <= 12


def test_the_table_names_every_command():
    assert re.findall(r"^\| `arts ([a-z ]+)`", README, re.MULTILINE) == list(COMMANDS)


@pytest.mark.parametrize(
    "line", re.findall(r"^arts (?:sample|train|evaluate|solve|rl|squeeze) .*$", README, re.MULTILINE)
)
def test_the_commands_shown_take_their_flags(line, capsys):
    import shlex

    assert main([*shlex.split(line.partition(" #")[0])[1:], "--dry-run"]) == 0
    assert capsys.readouterr().out
