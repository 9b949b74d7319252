#!/usr/bin/env python3
"""Makes labelled lines, in the form that the test of the published figures reads, of repositories that CredData names.

    benches/creddata.py CREDDATA REPOSITORIES [--without FILE]... [--half 0|1] > creddata.jsonl

CREDDATA is a clone of https://github.com/Samsung/CredData, or its `meta` folder and `snapshot.json`. REPOSITORIES holds
clones of the repositories that its snapshot.json names, with their history, bare or not, each in a folder
`<owner>+<name>` or `<owner>+<name>/repo`. Those that are not there, or whose commit is not, are left out and named on
stderr. `--without` leaves out repositories that another such file has; `--half` takes those whose id is even, or odd.

The values of secrets are replaced by letters and digits at random, as CredData itself does it, so that what comes out
holds no secret that anybody could use. The same input makes the same output.
"""

import argparse
import base64
import binascii
import collections
import csv
import hashlib
import json
import os
import random
import re
import string
import subprocess
import sys
import zlib

# The longest line that becomes a row, in characters.
LONGEST = 6000

# What tells the kind of a token, and stays.
PREFIX = re.compile(
    r"(?:A[A-Z]{3}(?=[A-Z0-9]{12})|AIza|1//0|key-|squ_|xox[a-z]-|ya29\.|glsa_|whsec_|npm_|gh[pousr]_|SWMTKN-1-|"
    r"dckr_[po]at_|[prs]k_(?:live|test)_|sk-ant-api03-|P[MA]A[KT]-|xapp-|pplx-|hooks\.slack\.com/services/|wx(?=.{16}$)|"
    r"(?:Basic|Bearer|OAuth|Apikey) |(?:hex)?(?:pass|salt|key|secret):|base64:|S[ACNOPUX](?=[A-Z2-7]{40}))"
)
ESCAPE = re.compile(r"%[0-9A-Fa-f]{2}|\\x[0-9A-Fa-f]{2}|\\u[0-9A-Fa-f]{4}|\\.")
SUFFIX = re.compile(r"\.(?:apps\.googleusercontent\.com|s3\.amazonaws\.com|firebaseio\.com|firebaseapp\.com)")
# What a random value must not have: a word about secrets, or a letter four times.
UNWANTED = re.compile(r"(?i)api|key|pass|pw[d]|(\w)\1{3}")


def replaced(text, chance):
    """The text with other letters of the same kind."""
    letters = set(re.sub(r"[\W_]", "", text))
    upper, lower = string.ascii_uppercase, string.ascii_lowercase
    if letters <= set("0123456789abcdefABCDEF"):
        upper, lower = upper[:6], lower[:6]
    # Base32 has no other digits.
    is_base32 = letters <= set(string.ascii_uppercase + "234567") and not letters <= set(string.hexdigits)
    digits = "234567" if is_base32 else string.digits
    kinds = [(digits, string.digits), (upper, string.ascii_uppercase), (lower, string.ascii_lowercase)]
    made, at = "", 0
    while at < len(text):
        escape = ESCAPE.match(text, at)
        if escape:
            made, at = made + escape.group(), escape.end()
            continue
        choices = next((choices for choices, kind in kinds if text[at] in kind), text[at])
        made, at = made + chance.choice(choices), at + 1
    return made


def random_like(text, chance):
    """The same, without words that would tell a value for what it is; a short one may have no choice."""
    for _ in range(100):
        made = replaced(text, chance)
        if not UNWANTED.search(made):
            break
    return made


def of_base64(text, chance, change):
    """Base64 whose content is changed; None where it is none."""
    url_safe = "-" in text or "_" in text
    try:
        decoded = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_" if url_safe else None, validate=True)
        changed = change(decoded.decode(), chance)
    except (binascii.Error, UnicodeDecodeError):
        return None
    encoded = base64.b64encode(changed.encode(), altchars=b"-_" if url_safe else None).decode()
    return encoded[: len(text)] if text.endswith("=") else encoded.rstrip("=")


def of_json(text, chance):
    """JSON with other values: its names are what tells a JWT."""
    return re.sub(r'(:\s*")([^"\\]*)(")', lambda found: found[1] + replaced(found[2], chance) + found[3], text)


def stand_in(value, category, chance):
    """A value of the same form."""
    if "Basic Authorization" in category:
        made = of_base64(value, chance, random_like)
        if made:
            return made
    if value.startswith("eyJ"):
        parts = value.split(".")
        changed = [(part.startswith("eyJ") and of_base64(part, chance, of_json)) or random_like(part, chance) for part in parts]
        return ".".join(changed)
    prefix = PREFIX.match(value)
    start = prefix.end() if prefix else 0
    suffix = SUFFIX.search(value, start)
    end = suffix.start() if suffix else len(value)
    return value[:start] + random_like(value[start:end], chance) + value[end:]


def key_like(lines, chance):
    """A private key with other letters; its headers and its first letters, which tell its kind, stay."""
    made, is_first = [], True
    for line in lines:
        if "-----" in line or ": " in line or not re.search(r"[0-9A-Za-z+/=]{16,}", line):
            made.append(line)
            continue
        kept = 64 if is_first else 0
        is_first = False
        made.append(line[:kept] + replaced(line[kept:], chance))
    return made


def position(row, name):
    return int(row[name]) if row[name] else -1


def replace_values(lines, rows):
    """Puts other values into the lines of a file where its rows say that one is a secret."""
    rows.sort(key=lambda row: (int(row["LineStart"]), int(row["LineEnd"]), position(row, "ValueStart"), position(row, "ValueEnd")))
    for row in rows:
        start, end = int(row["LineStart"]), int(row["LineEnd"])
        first, last = position(row, "ValueStart"), position(row, "ValueEnd")
        chance = random.Random(f"{row['FileID']}:{start}:{first}")
        if row["GroundTruth"] != "T" or row["PredefinedPattern"] == "Info":
            continue
        if start < end and "Private Key" in row["Category"]:
            lines[start - 1 : end] = key_like(lines[start - 1 : end], chance)
        elif start == end and 0 <= first < last <= len(lines[start - 1]) and "Multi" not in row["Category"]:
            line = lines[start - 1]
            lines[start - 1] = line[:first] + stand_in(line[first:last], row["Category"], chance) + line[last:]


def labelled(row, lines, repository):
    """The row of the output; None where the lines are too long, or not there."""
    start, end = int(row["LineStart"]), int(row["LineEnd"])
    text = "\n".join(lines[start - 1 : end])
    if not text.strip() or len(text) > LONGEST:
        return None
    made = {
        "repo": repository,
        "ext": os.path.splitext(row["FilePath"])[1],
        "secret": row["GroundTruth"] == "T",
        "category": row["Category"],
        "text": text,
    }
    first, last = position(row, "ValueStart"), position(row, "ValueEnd")
    if start == end and 0 <= first < last:
        made["value"] = [first, last]
    return made


def git(folder, *arguments):
    return subprocess.run(["git", "-C", folder, *arguments], check=True, capture_output=True).stdout


def rows_of(folder, commit, repository, meta):
    """The labelled rows of one repository."""
    files = collections.defaultdict(list)
    for row in meta:
        files[row["FileID"]].append(row)
    for entry in git(folder, "ls-tree", "-r", "-z", commit).decode(errors="replace").split("\0"):
        about, _, path = entry.partition("\t")
        rows = files.get(hashlib.sha256(path.encode()).hexdigest()[:8]) if about else None
        if not rows:
            continue
        text = git(folder, "cat-file", "blob", about.split()[2]).decode(errors="replace")
        lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        replace_values(lines, rows)
        yield from filter(None, (labelled(row, lines, repository) for row in rows))


def clone_of(folder, url):
    """Where the clone of a repository is; None where it is not."""
    name = "+".join(url.removesuffix(".git").split("/")[-2:])
    return next((path for path in (f"{folder}/{name}/repo", f"{folder}/{name}") if os.path.isdir(path)), None)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("creddata")
    parser.add_argument("repositories")
    parser.add_argument("--without", action="append", default=[])
    parser.add_argument("--half", type=int, choices=(0, 1))
    arguments = parser.parse_args()
    known = set()
    for path in arguments.without:
        with open(path, encoding="utf-8") as file:
            known |= {json.loads(line)["repo"] for line in file}
    with open(f"{arguments.creddata}/snapshot.json", encoding="utf-8") as file:
        snapshot = json.load(file)
    for commit, url in snapshot.items():
        repository = f"{zlib.crc32(bytes.fromhex(commit)):08x}"
        commit = commit[:40]
        folder = clone_of(arguments.repositories, url)
        is_of_half = arguments.half in (None, int(repository, 16) % 2)
        if folder is None or repository in known or not is_of_half:
            continue
        with open(f"{arguments.creddata}/meta/{repository}.csv", encoding="utf-8", newline="") as file:
            meta = list(csv.DictReader(file))
        try:
            rows = list(rows_of(folder, commit, repository, meta))
        except subprocess.CalledProcessError:
            print(f"{url}: {commit} is not there; to have it: git -C {folder} fetch origin {commit}", file=sys.stderr)
            continue
        for row in rows:
            print(json.dumps(row, ensure_ascii=False))
        print(f"{repository} {url}: {len(rows)} of {len(meta)} rows, {sum(row['secret'] for row in rows)} secrets", file=sys.stderr)


if __name__ == "__main__":
    main()
