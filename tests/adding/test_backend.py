"""A backend of one's own: a function that makes a proposer."""

from pathlib import Path

import pytest

from arts.proposers.base import Proposer
from arts.proposers.load import BACKENDS, load_proposer
from arts.proposers.options import BackendOptions
from arts.proposers.prompt import PromptFormat
from arts.trees.store import TreeStore

SOURCE = """
    from arts.proposers.scripted import ScriptedProposer

    SCRIPT = {"2+2?": {"two and two\\n4\\n": 1.0, "a guess\\n5\\n": 1.0}}

    def backend(model, prompt, options):
        made.append((model, prompt, options))
        return ScriptedProposer(SCRIPT)

    def function(prompt, options):
        return backend("", prompt, options)

    class Reciter:
        name = "reciter"
        reproducible = True
        batch_size = 4
        concurrent = False

        def __init__(self, prompt, options):
            self.script = ScriptedProposer(SCRIPT)

        def propose(self, requests, sampling):
            return self.script.propose(requests, sampling)

        async def aclose(self):
            pass

    made = []
    instance = ScriptedProposer(SCRIPT)
    number = 3

    def nothing(prompt, options):
        return None
"""


@pytest.fixture(autouse=True)
def problems(own, tmp_path):
    own(SOURCE)
    (tmp_path / "set.jsonl").write_text('{"id": "q", "problem": "2+2?", "answer": "4"}\n')


SET = ("--problems", "set.jsonl", "--splitter", "newline", "--grader", "exact")


@pytest.mark.parametrize("attribute", ["function", "Reciter", "instance"])
def test_it_is_sampled_from_and_solved_with(arts, attribute):
    model = f"own_parts:{attribute}"
    code, _, said = arts("sample", *SET, "--model", model, "--n", 4, "--store", "own.db")
    assert code == 0, said
    with TreeStore.open(Path("own.db")) as store:
        (tree,) = store.trees()
        assert store.run_config().sample["model"] == model
    assert len(tree.backbones) == 4
    assert {o.answer for o in tree.outcomes.values()} <= {"4", "5"}
    assert arts("sample", *SET, "--model", model, "--n", 6, "--store", "own.db")[0] == 0
    code, out, said = arts("solve", *SET, "--model", model, "--n", 4)
    assert code == 0, said
    assert '"answer"' in out


@pytest.mark.parametrize("lazily", [False, True])
def test_it_can_be_registered(arts, monkeypatch, lazily):
    opened = []

    def backend(model, prompt, options):
        opened.append((model, options.batch_size))
        return load_proposer("own_parts:instance", prompt=prompt, options=options)

    monkeypatch.setitem(BACKENDS, "mine", "own_parts:backend" if lazily else backend)
    flags = ("--model", "mine:any name", "--backend.batch-size", 3)
    code, _, said = arts("sample", *SET, *flags, "--n", 2, "--store", "own.db")
    assert code == 0, said
    assert opened == ([] if lazily else [("any name", 3)])


def test_a_backend_can_be_named_before_a_local_model():
    proposer = load_proposer("transformers:bundled", prompt=PromptFormat(), options=BackendOptions(device="cpu"))
    assert isinstance(proposer, Proposer)
    assert proposer.name == "bundled"


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("own_parts:nobody", "model 'own_parts:nobody': module 'own_parts' has no attribute 'nobody'"),
        ("own_part:function", "model 'own_part:function': No module named 'own_part'"),
        ("own_parts:nothing", "own_parts:nothing: neither a Proposer nor f(prompt, options) -> Proposer, but NoneType"),
        ("own_parts:number", "own_parts:number: neither a Proposer nor f(prompt, options) -> Proposer, but int"),
        ("openai:http://localhost:1", "openai:URL#MODEL"),
        ("./own_parts:function", "no such model; give an existing folder"),
        ("llamacpp:bundled", "llama.cpp reads .gguf files only"),
    ],
)
def test_what_is_no_model_is_refused(refused, model, words):
    assert words in refused("sample", *SET, "--model", model, "--store", "own.db")
