"""The examples in the docstrings of the face, and of what it stands on, are run."""

import doctest
import importlib
import inspect

import pytest

import arts

CONSTANTS = {"SELECTORS", "STRATEGIES", "OBJECTIVES", "GRADERS"}
MODULES = sorted({inspect.getmodule(getattr(arts, name)).__name__ for name in set(arts.__all__) - CONSTANTS})
BESIDE = ["arts.registry", "arts.versions", "arts.config", "arts.workflows.blocking"]


@pytest.mark.parametrize("name", sorted(set(arts.__all__) - CONSTANTS))
def test_every_name_of_the_face_shows_an_example(name):
    assert ">>> " in inspect.getdoc(getattr(arts, name))


@pytest.mark.parametrize("name", [*MODULES, *BESIDE])
def test_the_examples_hold(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    failed, _ = doctest.testmod(importlib.import_module(name))
    assert failed == 0
