#!/bin/sh
# How fast a log becomes HAIL on one core, beside SHA-256 of it and OpenSession 0.2.34, where that is installed
# (`cargo install opensession --version 0.2.34`). Prints a Markdown table of processor time: best and median of
# ROUNDS (default 15), taken in turns, because other work on the machine only ever adds.
#
#     benches/parse.sh LOG AGENT
#
# `KEEP=DIR benches/memory.sh 64` leaves a log of Claude Code there. Needs the release build or PROGRAM, GNU time
# and taskset.
set -eu
log=${1:?a log}
agent=${2:-claude-code}
rounds=${ROUNDS:-15}
program=${PROGRAM:-$(cd "$(dirname "$0")/.." && pwd)/target/release/git-session}
theirs=$(command -v opensession || :)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# Runs a command whose output nobody needs and adds its processor time to the file $1.
clock() {
    times=$folder/$1
    shift
    HOME=$folder /usr/bin/time -a -o "$times" -f '%U %S' taskset -c 0 "$@" >/dev/null 2>&1
}

for _ in $(seq "$rounds"); do
    clock ours "$program" parse "$log"
    clock sha256sum sha256sum "$log"
    if [ -n "$theirs" ]; then clock opensession "$theirs" parse --profile "$agent" "$log"; fi
done
bytes=$(wc -c <"$log")
printf '| program | best | median | best, MB/s |\n|---|---:|---:|---:|\n'
for name in ours sha256sum opensession; do
    [ -e "$folder/$name" ] || continue
    awk '{ print $1 + $2 }' "$folder/$name" | sort -n | awk -v name="$name" -v bytes="$bytes" '
        { all[NR] = $1 }
        END { printf "| %s | %.2f s | %.2f s | %.0f |\n", name, all[1], all[int((NR + 1) / 2)], bytes / all[1] / 1e6 }'
done
