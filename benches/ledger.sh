#!/bin/sh
# What storing and sending sessions costs: a session that grows, a push with new sessions, a sync without any. Prints a
# Markdown table. ROUNDS (default 10) says how often the last two are measured; the best counts, because other work
# on the machine only ever adds. Needs the release build.
set -eu
cd "$(dirname "$0")/.."
program=${PROGRAM:-$PWD/target/release/git-session}
rounds=${ROUNDS:-10}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
PATH=$(dirname "$program"):$PATH
export HOME="$folder" GIT_CONFIG_NOSYSTEM=1 LC_ALL=C TZ=UTC PATH
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE CLAUDE_CONFIG_DIR CODEX_HOME XDG_CONFIG_HOME
git config --global user.name 'A. Developer'
git config --global user.email developer@example.org
git config --global init.defaultBranch main
git config --global maintenance.auto false

# Seconds since some time, with a fraction.
now() {
    date +%s.%N
}

# Prints a Claude Code log of $1 bytes or a little more, of session $2: prompts, and answers of 1 to 3 kB.
log() {
    awk -v limit="$1" -v session="$2" 'BEGIN {
        for (n = 0; bytes < limit; n++) {
            time = sprintf("2026-01-05T%02d:%02d:%02d.000Z", int(n / 3600) % 24, int(n / 60) % 60, n % 60)
            text = ""
            for (i = 0; i < 10 + 10 * (n % 3); i++) {
                text = text sprintf("Line %d of answer %d says %x and nothing else, \\\"%x\\\".\\n", i, n, n * 7919 * (i + 3), i * n)
            }
            line = sprintf("{\"parentUuid\":%s,\"isSidechain\":false,\"userType\":\"external\",\"cwd\":\"/home/ann/shop\"," \
                "\"sessionId\":\"%s\",\"version\":\"2.1.30\",\"gitBranch\":\"main\",\"uuid\":\"%s-%d\",\"timestamp\":\"%s\",",
                n ? "\"" session "-" n - 1 "\"" : "null", session, session, n, time)
            if (n % 2) {
                line = line sprintf("\"type\":\"assistant\",\"requestId\":\"r%d\",\"message\":{\"id\":\"m%d\",\"role\":\"assistant\"," \
                    "\"model\":\"claude-opus-4-6\",\"content\":[{\"type\":\"text\",\"text\":\"%s\"}]," \
                    "\"usage\":{\"input_tokens\":3,\"output_tokens\":500}}}", n, n, text)
            } else {
                line = line sprintf("\"type\":\"user\",\"message\":{\"role\":\"user\",\"content\":\"%s\"}}", text)
            }
            print line
            bytes += length(line) + 1
        }
    }'
}

# Makes a repository with one commit, and a remote that has it.
repository() {
    git init --quiet --bare "$folder/$1.git"
    git init --quiet "$folder/$1"
    git -C "$folder/$1" remote add origin "$folder/$1.git"
    git -C "$folder/$1" commit --quiet --allow-empty --message Begin
    git -C "$folder/$1" push --quiet --set-upstream origin main
}

# Captures log $2 in repository $1.
capture() {
    (cd "$folder/$1" && git session capture "$2" >/dev/null 2>&1)
}

# The size of a repository in kB once nothing is loose.
packed() {
    git -C "$folder/$1" gc --quiet --prune=now
    git -C "$folder/$1" count-objects -v | sed -n 's/^size-pack: //p'
}

# Prints a row: what, ours, theirs, unit.
row() {
    awk -v what="$1" -v ours="$2" -v theirs="$3" -v unit="$4" \
        'BEGIN { printf "| %s | %.3g %s | %.3g %s | %.2f |\n", what, ours, unit, theirs, unit, ours / theirs }'
}

# Prints the least of the numbers on standard input.
least() {
    sort -n | head -n 1
}

elapsed() {
    begun=$(now)
    "$@"
    echo "$begun $(now)" | awk '{ print $2 - $1 }'
}

printf '| what | ours | compared with | ratio |\n|---|---:|---:|---:|\n'

mkdir "$folder/logs"
log 10000000 whole >"$folder/logs/whole.jsonl"
lines=$(wc -l <"$folder/logs/whole.jsonl")
repository once
repository often
once=$(elapsed capture once "$folder/logs/whole.jsonl")
for twentieth in $(seq 20); do
    head -n $((lines * twentieth / 20)) "$folder/logs/whole.jsonl" >"$folder/logs/$twentieth.jsonl"
    git session parse "$folder/logs/$twentieth.jsonl" --out "$folder/logs/$twentieth.hail" >/dev/null
done
grow() {
    for twentieth in $(seq 20); do
        ln -f "$folder/logs/$twentieth.jsonl" "$folder/logs/growing.jsonl"
        capture often "$folder/logs/growing.jsonl"
    done
}
often=$(elapsed grow)
row 'twenty captures of a session that grows to 10 MB: time' "$often" "$once" s
git init --quiet "$folder/plain"
by_git() {
    for twentieth in $(seq 20); do
        git -C "$folder/plain" hash-object -w "$folder/logs/$twentieth.hail" >/dev/null
    done
}
row 'the same, git hash-object -w of the twenty sessions' "$often" "$(elapsed by_git)" s
row 'the same: bytes after git gc' "$(packed often)" "$(packed once)" kB

repository ours
repository theirs
(cd "$folder/ours" && git session hooks install >/dev/null 2>&1 && git push --quiet)
reference=refs/opensession/branches/$(printf main | base64 | tr -d =)
by_hand() {
    git -C "$folder/theirs" push --quiet origin main
    git -C "$folder/theirs" push --quiet origin "+$reference"
}
for round in $(seq "$rounds"); do
    log 300000 "round-$round" >"$folder/logs/round.jsonl"
    for home in ours theirs; do
        git -C "$folder/$home" -c core.hooksPath=/dev/null commit --quiet --allow-empty --message Nothing
        capture "$home" "$folder/logs/round.jsonl"
    done
    elapsed git -C "$folder/ours" push --quiet >>"$folder/push-ours"
    elapsed by_hand >>"$folder/push-theirs"
done
row 'git push with a new session, two pushes by hand' "$(least <"$folder/push-ours")" "$(least <"$folder/push-theirs")" s

sync_quietly() {
    (cd "$folder/ours" && git session sync >/dev/null 2>&1)
}
list() {
    git -C "$folder/ours" ls-remote origin >/dev/null
}
sync_quietly
for _ in $(seq "$rounds"); do
    elapsed sync_quietly >>"$folder/sync-ours"
    elapsed list >>"$folder/sync-theirs"
done
row 'git session sync without anything new, git ls-remote' \
    "$(least <"$folder/sync-ours")" "$(least <"$folder/sync-theirs")" s
