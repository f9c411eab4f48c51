from dataclasses import replace

import datasets
import pytest

from arts.problems.sets import SETS, Split

from .published import GSM8K, MATH500, MATH_TRAIN

HUB = {
    ("HuggingFaceH4/MATH-500", None, "test"): MATH500,
    ("DigitalLearningGmbH/MATH-lighteval", None, "train"): MATH_TRAIN,
    ("openai/gsm8k", "main", "test"): GSM8K,
}


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache of one's own."""
    monkeypatch.setenv("ARTS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "problems"


@pytest.fixture
def small_sets(monkeypatch):
    """The catalogue, with as many rows as the published excerpts here."""
    sizes = {"math500": {"test": 2}, "math": {"train": 6, "test": 1}, "gsm8k": {"train": 1, "test": 2}}
    for name, rows in sizes.items():
        known = SETS[name]
        splits = {split: Split(hub=known.splits[split].hub, rows=(count,)) for split, count in rows.items()}
        monkeypatch.setitem(SETS, name, replace(known, splits=splits))


@pytest.fixture
def hub(cache, small_sets, monkeypatch):
    """A Hub that holds the excerpts; yields the calls that it got."""
    calls = []

    def load_dataset(repo, config, *, split):
        calls.append((repo, config, split))
        return HUB[repo, config, split]

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    return calls


@pytest.fixture
def no_hub(monkeypatch):
    """A machine without network."""

    def load_dataset(repo, config, *, split):
        raise ConnectionError(f"Couldn't reach\n'{repo}'")

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
