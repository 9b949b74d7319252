"""Counts what a log of OpenCode records, straight from the log: FILE [PART]."""

import json
import os
import shutil
import sqlite3
import sys
import tempfile


def from_files(path, info):
    storage = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(path))))

    def folder(*names):
        place = os.path.join(storage, *names)
        for name in sorted(os.listdir(place)) if os.path.isdir(place) else []:
            with open(os.path.join(place, name), encoding="utf-8") as file:
                try:
                    yield name[:-5], json.load(file)
                except ValueError:
                    pass

    return [(m, [p for _, p in folder("part", name)]) for name, m in folder("message", info["id"])]


def from_database(path, part):
    with tempfile.TemporaryDirectory() as place:
        for suffix in ("", "-wal"):
            if os.path.exists(path + suffix):
                shutil.copy(path + suffix, os.path.join(place, "db" + suffix))
        database = sqlite3.connect(os.path.join(place, "db"))
        ids = [row[0] for row in database.execute("SELECT id FROM session")]
        if part is None and len(ids) != 1:
            return None, None
        part = part or ids[0]
        parent = database.execute("SELECT parent_id FROM session WHERE id = ?", (part,)).fetchone()[0]
        parts = {}
        for message, data in database.execute("SELECT message_id, data FROM part WHERE session_id = ? ORDER BY id", (part,)):
            try:
                parts.setdefault(message, []).append(json.loads(data))
            except ValueError:
                pass
        rows = database.execute("SELECT id, data FROM message WHERE session_id = ?", (part,)).fetchall()
        return {"parentID": parent}, [(json.loads(data), parts.get(name, [])) for name, data in rows]


def used(value, provider):
    tokens, cache = value.get("tokens") or {}, (value.get("tokens") or {}).get("cache") or {}
    get = lambda where, key: where.get(key) or 0
    i, o, r = (get(tokens, key) for key in ("input", "output", "reasoning"))
    read, write = get(cache, "read"), get(cache, "write")
    inside = tokens["total"] == i + o + read + write if "total" in tokens else o >= r and "google" not in provider
    return [i, o if inside else o + r, read, write, r]


def count(info, messages):
    prompts = calls = results = edits = 0
    codes, total = [], [0] * 5
    for message, parts in messages:
        kinds = [part.get("type") for part in parts]
        if message["role"] == "user":
            said = [p for p in parts if p["type"] == "file" or p["type"] == "text" and p["text"] and not p.get("synthetic")]
            prompts += bool(said) and not info.get("parentID")
            continue
        provider = message.get("providerID") or ""
        steps = [used(part, provider) for part, kind in zip(parts, kinds) if kind == "step-finish"]
        steps = [step for step in steps if any(step)] or [used(message, provider)]
        total = [sum(column) for column in zip(total, *steps)]
        for part in parts:
            if part.get("type") != "tool":
                continue
            state, tool = part["state"], part["tool"]
            done = state["status"] not in ("pending", "running")
            failed = state["status"] == "error"
            calls += tool != "task"
            results += done
            if tool in ("edit", "write", "multiedit") and not failed:
                edits += 1
            if tool in ("apply_patch", "patch") and not failed:
                edits += len((state.get("metadata") or {}).get("files") or [])
            if tool == "bash" and isinstance((state.get("metadata") or {}).get("exit"), int):
                codes.append(state["metadata"]["exit"])
    names = ("input", "output", "cache_read", "cache_write", "reasoning")
    return dict(zip(names, total), prompts=prompts, calls=calls, results=results, edits=edits, exit_codes=sorted(codes))


def main(path, part=None):
    with open(path, "rb") as file:
        is_database = file.read(16).startswith(b"SQLite format 3")
    if is_database:
        info, messages = from_database(path, part)
        if info is None:
            return {"skip": "holds several sessions"}
        return count(info, messages)
    try:
        with open(path, encoding="utf-8") as file:
            document = json.load(file)
    except ValueError:
        return {"skip": "no JSON"}
    if not isinstance(document, dict):
        return {"skip": "a piece of a session"}
    if "messages" in document:
        return count(document["info"], [(m["info"], m["parts"]) for m in document["messages"]])
    if "directory" not in document:
        return {"skip": "a piece of a session"}
    messages = from_files(path, document)
    return count(document, messages) if messages else {"skip": "no message beside it"}


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
