"""Counts what a log of Cline records, straight from the log: FILE."""

import json
import os
import re
import sys

TAGS = "execute_command|read_file|write_to_file|replace_in_file|search_files|list_files|list_code_definition_names|browser_action|use_mcp_tool|access_mcp_resource|ask_followup_question|attempt_completion|plan_mode_respond|new_task"
CALL = re.compile(rf"^[ \t]*<({TAGS})>(.*?)(?:</\1>|\Z)", re.M | re.S)
RESULT = re.compile(r"^\s*\[(\w+)[^\n]*?\] Result:")
PERSON = re.compile(r"<(task|feedback|user_message|answer)>\s*(.+?)\s*</\1>", re.S)
EDITS = {"write_to_file", "replace_in_file", "editor", "apply_diff"}
FAILED = ("<error>", "The tool execution failed", "The user denied this operation")
REQUESTS = ("api_req_started", "deleted_api_reqs", "subagent_usage")


def texts(content):
    if isinstance(content, str):
        return [content]
    return [block["text"] for block in content if isinstance(block.get("text"), str)]


def failed(block):
    content = block.get("content")
    items = [content] if isinstance(content, str) else content or []
    for item in items:
        if isinstance(item, str):
            try:
                item = json.loads(item)
            except ValueError:
                item = {"text": item}
        if isinstance(item, dict) and (item.get("success") is False or str(item.get("text", "")).startswith(FAILED)):
            return True
    return bool(block.get("is_error"))


def window_tokens(path):
    place = os.path.join(os.path.dirname(os.path.abspath(path)), "ui_messages.json")
    found = []
    if os.path.basename(path) == "api_conversation_history.json" and os.path.exists(place):
        with open(place, encoding="utf-8") as file:
            for shown in json.load(file):
                if shown.get("say") in REQUESTS and not shown.get("partial"):
                    used = json.loads(shown.get("text") or "{}")
                    found.append([used.get(key) or 0 for key in ("tokensIn", "tokensOut", "cacheReads", "cacheWrites")])
    return found


def metrics(message):
    used = message.get("metrics") or {}
    if "tokens" in used:
        return [used["tokens"].get("prompt", 0), used["tokens"].get("completion", 0), used["tokens"].get("cached", 0), 0]
    i, read, write = (used.get(key, 0) for key in ("inputTokens", "cacheReadTokens", "cacheWriteTokens"))
    return [i - read - write if i >= read + write else i, used.get("outputTokens", 0), read, write]


def is_prompt(message, is_store):
    metadata = message.get("metadata") or {}
    if metadata.get("kind") == "compaction" or metadata.get("displayRole") == "system":
        return False
    if is_store:
        blocks = message["content"]
        said = [b for b in blocks if b["type"] in ("image", "file") or b["type"] == "text" and b["text"].strip() and not b["text"].lstrip().startswith(("<SYSTEM_NOTICE>", "<environment_details>"))]
        return bool(said)
    blocks = message["content"] if isinstance(message["content"], list) else [{"type": "text", "text": message["content"]}]
    nested = [text for block in blocks if block.get("type") == "tool_result" for text in texts(block.get("content") or [])]
    return any(PERSON.search(text) for text in texts(blocks) + nested)


def main(path):
    with open(path, encoding="utf-8") as file:
        document = json.load(file)
    is_store = isinstance(document, dict)
    messages = document.get("messages") if is_store else document
    if not isinstance(messages, list) or not messages or "role" not in messages[0]:
        return {"skip": "no conversation"}
    prompts = calls = results = 0
    edits, pending, codes, total = {}, None, [], [0] * 4
    for number, message in enumerate(messages):
        if message["role"] == "user":
            prompts += is_prompt(message, is_store)
            for block in message["content"] if isinstance(message["content"], list) else []:
                if block["type"] == "tool_result":
                    results += 1
                    if failed(block):
                        edits.pop(block["tool_use_id"], None)
                elif block["type"] == "text" and not is_store:
                    if RESULT.match(block["text"]):
                        results += 1
                        pending = RESULT.match(block["text"])[1]
                    elif pending and block["text"].startswith(FAILED):
                        edits.pop(number - 1, None)
                    elif pending == "execute_command" and (code := re.match(r".*exit code (-?\d+)", block["text"])):
                        codes.append(int(code[1]))
            pending = None
        elif message["role"] == "assistant":
            total = [sum(pair) for pair in zip(total, metrics(message))]
            for block in message["content"] if isinstance(message["content"], list) else []:
                if block["type"] == "tool_use":
                    calls += 1
                    if block["name"] in EDITS:
                        edits[block["id"]] = True
                elif block["type"] == "text" and not is_store:
                    for name, _ in CALL.findall(block["text"]):
                        calls += name != "new_task"
                        if name in EDITS:
                            edits[number] = True
    shown = window_tokens(path)
    if shown:
        total = [sum(column) for column in zip(*shown)]
    names = ("input", "output", "cache_read", "cache_write")
    return dict(zip(names, total), prompts=prompts, calls=calls, results=results, edits=len(edits), exit_codes=sorted(codes))


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
