"""Counts what a Factory Droid session holds, from the log alone: python3 factory_droid.py FILE"""

import json
import re
import sys


def prompt(text):
    text = re.sub(r"^(?:\s*<system-reminder>.*?</system-reminder>)+\s*", "", text, flags=re.S)
    return text.strip()


def main(path):
    counts = dict(prompts=0, calls=0, results=0, edits=0, exit_codes=[], input=0, output=0, cache_read=0, cache_write=0)
    edits, failed = [], set()

    def use(usage):
        for key, own in (
            ("input", "input_tokens"),
            ("output", "output_tokens"),
            ("cache_read", "cache_read_input_tokens"),
            ("cache_write", "cache_creation_input_tokens"),
        ):
            counts[key] += (usage or {}).get(own) or 0

    def call(name, given, call_id):
        counts["calls"] += 1
        if name in ("Write", "Create", "Edit", "MultiEdit"):
            edits.append(call_id)
        if name == "ApplyPatch":
            files = re.findall(r"^\*\*\* (?:Add|Update|Delete) File: ", str(given.get("input")), re.M)
            edits.extend([call_id] * len(files))

    def result(call_id, text, is_error, code=None):
        counts["results"] += 1
        failure = re.match(r"Error: Command failed \(exit code: (\d+)\)", text)
        end = re.search(r"\[Process exited with code (\d+)\]\s*$", text)
        if is_error or failure:
            failed.add(call_id)
        found = code if code is not None else int((failure or end).group(1)) if failure or end else None
        if found is not None:
            counts["exit_codes"].append(found)

    for line in open(path, encoding="utf-8-sig", errors="replace"):
        try:
            record = json.loads(line)
        except ValueError:
            continue
        kind = record.get("type")
        if kind == "message" and "message" in record:
            message = record["message"]
            use(record.get("usage") or message.get("usage"))
            texts = [part for part in message["content"] if part["type"] == "text"]
            hidden = str(record.get("visibility") or message.get("visibility")).startswith("llm")
            if message["role"] == "user" and not hidden and any(prompt(part["text"]) for part in texts):
                counts["prompts"] += 1
            for part in message["content"]:
                if part["type"] == "tool_use":
                    call(part["name"], part["input"], part["id"])
                if part["type"] == "tool_result":
                    result(part["tool_use_id"], str(part.get("content")), part.get("is_error"))
        elif kind == "message":
            counts["prompts"] += record.get("role") == "user" and bool(prompt(record["text"]))
        elif kind == "tool_call":
            call(record["toolName"], record["parameters"], record.get("toolCallId", record.get("id")))
        elif kind == "tool_result":
            value = record["value"]
            code = value.get("exitCode") if isinstance(value, dict) else None
            result(record.get("toolCallId", record.get("id")), str(value), record.get("isError"), code)
        elif kind == "completion":
            use(record.get("usage"))
    counts["edits"] = sum(call_id not in failed for call_id in edits)
    counts["exit_codes"].sort()
    print(json.dumps(counts))


main(sys.argv[1])
