"""Counts what a Qwen Code session holds, from the log alone: python3 qwen_code.py FILE"""

import json
import sys

EDITS = {"write_file", "edit", "replace"}


def records(path):
    decoder = json.JSONDecoder()
    with open(path, encoding="utf-8-sig", errors="replace") as file:
        for line in file:
            line = line.strip()
            while line:
                try:
                    record, end = decoder.raw_decode(line)
                except ValueError:
                    break
                if isinstance(record, dict) and record.get("uuid"):
                    yield record
                line = line[end:].lstrip()


def number(usage, key):
    return usage.get(key) or 0


def main(path):
    counts = dict(prompts=0, calls=0, results=0, edits=0, input=0, output=0, cache_read=0, reasoning=0)
    failed, edits, seen = set(), [], set()
    for record in records(path):
        own = (record["uuid"], record.get("timestamp"))
        if own in seen and str(own[1])[:2] == "20":
            continue
        seen.add(own)
        parts = (record.get("message") or {}).get("parts") or []
        kind = record.get("type")
        if kind == "user" and record.get("subtype") in (None, "mid_turn_user_message") and parts:
            counts["prompts"] += 1
        elif kind == "assistant":
            usage = record.get("usageMetadata") or {}
            prompt, output = number(usage, "promptTokenCount"), number(usage, "candidatesTokenCount")
            thoughts, cached = number(usage, "thoughtsTokenCount"), number(usage, "cachedContentTokenCount")
            apart = number(usage, "totalTokenCount") == prompt + output + thoughts
            counts["input"] += prompt - cached
            counts["output"] += output + thoughts if apart else max(output, thoughts)
            counts["cache_read"] += cached
            counts["reasoning"] += thoughts
            for part in parts:
                call = part.get("functionCall")
                if call:
                    counts["calls"] += 1
                    if call.get("name") in EDITS:
                        edits.append(call.get("id"))
        elif kind == "tool_result":
            counts["results"] += 1
            result = record.get("toolCallResult") or {}
            if result.get("status") in ("error", "cancelled"):
                failed.add(result.get("callId"))
    counts["edits"] = sum(call not in failed for call in edits)
    print(json.dumps(counts))


main(sys.argv[1])
