"""Counts what a GitHub Copilot CLI session holds, from the log alone: python3 copilot_cli.py FILE"""

import json
import re
import sys


def main(path):
    counts = dict(prompts=0, calls=0, results=0, edits=0, exit_codes=[], input=0, output=0)
    counts.update(cache_read=0, cache_write=0, reasoning=0)
    calls, answered, failed, said = {}, {}, set(), 0
    for line in open(path, encoding="utf-8-sig", errors="replace"):
        try:
            record = json.loads(line)
        except ValueError:
            continue
        data, kind = record.get("data") or {}, record.get("type")
        if kind == "user.message" and data.get("source") in (None, "", "user"):
            counts["prompts"] += bool(data.get("content") or data.get("attachments"))
        elif kind == "assistant.message":
            said += data.get("outputTokens") or 0
            for call in data.get("toolRequests") or []:
                calls[call["toolCallId"]] = (call["name"], call.get("arguments"))
        elif kind == "tool.execution_start":
            calls.setdefault(data["toolCallId"], (data["toolName"], data.get("arguments")))
        elif kind == "tool.execution_complete":
            counts["results"] += 1
            result = data.get("result") or {}
            answered[data["toolCallId"]] = (data, result)
            if data.get("success") is False or data.get("error") or result.get("result_type", "success") != "success":
                failed.add(data["toolCallId"])
        elif kind == "session.shutdown":
            for model in data["modelMetrics"].values():
                usage = model["usage"]
                read, write = usage.get("cacheReadTokens", 0), usage.get("cacheWriteTokens", 0)
                counts["input"] += usage.get("inputTokens", 0) - read - write
                counts["cache_read"] += read
                counts["cache_write"] += write
                counts["reasoning"] += usage.get("reasoningTokens", 0)
                counts["output"] += usage.get("outputTokens", 0)
            said = 0 if data["modelMetrics"] else said
    counts["output"] += said
    counts["calls"] = sum(name != "task" for name, _ in calls.values())  # a subagent is a task, not a call
    for call, (name, arguments) in calls.items():
        if name in ("create", "edit") and call not in failed:
            counts["edits"] += 1
        if name == "apply_patch" and call not in failed:
            counts["edits"] += len(re.findall(r"^\*\*\* (?:Add|Update|Delete) File: ", str(arguments), re.M))
        if name == "bash" and call in answered:
            data, result = answered[call]
            code = ((data.get("toolTelemetry") or {}).get("metrics") or {}).get("exit_code")
            tail = re.search(r"<(?:shellId: \S+ completed|exited) with exit code (-?\d+)>\s*$", result.get("content") or "")
            if code is None and tail:
                code = int(tail.group(1))
            if code is not None:
                counts["exit_codes"].append(code)
    counts["exit_codes"].sort()
    print(json.dumps(counts))


main(sys.argv[1])
