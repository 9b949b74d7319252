#!/usr/bin/env bash
# A push of many new sessions over a slow connection, made by a wrapper around git-receive-pack that lets so many
# bytes a second through. Says how long the push took, with and without our hook, how long everything took to
# arrive, and in how many portions.
#
# RATE (bytes a second, default 1000000), SESSIONS (default 30) and BYTES (of each, not compressible, default
# 1000000) say how much; GIT_SESSION names the program.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
program=$(realpath -e "${GIT_SESSION:-target/release/git-session}")
rate=${RATE:-1000000} sessions=${SESSIONS:-30} bytes=${BYTES:-1000000}
ledger=refs/opensession/branches/bWFpbg

folder=$(realpath "$(mktemp -d)")
trap 'rm -rf "$folder"' EXIT
PATH=$(dirname "$program"):$PATH HOME=$folder/home
export PATH HOME LC_ALL=C TZ=UTC GIT_CONFIG_NOSYSTEM=1
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE CLAUDE_CONFIG_DIR CODEX_HOME XDG_CONFIG_HOME
mkdir "$HOME"
printf '[user]\nname = A. Developer\nemail = developer@example.org\n[maintenance]\nauto = false\n[init]\ndefaultBranch = main\n' >"$HOME/.gitconfig"

git init --quiet --bare "$folder/remote.git"
git init --quiet "$folder/work"
cd "$folder/work"
git commit --quiet --allow-empty --message Begin
git remote add origin "$folder/remote.git"
git push --quiet --set-upstream origin main
git-session hooks install >/dev/null

# Logs of Claude Code, each with a file that it wrote and a long answer of random letters, which compress
# to six tenths.
logs=$HOME/.claude/projects/${PWD//[^[:alnum:]]/-}
mkdir -p "$logs"
for number in $(seq "$sessions"); do
    id=$(printf '%08d-2222-4333-8444-555555555555' "$number")
    file=$PWD/file-$number.txt
    echo x >"$file"
    record="\"sessionId\":\"$id\",\"version\":\"2.1.42\",\"cwd\":\"$PWD\",\"gitBranch\":\"main\",\"isSidechain\":false,\"userType\":\"external\",\"timestamp\":\"$(date -u +%FT%TZ)\""
    {
        printf '{"type":"user","uuid":"%s-0","parentUuid":null,"message":{"role":"user","content":"Write a file."},%s}\n' "$id" "$record"
        printf '{"type":"assistant","uuid":"%s-1","parentUuid":"%s-0","requestId":"req_1","message":{"id":"msg_1","type":"message","role":"assistant","model":"claude-opus-4-6","content":[{"type":"tool_use","id":"toolu_1","name":"Write","input":{"file_path":"%s","content":"x\\n"}}],"usage":{"input_tokens":10,"output_tokens":5}},%s}\n' "$id" "$id" "$file" "$record"
        printf '{"type":"user","uuid":"%s-2","parentUuid":"%s-1","message":{"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_1","content":"File created successfully"}]},"toolUseResult":{"type":"create","filePath":"%s","content":"x\\n","structuredPatch":[],"originalFile":null},%s}\n' "$id" "$id" "$file" "$record"
        printf '{"type":"assistant","uuid":"%s-3","parentUuid":"%s-2","requestId":"req_2","message":{"id":"msg_2","type":"message","role":"assistant","model":"claude-opus-4-6","content":[{"type":"text","text":"' "$id" "$id"
        # The last of the three ends first.
        { head -c "$((bytes * 12))" /dev/urandom | tr -dc 'a-z ' || true; } | head -c "$bytes"
        printf '"}],"usage":{"input_tokens":10,"output_tokens":5}},%s}\n' "$record"
    } >"$logs/$id.jsonl"
done
git add --all
git commit --quiet --message Write
git-session capture >/dev/null

cat >"$folder/gate" <<GATE
#!/bin/sh
{ while head -c $((rate / 20)) >"$folder/chunk.\$\$" && [ -s "$folder/chunk.\$\$" ]; do cat "$folder/chunk.\$\$"; sleep 0.05; done; } | git-receive-pack "\$1"
GATE
chmod +x "$folder/gate"
git config remote.origin.receivepack "$folder/gate"

now() { date +%s.%N; }
took() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.1f s", b - a }'; }
arrived() { git -C "$folder/remote.git" ls-tree -r --name-only "$ledger" 2>/dev/null | grep -c '\.hail\.jsonl$' || true; }

begun=$(now)
OPENSESSION_DISABLE=1 git push --quiet origin main:without
echo "push without the hook: $(took "$begun" "$(now)")"
begun=$(now)
git push origin main:main 2>&1 | grep '^git session' || true
echo "push with the hook: $(took "$begun" "$(now)")"
portions=0 last=-1
while count=$(arrived) && [ "$count" -lt "$sessions" ]; do
    [ "$count" -eq "$last" ] || portions=$((portions + 1))
    last=$count
    sleep 0.1
done
echo "$sessions sessions on the remote: $(took "$begun" "$(now)") after the push began, in about $((portions + 1)) portions"
echo "bytes of the packs: $(du -sb "$folder/remote.git/objects" | cut -f1)"
