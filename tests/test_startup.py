"""What is loaded when: help is light, and every room but those that need an extra works without one."""

import contextlib
import importlib.metadata
import io
import json
import pkgutil
import subprocess
import sys

import pytest

import arts
from arts.cli import COMMANDS, main

HEAVY = {"numpy", "scipy", "httpx", "tyro", "rich", "math_verify", "sympy", "torch", "transformers", "xllamacpp"}
EXTRAS = {
    "torch": {"torch", "transformers", "accelerate", "peft", "safetensors", "gguf"},
    "local": {"xllamacpp"},
    "data": {"datasets", "pyarrow", "pandas"},
    "rl": {"trl"},
    "report": {"matplotlib", "jinja2"},
}
NEED_AN_EXTRA = (
    "arts.proposers.chat",
    "arts.proposers.transformers",
    "arts.proposers.decoding",
    "arts.proposers.llamacpp",
    "arts.verifiers.cached",
    "arts.verifiers.checkpoint",
    "arts.verifiers.encoding",
    "arts.verifiers.attention",
    "arts.verifiers.features",
    "arts.verifiers.memory",
    "arts.verifiers.modules",
    "arts.verifiers.neural",
    "arts.verifiers.packing",
    "arts.verifiers.reading",
    "arts.training",
    "arts.baselines.grpo",
    "arts.baselines.metrics",
    "arts.documents.figures",
    "arts.documents.html",
    "arts.squeeze.figures",
    "arts.testbed",
    "arts.cli.demo",
    "arts.cli.testbed",
    "arts.cli.train",
    "arts.workflows.train",
    "arts.workflows.cross_fit",
)
LIGHT_TESTBED = ("arts.testbed.congruences", "arts.testbed.endpoint", "arts.testbed.measure")
TRAINS = {"demo", "testbed", "train"}


class Nowhere:
    """Finds no module of any extra."""

    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in set().union(*EXTRAS.values()):
            raise ModuleNotFoundError(f"No module named '{name}'", name=name)


def imported(name):
    """Why a module cannot be imported, or None."""
    try:
        importlib.import_module(name)
    except ImportError as error:
        return str(error)


def called(arguments):
    """Exit code of a command line and what it said on stderr."""
    with contextlib.redirect_stderr(io.StringIO()) as said, contextlib.redirect_stdout(io.StringIO()):
        try:
            code = main(arguments)
        except SystemExit as end:
            code = end.code
    return code, said.getvalue()


def python(*arguments):
    """What a fresh interpreter prints, read as JSON."""
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def without_extras(what, cases):
    """``what`` of each named case, in a fresh interpreter where nothing of the extras is installed."""
    return python(__file__, what.__name__, json.dumps(cases))


def loaded_after(call):
    program = f"import json, sys; from arts.cli import main; {call}; print(json.dumps([*sys.modules]))"
    return HEAVY & set(python("-c", program))


def modules():
    return [m.name for m in pkgutil.walk_packages(arts.__path__, "arts.") if not m.name.endswith("__main__")]


def is_core(name):
    return name in LIGHT_TESTBED or not name.startswith(NEED_AN_EXTRA)


@pytest.mark.parametrize("flag", ["--help", "--version"])
def test_help_loads_nothing_heavy(flag):
    assert loaded_after(f"main([{flag!r}])") == set()


def test_an_unknown_command_loads_nothing_heavy():
    assert loaded_after("main(['smaple'])") == set()


def test_every_other_module_imports_without_extras():
    core = [name for name in modules() if is_core(name)]
    assert {"arts.trees.store", "arts.proposers.openai", "arts.cli.sample", "arts.evaluation.report"} <= set(core)
    failed = without_extras(imported, {name: name for name in core})
    assert {name: error for name, error in failed.items() if error} == {}


def test_every_command_that_does_not_train_shows_its_help_without_extras():
    calls = {name: [*name.split(), "--help"] for name in COMMANDS if name not in TRAINS}
    said = without_extras(called, calls)
    assert {name: (code, text) for name, (code, text) in said.items() if code != 0 or text} == {}


def test_a_missing_extra_is_named(tmp_path):
    (tmp_path / "m.gguf").write_bytes(b"GGUF")
    (tmp_path / "v").mkdir()
    (tmp_path / "p.parquet").write_bytes(b"PAR1")
    store, sample = str(tmp_path / "s.db"), ["sample", "--problems", "congruences:test", "--store", str(tmp_path / "s")]
    calls = {
        "train": ["train", store, "--out", str(tmp_path / "out")],
        "sample": sample,
        "gguf": [*sample, "--model", str(tmp_path / "m.gguf")],
        "hub": ["problems", "check", "math500"],
        "score": ["solve", "x", "--verifier", str(tmp_path / "v")],
        "import": ["store", "import", str(tmp_path / "p.parquet"), "--out", store],
        "rl": ["rl", "--out", str(tmp_path / "policy")],
    }
    extras = {"train": "torch", "sample": "torch", "gguf": "local", "hub": "data", "score": "torch", "import": "data"}
    extras["rl"] = "rl"
    said = without_extras(called, calls)
    for name, (code, text) in said.items():
        assert code == 2, text
        assert text.count("\n") == 1
        assert f"pip install 'arts-llm[{extras[name]}]'" in text


def test_the_extras_are_those_of_the_package():
    declared = importlib.metadata.metadata("arts-llm").get_all("Provides-Extra")
    assert set(EXTRAS) <= set(declared)


def test_the_version_is_that_of_the_package(capsys):
    version = importlib.metadata.version("arts-llm")
    assert arts.__version__ == version
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"arts {version}\n"


if __name__ == "__main__":
    sys.meta_path.insert(0, Nowhere())
    what, cases = sys.argv[1:]
    print(json.dumps({name: globals()[what](case) for name, case in json.loads(cases).items()}))
