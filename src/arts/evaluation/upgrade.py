"""What an older arts wrote, schema 2 of reports and version 1 of cassettes, in the shape of today's."""

from itertools import product
from typing import Any, get_args

from arts.evaluation.audit import LOGGED
from arts.evaluation.methods import shown_name
from arts.selection.scores import Aggregation
from arts.selection.selectors import SELECTORS

_PLAIN = {"one sample": "random", "majority": "majority", "oracle": "oracle"}
"""Selectors without scores by their former rule."""
_RENAMED = {"source kind": "source_kind", "score unit": "score_unit"}
_KEPT = ("proposer", "verdicts", "command", "commands", "versions", "seed")
"""What was known of a report's origin under a name of its own; all else are settings."""


def upgraded_report(report: Any) -> Any:
    """A report of schema 2, as JSON gives it.

    Raises:
        KeyError, TypeError, AttributeError: it is not whole.
    """
    methods = {name: _method(name, m) for name, m in report["methods"].items()}
    audit = {"audit": upgraded_audit(report["audit"])} if "audit" in report else {}
    return {**report, "schema": 3, "methods": methods, "about": upgraded_about(report["about"]), **audit}


def _method(name: str, m: Any) -> Any:
    """``rule`` becomes the selector; the scorer and the aggregation are read from the name."""
    rest = {key: value for key, value in m.items() if key != "rule"}
    for selector, how in product(("best_of_n", "flow_vote"), get_args(Aggregation)):
        ending = shown_name(SELECTORS[selector], "", how)
        if m["rule"] == SELECTORS[selector].title and name.endswith(ending):
            return {"selector": selector, "scorer": name.removesuffix(ending), "aggregation": how, **rest}
    return {"selector": _PLAIN[m["rule"]], "scorer": None, "aggregation": None, **rest}


def upgraded_about(about: Any) -> Any:
    """Where it is from."""
    known = {_RENAMED.get(key, key): value for key, value in about.items() if key in (*_KEPT, *_RENAMED)}
    return known | {"settings": {key: value for key, value in about.items() if key not in (*_KEPT, *_RENAMED)}}


def upgraded_audit(audit: Any) -> Any:
    """The judge "recorded" is "logged" now, keys are by grader alone, an example's verdicts are a part of it."""
    golds = {name: keys for name, keys in audit["golds"].items() if name != "checked"}
    judges = {_judge(name): tally for name, tally in audit["judges"].items()}
    disagreements = [
        pair | {"judges": [*map(_judge, pair["judges"])], "examples": [*map(_example, pair["examples"])]}
        for pair in audit["disagreements"]
    ]
    return audit | {"judges": judges, "disagreements": disagreements, "golds": golds}


def _example(example: Any) -> Any:
    plain = {key: value for key, value in example.items() if key in ("id", "key", "answer", "samples")}
    return plain | {"verdicts": {_judge(key): value for key, value in example.items() if key not in plain}}


def _judge(name: str) -> str:
    return LOGGED if name == "recorded" else name
