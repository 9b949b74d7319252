#!/bin/sh
# What cleaning up costs: 5,000 ledgers on a bare remote, a tenth of them expired.
#
#   benches/cleanup.sh [LEDGERS]    after cargo build --release
#
# Beside `git session cleanup run --apply` it measures, on copies of the same remote and in the same
# run: `git ls-remote` and one `git push` of the deletions, which is the least that there is to do;
# and a janitor of shell that fetches each reference on its own to learn its age and deletes it
# without a lease. The last one is measured on LEDGERS / 10 references and is not scaled up.
set -eu
all=${1:-5000}
program=${PROGRAM:-$(cd "$(dirname "$0")/.." && pwd)/target/release/git-session}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export HOME="$folder" GIT_CONFIG_NOSYSTEM=1 LC_ALL=C TZ=UTC
git config --global user.name "A. Developer"
git config --global user.email developer@example.org
git config --global init.defaultBranch main
now=$(date +%s)

# Prints a stream for git fast-import: a commit on main, COUNT branches of which a fifth are gone, and
# a ledger with one session for each. Half of those whose branch is gone are 100 days old.
stream() {
    awk -v count="$1" -v now="$now" -v old="$(date -u -d @$((now - 100 * 86400)) +%Y-%m-%dT%H:%M:%SZ)" \
        -v young="$(date -u -d @$((now - 86400)) +%Y-%m-%dT%H:%M:%SZ)" '
        BEGIN {
            digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
            who = "A. Developer <developer@example.org>"
            printf "commit refs/heads/main\nmark :1\ncommitter %s %d +0000\ndata 6\nBegin\n", who, now - 200 * 86400
            printf "M 644 inline README\ndata 2\nx\n\n"
            for (n = 10000; n < 10000 + count; n++) {
                name = "topic/" n
                if (n % 5 != 0) printf "reset refs/heads/%s\nfrom :1\n\n", name
                age = (n % 10 == 0) ? 100 : 1
                at = now - age * 86400
                time = (age == 100) ? old : young
                id = sprintf("%08d-0000-4000-8000-000000000000", n)
                meta = "{\"schema_version\":2,\"session_id\":\"" id "\",\"title\":\"A session\",\"tool\":\"claude-code\",\"git\":{\"branch\":\"" name "\",\"commits\":[]},\"git_session\":{\"created_at\":\"" time "\",\"updated_at\":\"" time "\"}}"
                hail = "{\"type\":\"header\",\"version\":\"hail-1.0.0\",\"session_id\":\"" id "\"}\n"
                printf "commit refs/opensession/branches/%s\ncommitter %s %d +0000\ndata 8\nsession\n", base64url(name), who, at
                shard = substr(id, 1, 2)
                printf "M 644 inline v1/%s/%s.meta.json\ndata %d\n%s\n", shard, id, length(meta), meta
                printf "M 644 inline v1/%s/%s.hail.jsonl\ndata %d\n%s\n\n", shard, id, length(hail), hail
            }
        }
        # topic/NNNNN has 11 bytes of which every one is ASCII.
        function base64url(text,   i, bits, value, out) {
            for (i = 32; i < 127; i++) code[sprintf("%c", i)] = i
            out = ""; value = 0; bits = 0
            for (i = 1; i <= length(text); i++) {
                value = value * 256 + code[substr(text, i, 1)]; bits += 8
                while (bits >= 6) { bits -= 6; out = out substr(digits, int(value / 2 ^ bits) + 1, 1); value = value % 2 ^ bits }
            }
            if (bits) out = out substr(digits, value * 2 ^ (6 - bits) + 1, 1)
            return out
        }'
}

make_remote() {
    git init --quiet --bare "$1"
    stream "$2" | git -C "$1" fast-import --quiet
    git -C "$1" pack-refs --all
    git -C "$1" repack -adq
}

milliseconds() { echo $(($(date +%s%N) / 1000000)); }

# Runs a command in a new clone of a copy of a remote; prints how long it took.
measured() {
    remote=$1
    shift
    rm -rf "$folder/remote.git" "$folder/clone"
    cp -R "$remote" "$folder/remote.git"
    git clone --quiet "$folder/remote.git" "$folder/clone"
    before=$(milliseconds)
    (cd "$folder/clone" && "$@") >"$folder/said" 2>&1 || { cat "$folder/said" >&2; exit 1; }
    echo $(($(milliseconds) - before))
}

# The references that are expired, which somebody has to have found out.
expired() {
    git -C "$1" for-each-ref --format='%(committerdate:unix) %(refname)' refs/opensession/branches |
        awk -v old=$((now - 30 * 86400)) '$1 < old { print $2 }'
}

least() {
    git ls-remote origin >/dev/null
    xargs git push --quiet origin --delete <"$folder/expired"
}

ours() { "$program" cleanup run --apply --remote origin; }

one_by_one() {
    git ls-remote origin 'refs/heads/*' >"$folder/heads"
    git ls-remote origin 'refs/opensession/branches/*' | while read -r _ reference; do
        encoded=${reference##*/}
        while [ $((${#encoded} % 4)) -ne 0 ]; do encoded=$encoded=; done
        branch=$(printf %s "$encoded" | tr -- -_ +/ | base64 -d)
        grep -q "refs/heads/$branch\$" "$folder/heads" && continue
        git fetch --quiet origin "$reference"
        [ "$(git log -1 --format=%ct FETCH_HEAD)" -ge $((now - 30 * 86400)) ] && continue
        git push --quiet origin ":$reference"
    done
}

best() {
    least_of=
    for _ in 1 2 3; do
        one=$("$@")
        if [ -z "$least_of" ] || [ "$one" -lt "$least_of" ]; then least_of=$one; fi
    done
    echo "$least_of"
}

make_remote "$folder/large.git" "$all"
make_remote "$folder/small.git" $((all / 10))

expired "$folder/large.git" >"$folder/expired"
count=$(wc -l <"$folder/expired")
floor=$(best measured "$folder/large.git" least)
time=$(best measured "$folder/large.git" ours)
left=$(git -C "$folder/remote.git" for-each-ref refs/opensession/branches | wc -l)
echo "$all ledgers, $count expired, $left left with that of the default branch"
echo "git ls-remote and one git push: $floor ms"
echo "git session cleanup run --apply: $time ms, $(awk "BEGIN { printf \"%.1f\", $time / $floor }") times"

expired "$folder/small.git" >"$folder/expired"
echo "of $((all / 10)) ledgers, $(wc -l <"$folder/expired") expired:"
echo "git ls-remote and one git push: $(best measured "$folder/small.git" least) ms"
echo "git session cleanup run --apply: $(best measured "$folder/small.git" ours) ms"
echo "one by one: $(measured "$folder/small.git" one_by_one) ms"
