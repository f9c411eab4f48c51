"""The command lines of docs/squeeze-diagnose.md and docs/files.md run on small files in the shape of the public ones.

Heads of ZeroEval are rows of ``tests/cases/files/json_answers.jsonl``. The other repository states no licence: its
heads are made by hand, with its fields.
"""

import json
import re
import shlex
from pathlib import Path

import pytest

from arts.cli import main

ROOT = Path(__file__).parents[2]
CASES = ROOT / "tests" / "cases" / "files"
PAGE = (ROOT / "docs" / "squeeze-diagnose.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^arts (squeeze diagnose \S+ \S+\.json\S*)$", PAGE.partition("## Public pairs")[2], re.MULTILINE)
FILES = re.findall(r"^\$ arts (evaluate .+)$", (ROOT / "docs" / "files.md").read_text(encoding="utf-8"), re.MULTILINE)


def probe_rows(right):
    """One row a problem with its eight rollouts, of which so many are right."""
    return [
        {
            **{"model_alias": "sft", "model_name": "m", "model_revision": "main", "qid": i, "question": f"{i} + {i}?"},
            **{"gold": str(2 * i), "gold_value": 2.0 * i, "n_correct": c, "n_rollouts": 8, "question_batch_size": 4},
            "rollouts": [
                {
                    **{"rollout": j, "pred_value": 2.0 * i + (j >= c), "pred_token": str(2 * i + (j >= c))},
                    **{"extract_method": "boxed", "correct": j < c},
                    "text": f"<think>\nI add {j}.\n</think>\n\nSo \\boxed{{{2 * i + (j >= c)}}}.",
                }
                for j in range(8)
            ],
        }
        for i, c in enumerate(right)
    ]


def zeroeval_rows(name):
    rows = [json.loads(line) for line in (CASES / "json_answers.jsonl").read_text(encoding="utf-8").splitlines()]
    last = {**rows[0], "output": ['{\n    "reasoning": "",\n    "answer": "1"\n}']}
    return [last, *rows[1:]] if "Athene" in name else rows


@pytest.fixture
def clone(tmp_path, monkeypatch):
    """A folder with heads of the files that a command names."""
    monkeypatch.chdir(tmp_path)

    def made(path):
        if path.endswith(".jsonl"):
            counts = [8, 6, 3, 0, 1] if "sft" in path else [8, 8, 6, 1, 0]
            text = "".join(json.dumps(row) + "\n" for row in probe_rows(counts))
        else:
            text = json.dumps(zeroeval_rows(path), indent=2)
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(text, encoding="utf-8")

    return made


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_page_diagnoses_two_heads(clone, command):
    words = shlex.split(command)
    for path in words[2:]:
        clone(path)
    assert main([*words, "--out", "out"]) == 0
    found = json.loads(Path("out/report.json").read_text(encoding="utf-8"))
    if "raw.jsonl" in command:
        assert found["matching"]["matched"] == 5 and found["sides"]["base"]["verdicts"] == "of the log"
        assert found["curves"]["base"]["1"]["value"] == pytest.approx(18 / 40)
        assert found["curves"]["rl"]["1"]["value"] == pytest.approx(23 / 40)
    else:
        assert found["matching"]["matched"] == 6 and found["changes"]["mcnemar"] is not None


def test_the_page_shows_several_pairs():
    assert len(COMMANDS) >= 4 and len(set(COMMANDS)) == len(COMMANDS)


@pytest.mark.parametrize("command", dict.fromkeys(c for c in FILES if not re.search("math_cot|llama2|popularity", c)))
def test_a_command_of_the_table_reads_a_head(clone, command, capsys):
    words = shlex.split(command)
    clone(words[1])
    assert main([*words, "--out", "out"]) == 0
    said = capsys.readouterr().err
    assert [line.partition(":")[0] for line in said.splitlines()].count("verdicts") == 1
    if words[1].endswith(".jsonl"):
        assert "numbers that are none: rollout, pred_value" in said and "40 of 40 samples state one" in said
