"""Counts what a native Claude Code log holds: `python3 claude_code.py FILE` prints one JSON object.

It reads the log directly and knows nothing of HAIL; `tests/agents/counts.rs` compares its numbers
with what the parser makes of the same file.
"""

import json
import re
import sys

INJECTED = (
    "<command-", "<local-command", "<bash-", "<task-notification", "<agent-notification",
    "[Request interrupted", "Caveat: The messages below", "<ide_",
)


def records(path):
    with open(path, "rb") as file:
        for line in file.read().decode("utf-8", "replace").lstrip("\ufeff").split("\n"):
            try:
                record = json.loads(line)
            except ValueError:
                continue
            if isinstance(record, dict):
                yield record


def is_prompt(record):
    origin = (record.get("origin") or {}).get("kind")
    if any(record.get(key) for key in ("isMeta", "isCompactSummary", "isVisibleInTranscriptOnly")):
        return False
    if origin not in (None, "human") or (record.get("isSidechain") and origin != "human"):
        return False
    content = record["message"].get("content") or []
    if isinstance(content, str):
        texts = [content]
    else:
        blocks = [block for block in content if isinstance(block, dict)]
        texts = [block.get("text", "") for block in blocks if block.get("type") == "text"]
        if any(block.get("type") == "image" for block in blocks):
            return True
    for text in texts:
        text = re.sub(r"<system-reminder>.*?</system-reminder>", "", text, flags=re.S).strip()
        if text and not text.startswith(INJECTED):
            return True
    return False


def exit_code(block, outcome):
    """The code of a command, `None` where none was recorded."""
    if block.get("is_error"):
        found = re.match(r"Exit code (\d+)", block["content"] if isinstance(block.get("content"), str) else "")
        return int(found[1]) if found else None
    if isinstance(outcome, dict) and (outcome.get("backgroundTaskId") or outcome.get("interrupted")):
        return None
    return int(bool(isinstance(outcome, dict) and outcome.get("returnCodeInterpretation")))


def main(path):
    prompts = calls = results = edits = 0
    codes, usage, names, seen, failed = [], {}, {}, set(), set()
    for record in records(path):
        key = (record.get("uuid"), record.get("type"), record.get("timestamp"))
        if record.get("uuid") and key in seen and "[" not in record["uuid"]:
            continue
        seen.add(key)
        message = record.get("message")
        attachment = record.get("attachment")
        if record.get("type") == "attachment" and isinstance(attachment, dict):
            prompts += attachment.get("type") == "queued_command" and attachment.get("commandMode", "prompt") == "prompt"
        # An early form without messages.
        calls += record.get("type") == "tool_use"
        results += record.get("type") == "tool_result"
        if record.get("type") == "tool_result" and record.get("name") in ("Bash", "bash"):
            codes.append(0)
        if record.get("type") not in ("user", "assistant") or not isinstance(message, dict):
            continue
        if record["type"] == "assistant" and message.get("model") != "<synthetic>" and message.get("usage"):
            usage[(message.get("id") or record.get("uuid"), record.get("requestId"))] = message["usage"]
        prompts += record["type"] == "user" and is_prompt(record)
        content = message.get("content")
        for block in content if isinstance(content, list) else []:
            if not isinstance(block, dict):
                continue
            if block.get("type") == "tool_use":
                names[block.get("id")] = block["name"]
                calls += block["name"] not in ("Task", "Agent")
            if block.get("type") == "tool_result":
                results += 1
                name = names.get(block.get("tool_use_id"))
                code = exit_code(block, record.get("toolUseResult")) if name in ("Bash", "bash") else None
                codes += [] if code is None else [code]
                outcome = record.get("toolUseResult")
                edits += name is None and isinstance(outcome, dict) and bool(outcome.get("structuredPatch"))
                if block.get("is_error"):
                    failed.add(block.get("tool_use_id"))
    edits += sum(name in ("Edit", "MultiEdit", "Write") and key not in failed for key, name in names.items())
    total = lambda key: sum(one.get(key) or 0 for one in usage.values())
    return {
        "prompts": prompts, "calls": calls, "results": results, "edits": edits, "exit_codes": sorted(codes),
        "input": total("input_tokens"), "output": total("output_tokens"),
        "cache_read": total("cache_read_input_tokens"), "cache_write": total("cache_creation_input_tokens"),
    }


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1])))
