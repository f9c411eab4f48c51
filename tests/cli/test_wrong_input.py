"""Wrong input ends in one line that names the thing and the remedy, in the right exit code, and leaves nothing behind.

Every case runs in a folder that holds one good problem file and everything that can be wrong with the others.
"""

import contextlib
import errno
import http.server
import itertools
import json
import os
import shlex
import shutil
import socket
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import arts.files
import arts.trees.store
from arts.cli import main
from arts.problems.base import Problem, Verdict
from arts.trees.database import SCHEMA_VERSION
from arts.trees.store import TreeStore
from arts.trees.tree import Outcome, Step

FAILED, USAGE = 1, 2

SAMPLE = "sample --problems good.jsonl --store new.db"
NEVER_ASKED = "--model openai:http://127.0.0.1:1#m"

ONE_LINE = {
    "negative concurrency": (f"{SAMPLE} {NEVER_ASKED} --backend.concurrency 0", "concurrency is 0", "1 or more"),
    "port that cannot be": (f"{SAMPLE} --model openai:http://localhost:999999#m", "openai:URL#MODEL"),
    "trunk of no heads": (
        "train trees.db --out v --architecture.mode frozen --architecture.trunk-layers 1 --architecture.trunk-width 33",
        "trunk_width is 33",
        "multiple of 32",
    ),
    "no epochs": ("train trees.db --out v --training.epochs 0", "epochs is 0", "more than 0"),
    "training into a file": ("train trees.db --out file", "file", "give a folder"),
    "configuration after an equals sign": ("sample --config=none.toml", "none.toml", "no such configuration"),
    "no command": ("smaple", "smaple", "did you mean 'sample'"),
    "missing problem file": ("problems check none.jsonl", "none.jsonl", "no such file"),
    "misspelt problem set": ("problems check mth500", "mth500", "did you mean 'math500'"),
    "row that is not JSON": ("problems check broken.jsonl", "broken.jsonl:2", "one JSON object"),
    "row that is a list": ("problems check list.jsonl", "list.jsonl:1", "one JSON object"),
    "row without a key": ("problems check keyless.jsonl", "keyless.jsonl:2", "every row needs"),
    "two rows with one id": ("problems check twice.jsonl", "twice.jsonl:2", "'q'", "must be unique"),
    "bytes that are not text": ("problems check bytes.jsonl", "bytes.jsonl:1", "UTF-8"),
    "flat rollouts without samples": ("evaluate good.jsonl --out report", "good.jsonl:1", "samples"),
    "import of no rollouts": ("store import good.jsonl --out new.db", "good.jsonl:1", "samples"),
    "nothing left after the offset": (f"{SAMPLE} --offset 9", "good.jsonl", "smaller offset"),
    "unknown key in a file": ("sample --config unknown.toml", "unknown.toml", "'problem'", "known are: problems"),
    "unknown key in a table": ("sample --config deep.toml", "deep.toml", "'heat'", "temperature"),
    "value of another type": ("sample --config typed.toml", "typed.toml", "n", "expected int"),
    "file that is not TOML": ("sample --config broken.jsonl", "broken.jsonl", "TOML"),
    "missing configuration file": ("sample --config none.toml", "none.toml", "no such configuration"),
    "configuration file not given": ("sample --config", "--config run.toml"),
    "no solutions asked for": (f"{SAMPLE} --n 0", "n is 0", "at least 1"),
    "no such probability": (f"{SAMPLE} --fork-probability 2", "fork_probability is 2", "[0, 1]"),
    "negative temperature": (f"{SAMPLE} --sampling.temperature -1", "temperature is -1", "0 (greedy) or more"),
    "missing model": (f"{SAMPLE} --model ./none", "./none", "give an existing folder"),
    "folder without a model": (f"{SAMPLE} --model empty", "empty", "config.json", "model folder"),
    "model folder without weights": (f"{SAMPLE} --model weightless", "weightless", "*.safetensors", "again"),
    "damaged weights": (f"{SAMPLE} --model damaged", "damaged", "loaded"),
    "catalogue model not fetched": (f"{SAMPLE} --model smollm2-135m", "arts models fetch smollm2-135m"),
    "no such catalogue model": ("models fetch smol", "smol", "smollm2-135m"),
    "endpoint without a model name": (f"{SAMPLE} --model openai:http://localhost:1", "openai:URL#MODEL"),
    "endpoint without its key": (f"{SAMPLE} --model openai:http://host.invalid#m", "host.invalid", "OPENAI_API_KEY"),
    "no question": ("solve", "--problems FILE"),
    "no such verifier": ("score trees.db none", "none", "likelihood"),
    "verifier folder without configuration": ("score trees.db empty", "empty", "verifier.json", "arts train"),
    "verifier folder without weights": ("score trees.db headless", "verifier.safetensors", "train the verifier again"),
    "verifier of a newer version": ("score trees.db future", "future", "upgrade arts"),
    "flag that would be ignored": (
        "train trees.db --out v --architecture.mode full --architecture.trunk-layers 2",
        "trunk",
        "mode frozen",
    ),
    "export without a target": ("store export trees.db", "--out FILE"),
    "export to an unknown format": ("store export trees.db --out t.csv", "t.csv", ".jsonl or .parquet"),
    "import over a store": ("store import good.jsonl --out trees.db", "trees.db", "another --out"),
    "training without trees": ("train treeless.db --out v", "graded rollout", "sample more"),
    "evaluation without trees": ("evaluate treeless.db --verifiers length --out report", "samples", "sample more"),
    "negative limit": ("problems show good.jsonl --limit -1", "limit"),
    "negative offset": (f"{SAMPLE} --offset -1", "offset"),
    "limit of nothing": (f"{SAMPLE} --limit 0", "limit is 0"),
    "number of too many digits": ("problems check long.jsonl", "long.jsonl:1"),
    "endpoint with a bad address": (f"{SAMPLE} --model openai:http://[::1#m", "openai:URL#MODEL"),
    "no such device": (f"{SAMPLE} --backend.device abacus", "abacus"),
    "batch of nothing": (f"{SAMPLE} --backend.batch-size 0", "batch_size is 0"),
    "store with a strange mark": ("store info strange.db", "strange.db", "not a tree store"),
    "store that is a folder": (f"sample --problems good.jsonl --store empty {NEVER_ASKED}", "empty", "another"),
    "verifier without a name": ("score trees.db nameless", "nameless", "verifier.json"),
    "verifier that is a list": ("score trees.db listed", "listed", "verifier.json"),
    "negative seed": ("evaluate trees.db --seed -1 --out report", "seed"),
    "no samples to decide between": ("evaluate trees.db --n 0 --out report", "n"),
    "no such scores": ("evaluate trees.db --scores none --out report", "none"),
    "batch of no trees": ("train trees.db --out v --training.trees-per-batch 0", "trees_per_batch"),
    "all trees held out": ("train trees.db --out v --architecture.mode frozen --training.held-out 1", "held_out"),
    "unknown flag": (f"{SAMPLE} --tempreature 1", "--tempreature", "arts sample --help"),
    "bad choice": (f"{SAMPLE} --splitter word", "'word'", "paragraph"),
    "bad number": (f"{SAMPLE} --n many", "--n", "'many'"),
    "missing store": ("sample good.jsonl", "STORE", "required"),
    "unknown action": ("store look trees.db", "'look'", "export"),
}

READERS = (
    "store info {}",
    "store export {} --out t.jsonl",
    "score {} length",
    "evaluate {} --out report",
    "train {} --out v",
    f"sample --problems good.jsonl --store {{}} {NEVER_ASKED}",
)
NOT_STORES = {
    "none.db": "make one with: arts sample",
    "text.db": "give a file that arts made",
    "other.db": "give a file that arts made",
    "newer.db": "pip install -U arts-llm",
}
MAKES_IT = (READERS[-1], "none.db")


@pytest.fixture(scope="module")
def shelf(tmp_path_factory):
    """The folder that each case gets a copy of."""
    here = tmp_path_factory.mktemp("shelf")
    for name, text in TEXTS.items():
        (here / name).parent.mkdir(exist_ok=True)
        (here / name).write_text(text, encoding="utf-8")
    (here / "bytes.jsonl").write_bytes(b"\xff\xfe")
    (here / "empty").mkdir()
    make_stores(here)
    return here


def verifier(**fields):
    return json.dumps({"schema": 1, "unit": "log_flow", **fields})


GOOD = '{"id": "q", "problem": "solve 7 x = 12 mod 29", "answer": "10"}\n'
TEXTS = {
    "good.jsonl": GOOD,
    "broken.jsonl": GOOD + "{oops\n",
    "list.jsonl": "[1, 2]\n",
    "keyless.jsonl": GOOD + '{"problem": "1+1?"}\n',
    "twice.jsonl": GOOD + GOOD,
    "long.jsonl": f'{{"problem": "1+1?", "answer": {"1" * 5000}}}\n',
    "unknown.toml": 'problem = "good.jsonl"\n',
    "deep.toml": "[sampling]\nheat = 1.0\n",
    "typed.toml": 'n = "four"\n',
    "false.gguf": "not a model, but long enough to be taken for one\n" * 50,
    "text.db": "not a database, but long enough to be taken for one\n" * 50,
    "file": "",
    "weightless/config.json": "{}",
    "damaged/config.json": '{"model_type": "llama", "architectures": ["LlamaForCausalLM"]}',
    "damaged/model.safetensors": "",
    "headless/verifier.json": verifier(name="v", architecture={"backbone": "bundled", "mode": "frozen"}),
    "future/verifier.json": json.dumps({"schema": 99}),
    "nameless/verifier.json": verifier(),
    "listed/verifier.json": "[]",
}


def make_stores(here):
    problem = Problem(id="q", question="1+1?", answer="2")
    TreeStore.create(here / "treeless.db").close()
    with TreeStore.create(here / "trees.db") as store:
        store.add_problems([problem])
        tree = store.tree("q")
        for i, verdict in enumerate((Verdict.CORRECT, Verdict.INCORRECT)):
            steps = [Step(text=f"{i} {j}\n", tokens=1) for j in range(200)]
            outcome = Outcome(answer=str(i), verdict=verdict)
            with store.growing(tree):
                tree.add_rollout(steps=steps, backbone=i, tokens=200, stop="stop", outcome=outcome)
    for name, mark in {"newer.db": str(SCHEMA_VERSION + 1), "strange.db": "one"}.items():
        shutil.copy(here / "trees.db", here / name)
        execute(here / name, f"UPDATE meta SET value = '{mark}' WHERE key = 'schema'")
    execute(here / "other.db", "CREATE TABLE t (x)")


def execute(path, statement):
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement)


@pytest.fixture
def run(shelf, tmp_path, monkeypatch, capsys):
    """Call a command line in a copy of the shelf: exit code and what it said on stderr."""
    shutil.copytree(shelf, tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("ARTS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)

    def call(line):
        capsys.readouterr()
        try:
            code = main(shlex.split(line))
        except SystemExit as end:
            code = end.code
        return code, capsys.readouterr().err

    return call


def contents():
    """Every file here with its bytes."""
    return {str(p): p.read_bytes() for p in Path().rglob("*") if p.is_file()}


def is_one_line(said, words):
    assert said.startswith("arts: ")
    assert said.count("\n") == 1
    assert [w for w in words if w not in said] == [], said


def refuses(run, line, words):
    before = contents()
    code, said = run(line)
    assert code == USAGE
    is_one_line(said, words)
    assert contents() == before


@pytest.mark.parametrize("line, words", [(line, words) for line, *words in ONE_LINE.values()], ids=list(ONE_LINE))
def test_wrong_input_is_one_line_with_a_remedy(run, line, words):
    refuses(run, line, words)


@pytest.mark.parametrize(
    "line, name",
    [case for case in itertools.product(READERS, NOT_STORES) if case != MAKES_IT],
)
def test_what_is_not_a_store_is_named_by_every_command(run, line, name):
    refuses(run, line.format(name), [name, NOT_STORES[name]])


def test_a_file_that_is_not_gguf_is_named(run):
    pytest.importorskip("xllamacpp")
    refuses(run, f"{SAMPLE} --model false.gguf", ["false.gguf", "not a GGUF file", "give"])


@pytest.fixture
def silent_port():
    """A port that is taken and that nobody listens on."""
    with contextlib.closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@pytest.fixture
def locked_door():
    """The port of an endpoint that knows no key."""

    class Refuse(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_error(401, "wrong key")

        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refuse) as server:
        server.handle_error = lambda *args: None  # whoever has been refused hangs up
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("line", [SAMPLE, "solve '1+1?'"])
def test_an_endpoint_that_is_down_is_named(run, silent_port, line):
    code, said = run(f"{line} --model openai:http://127.0.0.1:{silent_port}#m --backend.retries 0")
    assert code == FAILED
    is_one_line(said, [f"127.0.0.1:{silent_port}", "is the server running"])


@pytest.mark.parametrize("line", [SAMPLE, "solve '1+1?'"])
def test_an_endpoint_that_refuses_the_key_is_named(run, locked_door, line):
    code, said = run(f"{line} --model openai:http://127.0.0.1:{locked_door}#m")
    assert code == FAILED
    is_one_line(said, [f"127.0.0.1:{locked_door}", "401"])


@pytest.mark.parametrize("line", ["score {} length", READERS[-1]])
def test_a_store_that_is_being_written_is_named(run, line):
    with TreeStore.open(Path("trees.db"), write=True):
        code, said = run(line.format("trees.db"))
    assert code == FAILED
    is_one_line(said, ["trees.db", "another process is writing", "wait for it"])


def test_a_place_that_cannot_hold_a_store_is_named(run):
    code, said = run(f"sample --problems good.jsonl --store file/new.db {NEVER_ASKED}")
    assert code == FAILED
    is_one_line(said, ["file/new.db", "choose another place"])


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="permissions do not bind this user")
def test_a_read_only_folder_is_named(run):
    Path("empty").chmod(0o500)
    code, said = run(f"sample --problems good.jsonl --store empty/new.db {NEVER_ASKED}")
    assert code == FAILED
    is_one_line(said, ["empty/new.db", "choose another place"])


def test_a_full_disk_under_a_store_is_named(run, monkeypatch):
    connect = arts.trees.store.connect

    def on_a_full_disk(path, *, write):
        connection = connect(path, write=write)
        connection.execute("PRAGMA max_page_count = 1")  # it never goes below what the file has
        return connection

    monkeypatch.setattr(arts.trees.store, "connect", on_a_full_disk)
    code, said = run("score trees.db length")
    assert code == FAILED
    is_one_line(said, ["trees.db", "disk is full", "run the same command again"])
    with TreeStore.open(Path("trees.db")) as store:
        assert store.tree("q").scores == {}


def test_a_full_disk_under_an_export_is_named(run, monkeypatch):
    def full(path):
        raise OSError(errno.ENOSPC, "No space left on device")

    before = contents()
    monkeypatch.setattr(arts.files, "flush", full)
    code, said = run("store export trees.db --out t.jsonl")
    assert code == FAILED
    is_one_line(said, ["disk is full (t.jsonl)", "run the same command again"])
    assert contents() == before


@pytest.mark.parametrize(
    "line, code, word",
    [
        ("problems check none.jsonl", USAGE, "none.jsonl"),
        ("problems list --nope", USAGE, "--nope"),
        (f"sample --problems good.jsonl --store file/new.db {NEVER_ASKED}", FAILED, "file/new.db"),
    ],
)
def test_the_process_exits_with_the_code(shelf, line, code, word):
    command = [sys.executable, "-c", "import sys; from arts.cli import main; sys.exit(main())", *shlex.split(line)]
    done = subprocess.run(command, cwd=shelf, capture_output=True, text=True, check=False)
    assert done.returncode == code
    assert word in done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
