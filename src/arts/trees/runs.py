"""What a store remembers of the run that filled it."""

import json
from typing import Self, get_args

import msgspec

from arts.config import Settings
from arts.errors import InputError
from arts.text import parsed_json
from arts.trees.splitting import SplitterName


class RunConfig(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How the trees of a store came about; None where the store does not say.

    ``command`` of arts filled it, with ``proposer`` (its name), the package ``versions`` and the settings ``backend``,
    which do not decide what is sampled but for rounding. ``sample`` are the settings that do, of ``arts sample`` or
    ``arts solve``; ``unit_problems`` were sampled together. ``probes`` are those of probes, ``rollouts`` of them from
    each state. ``source``, ``format``, ``verdicts`` (who has judged) and ``grader`` are those of imported samples.
    ``cassette`` is an evaluation, as :mod:`arts.evaluation.cassette` writes it. ``other`` is whatever else was there;
    it is kept.
    """

    command: str | None = None
    proposer: str | None = None
    versions: dict[str, str] | None = None
    backend: Settings | None = None
    sample: Settings | None = None
    unit_problems: int | None = None
    probes: Settings | None = None
    rollouts: int | None = None
    source: str | None = None
    format: str | None = None
    verdicts: str | None = None
    grader: str | None = None
    cassette: str | None = None
    other: Settings = {}

    @classmethod
    def from_json(cls, text: str, place: str) -> Self:
        """The inverse of :meth:`to_json`.

        Raises:
            InputError: it is no JSON object, or one of the fields has another type; the text begins with ``place``.
        """
        try:
            other = msgspec.convert(parsed_json(text), Settings)
            known = {name: other.pop(name) for name in cls.__struct_fields__[:-1] if other.get(name) is not None}
            return msgspec.convert({**known, "other": other}, cls)
        except (TypeError, ValueError, msgspec.ValidationError) as error:
            detail = f"{type(error).__name__}: {error}"
            raise InputError(
                f"{place}: 'config' is not a JSON object about a run ({detail}); give the exported one or none"
            ) from error

    def to_json(self) -> str:
        """As stores and exported trees hold it."""
        known = msgspec.to_builtins(self)  # without what is not said
        return json.dumps({**known.pop("other", {}), **known}, sort_keys=True)

    @property
    def splitter(self) -> SplitterName | None:
        """What cut the texts into steps."""
        found = (self.sample or self.probes or {}).get("splitter")
        return found if found in get_args(SplitterName) else None
