import json
from dataclasses import replace

import pytest

from arts.cli import main
from arts.problems.procedural import TASKS
from arts.problems.sets import SETS, Split
from arts.workflows.tasks import other_splits, task_defaults

ROWS = [
    {"id": "seven", "problem": "How many multiples of 7 are there below 100?", "answer": "14", "level": 1},
    {
        "id": "nine",
        "problem": "How many multiples of 9 are there below 40?",
        "answer": "4",
        "level": 3,
        "subject": "Counting",
    },
    {"id": "again", "problem": "how many multiples of 7 are there below 100?", "answer": "14", "level": 1},
    {"id": "other", "problem": "Who came?", "answer": "2", "solution": "$\\boxed{1}$ or $\\boxed{2}$"},
    {"id": "more", "problem": "Who went and did not come back?", "answer": "2", "solution": "\\boxed{2}"},
]
WRONG = [*ROWS, {"id": "wrong", "problem": "And \x1b[31mthis\u202e?", "answer": "\x1b5", "solution": "\\boxed{6}"}]


@pytest.fixture(autouse=True)
def machine(tmp_path, monkeypatch):
    """An empty cache, small sets, and files of one's own."""
    monkeypatch.setenv("ARTS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setitem(SETS, "math500", replace(SETS["math500"], splits={"test": Split(hub="test", rows=(5,))}))
    both = {"train": Split(hub="train", rows=(5,)), "test": Split(hub="test", rows=(5,))}
    monkeypatch.setitem(SETS, "math", replace(SETS["math"], splits=both))
    monkeypatch.setitem(SETS, "gsm8k", replace(SETS["gsm8k"], splits=both))
    monkeypatch.chdir(tmp_path)
    for name, rows in (("good.jsonl", ROWS), ("wrong.jsonl", WRONG)):
        (tmp_path / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path


@pytest.fixture
def arts(capsys):
    def run(line):
        code = main(["problems", *line.split()])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def test_a_check_counts_and_lists(arts):
    code, out, _ = arts("check good.jsonl --grader exact")
    assert code == 0
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert lines[:9] == [
        "good.jsonl: 5 problems",
        "level 1 2, 3 1",
        "subject Counting 1",
        "missing solution 3, subject 4, level 2",
        "repeated within 1 the same, 2 the same but for numbers or a few words",
        "wrong keys 0 (2 solutions state their answer)",
        "ungradable keys 0",
        "several boxes 1",
        lines[8],
    ]
    assert lines[8].startswith("grading 7 pairs in ")
    assert lines[8].endswith("(grader exact)")
    assert lines[9:] == [
        "the same or nearly the same in itself:",
        "again = seven (1)",
        "seven = nine (1)",
        "nine = seven (1)",
        "several boxes:",
        "other",
    ]


def test_a_wrong_key_is_listed_and_is_exit_code_one(arts):
    code, out, err = arts("check wrong.jsonl --grader exact --limit 6")
    assert (code, err) == (1, "")
    assert "wrong keys 1 (3 solutions state their answer)" in " ".join(out.split())
    assert "  wrong: key '\\x1b5': the solution ends in 6\n" in out
    assert arts("check wrong.jsonl --grader exact --limit 5")[0] == 0


def test_hostile_text_is_shown_and_not_obeyed(arts):
    _, out, _ = arts("show wrong.jsonl --limit 6")
    assert "And \\u001b[31mthis\\u202e?" in out
    assert "\x1b" not in out


def test_against_names_the_sets_to_compare_with_and_never_the_set_itself(arts):
    _, out, _ = arts("check good.jsonl --grader exact --against wrong.jsonl good.jsonl")
    assert "repeats of wrong.jsonl  5 the same, 0 the same but for numbers or a few words" in out
    assert "(of 6)" in out
    assert "repeats of good.jsonl" not in out


def test_json_holds_everything_that_was_found(arts):
    code, out, _ = arts("check wrong.jsonl --grader exact --json")
    found = json.loads(out)
    assert (code, found["set"], found["problems"]) == (1, "wrong.jsonl", 6)
    assert found["wrong"] == [{"id": "wrong", "key": "\x1b5", "reason": "the solution ends in 6"}]
    assert found["within"]["same"] == [{"id": "again", "of": "seven", "jaccard": 1.0}]
    assert found["several_boxes"] == ["other"]


def test_long_lists_end_with_how_many_more_there_are(arts, machine):
    rows = [
        {"id": f"p{i}", "problem": f"Question of kind {'abcdefghijklmn'[i // 2]} without number", "answer": 1}
        for i in range(28)
    ]
    (machine / "many.jsonl").write_text("".join(json.dumps(row | {"subject": row["id"]}) + "\n" for row in rows))
    _, out, _ = arts("check many.jsonl --grader exact")
    assert "p17, and" not in out
    assert "p9 1, and 18 more\n" in out
    assert out.endswith("  p19 = p18 (1)\n  and 4 more; --json prints all\n")


def test_the_nearest_come_first(arts, machine):
    words = "a b c d e f g h i j k l m"
    others = [f"{word} is another question and not that" for word in "nopqrstu"]
    texts = [f"{words} n o", f"{words} p", words, *others]
    (machine / "near.jsonl").write_text("".join(json.dumps({"problem": text, "answer": 1}) + "\n" for text in texts))
    _, out, _ = arts("check near.jsonl --grader exact --limit 6")
    assert [line.split()[-1] for line in out.splitlines() if " = " in line] == ["(0.9)", "(0.9)", "(0.818)"]


def test_a_look_is_at_three_problems(arts):
    assert arts("show good.jsonl")[1].count("key: ") == 3
    assert arts("show good.jsonl --limit 4")[1].count("key: ") == 4


def test_without_against_it_is_the_other_splits(arts):
    _, out, _ = arts("check congruences:test --limit 5")
    assert "repeats of congruences:train" in out
    assert "repeats of congruences:validation" in out


def test_what_comes_from_a_template_is_counted_and_not_listed(arts):
    _, out, _ = arts("check congruences:test --limit 30 --against congruences:validation")
    assert "0 the same, 30 the same but for numbers or a few words; a template, not listed (of 912)" in out
    assert "nearly the same in" not in out


def test_a_long_line_is_cut(arts, machine):
    (machine / "long.jsonl").write_text(json.dumps({"id": "l", "problem": "x", "answer": "9" * 3000}) + "\n")
    code, out, _ = arts("check long.jsonl --grader exact")
    assert code == 1
    assert max(map(len, out.splitlines())) <= 202


def test_a_copy_is_fetched_listed_and_found_again(arts, machine):
    assert "math500        test 5" in arts("list")[1]
    assert "to fetch" in next(line for line in arts("list")[1].splitlines() if line.startswith("math500"))
    code, out, err = arts("fetch math500 --file good.jsonl")
    assert (code, err) == (0, "fetching math500:test\n")
    assert out.startswith("math500:test: 5 problems from good.jsonl, sha256 ")
    assert out.endswith(f"  {machine}/cache/problems/math500/test.jsonl\n")
    assert "fetched" in next(line for line in arts("list")[1].splitlines() if line.startswith("math500"))
    assert arts("show math500 --limit 1")[1].startswith("seven\n  How many multiples")


def test_cleaning_says_what_it_left_out_and_marked(arts, machine):
    arts("fetch math500 --file good.jsonl")
    rows = [
        {"problem": "How many multiples of 5 are there below 30?", "solution": "\\boxed{5}"},
        {"problem": "Who came?", "solution": "\\boxed{2}"},
        {"problem": "Which of them stayed for long?", "solution": "\\boxed{3} or \\boxed{4}"},
        {"problem": "which of them stayed for long?", "solution": "\\boxed{3}"},
        {"problem": "Where?", "solution": "\\boxed{}"},
    ]
    (machine / "math.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    _, out, _ = arts("fetch math:train --file math.jsonl")
    assert out.splitlines()[1:3] == [
        "  left out: 1 in math500, 1 repeated, 1 without a key",
        "  marked: 1 near, 1 several boxes",
    ]
    assert "fetched: train" in arts("list")[1]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("fetch", "needs a set"),
        ("check", "needs a set"),
        ("fetch good.jsonl", "good.jsonl: no set to fetch; there are: math500, math, gsm8k"),
        ("fetch gsm8k --file good.jsonl", "good.jsonl: say which split it is: gsm8k:train or gsm8k:test"),
        ("fetch gsm8k:dev", "gsm8k:dev: no such split to fetch; there are: train, test"),
        ("fetch gsm8k:test --file none.jsonl", "none.jsonl: no such file"),
        ("fetch math500 --file wrong.jsonl", "wrong.jsonl: 6 rows, but math500:test has 5;"),
        ("check math:dev", "no split 'dev'; there are: train-clean, test-clean, train, test"),
        ("check reasoning-gym:countdown", "no task that one key can grade"),
        ("check good.jsonl --against none.jsonl", "none.jsonl: no such file"),
    ],
)
def test_a_request_that_cannot_be_met_is_one_line_and_exit_code_two(arts, line, said):
    code, out, err = arts(line)
    assert (code, out) == (2, "")
    assert said in err.splitlines()[-1]


def test_the_tasks_of_reasoning_gym_are_listed(arts):
    assert arts("list reasoning-gym")[1].split() == [f"reasoning-gym:{task}" for task in TASKS]
    assert "arts problems list reasoning-gym" in arts("list")[1]


def test_the_other_splits_are_those_that_are_here(arts):
    assert other_splits("gsm8k:test") == []
    arts("fetch gsm8k:train --file good.jsonl")
    arts("fetch gsm8k:test --file good.jsonl")
    assert other_splits("gsm8k") == other_splits("gsm8k:test") == ["gsm8k:train"]
    assert other_splits("gsm8k:train") == ["gsm8k:test"]
    assert other_splits("congruences:train") == ["congruences:validation", "congruences:test"]
    assert other_splits("congruences") == ["congruences:train", "congruences:validation"]
    assert other_splits("good.jsonl") == other_splits("reasoning-gym:gcd") == []


def test_a_clean_split_and_one_that_holds_another_are_no_other_splits(arts, monkeypatch):
    arts("fetch math500 --file good.jsonl")
    arts("fetch math:train --file good.jsonl")
    assert other_splits("math:train-clean") == []
    assert other_splits("math:test-clean") == ["math:train"]
    splits = {name: Split(hub=known.hub, rows=(5,)) for name, known in SETS["svamp"].splits.items()}
    monkeypatch.setitem(SETS, "svamp", replace(SETS["svamp"], splits=splits))
    for split in ("all", "train"):
        arts(f"fetch svamp:{split} --file good.jsonl")
    assert other_splits("svamp:test") == ["svamp:train"]
    assert other_splits("svamp:all") == []


def test_each_kind_of_set_has_its_grader():
    assert [task_defaults(spec).grader for spec in ("reasoning-gym:gcd", "congruences", "aime24", "mine.jsonl")] == [
        "exact",
        "exact",
        "math",
        "math",
    ]
