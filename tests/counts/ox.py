"""Counts what a recording of ox holds: `python3 ox.py FILE` prints one JSON object.

It reads the recording directly and knows nothing of HAIL; `tests/agents/counts.rs` compares its
numbers with what the parser makes of the same file.
"""

import json
import sys


def main(path):
    counted = {"prompts": 0, "calls": 0, "results": 0, "edits": 0, "exit_codes": []}
    with open(path, encoding="utf-8-sig") as file:
        for line in file:
            try:
                record = json.loads(line)
            except ValueError:
                continue
            body = record["data"] if isinstance(record.get("data"), dict) else record
            kind = record.get("type")
            if kind == "message":
                kind = body.get("role")
            if kind == "user" and body.get("content"):
                counted["prompts"] += 1
            elif kind in ("tool", "tool_call"):
                counted["calls"] += 1
                counted["results"] += body.get("tool_output") is not None
                if body.get("tool_name", body.get("tool")) in ("Edit", "Write", "MultiEdit"):
                    counted["edits"] += isinstance(body.get("tool_input", body.get("input")), dict)
            elif kind == "tool_result":
                counted["results"] += 1
    return counted


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1])))
