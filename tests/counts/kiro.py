"""Counts what a Kiro CLI session holds, from the log alone: python3 kiro.py FILE"""

import json
import re
import sys


def main(path):
    counts = dict(prompts=0, calls=0, results=0, edits=0, exit_codes=[])
    edits, failed = [], set()
    for line in open(path, encoding="utf-8-sig", errors="replace"):
        try:
            record = json.loads(line)
        except ValueError:
            continue
        parts = (record.get("data") or {}).get("content") or []
        if record.get("kind") == "Prompt":
            counts["prompts"] += 1
        for part in parts:
            data = part.get("data")
            if part.get("kind") == "toolUse":
                counts["calls"] += 1
                if data["name"] in ("write", "fs_write"):
                    edits.append(data["toolUseId"])
            elif part.get("kind") == "toolResult":
                counts["results"] += 1
                if str(data.get("status")).lower() != "success":
                    failed.add(data["toolUseId"])
                for block in data.get("content") or []:
                    status = block.get("data", {}).get("exit_status") if block.get("kind") == "json" else None
                    code = re.search(r"(-?\d+)$", str(status))
                    if code:
                        counts["exit_codes"].append(int(code.group(1)))
    counts["edits"] = sum(call not in failed for call in edits)
    counts["exit_codes"].sort()
    print(json.dumps(counts))


main(sys.argv[1])
