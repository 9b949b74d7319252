"""Counts what a Gemini CLI session holds, from the log alone: python3 gemini_cli.py FILE"""

import json
import re
import sys

EDITS = {"write_file", "replace", "edit"}
TRAILER = ("Error:", "Exit Code:", "Signal:", "Background PIDs:", "Process Group PGID:", "PID:")


def records(text):
    try:
        document = json.loads(text)
        if isinstance(document.get("messages") or document.get("history"), list):
            return None, document.get("messages") or document.get("history")
    except ValueError:
        pass
    found = []
    for line in text.splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:
            pass
    return found, None


def replay(found):
    """All messages that ever were, each in its last state; and those that a rewrite put in."""
    order, messages, rewritten = [], {}, set()
    for record in found:
        if not isinstance(record, dict):
            continue
        change = record.get("$set")
        if "$rewindTo" in record:
            for known in list(messages):
                messages[known]["_gone"] = True
        elif isinstance(change, dict):
            for message in change.get("messages") or []:
                if message.get("id") not in messages:
                    messages[message["id"]] = message
                    order.append(message)
                    rewritten.add(message["id"])
        elif "id" in record and "type" in record:
            known = messages.get(record["id"])
            if known is None:
                messages[record["id"]] = record
                order.append(record)
            else:
                known.clear()
                known.update(record)
    return order, rewritten


def exit_code(text):
    if not text.startswith(("Command:", "Output:", "Error:")):
        return None
    tail = []
    for line in reversed(text.rstrip().split("\n")):
        if not line.startswith(TRAILER):
            break
        tail.append(line)
    for line in tail:
        code = re.fullmatch(r"Exit Code: (-?\d+)", line.strip())
        if code:
            return int(code.group(1))
        if line.startswith("Exit Code:"):
            return None
    signals = [line.split(":", 1)[1].strip() for line in tail if line.startswith("Signal:")]
    if text.startswith("Command:") or any(signal not in ("0", "(none)") for signal in signals):
        return None
    return 0


def has_words(content):
    if isinstance(content, str):
        return bool(content)
    parts = content if isinstance(content, list) else [content]
    return any(part and not (isinstance(part, dict) and "functionResponse" in part) for part in parts)


def main(path):
    with open(path, encoding="utf-8-sig", errors="replace") as file:
        found, messages = records(file.read())
    rewritten = set()
    if messages is None:
        messages, rewritten = replay(found)
        if any("uuid" in record for record in found if isinstance(record, dict)):
            print(json.dumps({"skip": "another agent's records"}))
            return
    counts = dict(prompts=0, calls=0, results=0, edits=0, exit_codes=[], input=0, output=0, cache_read=0, reasoning=0)
    for message in messages:
        kind = message.get("type") or message.get("role")
        content = message.get("content", message.get("parts"))
        if kind == "user" and message.get("id") not in rewritten and has_words(content):
            counts["prompts"] += 1
        if kind not in ("gemini", "model", "assistant"):
            continue
        tokens = message.get("tokens") or {}
        number = lambda key: tokens.get(key) or 0
        counts["input"] += number("input") - number("cached") + number("tool")
        counts["output"] += number("output") + number("thoughts")
        counts["cache_read"] += number("cached")
        counts["reasoning"] += number("thoughts")
        for call in message.get("toolCalls") or []:
            counts["calls"] += not call.get("agentId")  # a subagent is a task, not a call
            status = call.get("status")
            has_result = call.get("result") is not None or status in ("success", "error", "cancelled")
            counts["results"] += has_result
            failed = status in ("error", "cancelled")
            if call.get("name") in EDITS and not failed:
                counts["edits"] += 1
            if call.get("name") == "run_shell_command" and status != "cancelled":
                for part in call.get("result") or []:
                    response = part.get("functionResponse", {}).get("response", {})
                    code = exit_code(response.get("output") or response.get("error") or "")
                    if code is not None:
                        counts["exit_codes"].append(code)
        known = {call.get("id") for call in message.get("toolCalls") or []}
        for part in content if isinstance(content, list) else []:
            call = part.get("functionCall") if isinstance(part, dict) else None
            counts["calls"] += bool(call) and call.get("id") not in known
    counts["exit_codes"].sort()
    print(json.dumps(counts))


main(sys.argv[1])
