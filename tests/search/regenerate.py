"""Write one golden tree for each strategy: ``python tests/search/regenerate.py``, after a change that is meant."""

import json
from dataclasses import asdict
from pathlib import Path

from world import HUNCH, PROBLEMS, SETTINGS, cost, make, solve

FOLDER = Path(__file__).parent / "golden"


def golden(name):
    """What a strategy makes of the first problem, as JSON."""
    (solved,) = solve(PROBLEMS[:1], make(name), verifier=HUNCH, selector="flow_vote", seed=2)
    tree = solved.tree
    record = {
        "strategy": name,
        "settings": list(SETTINGS[name]),
        "tree": [list(node) for node in zip(tree.parent, tree.text, tree.stop, strict=True)],
        "candidates": list(solved.candidates),
        "decision": asdict(solved.decision),
        "stop_reason": solved.stop_reason,
        "spend": cost(solved.spend),
    }
    return json.loads(json.dumps(record))


def line_by_line(record):
    """JSON with one line for each field, and one for each node."""
    nodes = ",\n".join(f"  {json.dumps(node)}" for node in record["tree"])
    fields = [f' "{key}": ' + (f"[\n{nodes}]" if key == "tree" else json.dumps(value)) for key, value in record.items()]
    return "{\n" + ",\n".join(fields) + "\n}\n"


if __name__ == "__main__":
    for name in SETTINGS:
        (FOLDER / f"{name}.json").write_text(line_by_line(golden(name)), encoding="utf-8")
