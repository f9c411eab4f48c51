from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given, strategies as st

from arts.config import dump_toml, from_dict, load_toml
from arts.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Inner:
    rate: float = 0.5
    names: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Outer:
    kind: Literal["a", "b"] = "a"
    count: int | None = None
    path: Path = Path("x")
    flag: bool = False
    inner: Inner = field(default_factory=Inner)


@given(
    st.builds(
        Outer,
        kind=st.sampled_from(["a", "b"]),
        count=st.none() | st.integers(-(2**60), 2**60),
        path=st.just(Path("a/b.db")),
        flag=st.booleans(),
        inner=st.builds(
            Inner,
            rate=st.floats(allow_nan=False, allow_infinity=False),
            names=st.lists(st.text(st.characters(codec="utf-8"))).map(tuple),
        ),
    )
)
def test_round_trip(config):
    import tomllib

    assert from_dict(Outer, tomllib.loads(dump_toml(config))) == config


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sead = 1", "unknown key 'sead'"),
        ('kind = "c"', "expected one of"),
        ('count = "3"', "expected int"),
        ("flag = 1", "expected bool"),
        ("[inner]\nrte = 1", "unknown key 'rte'"),
        ("inner = 3", "expected a table"),
        ("count = ", "not readable as TOML"),
    ],
)
def test_errors_name_file_and_key(tmp_path, text, message):
    path = tmp_path / "run.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=message) as caught:
        load_toml(path, Outer)
    assert "run.toml" in str(caught.value)


def test_an_integer_serves_as_a_float():
    assert from_dict(Inner, {"rate": 1}).rate == 1.0
