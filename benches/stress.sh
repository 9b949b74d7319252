#!/usr/bin/env bash
# Many clones commit and push to one branch of one remote at once. Says how many of their sessions the
# pushes alone brought to the remote, and insists that after one `git session sync` of every clone the
# remote has them all, and that after another one every clone has the same ledger.
#
# CLONES (default 16) and COMMITS (default 5) say how many, MODE (hidden_ref or git_notes; both by default)
# how the sessions are kept; GIT_SESSION names the program.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
program=$(realpath -e "${GIT_SESSION:-target/release/git-session}")
clones=${CLONES:-16} commits=${COMMITS:-5}
if [ -z "${MODE-}" ]; then
    for mode in hidden_ref git_notes; do MODE=$mode "$PWD/benches/stress.sh"; done
    exit
fi
case $MODE in
    hidden_ref) ledger=refs/opensession/branches/bWFpbg ;;
    git_notes) ledger=refs/notes/opensession ;;
    *) echo "MODE is hidden_ref or git_notes, not $MODE" >&2 && exit 2 ;;
esac

folder=$(realpath "$(mktemp -d)")
trap 'rm -rf "$folder"' EXIT
PATH=$(dirname "$program"):$PATH HOME=$folder/home
export PATH HOME LC_ALL=C TZ=UTC GIT_CONFIG_NOSYSTEM=1
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE CLAUDE_CONFIG_DIR CODEX_HOME XDG_CONFIG_HOME
mkdir "$HOME"
printf '[user]\nname = A. Developer\nemail = developer@example.org\n[maintenance]\nauto = false\n[init]\ndefaultBranch = main\n[opensession]\nfanout-mode = %s\n' "$MODE" >"$HOME/.gitconfig"

# Writes a log of Claude Code, and the file that it tells of.
work() {
    local id=$1 file=$PWD/$2 logs record
    logs=$HOME/.claude/projects/${PWD//[^[:alnum:]]/-}
    mkdir -p "$logs"
    echo "content of $2" >"$file"
    record="\"sessionId\":\"$id\",\"version\":\"2.1.42\",\"cwd\":\"$PWD\",\"gitBranch\":\"main\",\"isSidechain\":false,\"userType\":\"external\",\"timestamp\":\"$(date -u +%FT%TZ)\""
    {
        printf '{"type":"user","uuid":"%s-0","parentUuid":null,"message":{"role":"user","content":"Write a file."},%s}\n' "$id" "$record"
        printf '{"type":"assistant","uuid":"%s-1","parentUuid":"%s-0","requestId":"req_1","message":{"id":"msg_1","type":"message","role":"assistant","model":"claude-opus-4-6","content":[{"type":"tool_use","id":"toolu_1","name":"Write","input":{"file_path":"%s","content":"x\\n"}}],"usage":{"input_tokens":10,"output_tokens":5}},%s}\n' "$id" "$id" "$file" "$record"
        printf '{"type":"user","uuid":"%s-2","parentUuid":"%s-1","message":{"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_1","content":"File created successfully"}]},"toolUseResult":{"type":"create","filePath":"%s","content":"x\\n","structuredPatch":[],"originalFile":null},%s}\n' "$id" "$id" "$file" "$record"
    } >"$logs/$id.jsonl"
}

# What one person does: work, commit, pull, push; and again when somebody was faster.
person() {
    local commit id tries=0
    cd "$folder/clone-$1"
    for commit in $(seq "$commits"); do
        id=$(printf '%04d%04d-2222-4333-8444-555555555555' "$1" "$commit")
        work "$id" "file-$1-$commit.txt"
        git add --all
        git commit --quiet --message "Commit $commit of $1"
        until git pull --quiet --rebase && git push --quiet; do
            tries=$((tries + 1))
            [ "$tries" -lt 500 ]
        done 2>>"../clone-$1.errors"
    done
    echo "$tries" >"../clone-$1.tries"
}

stored() { git -C "$folder/remote.git" ls-tree -r --name-only "$ledger" | grep -c '\.hail\.jsonl$' || true; }

sync_all() {
    local number
    for number in $(seq "$clones"); do
        (cd "$folder/clone-$number" && git session sync) >>"$folder/sync.log" 2>&1 || {
            tail -n 5 "$folder/sync.log" >&2
            return 1
        }
    done
}

git init --quiet --bare "$folder/remote.git"
git clone --quiet "$folder/remote.git" "$folder/clone-1" 2>/dev/null
git -C "$folder/clone-1" commit --quiet --allow-empty --message Begin
git -C "$folder/clone-1" push --quiet origin main
for number in $(seq 2 "$clones"); do git clone --quiet "$folder/remote.git" "$folder/clone-$number"; done
for number in $(seq "$clones"); do (cd "$folder/clone-$number" && git session hooks install >/dev/null); done

started=$SECONDS
for number in $(seq "$clones"); do person "$number" & done
wait
total=$((clones * commits))
retries=$(($(cat "$folder"/clone-*.tries | paste -sd+)))
echo "$MODE, $clones clones, $commits commits each: $((SECONDS - started)) s, $retries branch pushes tried again"
cat "$folder"/clone-*.errors | sed -n 's/.*\(git session: .*\)/\1/p' | sed 's/[0-9a-f]\{7,\}/…/g' | sort | uniq -c | sort -rn | head -n 5
echo "$(stored) of $total sessions were on the remote by the pushes alone"

ledgers() { for place in "$folder/remote.git" "$folder"/clone-*/; do git -C "$place" rev-parse "$ledger"; done | sort -u | wc -l; }

sync_all
after=$(stored)
echo "$after of $total after one sync of every clone, which leaves $(ledgers) different ledgers"
sync_all
tips=$(ledgers)
echo "$tips different ledgers after another one"
[ "$after" -eq "$total" ] && [ "$tips" -eq 1 ]
