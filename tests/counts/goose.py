"""Counts what a log of Goose records, straight from the log: FILE [PART]."""

import json
import os
import shutil
import sqlite3
import sys
import tempfile


def from_database(path, part):
    with tempfile.TemporaryDirectory() as place:
        for suffix in ("", "-wal"):
            if os.path.exists(path + suffix):
                shutil.copy(path + suffix, os.path.join(place, "db" + suffix))
        database = sqlite3.connect(os.path.join(place, "db"))
        database.row_factory = sqlite3.Row
        sessions = {row["id"]: dict(row) for row in database.execute("SELECT * FROM sessions")}
        if part is None and len(sessions) != 1:
            return None, None
        session = sessions[part or next(iter(sessions))]
        rows = database.execute("SELECT * FROM messages WHERE session_id = ? ORDER BY id", (session["id"],)).fetchall()
    messages = []
    for row in rows:
        try:
            content, metadata = json.loads(row["content_json"]), json.loads(row["metadata_json"] or "{}")
        except ValueError:
            continue
        messages.append({"role": row["role"], "content": content, "metadata": metadata})
    return session, messages


def from_lines(path):
    header, messages = {}, []
    with open(path, encoding="utf-8") as file:
        for line in file:
            try:
                record = json.loads(line)
            except ValueError:
                continue
            if "role" in record:
                messages.append(record)
            elif "working_dir" in record:
                header = record
    return header, messages


def is_edit(call):
    name, arguments = call["name"].removeprefix("developer__"), call.get("arguments") or {}
    if name == "text_editor":
        return arguments.get("command") in ("write", "str_replace", "insert", "create")
    return name in ("write", "edit")


def is_command(call):
    return call["name"].removeprefix("developer__") == "shell"


def count(header, messages):
    prompts = results = 0
    codes, calls, failed = [], {}, set()
    for message in messages:
        hidden = (message.get("metadata") or {}).get("userVisible") is False or header.get("session_type") == "sub_agent"
        for block in message["content"]:
            kind = block["type"]
            if kind in ("text", "image") and message["role"] == "user" and not hidden:
                prompts += kind == "image" or bool(block["text"])
            if kind == "toolRequest" and "value" in block["toolCall"]:
                calls[block["id"]] = block["toolCall"]["value"]
            if kind == "toolResponse":
                results += 1
                result = block["toolResult"]
                value = result.get("value") if isinstance(result.get("value"), dict) else {}
                structured = value.get("structuredContent") or {}
                code = structured.get("exit_code", structured.get("exitCode"))
                if result["status"] == "error" or value.get("isError") or code:
                    failed.add(block["id"])
                if code is not None and is_command(calls[block["id"]]):
                    codes.append(code)

    def total(name):
        own = header.get(f"accumulated_{name}_tokens")
        return (header.get(f"{name}_tokens") if own is None else own) or 0

    read, write = total("cache_read"), total("cache_write")
    return dict(
        prompts=prompts,
        calls=len(calls),
        results=results,
        edits=sum(is_edit(call) for name, call in calls.items() if name not in failed),
        exit_codes=sorted(codes),
        input=max(total("input") - read - write, 0),
        output=total("output"),
        cache_read=read,
        cache_write=write,
    )


def main(path, part=None):
    with open(path, "rb") as file:
        is_database = file.read(16).startswith(b"SQLite format 3")
    header, messages = from_database(path, part) if is_database else from_lines(path)
    return count(header, messages) if header is not None else {"skip": "holds several sessions"}


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
