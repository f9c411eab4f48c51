"""A module of the user's own, in a folder that no package knows of."""

import sys
from textwrap import dedent

import pytest

from arts.cli import main


@pytest.fixture
def own(tmp_path, monkeypatch):
    """Write the module ``own_parts`` into the working directory, from where it can be imported."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ARTS_CACHE", str(tmp_path / "cache"))

    def write(source):
        (tmp_path / "own_parts.py").write_text(dedent(source), encoding="utf-8")
        return "own_parts"

    monkeypatch.setattr(sys, "path", list(sys.path))
    yield write
    sys.modules.pop("own_parts", None)


@pytest.fixture
def arts(capsys):
    """Exit code, stdout and stderr of a command."""

    def call(*arguments):
        code = main([str(a) for a in arguments])
        return code, *capsys.readouterr()

    return call


@pytest.fixture
def refused(arts):
    """What is said, in one line, where a command is refused."""

    def call(*arguments):
        code, _, said = arts(*arguments)
        assert code == 2
        assert said.startswith("arts: ")
        assert said.count("\n") == 1
        return said

    return call
