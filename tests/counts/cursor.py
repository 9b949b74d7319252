"""Counts what a log of Cursor records, straight from the log: FILE [PART]."""

import json
import os
import shutil
import sqlite3
import sys
import tempfile

CHATS = "workbench.panel.aichat.view.aichat.chatdata"
EDITS = {"edit_file", "edit_file_v2", "search_replace", "write", "delete_file", "reapply", "multi_edit", "edit", "create_file"}
TRANSCRIPT_EDITS = {"Write", "StrReplace", "Edit", "MultiEdit", "Delete"}
NO_CALLS = {"task", "agent", "subagent"}


def parsed(text):
    try:
        return json.loads(text)
    except (TypeError, ValueError):
        return None


def open_copy(path, place):
    for suffix in ("", "-wal"):
        if os.path.exists(path + suffix):
            shutil.copy(path + suffix, os.path.join(place, "db" + suffix))
    return sqlite3.connect(os.path.join(place, "db"))


def conversations(database):
    tables = {row[0] for row in database.execute("SELECT name FROM sqlite_master")}
    found = {}
    if "ItemTable" in tables:
        for key, member, name, bubbles in (
            ("composer.composerData", "allComposers", "composerId", "conversation"),
            (CHATS, "tabs", "tabId", "bubbles"),
        ):
            row = database.execute("SELECT value FROM ItemTable WHERE key = ?", (key,)).fetchone()
            for item in (parsed(row[0]) or {}).get(member, []) if row else []:
                if item.get(bubbles):
                    found[item[name]] = (item, item[bubbles])
    if "cursorDiskKV" in tables:
        for key, value in database.execute("SELECT key, value FROM cursorDiskKV WHERE key LIKE 'composerData:%'"):
            item = parsed(value) or {}
            bubbles = list(item.get("conversation") or [])
            name = key.split(":", 1)[1]
            for header in item.get("fullConversationHeadersOnly") or []:
                row = database.execute("SELECT value FROM cursorDiskKV WHERE key = ?", (f"bubbleId:{name}:{header['bubbleId']}",)).fetchone()
                bubbles.append(parsed(row[0]) if row and row[0] else None)
            if bubbles:
                found[name] = (item, bubbles)
    return found


def accepted(bubble, info):
    for block in bubble.get("codeBlocks") or []:
        uri = block.get("uri") or {}
        versions = (info.get("codeBlockData") or {}).get(uri.get("external") or uri.get("path"))
        for data in versions if isinstance(versions, list) else []:
            if data.get("version", 0) == block.get("version", 0):
                yield data.get("status") == "accepted"
                break


def count_bubbles(info, bubbles):
    prompts = calls = results = edits = used_in = used_out = 0
    codes = []
    for bubble in bubbles:
        if not isinstance(bubble, dict):
            continue
        if bubble.get("type") in (1, "user"):
            images = bubble.get("images") or (bubble.get("context") or {}).get("selectedImages") or bubble.get("selectedImages")
            prompts += bool(bubble.get("text") or images)
            continue
        changed = sum(accepted(bubble, info))
        edits, calls = edits + changed, calls + changed
        used = bubble.get("tokenCount") or {}
        used_in, used_out = used_in + used.get("inputTokens", 0), used_out + used.get("outputTokens", 0)
        tool = bubble.get("toolFormerData") or {}
        if not tool.get("name"):
            continue
        result = parsed(tool.get("result"))
        fields = result if isinstance(result, dict) else {}
        code = fields.get("exitCodeV2", fields.get("exitCode"))
        rejected = tool.get("userDecision") == "rejected" or fields.get("rejected")
        calls += tool["name"] not in NO_CALLS
        results += bool(tool.get("result")) or tool.get("status") in ("completed", "error", "cancelled")
        edits += tool["name"] in EDITS and tool.get("status") not in ("error", "cancelled") and not rejected
        if tool["name"].startswith("run_terminal") and isinstance(code, int):
            codes.append(code)
    return dict(prompts=prompts, calls=calls, results=results, edits=edits, exit_codes=sorted(codes), input=used_in, output=used_out)


def count_lines(path):
    prompts = calls = results = edits = 0
    is_child = os.path.basename(os.path.dirname(os.path.abspath(path))) == "subagents"
    with open(path, encoding="utf-8") as file:
        for line in file:
            record = parsed(line)
            blocks = ((record or {}).get("message") or {}).get("content") or []
            for block in blocks:
                kind, text = block.get("type", ""), block.get("text", "").strip()
                if kind == "text" and record["role"] == "user" and text and not is_child:
                    whole = text.startswith("<") and text.endswith(f"</{text[1:].split('>')[0].split(' ')[0]}>")
                    prompts += "<user_query>" in text or not whole
                if kind in ("tool_use", "tool_call"):
                    calls += block["name"].lower() not in NO_CALLS
                    edits += block["name"] in TRANSCRIPT_EDITS
                results += kind in ("tool_result", "tool-result")
    return dict(prompts=prompts, calls=calls, results=results, edits=edits)


def main(path, part=None):
    with open(path, "rb") as file:
        head = file.read(16)
    if head.startswith(b"SQLite format 3"):
        with tempfile.TemporaryDirectory() as place:
            found = conversations(open_copy(path, place))
        if part is None and len(found) != 1:
            return {"skip": f"holds {len(found)} conversations"}
        return count_bubbles(*found[part or next(iter(found))])
    if not path.endswith(".jsonl"):
        return {"skip": "a piece of a conversation"}
    return count_lines(path)


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
