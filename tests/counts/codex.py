"""Counts what a native Codex log holds: `python3 codex.py FILE` prints one JSON object.

It reads the log directly and knows nothing of HAIL; `tests/agents/counts.rs` compares its numbers
with what the parser makes of the same file.
"""

import collections
import json
import re
import sys

INJECTED = ("<environment_context", "# AGENTS.md instructions", "<skill>", "<user_instructions", "<turn_aborted")
SHELLS = ("shell", "exec_command", "shell_command")


def records(path):
    with open(path, "rb") as file:
        for line in file:
            try:
                record = json.loads(line)
            except ValueError:
                continue
            payload = record.get("payload")
            if payload is None:
                yield "response_item", record
            else:
                yield record.get("type"), payload


def code_of(output):
    """The exit code that a call's output tells, `None` where it tells none."""
    if not isinstance(output, str):
        return None
    if output.startswith('{"output"'):
        return json.loads(output)["metadata"]["exit_code"]
    found = re.search(r"(?:^|\n)(?:Exit code: |Process exited with code )(-?\d+)", output.split("\nOutput:")[0])
    if not found and output.startswith("failed in sandbox"):
        found = re.search(r"exit[ _]code: (\d+)", output)
    return int(found[1]) if found else None


def command_of(call):
    arguments = json.loads(call["arguments"])
    command = arguments.get("command", arguments.get("cmd"))
    return command[-1] if isinstance(command, list) else command


def patch_of(call):
    if call.get("name") == "apply_patch":
        if call.get("input") is not None:
            return call["input"]
        arguments = json.loads(call["arguments"])
        return arguments.get("patch") or arguments.get("input")
    if call.get("name") in SHELLS:
        command = command_of(call)
        if "*** Begin Patch" in command and "apply_patch" in command:
            return command
    return None


def count_edits(calls, outputs, codes, ended):
    edits = 0
    for call_id, call in calls.items():
        patch = patch_of(call)
        output = outputs.get(call_id, "")
        if patch is None or codes.get(call_id) not in (0, None) or ended.get(call_id) is False:
            continue
        if "verification failed" in str(output)[:60]:
            continue
        edits += len(re.findall(r"^\*\*\* (?:Add|Update|Delete) File: ", patch, re.M))
    return edits


def command_codes(calls, outputs, codes):
    """The codes of the commands; one that went on in a session has that of the last look at it."""
    found, sessions = {}, {}
    for call_id, call in calls.items():
        if call.get("name") in SHELLS:
            if re.match(r"\s*apply_patch", command_of(call)):
                continue
            found[call_id] = codes.get(call_id)
            running = re.search(r"Process running with session ID (\d+)", str(outputs.get(call_id, "")).split("\nOutput:")[0])
            if running:
                sessions[running[1]] = call_id
        elif call.get("name") == "write_stdin":
            origin = sessions.get(str(json.loads(call["arguments"])["session_id"]))
            if origin and found[origin] is None:
                found[origin] = codes.get(call_id)
    return sorted(code for code in found.values() if code is not None)


def main(path):
    plain = lambda text: re.sub(r"\s+", "", text)
    tokens = collections.Counter()
    asked, told, calls, outputs, ended = collections.Counter(), collections.Counter(), {}, {}, {}
    previous = None
    for kind, payload in records(path):
        what = payload.get("type")
        if kind == "event_msg" and what == "token_count":
            info = payload.get("info")
            last = info and info.get("last_token_usage")
            if info is None and "input_tokens" in payload:
                last = payload
            if last is None or (info and info.get("total_token_usage") == previous and previous is not None):
                continue
            previous = info.get("total_token_usage") if info else previous
            cached, wrote = last.get("cached_input_tokens", 0), last.get("cache_write_input_tokens", 0)
            tokens.update(
                input=last["input_tokens"] - cached - wrote, output=last["output_tokens"], cache_read=cached,
                cache_write=wrote, reasoning=last.get("reasoning_output_tokens", 0),
            )
        elif kind == "event_msg" and what == "user_message":
            told[plain(payload["message"])] += 1
        elif kind == "event_msg" and what == "patch_apply_end":
            ended[payload["call_id"]] = payload["success"]
        elif what == "message" and payload["role"] == "user":
            texts = [block.get("text", "") for block in payload["content"]]
            texts = [text for text in texts if not text.lstrip().startswith(INJECTED)]
            if texts:
                asked[plain("".join(texts))] += 1
        elif what in ("function_call", "custom_tool_call", "tool_search_call"):
            calls[payload.get("call_id")] = payload
        elif what in ("function_call_output", "custom_tool_call_output"):
            outputs[payload["call_id"]] = payload["output"]
    codes = {call_id: code_of(output) for call_id, output in outputs.items()}
    return {
        "prompts": sum((asked | told).values()), "edits": count_edits(calls, outputs, codes, ended),
        "exit_codes": command_codes(calls, outputs, codes),
        **{key: tokens[key] for key in ("input", "output", "cache_read", "cache_write", "reasoning")},
    }


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1])))
