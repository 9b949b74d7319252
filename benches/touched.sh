#!/bin/sh
# What `prepare-commit-msg` costs where a session changed many files: n of them and twice as many, each by an edit, each by
# a command, by commands that all run at once, and all named by one command. Prints a Markdown table of the best of RUNS (default 5); the time of 2n over that of n
# tells whether it is linear. Needs the release build.
#
#   benches/touched.sh [FILES]    default 1000
set -eu
cd "$(dirname "$0")/.."
program=${GIT_SESSION:-$PWD/target/release/git-session}
runs=${RUNS:-5}
count=${1:-1000}

folder=$(mktemp -d)
folder=$(cd "$folder" && pwd -P)
trap 'rm -rf "$folder"' EXIT
PATH=$(dirname "$program"):$PATH
export GIT_CONFIG_NOSYSTEM=1 LC_ALL=C TZ=UTC PATH HOME="$folder"
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE CLAUDE_CONFIG_DIR CODEX_HOME XDG_CONFIG_HOME
git config --global user.name "A. Developer"
git config --global user.email developer@example.org
git config --global init.defaultBranch main

# Prints a log of Claude Code in which a session changes COUNT files in the way that is asked for.
log() {
    awk -v kind="$1" -v count="$2" -v place="$3" '
        function line(role, content) {
            number++
            parent = number > 1 ? sprintf("\"00000000-0000-4000-8000-%012d\"", number - 1) : "null"
            printf "{\"parentUuid\":%s,\"isSidechain\":false,\"userType\":\"external\",\"cwd\":\"%s\",", parent, place
            printf "\"sessionId\":\"0a000000-0000-4000-8000-000000000002\",\"version\":\"2.1.30\",\"gitBranch\":\"main\","
            printf "\"type\":\"%s\",\"uuid\":\"00000000-0000-4000-8000-%012d\",", role, number
            printf "\"timestamp\":\"2026-03-02T%02d:%02d:%02d.000Z\",", 1 + number / 3600, number / 60 % 60, number % 60
            print "\"message\":{\"role\":\"" role "\",\"content\":" content "}}"
        }
        function result(id) {
            line("user", sprintf("[{\"tool_use_id\":\"t%d\",\"type\":\"tool_result\",\"content\":\"done\"}]", id))
        }
        function call(name, input) {
            calls++
            line("assistant", "[{\"type\":\"tool_use\",\"id\":\"t" calls "\",\"name\":\"" name "\",\"input\":{" input "}}]")
            if (kind != "commands at once") result(calls)
        }
        BEGIN {
            line("user", "\"Change them.\"")
            for (i = 1; i <= count; i++) {
                file = sprintf("f%d.txt", i)
                if (kind == "edits")
                    call("Edit", sprintf("\"file_path\":\"%s/%s\",\"old_string\":\"a\",\"new_string\":\"b\"", place, file))
                else if (kind ~ /^commands/)
                    call("Bash", "\"command\":\"echo b > " file "\"")
                names = names " " file
            }
            if (kind == "commands at once") for (i = 1; i <= count; i++) result(i)
            if (kind == "names") call("Bash", "\"command\":\"sed -i s/a/b/" names "\"")
        }'
}

# Makes a repository in which so many files are changed and staged, with the log of a session that changed them.
repository() {
    work=$folder/$(echo "$1" | tr ' ' -)-$2
    git init --quiet "$work"
    cd "$work"
    for number in $(seq "$2"); do echo a >"f$number.txt"; done
    git add .
    git commit --quiet --message Begin
    # Each was written while its command ran: the log begins at one o'clock, and has two records a command.
    for number in $(seq "$2"); do
        [ "$1" = names ] && second=2 || second=$((number * 2))
        echo b >"f$number.txt"
        touch -d "@$((1772413200 + second))" "f$number.txt"
    done
    git add .
    logs=$HOME/.claude/projects/$(pwd | sed 's/[^A-Za-z0-9]/-/g')
    mkdir -p "$logs"
    log "$1" "$2" "$work" >"$logs/0a000000-0000-4000-8000-000000000002.jsonl"
    git session hooks install >/dev/null 2>&1
}

# The best time of the hook, in microseconds, when it has not looked at the log before.
best() {
    least=
    for _ in $(seq "$runs"); do
        rm -rf .git/opensession
        echo 'Change them' >.git/MESSAGE
        before=$(date +%s%N)
        .git/hooks/prepare-commit-msg .git/MESSAGE message
        spent=$((($(date +%s%N) - before) / 1000))
        [ -n "$least" ] && [ "$least" -le "$spent" ] || least=$spent
    done
    grep -q . .git/MESSAGE
    echo "$least"
}

echo "| changed by | $count files | $((count * 2)) files | ratio | trailers |"
echo '|---|---:|---:|---:|---:|'
for kind in edits commands 'commands at once' names; do
    repository "$kind" "$count"
    one=$(best)
    repository "$kind" "$((count * 2))"
    two=$(best)
    trailers=$(grep -c '^[A-Za-z-]*: ' .git/MESSAGE || true)
    awk -v kind="$kind" -v one="$one" -v two="$two" -v trailers="$trailers" \
        'BEGIN { printf "| %s | %.1f ms | %.1f ms | %.2f | %d |\n", kind, one / 1000, two / 1000, two / one, trailers }'
done
