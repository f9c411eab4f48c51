"""Results as JSON: what is undefined is null, and what was written is read back."""

import json
import math

import msgspec
import numpy as np
import pytest

from arts.documents.data import as_json, read_result
from arts.errors import InputError
from arts.estimate import NOTHING, Estimate


class Part(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    by_k: dict[int, Estimate]
    share: float = 0.5


ESTIMATE = Estimate(value=0.25, low=0.1, high=math.nan, n=3, method="m")


def test_undefined_numbers_are_null_and_come_back_undefined(tmp_path):
    part = Part(name="NaN", by_k={1: NOTHING, 16: ESTIMATE})
    (tmp_path / "part.json").write_text(as_json(part), encoding="utf-8")
    plain = json.loads(as_json(part), parse_constant=pytest.fail)
    assert list(plain["by_k"]) == ["1", "16"] and plain["by_k"]["16"]["high"] is None
    again = read_result(tmp_path / "part.json", Part, "part")
    assert again.name == "NaN" and not again.by_k[1].defined
    assert (again.by_k[16].value, again.by_k[16].low) == (0.25, 0.1) and math.isnan(again.by_k[16].high)


def test_every_text_survives_and_numpy_gives_plain_numbers(tmp_path):
    part = Part(name="\ud800 \x00 é \u202e", by_k={}, share=np.float64(0.1))
    text = as_json(part)
    assert text.isascii() and '"share": 0.1' in text
    (tmp_path / "part.json").write_text(text, encoding="utf-8")
    assert read_result(tmp_path / "part.json", Part, "part") == part
    assert as_json({"x": [np.int64(3), math.inf]}) == '{\n "x": [\n  3,\n  null\n ]\n}\n'


@pytest.mark.parametrize("text", ["", "[", "\xff", '{"name": 1}', "[" * 100_000])
def test_what_is_something_else_is_refused_in_one_line(tmp_path, text):
    (tmp_path / "x.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(InputError, match=r"x\.json: is no part: ") as caught:
        read_result(tmp_path / "x.json", Part, "part")
    assert "\n" not in str(caught.value)
