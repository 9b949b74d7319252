"""Counts what a Pi session holds, from the log alone: python3 pi.py FILE"""

import json
import re
import sys


def main(path):
    counts = dict(prompts=0, calls=0, results=0, edits=0, exit_codes=[], input=0, output=0, cache_read=0, cache_write=0)
    failed, edits = set(), []
    for line in open(path, encoding="utf-8-sig", errors="replace"):
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if record.get("type") != "message":
            continue
        message = record["message"]
        role = message["role"]
        if role == "user":
            counts["prompts"] += 1
        elif role == "assistant":
            usage = message.get("usage") or {}
            for key, own in (("input", "input"), ("output", "output"), ("cache_read", "cacheRead"), ("cache_write", "cacheWrite")):
                counts[key] += usage.get(own) or 0
            for part in message["content"] if isinstance(message["content"], list) else []:
                if part["type"] == "toolCall":
                    counts["calls"] += 1
                    arguments = part.get("arguments") or {}
                    if part["name"] in ("write", "edit") and arguments.get("path"):
                        edits.append(part["id"])
        elif role == "toolResult":
            counts["results"] += 1
            if message["isError"]:
                failed.add(message["toolCallId"])
            if message["toolName"] == "bash":
                text = "\n".join(part.get("text", "") for part in message["content"])
                tail = re.search(r"(?:^|\n)Command exited with code (\d+)\s*$", text)
                if not message["isError"]:
                    counts["exit_codes"].append(0)
                elif tail:
                    counts["exit_codes"].append(int(tail.group(1)))
        elif role == "bashExecution":
            counts["calls"] += 1
            counts["results"] += 1
            if message.get("exitCode") is not None:
                counts["exit_codes"].append(message["exitCode"])
    counts["edits"] = sum(call not in failed for call in edits)
    counts["exit_codes"].sort()
    print(json.dumps(counts))


main(sys.argv[1])
