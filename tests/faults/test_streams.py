"""Streams that are closed, full, or not of this alphabet: an exit code and at most one line, never a traceback."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import fill

RUN = "import sys; from arts.cli import main; sys.exit(main())"


def shell(script, folder, **environment):
    """Run a script in which ``arts`` is the command."""
    arts = f"arts() {{ {sys.executable} -c '{RUN}' \"$@\"; }}\n"
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", arts + script],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        check=False,
        timeout=250,
    )


@pytest.mark.parametrize(
    "script",
    [
        "arts problems list | true",
        "arts problems list reasoning-gym | head -1",
        "arts sample --help | true",
        "arts store info a.db >&-",
        "arts store info a.db 2>&-",
        "arts store info a.db <&- >&- 2>&-",
        "arts sample --help >&-",
        "arts store info none.db >&- 2>&-",
    ],
)
def test_a_reader_that_has_left(tmp_path, script):
    fill(tmp_path / "a.db", 3)
    before = (tmp_path / "a.db").read_bytes()
    done = shell(script, tmp_path)
    assert done.returncode in (0, 1, 2)
    assert b"Traceback" not in done.stderr and b"Exception" not in done.stderr, done.stderr.decode()
    assert (tmp_path / "a.db").read_bytes() == before


def test_nothing_is_written_into_a_store_that_got_the_number_of_a_closed_stream(tmp_path):
    fill(tmp_path / "a.db", 3)
    assert shell("arts score a.db length <&- >&- 2>&-; arts store info a.db", tmp_path).returncode == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no disk that is always full")
def test_a_full_stdout(tmp_path):
    fill(tmp_path / "a.db", 3)
    done = shell("arts store info a.db > /dev/full", tmp_path)
    assert (done.returncode, done.stderr.count(b"\n")) == (1, 1) and b"disk is full" in done.stderr


def test_ascii_streams(tmp_path):
    fill(tmp_path / "a.db", 3)
    script = (
        "arts evaluate a.db --n 2 --grader exact --verifiers length --out r; arts problems list; arts sample --help"
    )
    done = shell(script, tmp_path, PYTHONIOENCODING="ascii", PYTHONUTF8="0", LC_ALL="C")
    assert done.returncode == 0 and b"Traceback" not in done.stderr, done.stderr.decode()
    assert done.stdout.isascii() and b"\\u2212" in done.stdout


def test_names_that_are_no_unicode(tmp_path):
    rows = b'{"problem": "1+1?", "answer": "2"}\n'
    (tmp_path / os.fsdecode(b"\xff.jsonl")).write_bytes(rows)
    script = (
        r"arts problems check $'\xff.jsonl' && arts sample $'\xff.jsonl' $'\xfe.db' --n 1 && arts store info $'\xfe.db'"
    )
    done = shell(script + r" && arts solve $'1+1 \xff?' --n 1", tmp_path)
    assert done.returncode == 0, done.stderr.decode()
    done = shell(r"arts store info $'\xfd.db'; arts $'\xfd'; arts sample --config $'\xfd'", tmp_path)
    assert done.returncode == 2 and done.stderr.count(b"\n") == 3 and b"Traceback" not in done.stderr
