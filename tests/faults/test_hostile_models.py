"""A model folder is data: its code is never run, and its chat template cannot fail in more than one line."""

import ast
import json
import shutil
from pathlib import Path

import pytest

from arts.cli import main
from arts.models import bundled_model

from .conftest import settings

pytestmark = pytest.mark.usefixtures("here")
MARK = "ran.txt"
CODE = f"open({MARK!r}, 'w').write('code of a model was run')\n"


@pytest.fixture
def model():
    """A copy of the bundled model whose folder has code of its own that leaves a mark."""
    shutil.copytree(bundled_model(), "model")

    def change(file, **changed):
        path = Path("model", file)
        path.write_text(json.dumps({**json.loads(path.read_text()), **changed}))

    return change


OWN = {
    "config.json": {"auto_map": {name: f"own.{name}" for name in ("AutoConfig", "AutoModel", "AutoModelForCausalLM")}},
    "tokenizer_config.json": {"auto_map": {"AutoTokenizer": ["own.AutoTokenizer", "own.AutoTokenizer"]}},
}
LOADS = (
    "sample congruences:train a.db --limit 1 --n 1 --model ./model",
    "train drawn.db --out v --architecture.backbone ./model --training.updates 1 --cross-fit 0",
    "rl --out p --model ./model --limit 1 --rl.updates 1 --rl.problems-per-update 1 --rl.batch 16",
    "score drawn.db w",
)


@pytest.mark.parametrize("known", [True, False], ids=["known type", "own type"])
@pytest.mark.parametrize("line", LOADS, ids=["sample", "train", "rl", "score"])
def test_code_of_a_model_is_never_run(model, filled, monkeypatch, capsys, line, known):
    if line.startswith("rl"):
        pytest.importorskip("trl")
    monkeypatch.setattr("builtins.input", lambda *_: pytest.fail("the user is asked"))
    shutil.copy(filled, "drawn.db")
    Path("model/own.py").write_text(CODE)
    Path("w").mkdir()
    Path("w/verifier.json").write_text(json.dumps(settings(architecture={"backbone": "./model", "mode": "full"})))
    shutil.copy(Path("model/model.safetensors"), "w/verifier.safetensors")
    for file, changed in OWN.items():
        model(file, **changed)
    if not known:
        model("config.json", model_type="own")
    code = main(line.split())
    said = capsys.readouterr().err
    assert not Path(MARK).exists() and "Traceback" not in said
    if not known:
        assert code == 2 and "which arts never runs" in said and said.count("\n") == 1


def test_every_load_refuses_code():
    root = Path(main.__code__.co_filename).parents[1]
    loads = [
        (path, node)
        for path in [*root.rglob("*.py"), *root.parents[1].joinpath("benchmarks").rglob("*.py")]
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "from_pretrained"
    ]
    assert len(loads) >= 5
    for path, call in loads:
        given = {k.arg: k.value for k in call.keywords}
        assert isinstance(refuses := given.get("trust_remote_code"), ast.Constant) and refuses.value is False, path


# chat templates

LOOP = "{% for i in range(99999) %}{% for j in range(99999) %}{% set x = i * j %}{% endfor %}{% endfor %}"
TEMPLATES = {
    "{{": "template fails",
    "{% for %}": "template fails",
    "{{ messages.none.none }}": "template fails",
    "{{ raise_exception('no\n system \x1b[2J') }}": "no system",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}": "template fails",
    "{{ messages[7]['content'] }}": "template fails",
    "{{ 1 / 0 }}": "template fails",
    "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}": "template fails",
    "{{ 9 ** 9 ** 9 ** 9 }}": "powers",
    "{{ 'x' * 99999999999999 }}": "template fails",
    LOOP: "does not come to an end within 0.5 s",
    "{% include 'x' %}": "template fails",
}


@pytest.mark.parametrize("template", TEMPLATES, ids=range(len(TEMPLATES)))
def test_chat_templates_that_fail(model, monkeypatch, refused, template):
    monkeypatch.setattr("arts.proposers.chat.DEADLINE_S", 0.5)
    model("tokenizer_config.json", chat_template=template)
    refused(
        "sample congruences:train a.db --limit 1 --n 1 --model ./model",
        "model: its chat template fails",
        TEMPLATES[template],
        "--prompt.style plain",
    )


def test_a_chat_template_that_works(model):
    model("tokenizer_config.json", chat_template="{% for m in messages %}{{ m['content'] }}{% endfor %}\n")
    assert main(["sample", "congruences:train", "a.db", "--limit", "1", "--n", "1", "--model", "./model"]) == 0
