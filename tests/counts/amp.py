"""Counts what a native Amp thread holds: `python3 amp.py FILE` prints one JSON object.

It reads the thread directly and knows nothing of HAIL; `tests/agents/counts.rs` compares its numbers
with what the parser makes of the same file.
"""

import json
import sys

EDITS = ("edit_file", "create_file", "delete_file")
SHELLS = ("Bash", "shell_command")
OPEN = ("in-progress", "queued", "blocked-on-user")


def main(path):
    with open(path, encoding="utf-8-sig") as file:
        thread = json.load(file)
    ledger = {e.get("toMessageId"): e.get("tokens", {}) for e in thread.get("usageLedger", {}).get("events", [])}
    prompts, calls, runs = 0, {}, {}
    used = dict.fromkeys(("input", "output", "cache_read", "cache_write"), 0)
    for message in thread["messages"]:
        content = message.get("content") or []
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
        role, meta = message.get("role"), message.get("meta") or {}
        kinds = [block.get("type") for block in blocks]
        if role == "user" and not meta.get("fromExecutorThreadID") and not meta.get("fromAggman"):
            said = [kind in ("text", "image") for kind in kinds]
            # Text right after text is one prompt.
            prompts += sum(now and not before for before, now in zip([False] + said, said)) * ("summary" not in kinds)
        for block in blocks:
            if block.get("type") == "tool_use":
                calls[block["id"]] = block["name"]
            elif block.get("type") == "tool_result" and block["run"].get("status") not in OPEN:
                runs[block["toolUseID"]] = block["run"]
            elif block.get("type") == "manual_bash_invocation":
                calls[id(block)], runs[id(block)] = "Bash", block.get("toolRun", {})
        usage = message.get("usage")
        if role == "assistant" and usage:
            counts = usage.get("inputTokens"), usage.get("outputTokens")
        else:
            usage = ledger.get(message.get("messageId"), {}) if role == "assistant" else {}
            counts = usage.get("input"), usage.get("output")
        extra = usage.get("cacheReadInputTokens"), usage.get("cacheCreationInputTokens")
        for key, count in zip(used, counts + extra):
            used[key] += count or 0
    returned = [(calls.get(key), run) for key, run in runs.items()]
    failed = {key for key, run in runs.items() if run.get("status") not in ("done", None)}
    codes = [run["result"]["exitCode"] for name, run in returned
             if name in SHELLS and isinstance(run.get("result"), dict) and "exitCode" in run["result"]]
    return {
        "prompts": prompts,
        "calls": sum(name != "Task" for name in calls.values()),
        "results": len(runs),
        "edits": sum(name in EDITS and key not in failed for key, name in calls.items()),
        "exit_codes": sorted(codes),
        **used,
    }


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1])))
