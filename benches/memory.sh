#!/bin/sh
# What a large file costs, of HAIL and of Claude Code: peak memory and throughput of `git-session parse`.
# Usage: benches/memory.sh [MEGABYTES]; with KEEP=DIR the files stay in that folder.
# Needs GNU time and the release build.
set -eu
cd "$(dirname "$0")/.."
megabytes=${1:-1024}
program=${GIT_SESSION:-target/release/git-session}

folder=${KEEP:-$(mktemp -d)}
[ -n "${KEEP-}" ] || trap 'rm -rf "$folder"' EXIT

# One session: events of 1 to 3 KB, ids of their own, a second apart.
awk -v limit=$((megabytes * 1024 * 1024)) 'BEGIN {
    text = "The quick brown fox jumps over the lazy dog, and says so in \\\"quotes\\\" on a line of its own.\\n"
    for (i = 0; i < 10; i++) long = long text
    print "{\"type\":\"header\",\"version\":\"hail-1.0.0\",\"session_id\":\"large\"," \
        "\"agent\":{\"provider\":\"none\",\"model\":\"none\",\"tool\":\"generator\"}," \
        "\"context\":{\"title\":\"A large session\",\"tags\":[]," \
        "\"created_at\":\"2026-01-01T00:00:00Z\",\"updated_at\":\"2026-01-01T00:00:00Z\"}}"
    for (n = 0; bytes < limit; n++) {
        kind = n % 2 ? "{\"type\":\"UserMessage\"}" : "{\"type\":\"AgentMessage\"}"
        body = long (n % 3 ? long : "") (n % 3 == 2 ? long : "")
        time = sprintf("2026-01-%02dT%02d:%02d:%02dZ", 1 + int(n / 86400) % 28, int(n / 3600) % 24, int(n / 60) % 60, n % 60)
        line = "{\"type\":\"event\",\"event_id\":\"event-" n "\",\"timestamp\":\"" time "\",\"event_type\":" kind \
            ",\"content\":{\"blocks\":[{\"type\":\"Text\",\"text\":\"" body "\"}]}}"
        print line
        bytes += length(line) + 1
    }
}' >"$folder/large.hail.jsonl"

# One session of Claude Code: prompts, and answers of 1 to 3 kB with their token counts.
awk -v limit=$((megabytes * 1024 * 1024)) 'BEGIN {
    text = "The quick brown fox jumps over the lazy dog, and says so in \\\"quotes\\\" on a line of its own.\\n"
    for (i = 0; i < 10; i++) long = long text
    for (n = 0; bytes < limit; n++) {
        time = sprintf("2026-01-%02dT%02d:%02d:%02d.000Z", 1 + int(n / 86400) % 28, int(n / 3600) % 24, int(n / 60) % 60, n % 60)
        head = "{\"parentUuid\":" (n ? "\"u" n - 1 "\"" : "null") ",\"isSidechain\":false,\"userType\":\"external\"," \
            "\"cwd\":\"/home/ann/shop\",\"sessionId\":\"large\",\"version\":\"2.1.30\",\"gitBranch\":\"main\"," \
            "\"uuid\":\"u" n "\",\"timestamp\":\"" time "\","
        body = long (n % 3 ? long : "") (n % 3 == 2 ? long : "")
        line = n % 2 ? \
            head "\"type\":\"assistant\",\"requestId\":\"r" n "\",\"message\":{\"id\":\"m" n "\",\"role\":\"assistant\"," \
                "\"model\":\"claude-opus-4-6\",\"content\":[{\"type\":\"text\",\"text\":\"" body "\"}]," \
                "\"usage\":{\"input_tokens\":3,\"output_tokens\":500}}}" : \
            head "\"type\":\"user\",\"message\":{\"role\":\"user\",\"content\":\"" body "\"}}"
        print line
        bytes += length(line) + 1
    }
}' >"$folder/large.jsonl"

# Parses $1 and says what it cost; $2 is what it holds.
measure() {
    size=$(wc -c <"$1")
    /usr/bin/time -f '%e %M' -o "$folder/cost" "$program" parse "$1" >/dev/null
    read -r seconds peak <"$folder/cost"
    awk -v size="$size" -v seconds="$seconds" -v peak="$peak" -v what="$2" 'BEGIN {
        printf "%d MB of %s: %.1f MB at the peak, %.0f MB/s\n", size / 1e6, what, peak * 1024 / 1e6, size / 1e6 / seconds
    }'
}
measure "$folder/large.hail.jsonl" HAIL
measure "$folder/large.jsonl" 'Claude Code'
