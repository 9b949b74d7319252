#!/bin/sh
# What a machine full of logs costs: `discover` and `capture --all`, the first time and with nothing new, and how two
# cores scale. Usage: benches/capture.sh [LOGS]. Needs hyperfine, taskset and the release build.
set -eu
cd "$(dirname "$0")/.."
logs=${1:-5000}
program=$PWD/${GIT_SESSION:-target/release/git-session}
fixture=$PWD/fixtures/agents/claude-code/tools.jsonl

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export HOME="$folder/home" GIT_CONFIG_NOSYSTEM=1
mkdir -p "$HOME"
git config --global user.name Bench && git config --global user.email bench@example.com
git config --global init.defaultBranch main
git init --quiet "$folder/work"

# Sessions of 25 kB: every other one of this repository, the rest of another folder.
for number in 0 1; do
    cwd=$folder/work
    [ "$number" = 0 ] || cwd=$folder/elsewhere
    project=$HOME/.claude/projects/$(printf '%s' "$cwd" | tr -c 'A-Za-z0-9' -)
    mkdir -p "$project"
    awk -v logs="$logs" -v first="$number" -v cwd="$cwd" -v project="$project" '
        { text = text $0 "\n" }
        END {
            for (number = first; number < logs; number += 2) {
                id = sprintf("0a000000-0000-4000-8000-%012d", number)
                copy = text
                gsub(/0a000000-0000-4000-8000-000000000002/, id, copy)
                gsub(/\/home\/ann\/shop/, cwd, copy)
                file = project "/" id ".jsonl"
                printf "%s", copy >file
                close(file)
            }
        }' "$fixture"
done

cd "$folder/work"
median() { sed -n 's/.*"median": \([0-9.e-]*\).*/\1/p' "$folder/times.json" | awk '{ printf "%.0f ms\n", $1 * 1000 }'; }
timed() {
    label=$1
    shift
    hyperfine -N --style none --export-json "$folder/times.json" "$@" >/dev/null 2>&1
    printf '%-34s %s\n' "$label" "$(median)"
}
forget='rm -rf .git/opensession .git/objects .git/refs/opensession'
timed 'discover' -w 2 -r 20 "$program discover"
timed 'capture --all, one core' -r 3 --prepare "sh -c '$forget; git init --quiet'" "taskset -c 0 $program capture --all"
timed 'capture --all' -r 3 --prepare "sh -c '$forget; git init --quiet'" "$program capture --all"
timed 'capture --all, nothing new' -w 2 -r 20 "$program capture --all"
timed 'discover, all known' -w 2 -r 20 "$program discover"
git count-objects -v | grep -E '^(count|in-pack|packs|size-pack)' | paste -sd ' ' -
