"""Which format rows are of."""

from collections.abc import Sequence
from dataclasses import asdict, replace

from arts.errors import InputError
from arts.logs.files import Placed
from arts.logs.formats import FORMATS, LogFormat, LogName, LogOptions
from arts.logs.values import MISSING, field_names, look
from arts.problems.rows import Row

HEAD = 20
"""Rows among which one tells the format."""
GUESS: LogName = "rows"
"""The format of names that many scripts use; what is there is guessed."""
CUSTOM = FORMATS[-1]


def is_row(row: Row, options: LogOptions) -> bool:
    """Whether an object that is alone in its file is a row: it holds a question and samples."""
    given = options.fields
    formats = [known.fields for known in FORMATS if known.fits(row)]
    return any(
        path and look(path, row) is not MISSING
        for path in (given.problem, given.text, given.samples, *(fields.problem for fields in formats))
    )


def told_format(head: Sequence[Placed], options: LogOptions) -> LogFormat:
    """The format that is asked for, or that of the first row that fits any, with the fields that the user has named.

    Raises:
        InputError: no row fits any, and too few fields are named to do without.
    """
    given = options.fields
    guessed = not (given.text or given.samples)  # who names where texts are knows the fields
    if options.format != "auto":
        known = next(known for known in FORMATS if known.name == options.format)
    else:
        fitting = (k for _, row in head for k in FORMATS if k.fits(row) and (guessed or k.name != GUESS))
        known = next(fitting, CUSTOM)
        if known is CUSTOM and not (given.text and (given.problem or (given.id and options.keys))):
            place, row = head[0]
            raise InputError(
                f"{place}: no known format has the fields {field_names(row)}; list the samples under 'samples', or name"
                " at least the fields of problem and text (--log.fields.problem, --log.fields.text)"
            )
    named = {name: path for name, path in asdict(given).items() if path}
    return replace(known, fields=replace(known.fields, **named))
