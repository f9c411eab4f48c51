import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from arts.errors import ArtsError, InputError, UsageError
from arts.problems.fetch import fetch_set, fetched, set_problems
from arts.problems.load import load_problems
from arts.problems.sets import SETS

from .published import GSM8K, MATH500, MATH_TRAIN


def written(path, rows):
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def keys(spec):
    return {p.id: p.answer for p in load_problems(spec)}


def test_a_set_is_fetched_once_and_read_from_the_cache_from_then_on(hub, cache):
    first = load_problems("math500")
    assert load_problems("math500") == first
    assert hub == [("HuggingFaceH4/MATH-500", None, "test")]
    assert [(p.id, p.answer, p.level) for p in first] == [
        ("test/algebra/1937.json", "1600", 2),
        ("test/prealgebra/1302.json", "11\\sqrt2", 3),
    ]
    record = json.loads((cache / "math500" / "test.json").read_text())
    assert (record["rows"], record["origin"]) == (2, "HuggingFaceH4/MATH-500 test")
    assert len(record["sha256"]) == 64


def test_a_fetched_set_needs_neither_the_network_nor_datasets(hub, no_hub, cache, tmp_path, monkeypatch):
    fetch_set("gsm8k", "test", file=written(tmp_path / "copy.jsonl", GSM8K))
    monkeypatch.setitem(__import__("sys").modules, "datasets", None)
    assert keys("gsm8k:test") == {"gsm8k-test-1": "72", "gsm8k-test-2": "1010"}


def test_the_key_of_gsm8k_stands_after_its_mark_and_the_rest_is_the_solution(hub):
    problem = load_problems("gsm8k", offset=1)[0]
    assert (problem.answer, problem.solution) == ("1010", GSM8K[1]["answer"])


@pytest.mark.parametrize("name", ["copy.jsonl", "copy.parquet"])
def test_a_copy_is_registered_as_if_it_had_been_fetched(hub, no_hub, tmp_path, name):
    done = fetch_set("gsm8k", "test", file=written(tmp_path / name, GSM8K))
    assert (done.rows, done.origin) == (2, str(tmp_path / name))
    assert fetched("gsm8k", "test") == done
    assert keys("gsm8k") == {"gsm8k-test-1": "72", "gsm8k-test-2": "1010"}


def test_a_copy_replaces_what_was_there(hub, tmp_path):
    fetch_set("math500", "test")
    other = [{"id": str(i), "problem": f"{i}?", "answer": i} for i in (1, 2)]
    fetch_set("math500", "test", file=written(tmp_path / "other.jsonl", other))
    assert keys("math500") == {"1": "1", "2": "2"}


def test_math_comes_without_math500_without_repetitions_and_with_its_doubts_marked(hub, cache):
    done = fetch_set("math", "train")
    assert done.left_out == {"repeated": 1, "in math500": 1, "without a key": 1}
    assert done.marked == {"near": 1, "several boxes": 1}
    marks = [json.loads(line)["marks"] for line in (cache / "math" / "train.jsonl").read_text().splitlines()]
    assert marks == [["near test/algebra/1937.json"], ["several boxes"], []]
    assert keys("math:train") == {"math-train-1": "625", "math-train-2": "4", "math-train-3": "11"}
    assert keys("math:train-clean") == {"math-train-3": "11"}
    assert [(p.level, p.subject) for p in load_problems("math:train")] == [
        (2, "Algebra"),
        (2, "Intermediate Algebra"),
        (None, "Algebra"),
    ]


def test_another_spelling_of_one_box_is_not_a_second_answer(hub, tmp_path):
    row = {**MATH_TRAIN[2], "solution": "$\\boxed{\\dfrac{1}{6}}$, that is $\\boxed{\\frac16}$; $\\boxed{}$"}
    done = fetch_set("math", "test", file=written(tmp_path / "one.jsonl", [row]))
    assert (done.rows, done.marked) == (1, {})


def test_half_a_copy_is_refused(hub, tmp_path):
    half = written(tmp_path / "half.jsonl", GSM8K[:1])
    with pytest.raises(InputError, match=r"half\.jsonl: 1 rows, but gsm8k:test has 2;"):
        fetch_set("gsm8k", "test", file=half)
    assert fetched("gsm8k", "test") is None


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([MATH500[0], {"problem": "no key"}], r"copy\.jsonl:2: nothing under 'answer'"),
        ([MATH500[0], {"answer": "no question"}], r"copy\.jsonl:2: nothing under 'problem'"),
        ([MATH500[0], MATH500[0]], r"copy\.jsonl:2: id 'test/algebra/1937.json' was used"),
    ],
)
def test_a_malformed_copy_is_refused_by_file_and_row(hub, tmp_path, rows, said):
    with pytest.raises(InputError, match=said):
        fetch_set("math500", "test", file=written(tmp_path / "copy.jsonl", rows))
    assert fetched("math500", "test") is None


def test_what_was_changed_in_the_cache_is_refused_and_mended_by_fetching(hub):
    path = fetch_set("math500", "test").path
    path.write_text(path.read_text().replace("1600", "1601"))
    with pytest.raises(InputError, match=r"not as it was fetched; mend it with: arts problems fetch math500:test"):
        load_problems("math500")
    fetch_set("math500", "test")
    assert keys("math500")["test/algebra/1937.json"] == "1600"
    assert len(hub) == 2


@pytest.mark.parametrize("record", ["", "[]", "{}", "{"])
def test_rows_without_their_record_are_fetched_again(hub, record):
    done = fetch_set("math500", "test")
    done.path.with_suffix(".json").write_text(record)
    assert fetched("math500", "test") is None
    assert len(load_problems("math500")) == 2
    assert fetched("math500", "test") == done


def test_without_a_hub_the_line_says_how_to_bring_a_copy(cache, no_hub):
    with pytest.raises(ArtsError) as error:
        load_problems("aime24")
    assert error.value.exit_code == 1
    assert "Couldn't reach 'HuggingFaceH4/aime_2024'" in str(error.value)
    assert str(error.value).endswith("arts problems fetch aime24:test --file PATH")


def test_math_without_math500_says_what_is_needed_first(cache, small_sets, no_hub, tmp_path):
    copy = written(tmp_path / "math.jsonl", MATH_TRAIN)
    with pytest.raises(ArtsError, match="arts problems fetch math500:test --file PATH"):
        fetch_set("math", "train", file=copy)


def test_a_split_that_cannot_be_fetched_is_named(cache):
    with pytest.raises(UsageError, match="math:train-clean: no such split to fetch; there are: train, test"):
        fetch_set("math", "train-clean")


def test_every_set_means_its_test_split_when_none_is_named():
    assert {known.names[-1] for known in SETS.values()} == {"test"}
    assert SETS["math"].names == ("train-clean", "test-clean", "train", "test")


def test_what_a_crash_between_two_files_leaves_is_never_read(hub, monkeypatch):
    import arts.problems.fetch as fetch

    real = fetch.write_whole

    def crash(path, text):
        if path.suffix == ".json":
            raise KeyboardInterrupt
        return real(path, text)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(fetch, "write_whole", crash)
        fetch_set("math500", "test")
    assert fetched("math500", "test") is None
    assert len(list(set_problems("math500", "test"))) == 2
