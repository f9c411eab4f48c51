"""The examples of docs/recorded-runs.md are read as it says."""

import json
import re
import shlex
from pathlib import Path

import pytest

from arts.cli import main
from arts.trees.store import TreeStore

TEXT = (Path(__file__).parents[2] / "docs" / "recorded-runs.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"((?:^```jsonl \S+\n(?:.+\n)+?```\n)+)^```sh\n(arts evaluate (?:.+\n)+?)```", TEXT, re.MULTILINE)
COUNTS = {
    "flat.jsonl": [2, 2],
    "samples_*.jsonl": [1, 1],
    "*.jsonl": [2, 1],
    "completions_00500.jsonl": [2, 1],
    "chats.jsonl": [2, 1],
    "batch_output.jsonl": [2, 1],
    "events.jsonl": [1],
    "proxy.jsonl": [1, 1],
}


def test_every_tool_has_its_example():
    assert [shlex.split(command)[2] for _, command in EXAMPLES] == list(COUNTS)


@pytest.mark.parametrize("files, command", EXAMPLES, ids=list(COUNTS))
@pytest.mark.parametrize("verdicts", ["key", "log"])
def test_an_example_is_read(files, command, verdicts, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, rows in re.findall(r"```jsonl (\S+)\n(.+?)```", files, re.DOTALL):
        Path(name).write_text(rows, encoding="utf-8")
    _, _, source, *flags = shlex.split(command.replace("\\\n", " "))
    wanted = ["store", "import", source, *flags, "--verdicts", verdicts, "--grader", "exact", "--out", "new.db"]
    assert main(wanted) == 0
    with TreeStore.open(Path("new.db")) as store:
        assert [len(t.backbones) for t in store.trees()] == COUNTS[source]
        found = {o.verdict.value for t in store.trees() for o in t.outcomes.values()}
    assert "ungraded" not in found and "correct" in found


def test_scores_are_no_matter_to_a_diagnosis(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, right in (("base", True), ("rl", False)):
        row = {"problem": "1+1?", "samples": [{"text": "a", "correct": right, "prm": [0.5, 0.25]}] * 2}
        Path(f"{name}.jsonl").write_text(json.dumps(row), encoding="utf-8")
    assert main(["squeeze", "diagnose", "base.jsonl", "rl.jsonl", "--out", "out"]) == 0
