"""Counts what a native Agenix session holds: `python3 agenix.py FILE` prints one JSON object.

It reads the log directly and knows nothing of HAIL; `tests/agents/counts.rs` compares its numbers
with what the parser makes of the same file.
"""

import json
import sys


def messages(path):
    with open(path, encoding="utf-8-sig") as file:
        text = file.read()
    try:
        whole = json.loads(text)
    except ValueError:
        whole = None
    if whole and "messages" in whole:
        yield from whole["messages"]
        return
    for line in text.splitlines():
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if record.get("type") == "message":
            yield record["message"]


def main(path):
    calls, results, prompts, used = {}, {}, 0, {"input": 0, "output": 0}
    for message in messages(path):
        role, content = message.get("role"), message.get("content")
        prompts += role == "user" and bool(content)
        if role == "tool":
            results[message["tool_call_id"]] = message.get("is_error", False)
        blocks = content if isinstance(content, list) else []
        for call in [b for b in blocks if b.get("type") == "tool_call"] + (message.get("tool_calls") or []):
            calls[call["id"]] = call["name"]
        usage = message.get("usage") or {}
        used["input"] += usage.get("input_tokens") or usage.get("prompt_tokens") or 0
        used["output"] += usage.get("output_tokens") or usage.get("completion_tokens") or 0
    edits = [key for key, name in calls.items() if name in ("write", "edit") and not results.get(key)]
    return {
        "prompts": prompts, "calls": len(calls), "results": len(results), "edits": len(edits), "exit_codes": [],
        **used,
    }


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1])))
