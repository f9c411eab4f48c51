"""What tests of more than one file use."""

import importlib
import sys
from pathlib import Path

import pytest

PAPER = Path(__file__).parents[2] / "benchmarks" / "paper"


@pytest.fixture
def paper(monkeypatch):
    """A module beside the configuration by its name; none of them stays imported."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(PAPER))
    yield importlib.import_module
    for name in set(sys.modules) - before:
        if str(PAPER) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]
