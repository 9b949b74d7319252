"""Counts what a session in an Aider history holds: `python3 aider.py FILE [ID]` prints one JSON object.

It reads the history directly and knows nothing of HAIL; `tests/agents/counts.rs` compares its numbers
with what the parser makes of the same file.
"""

import hashlib
import json
import os
import re
import sys

START = re.compile(r"^# aider chat started at (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)\s*$", re.M)
COUNT = r"([\d.,]+)(k?)"


def chats(path):
    with open(path, "rb") as file:
        text = file.read().decode("utf-8", "replace").replace("\r\n", "\n")
    folder = os.path.normpath(os.path.dirname(path))
    starts, seen = list(START.finditer(text)), {}
    for start, after in zip(starts, starts[1:] + [None]):
        time = start[1]
        seen[time] = seen.get(time, 0) + 1
        key = f"{folder}\n{time}" + (f"\n{seen[time]}" if seen[time] > 1 else "")
        yield "aider-" + hashlib.sha256(key.encode()).hexdigest()[:16], text[start.end():after and after.start()]


def number(found):
    return round(float(found[1].replace(",", "")) * (1000 if found[2] else 1)) if found else 0


def main(path, part):
    found = dict(chats(path))
    asked = {key: chat for key, chat in found.items() if re.search(r"^####( .*)?  $", chat, re.M)} or found
    chat = found[part] if part else next(iter(asked.values()))
    chat = chat[:chat.rfind("\n") + 1]
    typed = re.findall(r"(?:^####(?: .*)?  \n)+", chat, re.M)
    prompts = [text for text in typed if "? (Y)es/(N)o" not in text]
    counted = dict.fromkeys(("input", "output", "cache_read", "cache_write"), 0)
    for line in re.findall(r"^> Tokens: (.* received\..*)$", chat, re.M):
        read, wrote = (number(re.search(COUNT + what, line)) for what in (" cache hit", " cache write"))
        counted["input"] += max(0, number(re.search(COUNT + " sent", line)) - read - wrote)
        counted["output"] += number(re.search(COUNT + " received", line))
        counted["cache_read"] += read
        counted["cache_write"] += wrote
    edits = len(re.findall(r"^> Applied edit to ", chat, re.M))
    ran, is_asked = 0, False
    for line in chat.split("\n"):
        if line.startswith("####") and line.endswith("  ") and "? (Y)es/(N)o" not in line:
            is_asked = False
        is_asked |= line.startswith("> Run shell command")
        ran += is_asked and line.startswith("> Running ")
    return {"prompts": len(prompts), "calls": edits + ran, "results": 0, "edits": edits, "exit_codes": [], **counted}


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None)))
