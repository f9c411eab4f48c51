"""What works without any extra: read samples of another tool, keep them in a store, compare ways of deciding."""

import importlib.util

import arts

assert importlib.util.find_spec("torch") is None, "this environment is not bare"
samples = arts.read_samples("congruences_base.jsonl.gz", grader="exact", splitter="newline")
samples.save("samples.db")
with arts.open_store("samples.db") as store:
    assert len(store.trees()) == len(samples.problems) == 40
    assert [len(tree) for tree in store.trees()] == [len(tree) for tree in samples.trees]
result = arts.evaluate("samples.db", verifiers=[], n=(2, 4))
assert 0 < result.methods["majority"].accuracy[4].value < 1
print(result)
try:
    arts.train_verifier(samples.trees, out="flow")
except arts.ArtsError as error:
    assert "pip install 'arts-llm[torch]'" in str(error), error
else:
    raise AssertionError("training without torch")
