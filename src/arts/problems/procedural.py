"""Sets that are made, not fetched: tasks of reasoning-gym (arXiv 2505.24760, Apache-2.0)."""

import hashlib
import importlib.metadata
from collections.abc import Iterator
from typing import Literal, get_args

from arts.errors import InputError, needs_extra
from arts.problems.base import Problem
from arts.text import well_formed

GYM = "reasoning-gym"
SIZE = 500
"""Problems of a split where no limit is given."""
DRAWS = 10_000
"""Problems that are drawn for the splits of one seed, which bounds their size."""

GymSplit = Literal["train", "test"]

_NAMES = (
    "aiw base_conversion basic_arithmetic binary_alternation caesar_cipher calendar_arithmetic chain_sum"
    " circuit_logic color_cube_rotation count_bits count_primes course_schedule decimal_chain_sum dice"
    " family_relationships gcd gsm_symbolic largest_island lcm leg_counting letter_counting mahjong_puzzle maze"
    " needle_haystack number_sequence products rectangle_count rotten_oranges self_reference simple_equations"
    " simple_geometry spell_backward string_insertion string_manipulation syllogism zebra_puzzles"
)
TASKS = tuple(_NAMES.split())
"""Tasks whose one right answer is a number, a word or a line of text, and whose problems follow from the seed alone.

Of the others many have several right answers, which only the task's own scorer can tell; some scorers evaluate the
answer as Python, which no model's text may reach. A few depend on the interpreter's hash seed.
"""


def gym_problems(task: str, split: str, seed: int) -> Iterator[Problem]:
    """The problems of one task, split and seed, each question once, in an order that is always the same.

    A question belongs to the split that its hash says, so that no seed's test problems are among any seed's training
    problems. A longer set begins with the shorter one.

    Raises:
        InputError: no such task or split, or one that cannot be graded with a key.
        MissingExtraError: the extra ``gym`` is not installed.
    """
    if task not in TASKS:
        raise InputError(f"{GYM}:{task}: no task that one key can grade; there are: {', '.join(TASKS)}")
    if split not in get_args(GymSplit):
        raise InputError(f"{GYM}:{task}:{split}: no split '{split}'; there are: {', '.join(get_args(GymSplit))}")
    with needs_extra(f"{GYM}:{task}: a procedural set"):
        import reasoning_gym
    drawn = reasoning_gym.create_dataset(task, seed=_start(task, seed), size=DRAWS)
    source = f"{GYM} {importlib.metadata.version('reasoning-gym')}"
    seen: set[str] = set()
    for number in range(DRAWS):
        item = drawn[number]
        question = well_formed(item["question"])
        if _split(question) == split and question not in seen:
            seen.add(question)
            yield Problem(
                id=f"{task}-{seed}-{number}", question=question, answer=item["answer"], subject=task, source=source
            )


def _start(task: str, seed: int) -> int:
    """The library's own seed, to which it adds a problem's number: neighbouring ones would share their problems."""
    return int.from_bytes(hashlib.blake2b(f"{task} {seed}".encode(), digest_size=4).digest(), "big") >> 1


def _split(question: str) -> GymSplit:
    return "train" if hashlib.blake2b(question.encode(), digest_size=1).digest()[0] % 2 else "test"
